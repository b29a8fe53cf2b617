"""The live trainer: a trainer whose document may be edited while it trains, and which can go back to before an edit."""

from __future__ import annotations

from netbuilder.document.model import Document, Plan
from netbuilder.foundation.job import Job
from netbuilder.training.amending import amend
from netbuilder.training.changing import changes_for
from netbuilder.training.live_view import LiveView
from netbuilder.training.protocol import Change, Start
from netbuilder.training.state import TrainingState
from netbuilder.training.team_link import layout_of
from netbuilder.training.trainer import Trainer
from netbuilder.training.transplant import Transplant
from netbuilder.training.works import Length, Works, length_from, length_of


class LiveTrainer(Trainer):
    """A trainer that takes changes between two steps."""

    def __init__(self, start: Start, live: LiveView, job: Job) -> None:
        """Open the run's record; `build` does the rest.

        Raises:
            NetbuilderError: As `Workshop`.
        """
        super().__init__(start, live, job)
        self._changes = changes_for(start, self.problem)

    def restore(self, state: TrainingState) -> None:
        """Go back, or on, to a state of this network, whatever size batches had then; call between two steps.

        Raises:
            NetbuilderError: When it is of another network or other phases; nothing is changed then.
        """
        super().restore(state)
        self._changes.stand_apart()
        if self._reckon(self._plan) != self._length:
            self.take_over(self.document)

    def change(self, number: int, command: Change) -> None:
        """Take over an edited document, or go back to before a change; what cannot be is told, and all goes on."""
        self._changes.make(self, number, command)

    def watched_loss(self) -> float:
        """Return the loss of the samples that the probe shows."""
        with self._explained():
            return self._probe.loss()

    def take_over(self, document: Document, state: TrainingState | None = None) -> Transplant | None:
        """Train an edited document from the next step on; all of it or nothing.

        Args:
            document: With the data that the run has read.
            state: One of this very document, to which the run is brought at once.

        Returns:
            How the network went over; None when it stayed.

        Raises:
            NetbuilderError: When it cannot be trained; the run is as it was.
        """
        if self._team is not None:
            from netbuilder.training.team import refuse_sums

            refuse_sums(document)
        before, step = self._plan, self.step_count
        length = self._reckon(document.plan)
        if state is not None:
            length = length_of(self.parts["train"], document.plan, state.about["pace"][2])
        with self._explained():
            works, moved = amend(self._works, document, step, length.steps, self._tell, state)
        self._course.change_pace(step, before.batch_size * before.accumulation)
        self._course.extra, self._length = length.extra, length
        self._use(works, moved is not None)
        if state is not None:
            self.restore(state)
            return moved
        for updater in self.updaters:
            updater.end_epoch(self._course.held_out_losses)
        self._note_document()
        return moved

    def go_back(self, document: Document, state: TrainingState) -> None:
        """Train an earlier document on from a state of it; what came after is left behind as a run of its own.

        Raises:
            NetbuilderError: When that cannot be; the run is as it was.
        """

        def restore(state: TrainingState) -> None:
            self.take_over(document, state)

        self.past.go_back(self._folder, state, self.step_count, restore)
        self._saver.start_over()
        self._note_document()

    def _note_document(self) -> None:
        """Write down what is trained now, and a state of it."""
        self._chronicle.note_document(self.document)
        self.save_state()

    def _reckon(self, plan: Plan) -> Length:
        """Return how long the run is with a plan from now on."""
        return length_from(self.parts["train"], self._course, self.step_count, self._plan, plan)

    def _use(self, works: Works, is_other: bool) -> None:
        """Work with this from now on."""
        self._works, self.document = works, works.document
        if self._team is not None:
            self._team.take_part(self.network, layout_of(self.parts["train"]), self.updaters)
        self._vitals.stand_at(self.step_count)  # lets go of the optimizers so far
        self._keeper.keep_average(works.average)
        if is_other:
            self._equip(self._probe.wish)
            self.past.follow(self.network, self._probe, self.step_count)
            self._along(self._save_last)
        else:
            self._vitals = self._new_vitals()
        self._vitals.stand_at(self.step_count)
        self.has_moved = True
        self._saver.forget()

    def _save_last(self) -> None:
        self._keeper.save_last(self.epoch, self.step_count)
