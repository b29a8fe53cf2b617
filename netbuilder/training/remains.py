"""What remains of a run when it has ended: its network and its probe, for a watcher who goes on clicking."""

from __future__ import annotations

from netbuilder.training import failures
from netbuilder.training.network import Network
from netbuilder.training.probe import Probe
from netbuilder.training.protocol import Picture, Watch
from netbuilder.training.threads import intra_op_threads, limited_threads


class Remains:
    """A network that learns no more, and the fixed samples it is shown.

    Optimizers, gradients, the data and the keeper's copies are gone: what stays is the weights, once.
    """

    def __init__(self, network: Network, probe: Probe, step: int) -> None:
        """Keep a network.

        Args:
            network: With the weights that are to be looked at.
            probe: Its probe.
            step: The step that the weights are of.
        """
        network.model.zero_grad(set_to_none=True)
        self._network = network
        self._probe = probe
        self._step = step

    def look(self, watch: Watch) -> tuple[Picture, ...]:
        """Return what the network looks like now; call from one thread at a time.

        Raises:
            NetbuilderError: When memory ran out.
        """
        plan, network = self._network.document.plan, self._network
        self._probe.watch(watch)
        with (
            limited_threads(intra_op_threads(network.macs, plan.batch_size)),
            failures.explained(plan, network.explain),
        ):
            return self._probe.look(self._step).pictures
