"""What the interface can do about Python that is not trusted: show it and ask, text by text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from netbuilder.compiler.custom import untrusted
from netbuilder.compiler.paths import place

if TYPE_CHECKING:
    from netbuilder.ui.window import MainWindow


class TrustActions:
    """What the interface can do about code that is not trusted."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.workspace = window.workspace
        self.workspace.reviewRequested.connect(self.review_node)

    def review(self) -> None:
        """Ask for each text of the document that is not trusted, one after the other, until one is declined."""
        texts = untrusted(self.workspace.document)
        if not texts:
            self.workspace.message.emit("This network holds no Python that needs your trust")
            return
        text, labels = next(iter(texts.items()))

        def go_on() -> None:
            self.workspace.trust((text,))
            if len(untrusted(self.workspace.document)) in range(1, len(texts)):
                self.review()

        self._ask(text, labels, go_on)

    def review_node(self, path: str) -> None:
        """Ask for the text of one node.

        Args:
            path: Its node path.
        """
        document = self.workspace.document
        scope, id = place(document, path)
        node = document.scope(scope).nodes.get(id)
        text = node.parameters.get("code") if node is not None else None
        labels = untrusted(document).get(text) if isinstance(text, str) else None
        if isinstance(text, str) and labels:
            self._ask(text, labels, lambda: self.workspace.trust((text,)))

    def _ask(self, text: str, labels: Sequence[str], agreed: Callable[[], None]) -> None:
        from netbuilder.ui.trust_dialog import ask_trust

        ask_trust(self.window, self.workspace, text, labels, agreed)
