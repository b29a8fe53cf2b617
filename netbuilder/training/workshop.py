"""The workshop: everything a run is built of, and where the training stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from netbuilder.data.spec import Prepared
from netbuilder.document.model import Plan
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import failures, going_on, metrics
from netbuilder.training.batches import Part, make_part, shuffling
from netbuilder.training.capture import Parts, apart, capture, put_back
from netbuilder.training.checkpoints import remove_checkpoint
from netbuilder.training.chronicle import Chronicle
from netbuilder.training.course import Course
from netbuilder.training.devices import Device, find_devices
from netbuilder.training.equipment import Equipment, equip
from netbuilder.training.keeper import Keeper
from netbuilder.training.live_view import LiveView
from netbuilder.training.network import Network
from netbuilder.training.probe import Probe
from netbuilder.training.protocol import Event, Start, Watch
from netbuilder.training.reading import read_rows
from netbuilder.training.run_files import FILES
from netbuilder.training.run_lock import held_run
from netbuilder.training.samples import slim
from netbuilder.training.snapshots import Shelf, shelf_for
from netbuilder.training.state import TrainingState
from netbuilder.training.state_fit import check
from netbuilder.training.state_saver import StateSaver
from netbuilder.training.threads import intra_op_threads, limited_threads
from netbuilder.training.time_machine import Present, TimeMachine
from netbuilder.training.updates import Updater
from netbuilder.training.vitals import Vitals
from netbuilder.training.works import Length, Works, length_of, new_works

if TYPE_CHECKING:
    from netbuilder.training.team import Team


class Workshop:
    """One run's network, data, optimizers, chronicle, keeper and probe, and the state that they are in."""

    _works: Works
    _equipment: Equipment
    _vitals: Vitals
    _course: Course
    _saver: StateSaver
    past: TimeMachine

    def __init__(self, start: Start, live: LiveView, job: Job) -> None:
        """Open the run's record; `build` does the rest.

        Raises:
            NetbuilderError: When the run's folder cannot be made, it goes on already, or what it is to begin from
                cannot be read.
        """
        self._start = start
        self._live = live
        self._job = job
        self._folder = Path(start.folder)
        failures.make_folder(self._folder)
        with ExitStack() as opened:
            opened.enter_context(held_run(self._folder))  # before its state is read: nobody changes that any more
            self._given, warnings = going_on.given(start)
            for name in () if start.resume else FILES:  # of an earlier run, in whose place this one begins
                remove_checkpoint(self._folder / name)
            self._chronicle = Chronicle(start, live, self._given)
            opened.callback(self._chronicle.close)
            self._closing = opened.pop_all()
        self._recorder = self._chronicle.recorder
        self._built = False
        self._last_rate: float | None = None
        self._rate_step = 0
        self._length = Length(0, start.document.plan.epochs)
        self._team: Team | None = None
        self.document = start.document
        self.device_title = start.device
        self.step_count = 0
        self.epoch = 0
        self.has_moved = False
        for problem in warnings:
            self._tell(problem)

    @property
    def steps(self) -> int:
        """Steps in the whole run; 0 while unknown."""
        return self._length.steps

    @property
    def epochs(self) -> int:
        """Epochs in the whole run."""
        return self._length.epochs

    def end_of_epoch(self, step: int) -> int:
        """Return the step at which the epoch ends that a step is in; of those to come as they are now."""
        end = self.steps - (self.epochs - self.epoch - 1) * self._length.steps_per_epoch
        while end <= step:
            end += self._length.steps_per_epoch
        return end

    @property
    def network(self) -> Network:
        """The network, once built."""
        return self._works.network

    @property
    def parts(self) -> Mapping[str, Part]:
        """The rows of each part, once built."""
        return self._works.parts

    @property
    def updaters(self) -> Sequence[Updater]:
        """What updates each phase's weights, once built."""
        return self._works.updaters

    @property
    def _plan(self) -> Plan:
        return self.document.plan

    @property
    def _keeper(self) -> Keeper:
        return self._equipment.keeper

    @property
    def _probe(self) -> Probe:
        return self._equipment.probe

    def build(self) -> None:
        """Read the data, build the network and everything around it, and show its first pictures.

        Raises:
            NetbuilderError: When the document, its data or the device are not in order.
            Cancelled: When the job was cancelled.
        """
        devices = find_devices(self._start.device)
        device = devices[0]
        self.device_title = device.title if len(devices) == 1 else f"{device.title} ×{len(devices)}"
        with failures.explained(self._plan, lambda error: None):
            prepared = read_rows(self._start, self._job, self._chronicle.log)
            self._chronicle.note_data(prepared, self.device_title)
            self._build_network(prepared, torch.device(device.key))
        self._assemble(devices)
        self._built = True
        self._chronicle.note_weights(sum(each.numel() for each in self.network.model.parameters()))
        self._chronicle.log(f"Training on {self.device_title}, {self.steps} steps in {self.epochs} epochs.")
        if self._plan.compile:
            self._chronicle.log("The first steps wait for torch.compile.")

    def _build_network(self, prepared: Mapping[str, Prepared], device: torch.device) -> None:
        self._job.report(None, "Building the network")
        metrics.library()  # takes a second to import: now, not in the middle of the run
        plan = self._plan
        network = Network(self._start.document, device, Path(self._start.runs))
        prepared = {node: prepared[node] for node in network.data_nodes}
        self._closing.enter_context(limited_threads(plan.threads or intra_op_threads(network.macs, plan.batch_size)))
        parts = {part: make_part(prepared, part, network.fields, device) for part in ("train", "validation", "test")}
        self._course = Course({node: shuffling(plan.seed, node) for node in prepared})
        self._length = length_of(parts["train"], plan, self._given.about["pace"][2] if self._given else 0)
        if not self._length.steps_per_epoch:
            raise NetbuilderError(Problem(code="data.empty", message="There are no rows to train on."))
        self._works = new_works(self.document, network, parts, self.steps, self._tell)
        self._prepared = {node: slim(data) for node, data in prepared.items()}
        self._equip(Watch())
        torch.manual_seed(plan.seed)
        self._saver = StateSaver(self._folder, lambda: self.state(copy=False), self._recorder.settle)
        if self._given is not None:
            self._go_on(self._given)
            self._given = None
        self._keeper.save_last(self.epoch, self.step_count)
        self.past = TimeMachine(self._shelf(), network, self._probe, self._live, self._recorder, self._present())

    def _shelf(self) -> Shelf:
        after = self.step_count if self._start.resume else None
        return shelf_for(self._start, after, self.problem)

    def _present(self) -> Present:
        return Present(
            take=lambda: self.state(copy=False), restore=self.restore, tell=self.problem, explained=self._explained
        )

    def _assemble(self, devices: Sequence[Device]) -> None:
        """Let several devices share the work."""
        if len(devices) > 1:
            self._job.report(None, f"Starting {len(devices) - 1} more processes")
            from netbuilder.training.team import Team
            from netbuilder.training.team_link import layout_of

            threads = max(1, torch.get_num_threads() // len(devices))
            self._closing.enter_context(limited_threads(threads))
            layout = layout_of(self.parts["train"])
            self._team = Team(self.network, devices, layout, threads)
            self._closing.callback(self._team.close)
            self._team.take_part(self.network, layout, self.updaters)

    def _equip(self, watch: Watch) -> None:
        """Make what belongs to the network as it is now."""
        self._equipment = equip(self._works, self._prepared, self._folder, self._live, watch, self._tell)
        self._vitals = self._new_vitals()

    def _new_vitals(self) -> Vitals:
        rows = self.parts["train"].rows / self._length.steps_per_epoch
        return Vitals(self._recorder, self.network, self.updaters, rows, with_norm=not self._plan.clip_norm)

    # -- the state -----------------------------------------------------------------------------------------------------

    def state(self, *, copy: bool = True) -> TrainingState:
        """Return the training's state; call between two steps.

        Args:
            copy: Whether it is to stay as it is when the training goes on.
        """
        plan = self._plan
        self._course.change_pace(self.step_count, plan.batch_size * plan.accumulation)
        about = {
            "step": self.step_count,
            "rate": [self._last_rate, self._rate_step],
            "plan": self._chronicle.plan,
            "data": self._chronicle.data,
        }
        state = capture(self._parts_with_state, about)
        return apart(state) if copy else state

    def restore(self, state: TrainingState) -> None:
        """Go back, or on, to a state of this network; call between two steps.

        What was recorded since stays recorded. The session draws fresh batches.

        Raises:
            NetbuilderError: When it is of another network or other phases; nothing is changed then.
        """
        put_back(state, self._parts_with_state)
        self.step_count = state.step
        self.epoch = state.epoch
        self._last_rate, self._rate_step = state.about["rate"]
        self.has_moved = True
        self._vitals.stand_at(state.step)
        self._saver.forget()

    def _go_on(self, state: TrainingState) -> None:
        """Begin from a state.

        Raises:
            NetbuilderError: When it is of another network or other phases; nothing of the run is touched then.
        """
        state = self._fitting(state)
        self._chronicle.go_on(state)
        self.restore(state)
        if state.about["plan"]["epochs"] != self.epochs:  # a longer run is asked for: patience begins anew
            self._course.without_better = 0
        for problem in going_on.warnings(state, self._chronicle.data):
            self._tell(problem)
        self.event(going_on.event(state, self._start.because))

    def _fitting(self, state: TrainingState) -> TrainingState:
        """Return a state that goes into the network: the one to begin from, else the one that was saved before it."""
        try:
            check(state, self.network.model, self.updaters)
        except NetbuilderError as error:
            before = going_on.one_before(self._start, state)
            if before is None:
                raise
            try:
                check(before, self.network.model, self.updaters)
            except NetbuilderError:
                raise error from None  # it is not the state that is odd
            self.problem(error)
            return before
        return state

    def save_state(self) -> None:
        """Write the state; a disk that is full at the moment is no reason to stop."""
        self._along(lambda: self._saver.save(self.step_count))

    @property
    def _parts_with_state(self) -> Parts:
        return Parts(self.network.model, self.updaters, self._works.average, self._keeper, self._course)

    def _along(self, save: Callable[[], None]) -> None:
        self._chronicle.along(save, self.step_count)

    # -- telling -------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Write what is left to the run store and give everything back."""
        self._closing.close()

    def problem(self, error: NetbuilderError) -> None:
        """Tell what could not be done while the run goes on."""
        self._chronicle.problem(error, self.step_count)

    def _tell(self, problem: Problem) -> None:
        self.event(Event(kind="problem", text=problem.message, step=self.step_count, problems=(problem,)))

    def event(self, event: Event) -> None:
        """Show and keep an event."""
        self._chronicle.event(event)

    def _explained(self) -> AbstractContextManager[None]:
        return failures.explained(self._plan, self.network.explain)
