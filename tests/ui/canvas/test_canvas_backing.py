"""What is painted piece by piece is what a painting of everything would be."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QPainter, QRegion
from PySide6.QtTest import QTest

from netbuilder.training.protocol import Picture, PictureKind, Telemetry
from netbuilder.ui.canvas import viewport
from netbuilder.ui.canvas.backing import Backing
from netbuilder.ui.canvas.nodes import NodeLayer
from tests.ui.canvas.conftest import DIGITS, DROPOUT, LINEAR, LOSS, MIDDLE, NONE, RELU, Hands, move_pointer

NODES = (DIGITS, LINEAR, RELU, LOSS, DROPOUT)
NO_BUTTON = Qt.MouseButton.NoButton
ROUNDING = 3
"""Levels of 255 by which a softened border may differ: Qt cuts a line at the rectangle it is painted in."""


def pixels(view) -> np.ndarray:
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(image.constBits(), dtype=np.uint8).reshape(image.height(), image.width(), 4)[..., :3].copy()


def painted_anew(view) -> np.ndarray:
    view._backing, view._layer = Backing(), NodeLayer()
    for _ in range(len(NODES)):  # faces come at least one a frame
        view.grab()
    return pixels(view)


def settle(view, qtbot) -> None:
    late = view._again, view._ways
    qtbot.waitUntil(lambda: view._scale == view.camera.zoom and not view._born and not any(map(QTimer.isActive, late)))
    for _ in range(5):  # faces come a few a frame
        view.grab()


def steps(view, hands: Hands, workspace, chance: random.Random):
    """Yield things that a user does, and what comes from elsewhere meanwhile."""

    def spot() -> QPoint:
        return QPoint(chance.randrange(30, view.width() - 30), chance.randrange(30, view.height() - 30))

    def telemetry() -> None:
        data = np.array([[[chance.randrange(256)] * 6] * 6] * 3, dtype=np.uint8)
        news = Telemetry(pictures=(Picture(kind=PictureKind.THUMBS, node=LINEAR, step=1, data=data),))
        workspace.trainer.record.add(news)
        workspace.telemetry.emit(news)
        workspace.turns.finish()

    def pan() -> None:
        middle = view.rect().center()
        hands.drag(middle, middle + QPoint(chance.randrange(-90, 90), chance.randrange(-90, 90)), button=MIDDLE)

    yield "pan", pan
    yield "move", lambda: hands.drag(hands.header(chance.choice(NODES)), spot())
    yield "hover", lambda: move_pointer(view, QPointF(spot()), NO_BUTTON, NONE)
    yield "box", lambda: hands.drag(spot(), spot())
    yield "select", lambda: workspace.select(chance.sample(NODES, 2))
    yield "link", lambda: view.select_link(chance.choice([None, *view.graph.edges]))
    yield "splice", lambda: view.show_splice(chance.choice([None, *view.graph.edges]))
    yield "connect", lambda: hands.drag(hands.port(RELU, "y", False), hands.port(LOSS, "prediction", True))
    yield "picture", telemetry
    yield "undo", workspace.undo
    yield "zoom", lambda: view.zoom_to(chance.choice([0.5, 0.8, 1.0, 1.2]))


@pytest.mark.parametrize("seed", range(6))
def test_after_any_gestures_the_screen_is_that_of_a_full_repaint(view, hands, workspace, qtbot, seed):
    view.minimap.hide()
    chance, done = random.Random(seed), []
    for _ in range(14):
        name, act = chance.choice(list(steps(view, hands, workspace, chance)))
        done.append(name)
        act()
        QTest.qWait(1)
        view.quick_add.close_up()
        view.grab()
        view.minimap.hide()
    settle(view, qtbot)
    view.minimap.hide()
    shown = pixels(view)
    anew = painted_anew(view)
    apart = np.abs(shown.astype(int) - anew.astype(int)).max(axis=2)
    assert apart.max() <= ROUNDING, (done, np.argwhere(apart > ROUNDING)[:5].tolist(), int((apart > ROUNDING).sum()))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 20, "nothing is on the screen"


def test_hovering_a_link_paints_a_part_only(view, qtbot):
    settle(view, qtbot)
    painted: list[QRectF] = []
    original = view._layer.paint
    view._layer.paint = lambda painter, scene, area: painted.append(area) or original(painter, scene, area)
    view.hover_link(next(iter(view.graph.edges)))
    view.grab()
    assert painted
    assert sum(area.width() * area.height() for area in painted) < view.width() * view.height() / 8
    painted.clear()
    view.grab()
    assert painted == []


def test_panning_paints_the_strips_that_come_into_view(view, qtbot):
    settle(view, qtbot)
    painted: list[QRectF] = []
    original = view._layer.paint
    view._layer.paint = lambda painter, scene, area: painted.append(area) or original(painter, scene, area)
    view.set_camera(view.camera.moved(-7, 5))
    view.grab()
    assert sorted((area.width(), area.height()) for area in painted) == [(7, 635), (1000, 5)]


def fill(color: str):
    def paint(painter: QPainter, area: QRectF) -> bool:
        painter.fillRect(area, QColor(color))
        return True

    return paint


def shown(backing: Backing, size: QSize) -> QImage:
    image = QImage(size, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    backing.show(painter, QRegion(QRect(QPoint(), size)))
    painter.end()
    return image


@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0])
def test_only_what_is_stale_is_painted(qapp, ratio):
    size, backing = QSize(60, 40), Backing()
    backing.bring(size, ratio, "look", (0, 0))
    assert backing.repair(fill("#ff0000"))
    backing.spoil(QRectF(10, 10, 5, 5))
    backing.repair(fill("#00ff00"))
    backing.bring(size, ratio, "look", (-20, 0))  # 20 physical pixels to the right
    backing.repair(fill("#0000ff"))
    image = shown(backing, size)
    assert image.pixelColor(2, 20) == QColor("#0000ff")
    assert image.pixelColor(round(12 + 20 / ratio), 12) == QColor("#00ff00")
    assert image.pixelColor(12 if ratio > 1.8 else 55, 38) == QColor("#ff0000")
    backing.bring(size, ratio, "another", (-20, 0))
    backing.repair(fill("#ffffff"))
    assert shown(backing, size).pixelColor(12, 12) == QColor("#ffffff")


def test_what_is_not_final_is_painted_again(qapp):
    backing = Backing()
    backing.bring(QSize(10, 10), 1.0, "look", (0, 0))
    assert not backing.repair(lambda painter, area: False)
    assert backing.repair(fill("#00ff00"))
    assert shown(backing, QSize(10, 10)).pixelColor(5, 5) == QColor("#00ff00")


def test_many_small_rectangles_cover_what_was_asked(qapp):
    chance, backing, size = random.Random(3), Backing(), QSize(200, 200)
    backing.bring(size, 1.0, "look", (0, 0))
    backing.repair(fill("#000000"))
    areas = [QRectF(chance.randrange(180), chance.randrange(180), 9, 7) for _ in range(40)]
    for area in areas:
        backing.spoil(area)
    backing.repair(fill("#ffffff"))
    image = shown(backing, size)
    for area in areas:
        assert image.pixelColor(area.center().toPoint()) == QColor("#ffffff")
        assert image.pixelColor(area.topLeft().toPoint()) == QColor("#ffffff")


def test_behind_a_node_nothing_is_painted(view, workspace, qtbot, monkeypatch):
    """New pictures, several a second while something trains, cost neither grid nor links; what shows them does."""
    painted = []
    monkeypatch.setattr(viewport, "paint_dots", lambda painter, area, *rest: painted.append(area))
    view.moved.disconnect(view.minimap._ask)
    view.minimap.hide()
    data = np.full((3, 6, 6), 200, dtype=np.uint8)
    for _ in range(2):  # the first picture makes the node grow, and everything is painted
        settle(view, qtbot)
        painted.clear()
        news = Telemetry(pictures=(Picture(kind=PictureKind.THUMBS, node=LINEAR, step=1, data=data.copy()),))
        workspace.trainer.record.add(news)
        workspace.telemetry.emit(news)
        workspace.turns.finish()
        before = pixels(view)
    assert painted == []
    view.renew_nodes([LINEAR])
    assert (pixels(view) == before).all()
    assert len(painted) == 1, "its border and its corners show what is behind"
    view.step_back(frozenset({LINEAR}), frozenset())
    view.grab()
    painted.clear()
    view.update_pictures([LINEAR])
    view.grab()
    assert len(painted) == 1, "a node that steps back is transparent"
