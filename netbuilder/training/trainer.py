"""The trainer: everything a run owns, and what a step, an epoch's end and a run's end do with it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from netbuilder.data.spec import Prepared
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem, Severity
from netbuilder.training import failures, going_on, metrics, records
from netbuilder.training.amending import Length, length_of, new_updater
from netbuilder.training.batches import Batch, Part, make_part, shuffling
from netbuilder.training.capture import Parts, apart, capture, put_back
from netbuilder.training.course import Course
from netbuilder.training.devices import Device, find_devices
from netbuilder.training.events import checkpoint_event, end_event, epoch_event
from netbuilder.training.keeper import Keeper
from netbuilder.training.live_view import LiveView
from netbuilder.training.moments import Reason
from netbuilder.training.network import Network
from netbuilder.training.probe import Probe
from netbuilder.training.profile import measure
from netbuilder.training.protocol import Event, Profile, Start, Watch
from netbuilder.training.reading import read_rows
from netbuilder.training.recorder import Recorder, RunWriter
from netbuilder.training.remains import Remains
from netbuilder.training.run_lock import held_run
from netbuilder.training.run_store import FILE_NAME
from netbuilder.training.samples import slim
from netbuilder.training.snapshots import shelf_for
from netbuilder.training.state import TrainingState
from netbuilder.training.state_saver import StateSaver
from netbuilder.training.threads import intra_op_threads, limited_threads
from netbuilder.training.time_machine import Present, TimeMachine
from netbuilder.training.updates import NonFiniteError, Updater
from netbuilder.training.validation import Evaluation, deviations, evaluate
from netbuilder.training.vitals import Vitals
from netbuilder.training.weight_average import WeightAverage

if TYPE_CHECKING:
    from netbuilder.training.team import Team


class Trainer:
    """One run's network, data, optimizers, recorder, keeper and probe."""

    network: Network
    _parts: Mapping[str, Part]
    _updaters: list[Updater]
    _average: WeightAverage | None
    _keeper: Keeper
    _probe: Probe
    _vitals: Vitals
    _course: Course
    _saver: StateSaver
    past: TimeMachine

    def __init__(self, start: Start, live: LiveView, job: Job) -> None:
        """Open the run's record; `build` does the rest.

        Raises:
            NetbuilderError: When the run's folder cannot be made.
        """
        self._start = start
        self._plan = start.document.plan
        self._live = live
        self._job = job
        self._folder = Path(start.folder)
        failures.make_folder(self._folder)
        self._given, warnings = going_on.given(start)
        self._record = records.begin_record(start)
        self._writer = RunWriter(self._folder.parent / FILE_NAME, self._store_problem)
        self._recorder = Recorder(live, self._writer, self._folder.name)
        if start.resume and self._given is not None:
            self._record = replace(self._record, started=going_on.begun(self._folder, self._record.started))
            if start.moment is not None:
                going_on.leave_later(self._folder, self._given, self._recorder)
            self._recorder.go_on(self._record, going_on.cut(self._given))
        else:
            self._recorder.begin(self._record)  # before any event: the store keeps those of known runs only
        for problem in warnings:
            self.event(Event(kind="problem", text=problem.message, problems=(problem,)))
        self._closing = ExitStack()
        self._closing.enter_context(held_run(self._folder))
        self._closing.callback(self._writer.close)
        self._built = False
        self._last_rate: float | None = None
        self._rate_step = 0
        self._save_failed = False
        self._length = Length(0, self._plan.epochs)
        self._team: Team | None = None
        self.document = start.document
        self.device_title = start.device
        self.step_count = 0
        self.epoch = 0
        self.has_moved = False

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
    def parts(self) -> Mapping[str, Part]:
        """The rows of each part, once built."""
        return self._parts

    @property
    def updaters(self) -> Sequence[Updater]:
        """What updates each phase's weights, once built."""
        return self._updaters

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
            prepared = read_rows(self._start, self._job, lambda note: self.event(Event(kind="log", text=note)))
            self._record = records.with_data(self._record, prepared, self.device_title)
            self._recorder.run(self._record)
            self._recorder.content(prepared)
            self._build_network(prepared, torch.device(device.key))
        self._assemble(devices)
        self._built = True
        self._record = replace(self._record, parameters=sum(each.numel() for each in self.network.model.parameters()))
        self._recorder.run(self._record)
        self.event(
            Event(kind="log", text=f"Training on {self.device_title}, {self.steps} steps in {self.epochs} epochs.")
        )
        if self._plan.compile:
            self.event(Event(kind="log", text="The first steps wait for torch.compile."))
        self.show()

    def _build_network(self, prepared: Mapping[str, Prepared], device: torch.device) -> None:
        self._job.report(None, "Building the network")
        metrics.library()  # takes a second to import: now, not in the middle of the run
        plan = self._plan
        self.network = network = Network(self._start.document, device, Path(self._start.runs))
        prepared = {node: prepared[node] for node in network.data_nodes}
        self._closing.enter_context(limited_threads(plan.threads or intra_op_threads(network.macs, plan.batch_size)))
        self._parts = {
            part: make_part(prepared, part, network.fields, device) for part in ("train", "validation", "test")
        }
        self._course = Course({node: shuffling(plan.seed, node) for node in prepared})
        self._length = length_of(self._parts["train"], plan, self._given.about["pace"][2] if self._given else 0)
        if not self._length.steps_per_epoch:
            raise NetbuilderError(Problem(code="data.empty", message="There are no rows to train on."))
        self._updaters = [new_updater(network, phase, plan, self.steps, self._tell) for phase in plan.phases]
        network.set_updated([updater.parameters for updater in self._updaters])
        self._average = WeightAverage(network.model, plan.ema_decay) if plan.ema_decay else None
        self._prepared = {node: slim(data) for node, data in prepared.items()}
        self._equip(Watch())
        torch.manual_seed(plan.seed)
        self._saver = StateSaver(self._folder, lambda: self.state(copy=False), self._recorder.settle)
        if self._given is not None:
            self._go_on(self._given)
            self._given = None
        self._keeper.save_last(self.epoch, self.step_count)
        after = self.step_count if self._start.resume else None
        shelf = shelf_for(self._start, after, self.problem)
        present = Present(
            take=lambda: self.state(copy=False), restore=self.restore, tell=self.problem, explained=self._explained
        )
        self.past = TimeMachine(shelf, network, self._probe, self._live, self._recorder, present)

    def _assemble(self, devices: Sequence[Device]) -> None:
        """Let several devices share the work."""
        if len(devices) > 1:
            self._job.report(None, f"Starting {len(devices) - 1} more processes")
            from netbuilder.training.team import Team
            from netbuilder.training.team_link import layout_of

            threads = max(1, torch.get_num_threads() // len(devices))
            self._closing.enter_context(limited_threads(threads))
            layout = layout_of(self._parts["train"])
            self._team = Team(self.network, devices, layout, threads)
            self._closing.callback(self._team.close)
            self._team.take_part(self.network, layout, self._updaters)

    def _equip(self, watch: Watch) -> None:
        """Make what belongs to the network as it is now."""
        network = self.network
        self._deviations = deviations(network, self._prepared)
        self._keeper = Keeper(self._folder, network.model, network.key_paths, self._monitor(), self._average)
        self._probe = Probe(
            network, {node: self._prepared[node] for node in network.data_nodes}, self._parts, self._live
        )
        self._probe.watch(watch)
        self._vitals = self._new_vitals()

    def _new_vitals(self) -> Vitals:
        rows = self._parts["train"].rows / self._length.steps_per_epoch
        return Vitals(self._recorder, self.network, self._updaters, rows, with_norm=not self._plan.clip_norm)

    def _monitor(self) -> str:
        """Return what tells which weights are best: what the plan says, or the loss where that cannot be had."""
        wish = self._plan.monitor
        known = self.network.metric_names if self._parts["validation"].rows else ("loss",)
        if wish in known:
            return wish
        self._tell(failures.unknown_monitor(wish, known))
        return "loss"

    def batches(self) -> Iterator[Sequence[Batch]]:
        """Yield what is left of an epoch's training batches, those of one step together."""
        self.has_moved = False
        self.network.model_train()
        plan = self._plan
        return self._course.batches(self._parts["train"], plan.batch_size, plan.accumulation, self.step_count)

    def step(self, batches: Sequence[Batch]) -> None:
        """Do one step: every phase's updates on the batches of one step.

        Raises:
            NetbuilderError: When a loss or gradient is not finite, memory ran out or the network refuses the batch.
        """
        if self._team is not None:
            self._team.begin_step(len(batches))
        try:
            values: dict[str, float] = {}
            for number, updater in enumerate(self._updaters):
                if len(self._updaters) > 1:
                    self.network.train_only(number)
                values |= updater.run(self.network.model, batches, self.step_count)
        except NonFiniteError as error:
            raise self._not_finite(error) from error
        except Exception as error:
            # Not a `with` around every step: entering one costs more than a small network's whole update may.
            with self._explained():
                raise error
        self.step_count += 1
        if self._average is not None:
            self._average.update()
        self._keep(values)

    def _keep(self, values: Mapping[str, float]) -> None:
        add, step = self._recorder.add, self.step_count
        total = sum(values.values())
        add("loss/train", step, total)
        self._course.epoch_losses.append(total)
        if len(values) > 1:
            for label, value in values.items():
                add(f"{label}.loss/train", step, value)
        rate = self._updaters[0].learning_rate
        if rate != self._last_rate:
            self._keep_rate(rate)
        if self._plan.clip_norm:
            add("gradient_norm", step, self._updaters[0].gradient_norm)
        if self._plan.precision == "fp16":
            add("loss_scale", step, self._updaters[0].loss_scale)

    def _keep_rate(self, rate: float) -> None:
        self._last_rate, self._rate_step = rate, self.step_count
        self._recorder.add("learning_rate", self.step_count, rate)

    def report(self, now: float) -> None:
        """Hand on what was recorded, and take pictures when it is time."""
        self._recorder.flush()
        self._vitals.go_on(now, self.step_count)
        if now >= self._probe.due:
            self._take()
        if now >= self._saver.due:
            self.save_state()
        self.past.keep()

    def show(self) -> None:
        """Hand on everything and take pictures now."""
        self._recorder.flush()
        self._take()
        self._vitals.rest()
        self.past.draw(self.step_count)
        self.past.keep()

    def watch(self, command: Watch, *, at_once: bool) -> None:
        """Choose what the probe looks at; redraw now if `at_once`."""
        is_more = self._probe.watch(command)
        if self.past.is_away:
            self.past.draw(self.step_count, again=True)
        elif at_once:
            self._take()
        elif is_more:
            self._probe.hurry()

    def profile(self, command: Profile) -> None:
        """Measure what each node takes on the training part's first batch, and tell; what goes wrong ends no run."""
        rows = min(self._plan.batch_size, self._parts["train"].rows)
        batch = {key: tensor.clone() for key, tensor in self._parts["train"].rows_at(0, rows).items()}
        try:
            with self._explained():
                names = [updater.name for updater in self._updaters]
                report = measure(self.network, names, batch, command.steps)
        except NetbuilderError as error:
            self.problem(error)
        else:
            self.event(replace(report, device=self.device_title, step=self.step_count).event())

    def _take(self) -> None:
        with self._explained():
            look = self._probe.take(self.step_count)
        self._vitals.record(look, self.step_count)

    @property
    def stops_early(self) -> bool:
        """Whether as many epochs as the plan has patience for were none better."""
        return bool(self._plan.patience) and self._course.without_better >= self._plan.patience

    def end_epoch(self) -> None:
        """Validate, keep the weights, tell.

        Raises:
            Cancelled: When Stop came during validation.
        """
        self.epoch = self._course.epochs + 1
        with self._average.applied() if self._average is not None else nullcontext():
            evaluation, better = self._judge()
        self._course.end_epoch(self.step_count, better)
        self._saver.forget()
        self._along(lambda: self._keeper.save_if_due(self.epoch, self.step_count))
        self._along(lambda: self._saver.save_at_epoch(self.step_count))
        self._probe.show_confusion(evaluation, self._parts["validation"], self.step_count)
        self.past.keep(Reason.BEST if better else Reason.EPOCH)

    def _judge(self) -> tuple[Evaluation, bool]:
        """Validate the weights, keep them if they are the best so far, tell; returns what they scored and whether."""
        evaluation = self._evaluate("validation")
        values = dict(evaluation.metrics)
        for name, value in values.items():
            self._recorder.add(f"{name}/validation", self.step_count, value)
        if self._rate_step != self.step_count:  # a curve needs more than the moments of change
            self._keep_rate(self._updaters[0].learning_rate)
        losses, held_out = self._course.epoch_losses, self._course.held_out_losses
        train_loss = math.fsum(losses) / len(losses)
        held_out.append(values.get("loss", train_loss))
        for updater in self._updaters:
            updater.end_epoch(held_out)
        better = self._keeper.offer(self.epoch, self.step_count, values or {"loss": train_loss})
        self.event(epoch_event(self.epoch, self.epochs, values, train_loss, better, self.step_count))
        return evaluation, better

    def finish(self, reason: str) -> str:
        """Save the weights, show and test the best ones, close the record.

        Args:
            reason: "finished", "early stopping", "stopped" or "failed".

        Returns:
            The reason, "failed" when the weights could not be saved or tested.

        Raises:
            Cancelled: When Stop came while testing; everything is saved by then.
        """
        test: Mapping[str, float] = {}
        try:
            if self._built:
                if reason != "failed":
                    self._save()
                    self.past.keep(Reason.END)
                    self.past.return_to_present()
                    self.show()
                    self._show_best()
                elif self._team is not None and self._team.undo_step():
                    self._save()  # no step is lost with a process that has ended
                if reason in ("finished", "early stopping"):
                    test = self._evaluate("test").metrics
        except NetbuilderError as error:
            self.event(Event(kind="problem", text=str(error), step=self.step_count, problems=error.problems))
            reason = "failed"
        finally:
            self._end(reason, test)
        return reason

    def _show_best(self) -> None:
        """Put the best weights back and show them: what is seen after the end is what was tested."""
        self._keeper.restore_best()
        step = self._keeper.best_step
        if step is not None and step != self.step_count:
            self.network.model.zero_grad(set_to_none=True)  # those of the last step: nothing to do with these weights
            with self._explained():
                self._probe.take(step)

    def remains(self) -> Remains | None:
        """Return what can still be looked at when all is over, with the best weights; None when nothing was built.

        The last weights stay where no epoch was finished; nothing else of the trainer may be used afterwards.
        """
        if not self._built:
            return None
        self._keeper.restore_best()
        step = self._keeper.best_step
        shown = self.step_count if step is None else step
        return Remains(self.network, self._probe, shown, self._folder, self._live.timeline.moments)

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
            "plan": self._record.plan,
            "data": self._record.data,
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
        """Begin from a state."""
        self.restore(state)
        if state.about["plan"]["epochs"] != self.epochs:  # a longer run is asked for: patience begins anew
            self._course.without_better = 0
        for problem in going_on.warnings(state, self._record.data):
            self.event(Event(kind="problem", text=problem.message, step=self.step_count, problems=(problem,)))
        self.event(going_on.event(state, self._start.because))

    def save_state(self) -> None:
        """Write the state; a disk that is full at the moment is no reason to stop."""
        self._along(lambda: self._saver.save(self.step_count))

    def rewind(self, step: int) -> None:
        """Go back to a snapshot; what came after it is left behind as a run of its own.

        Raises:
            NetbuilderError: When it cannot be had or is of another network; nothing is changed then.
        """
        self.past.rewind(self._folder, step, self.step_count)
        self.save_state()
        self.show()

    @property
    def _parts_with_state(self) -> Parts:
        return Parts(self.network.model, self._updaters, self._average, self._keeper, self._course)

    def _along(self, save: Callable[[], None]) -> None:
        """Save something along the way; that it cannot be saved is told once."""
        try:
            save()
        except NetbuilderError as error:
            if not self._save_failed:
                self._save_failed = True
                self.problem(error)

    def _save(self) -> None:
        last = self._keeper.save_last(self.epoch, self.step_count)
        best = self._keeper.save_best()
        self.save_state()
        for path, is_best in ((last, False), (best, True)):
            if path is not None:
                self.event(checkpoint_event(path, is_best, self.step_count))

    def _end(self, reason: str, test: Mapping[str, float]) -> None:
        best = self._keeper.best_epoch if self._built else None
        self._recorder.flush()
        self.event(end_event(reason, test, str(self._folder), best, self.step_count))
        self._recorder.run(
            replace(
                self._record,
                ended=time.time(),
                reason=reason,
                steps=self.step_count,
                best_epoch=best,
                test=dict(test),
            )
        )

    def close(self) -> None:
        """Write what is left to the run store and give everything back."""
        self._closing.close()

    def problem(self, error: NetbuilderError) -> None:
        """Tell what could not be done while the run goes on: a warning, whatever it would be elsewhere."""
        told = tuple(replace(problem, severity=Severity.WARNING) for problem in error.problems)
        self.event(Event(kind="problem", text=str(error), step=self.step_count, problems=told))

    def _tell(self, problem: Problem) -> None:
        self.event(Event(kind="problem", text=problem.message, step=self.step_count, problems=(problem,)))

    def event(self, event: Event) -> None:
        """Show and keep an event."""
        self._recorder.event(event)

    def _evaluate(self, part: str) -> Evaluation:
        if not self._parts[part].rows:
            return Evaluation()
        with self._explained():
            return evaluate(self.network, self._parts[part], self._job, self._deviations)

    def _explained(self) -> AbstractContextManager[None]:
        return failures.explained(self._plan, self.network.explain)

    def _not_finite(self, error: NonFiniteError) -> NetbuilderError:
        node, label = self.network.first_not_finite(error.batch, list(error.values))
        where = f"The first value that is not finite comes out of {label}." if node else ""
        if not node:
            node, label = self.network.first_gradient_not_finite()
            where = f"On the way back, {label} is the first layer whose gradient is not finite." if node else ""
        if self._keeper.is_finite():
            self._keeper.save_last(self.epoch, self.step_count)
            kept = f"The weights of step {self.step_count} are kept."
        else:
            kept = f"The weights of step {self._keeper.restore_last()} are kept."
        self._keeper.save_best()
        return NetbuilderError(failures.not_finite(self.step_count + 1, error.values, node, where, kept))

    def _store_problem(self, problem: Problem) -> None:
        """Tell that the run store failed; called on the writer's thread."""
        self._live.add_event(Event(kind="problem", text=problem.message, problems=(problem,)))
