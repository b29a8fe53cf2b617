"""What remains of a run when it has ended: its network and its probe, for a watcher who goes on clicking."""

from __future__ import annotations

from pathlib import Path

from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training import failures
from netbuilder.training.moments import Moment
from netbuilder.training.network import Network
from netbuilder.training.past import look_back
from netbuilder.training.probe import Probe
from netbuilder.training.protocol import Look, Picture, Timeline, Watch
from netbuilder.training.snapshots import load_snapshot
from netbuilder.training.threads import intra_op_threads, limited_threads


class Remains:
    """A network that learns no more, and the fixed samples it is shown.

    Optimizers, gradients, the data and the keeper's copies are gone: what stays is the weights, once.
    """

    def __init__(
        self, network: Network, probe: Probe, step: int, folder: Path = Path(), moments: tuple[Moment, ...] = ()
    ) -> None:
        """Keep a network.

        Args:
            network: With the weights that are to be looked at.
            probe: Its probe.
            step: The step that the weights are of.
            folder: The run's folder.
            moments: Its snapshots.
        """
        network.model.zero_grad(set_to_none=True)
        self._network = network
        self._probe = probe
        self._step = step
        self._folder = folder
        self._moments = moments
        self._shown: int | None = None

    @property
    def step(self) -> int:
        """The step that its weights are of."""
        return self._step

    @property
    def timeline(self) -> Timeline:
        """What can be looked back at, and what is shown."""
        return Timeline(moments=self._moments, shown=self._shown)

    def obey(self, command: Watch | Look) -> None:
        """Choose what is looked at, or which moment; call from one thread at a time."""
        if isinstance(command, Watch):
            self._probe.watch(command)
        else:
            self._shown = command.step

    def look(self) -> tuple[Picture, ...]:
        """Return what the network looks like, or looked like at the moment chosen; call from one thread at a time.

        Raises:
            NetbuilderError: When memory ran out. When the snapshot cannot be read or was damaged; the end is chosen
                then.
        """
        plan, network = self._network.document.plan, self._network
        with (
            limited_threads(intra_op_threads(network.macs, plan.batch_size)),
            failures.explained(plan, network.explain),
        ):
            if self._shown is not None:
                return self._look_back(self._shown)
            return (*self._probe.look(self._step).pictures, *self._probe.judged)

    def _look_back(self, step: int) -> tuple[Picture, ...]:
        try:
            return look_back(self._network.model, self._probe, load_snapshot(self._folder, step))
        except NetbuilderError:
            self._shown = None
            self._moments = tuple(each for each in self._moments if each.step != step)
            raise
