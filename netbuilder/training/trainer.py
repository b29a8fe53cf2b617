"""The trainer: what a step, an epoch's end and a run's end do with everything that a run owns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace

from netbuilder.foundation.job import Cancelled
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import failures
from netbuilder.training.batches import Batch
from netbuilder.training.events import checkpoint_event, crash, epoch_event
from netbuilder.training.moments import Reason
from netbuilder.training.profile import measure
from netbuilder.training.protocol import Event, Profile, Watch
from netbuilder.training.remains import Remains
from netbuilder.training.updates import NonFiniteError
from netbuilder.training.validation import Evaluation, evaluate
from netbuilder.training.workshop import Workshop


class Trainer(Workshop):
    """Trains one network."""

    def build(self) -> None:
        """Build everything and show its first pictures.

        Raises:
            NetbuilderError: When the document, its data or the device are not in order.
            Cancelled: When the job was cancelled.
        """
        super().build()
        self.show()

    def batches(self) -> Iterator[Sequence[Batch]]:
        """Yield what is left of an epoch's training batches, those of one step together."""
        self.has_moved = False
        self.network.model_train()
        plan = self._plan
        return self._course.batches(self.parts["train"], plan.batch_size, plan.accumulation, self.step_count)

    def step(self, batches: Sequence[Batch]) -> None:
        """Do one step: every phase's updates on the batches of one step.

        Raises:
            NetbuilderError: When a loss or gradient is not finite, memory ran out or the network refuses the batch.
        """
        if self._team is not None:
            self._team.begin_step(len(batches))
        try:
            values: dict[str, float] = {}
            for number, updater in enumerate(self.updaters):
                if len(self.updaters) > 1:
                    self.network.train_only(number)
                values |= updater.run(self.network.model, batches, self.step_count)
        except NonFiniteError as error:
            raise self._not_finite(error) from error
        except Exception as error:
            # Not a `with` around every step: entering one costs more than a small network's whole update may.
            with self._explained():
                raise error
        self.step_count += 1
        if self._works.average is not None:
            self._works.average.update()
        self._keep(values)

    def _keep(self, values: Mapping[str, float]) -> None:
        add, step = self._recorder.add, self.step_count
        total = sum(values.values())
        add("loss/train", step, total)
        self._course.epoch_losses.append(total)
        if len(values) > 1:
            for label, value in values.items():
                add(f"{label}.loss/train", step, value)
        rate = self.updaters[0].learning_rate
        if rate != self._last_rate:
            self._keep_rate(rate)
        if self._plan.clip_norm:
            add("gradient_norm", step, self.updaters[0].gradient_norm)
        if self._plan.precision == "fp16":
            add("loss_scale", step, self.updaters[0].loss_scale)

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
        rows = min(self._plan.batch_size, self.parts["train"].rows)
        batch = {key: tensor.clone() for key, tensor in self.parts["train"].rows_at(0, rows).items()}
        try:
            with self._explained():
                names = [updater.name for updater in self.updaters]
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
        with self._works.average.applied() if self._works.average is not None else nullcontext():
            evaluation, better = self._judge()
        self._course.end_epoch(self.step_count, better)
        self._saver.forget()
        self._along(lambda: self._keeper.save_if_due(self.epoch, self.step_count))
        self._along(lambda: self._saver.save_at_epoch(self.step_count))
        self._probe.show_confusion(evaluation, self.parts["validation"], self.step_count)
        self.past.keep(Reason.BEST if better else Reason.EPOCH)

    def _judge(self) -> tuple[Evaluation, bool]:
        """Validate the weights, keep them if they are the best so far, tell; returns what they scored and whether."""
        evaluation = self._evaluate("validation")
        values = dict(evaluation.metrics)
        for name, value in values.items():
            self._recorder.add(f"{name}/validation", self.step_count, value)
        if self._rate_step != self.step_count:  # a curve needs more than the moments of change
            self._keep_rate(self.updaters[0].learning_rate)
        losses, held_out = self._course.epoch_losses, self._course.held_out_losses
        train_loss = math.fsum(losses) / len(losses)
        held_out.append(values.get("loss", train_loss))
        for updater in self.updaters:
            updater.end_epoch(held_out)
        better = self._keeper.offer(self.epoch, self.step_count, values or {"loss": train_loss})
        self.event(epoch_event(self.epoch, self.epochs, values, train_loss, better, self.step_count))
        return evaluation, better

    def finish(self, reason: str) -> str:
        """Save the weights, show and test the best ones, close the record.

        Args:
            reason: "finished", "early stopping", "stopped" or "failed".

        Returns:
            The reason, "failed" when the weights could not be saved or tested, be it by a defect of ours.

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
        except Cancelled:
            raise
        except Exception as error:  # ours: told with its traceback, and recorded as what it is
            self.event(crash(error, self.step_count))
            reason = "failed"
        finally:
            best = self._keeper.best_epoch if self._built else None
            self._chronicle.end(reason, test, best, self.step_count)
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

    def rewind(self, step: int) -> None:
        """Go back to a snapshot; what came after it is left behind as a run of its own.

        Raises:
            NetbuilderError: When it cannot be had or is of another network; nothing is changed then.
        """
        self.past.rewind(self._folder, step, self.step_count)
        self._saver.start_over()
        self.save_state()
        self.show()

    def _save(self) -> None:
        last = self._keeper.save_last(self.epoch, self.step_count)
        best = self._keeper.save_best()
        self.save_state()
        for path, is_best in ((last, False), (best, True)):
            if path is not None:
                self.event(checkpoint_event(path, is_best, self.step_count))

    def _evaluate(self, part: str) -> Evaluation:
        if not self.parts[part].rows:
            return Evaluation()
        with self._explained():
            return evaluate(self.network, self.parts[part], self._job, self._equipment.deviations)

    def _not_finite(self, error: NonFiniteError) -> NetbuilderError:
        node, label = self.network.first_not_finite(error.batch, list(error.values))
        where = f"The first value that is not finite comes out of {label}." if node else ""
        if not node:
            node, label = self.network.first_gradient_not_finite()
            where = f"On the way back, {label} is the first layer whose gradient is not finite." if node else ""
        kept, troubles = self._keep_finite()
        culprit = failures.not_finite(self.step_count + 1, error.values, node, where, kept)
        return NetbuilderError([culprit, *troubles])

    def _keep_finite(self) -> tuple[str, Sequence[Problem]]:
        """Keep the last weights that are finite, and the best ones; returns which, for people, and what went wrong."""
        kept = ""
        troubles: list[Problem] = []
        try:
            if self._keeper.is_finite():
                self._keeper.save_last(self.epoch, self.step_count)
                kept = f"The weights of step {self.step_count} are kept."
            else:
                kept = f"The weights of step {self._keeper.restore_last()} are kept."
        except NetbuilderError as error:
            troubles += error.problems
        try:
            self._keeper.save_best()
        except NetbuilderError as error:
            troubles += error.problems
        return kept, troubles
