"""The palette: every layer and data source by category, found by search, dragged to the canvas or added by Enter."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from html import escape

from PySide6.QtCore import QMimeData, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QDrag, QFont, QFontMetrics, QKeyEvent, QPainter, QPixmap, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from netbuilder.document.blocks import BLOCK
from netbuilder.foundation.declaration import CATEGORIES, Declaration
from netbuilder.layers.instances import CATEGORY
from netbuilder.library import PERSONAL, SHIPPED
from netbuilder.ui.block_menus import BlockMenus
from netbuilder.ui.icons import icon, square
from netbuilder.ui.theme import Theme, ThemeController, ui_font
from netbuilder.ui.workspace import Change, Workspace

MIME = "application/x-netbuilder-layer"
"""What a drag from the palette carries: a declaration's key, in UTF-8."""

_KEY = int(Qt.ItemDataRole.UserRole)
_CATEGORY = _KEY + 2
_ROW = 23
"""A row's height in pixels, heads and entries alike."""

SHIPPED_FIRST = (
    "residual", "bottleneck", "inverted_residual", "squeeze_excitation",
    "transformer_encoder_block", "self_attention", "feed_forward",
)  # fmt: skip
"""The shipped blocks that are listed at once, the most used first."""

COMMON = (
    "data.table", "data.images", "data.digits", "data.iris", "data.spiral",
    "conv2d", "conv1d", "conv3d", "conv_transpose2d",
    "linear", "bilinear", "embedding",
    "relu", "gelu", "silu", "sigmoid", "tanh", "softmax",
    "batch_norm2d", "batch_norm1d", "layer_norm", "group_norm",
    "max_pool2d", "avg_pool2d", "global_avg_pool",
    "lstm", "gru", "rnn",
    "multihead_attention", "transformer_encoder_layer", "positional_encoding",
    "custom",
    "flatten", "reshape", "add", "concat",
    "dropout", "dropout2d",
    "cross_entropy", "mse_loss", "bce_with_logits",
    "input", "output",
)  # fmt: skip
"""What most networks are made of, the most used first: each category lists these, and the rest when it is asked to."""

_CLOSED = ["recurrent", "attention", "regularization", "output"]
"""Categories that are closed until the user opens them; the window remembers."""


def score(declaration: Declaration, query: str) -> float:
    """Say how well a declaration answers a search: 0 means not at all.

    All words of the query must be found: at the beginning of the title best, then elsewhere in the title or the key,
    then in the other names it is known by, then in the category or the summary, at last as letters in order ("cv2"
    finds Conv2d).
    """
    total = 0.0
    for word in query.casefold().split():
        best = _score_word(declaration, word)
        if best == 0.0:
            return 0.0
        total += best
    return total


def _score_word(declaration: Declaration, word: str) -> float:
    title = declaration.title.casefold()
    if title.startswith(word):
        return 10.0 + len(word) / len(title)
    if word in title or word in declaration.key:
        return 8.0
    names = [name.casefold() for name in declaration.keywords]
    if any(name.startswith(word) for name in names):
        return 7.0
    if any(word in name for name in names):
        return 5.0
    if word in CATEGORIES.get(declaration.category, "").casefold():
        return 4.0
    if len(word) > 2 and word in declaration.summary.casefold():
        return 2.0
    letters = iter(title)
    return 1.0 if len(word) > 1 and all(letter in letters for letter in word) else 0.0


def search(entries: Iterable[Declaration], query: str) -> list[Declaration]:
    """Return the entries that answer a search, the best first; all, in their order, when the query is empty."""
    if not query.strip():
        return list(entries)
    scored = [(score(entry, query), entry) for entry in entries]
    return [entry for points, entry in sorted(scored, key=lambda pair: -pair[0]) if points > 0]


class _Tree(QTreeWidget):
    """The list; a drag carries the key of what it began on."""

    def __init__(self, theme: ThemeController) -> None:
        super().__init__()
        self._theme = theme
        self.setColumnCount(2)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)  # the other column has arrows only
        self.setHeaderHidden(True)
        self.header().setStretchLastSection(False)
        self.header().setMinimumSectionSize(10)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        self.header().resizeSection(1, 24)
        self.setRootIsDecorated(False)
        self.setIndentation(17)
        self.setIconSize(QSize(10, 10))
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformRowHeights(True)
        self.setObjectName("paletteTree")
        self.setExpandsOnDoubleClick(False)
        self.setAccessibleName("Layers")

    def startDrag(self, _: Qt.DropAction) -> None:
        """Begin dragging the current entry."""
        item = self.currentItem()
        if item is None or not item.data(0, _KEY):
            return
        key = str(item.data(0, _KEY))
        data = QMimeData()
        data.setData(MIME, key.encode())
        drag = QDrag(self)
        drag.setMimeData(data)
        color = str(item.data(0, _KEY + 1))
        drag.setPixmap(_card(item.text(0), self._theme.theme, color, self.devicePixelRatioF()))
        drag.setHotSpot(QPoint(20, 16))
        drag.exec(Qt.DropAction.CopyAction)


def _card(title: str, theme: Theme, color: str, ratio: float) -> QPixmap:
    """Draw what hangs at the pointer during a drag: the head of the node to come."""
    font = ui_font(13, QFont.Weight.DemiBold)
    width = QFontMetrics(font).horizontalAdvance(title) + 46
    pixmap = QPixmap(round(width * ratio), round(32 * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(theme.color("node"))
    painter.setPen(QColor(color))
    painter.drawRoundedRect(1, 1, width - 2, 30, 7, 7)
    painter.setBrush(QColor(color))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(12, 11, 10, 10, 3, 3)
    painter.setPen(theme.color("text"))
    painter.setFont(font)
    painter.drawText(30, 0, width - 36, 32, Qt.AlignmentFlag.AlignVCenter, title)
    painter.end()
    return pixmap


class Palette(QWidget):
    """Search and list of what can be placed.

    Signals:
        chosen: (key) the user asked for this one without dragging: Enter, or a double click.
    """

    chosen = Signal(str)

    def __init__(self, theme: ThemeController, workspace: Workspace) -> None:
        super().__init__()
        self._theme = theme
        self._workspace = workspace
        self._preferences = preferences = workspace.preferences
        self._entries = tuple(workspace.vocabulary.values())
        self._closed = _names(preferences.get("palette.closed"), _CLOSED)
        self._whole = _names(preferences.get("palette.whole"), [])
        self.field = QLineEdit(placeholderText="Search layers…", clearButtonEnabled=True)
        self.field.setAccessibleName("Search layers")
        self.field.textChanged.connect(self._fill)
        self.field.returnPressed.connect(self._choose_current)
        self.tree = _Tree(theme)
        self.tree.itemActivated.connect(self._activate)
        self.tree.itemClicked.connect(self._click)
        self.tree.itemExpanded.connect(lambda item: self._note_closed(item, False))
        self.tree.itemCollapsed.connect(lambda item: self._note_closed(item, True))
        top = QHBoxLayout()
        top.setContentsMargins(10, 10, 10, 6)
        top.addWidget(self.field)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self.tree)
        self.menus = BlockMenus(workspace, self)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._show_menu)
        theme.changed.connect(self._refill)
        workspace.documentReplaced.connect(self._renew)
        workspace.documentChanged.connect(self._follow)
        workspace.libraryChanged.connect(self._read_library)
        self._fill("")
        # The library's files are read once the window stands.
        QTimer.singleShot(0, self, self._read_library)

    def _read_library(self) -> None:
        """Look whether the library has other blocks now; tell of files that cannot be read."""
        library = self._workspace.library
        known = library.problems
        if library.refresh():
            for problem in library.problems:
                if problem not in known:
                    self._workspace.message.emit(f"Your library: {problem.message}")
        self._renew()

    def _follow(self, change: Change) -> None:
        if change.difference.blocks:
            self._renew()

    def _renew(self) -> None:
        """List what there is now."""
        entries = tuple(self._workspace.vocabulary.values())
        if entries != self._entries:
            self._entries = entries
            self._refill()

    def _show_menu(self, at: QPoint) -> None:
        item = self.tree.itemAt(at)
        menu = self.menus.build(str(item.data(0, _KEY) or "")) if item is not None else None
        if menu is not None:
            menu.popup(self.tree.viewport().mapToGlobal(at))

    def showEvent(self, event: QShowEvent) -> None:
        """Look whether the library's files changed since."""
        super().showEvent(event)
        QTimer.singleShot(0, self, self._read_library)

    def focus_search(self) -> None:
        """Put the focus into the search field."""
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def current(self) -> Declaration | None:
        """Return the entry that the list stands on; None for a head line or nothing."""
        item = self.tree.currentItem()
        return self._workspace.vocabulary.get(str(item.data(0, _KEY) or "")) if item is not None else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go from the field down into the list, and empty the search with Escape."""
        if event.key() == Qt.Key.Key_Down and self.field.hasFocus():
            self.tree.setFocus(Qt.FocusReason.TabFocusReason)
            self._go_to_first()
        elif event.key() == Qt.Key.Key_Escape and self.field.text():
            self.field.clear()
        else:
            super().keyPressEvent(event)

    def _refill(self, _: object = None) -> None:
        self._fill(self.field.text())

    def _fill(self, query: str) -> None:
        place = self.tree.verticalScrollBar().value()
        self.tree.clear()
        found = search(self._entries, query)
        if query.strip():
            for entry in found:
                self._add(self.tree.invisibleRootItem(), entry).setIcon(0, square(QColor(self._color(entry.category))))
            if not found:
                self.tree.invisibleRootItem().addChild(_note(f"Nothing is called “{query.strip()}”"))
            else:
                self._go_to_first()
            return
        for category, title in CATEGORIES.items():
            members = [entry for entry in found if entry.category == category]
            if members:
                self._add_category(category, title, members)
        self.tree.verticalScrollBar().setValue(place)

    def _add_category(self, category: str, title: str, members: list[Declaration]) -> None:
        head = QTreeWidgetItem([title.upper()])
        head.setSizeHint(0, QSize(0, _ROW))
        head.setIcon(0, square(QColor(self._color(category))))
        head.setData(0, _KEY + 1, self._color(category))
        head.setData(0, _CATEGORY, category)
        head.setToolTip(0, f"{title}: {len(members)} kinds")
        head.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        font = ui_font(11, QFont.Weight.DemiBold)
        font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.7)
        head.setFont(0, font)
        head.setForeground(0, self._theme.theme.color("muted"))
        self.tree.addTopLevelItem(head)
        shown = self._shown(category, members)
        for entry in shown:
            self._add(head, entry)
        if len(shown) < len(members):
            self._add_switch(head, category, f"{len(members) - len(shown)} more…")
        elif category in self._whole:
            self._add_switch(head, category, "Show fewer")
        head.setExpanded(category not in self._closed)
        self._point(head)

    def _shown(self, category: str, members: list[Declaration]) -> list[Declaration]:
        """Return the common ones, the most used first; then all others where the user asked for them."""
        if category == CATEGORY:
            return self._blocks(members)
        common = sorted((each for each in members if each.key in COMMON), key=lambda each: COMMON.index(each.key))
        rest = [each for each in members if each.key not in COMMON]
        # A lone entry stands there itself: a line that offers it would take as much room.
        return [*common, *rest] if category in self._whole or len(rest) < 2 else common

    def _blocks(self, members: list[Declaration]) -> list[Declaration]:
        """Return the project's blocks and the user's, then the shipped ones."""
        own = [each for each in members if not each.key.startswith(SHIPPED)]
        shipped = {each.key.removeprefix(SHIPPED): each for each in members if each.key.startswith(SHIPPED)}
        first = [shipped.pop(name) for name in SHIPPED_FIRST if name in shipped]
        rest = sorted(shipped.values(), key=lambda each: each.title)
        return [*own, *first, *(rest if CATEGORY in self._whole else ())]

    def _add(self, parent: QTreeWidgetItem, entry: Declaration) -> QTreeWidgetItem:
        item = QTreeWidgetItem(parent, [entry.title])
        item.setSizeHint(0, QSize(0, _ROW))
        item.setData(0, _KEY, entry.key)
        item.setData(0, _KEY + 1, self._color(entry.category))
        item.setToolTip(0, _tip(entry))
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled)
        return item

    def _add_switch(self, parent: QTreeWidgetItem, category: str, text: str) -> None:
        item = QTreeWidgetItem(parent, [text])
        item.setData(0, _CATEGORY, category)
        item.setForeground(0, self._theme.theme.color("muted"))
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)

    def _go_to_first(self) -> None:
        first = self.tree.topLevelItem(0)
        if self.tree.currentItem() is None and first is not None:
            self.tree.setCurrentItem(first)

    def _color(self, category: str) -> str:
        return self._theme.theme.category(category)

    def _point(self, head: QTreeWidgetItem) -> None:
        head.setIcon(1, icon("chevron-down" if head.isExpanded() else "chevron-right", "muted"))

    def _note_closed(self, head: QTreeWidgetItem, closed: bool) -> None:
        self._point(head)
        category = head.data(0, _CATEGORY)
        if closed is not (category in self._closed):
            self._closed = [*self._closed, category] if closed else [c for c in self._closed if c != category]
            self._preferences.set("palette.closed", self._closed)

    def _click(self, item: QTreeWidgetItem) -> None:
        if item.childCount():
            item.setExpanded(not item.isExpanded())
        elif item.data(0, _CATEGORY):
            # Not now: the list, which is still busy with the click, is made anew.
            QTimer.singleShot(0, self, partial(self._switch, str(item.data(0, _CATEGORY))))

    def _switch(self, category: str) -> None:
        """Show all of a category, or only its common ones again."""
        whole = category in self._whole
        self._whole = [c for c in self._whole if c != category] if whole else [*self._whole, category]
        self._preferences.set("palette.whole", self._whole)
        self._refill()

    def _activate(self, item: QTreeWidgetItem) -> None:
        if key := item.data(0, _KEY):
            self.chosen.emit(key)
        elif not item.childCount():
            self._click(item)

    def _choose_current(self) -> None:
        item = self.tree.currentItem()
        if item is not None:
            self._activate(item)


def _origin(key: str) -> str:
    """Say whose block it is; "" for a layer."""
    origins = {BLOCK: "in this project", PERSONAL: "from your library", SHIPPED: "comes with NetBuilder"}
    return next((f"<i>{words}</i>" for prefix, words in origins.items() if key.startswith(prefix)), "")


def _names(value: object, default: list[str]) -> list[str]:
    """Return a remembered list of names; `default` where nothing fitting is remembered."""
    return [str(name) for name in value] if isinstance(value, list) else list(default)


def _tip(entry: Declaration) -> str:
    lines = (f"<b>{escape(entry.title)}</b>", _origin(entry.key), escape(entry.summary))
    return "<br>".join([*filter(None, lines), "<i>Shift+F1: all about it</i>"])


def _note(text: str) -> QTreeWidgetItem:
    item = QTreeWidgetItem([text])
    item.setFlags(Qt.ItemFlag.NoItemFlags)
    item.setIcon(0, icon("search", "muted"))
    return item
