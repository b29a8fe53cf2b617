import numpy as np
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon

from netbuilder.ui import colors
from netbuilder.ui.icons import square


def test_viridis_runs_from_violet_to_yellow_and_gets_ever_lighter():
    assert colors.VIRIDIS.shape == (256, 3)
    assert tuple(colors.VIRIDIS[0]) == (68, 1, 84)
    assert tuple(colors.VIRIDIS[255]) == (253, 231, 37)
    lightness = colors.VIRIDIS @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness) > -0.5).all()


def test_tables_are_read_only():
    for table in (colors.VIRIDIS, colors.DIVERGING_DARK, colors.DIVERGING_LIGHT, colors.GRAY):
        assert not table.flags.writeable


def test_indices_clip_and_take_non_finite_values():
    values = np.array([-1.0, 0.0, 0.5, 1.0, 9.0, np.nan, np.inf, -np.inf])
    assert colors.indices(values, 0.0, 1.0).tolist() == [0, 0, 128, 255, 255, 0, 255, 0]


def test_a_constant_picture_does_not_divide_by_zero():
    assert colors.indices(np.full(3, 7.0), 7.0, 7.0).tolist() == [0, 0, 0]


def test_diverging_has_its_neutral_colour_in_the_middle_and_mirrors_in_strength():
    for table in (colors.diverging(True), colors.diverging(False)):
        middle = table[127].astype(int)
        assert np.ptp(middle) < 25
        assert np.ptp(table[40].astype(int)) > 100
        assert np.ptp(table[215].astype(int)) > 100


def test_colorize_and_qt_table_agree():
    rgb = colors.colorize(np.array([0.0, 1.0]), 0.0, 1.0)
    packed = colors.qt_table(colors.VIRIDIS)
    assert packed[0] == 0xFF000000 | int(rgb[0, 0]) << 16 | int(rgb[0, 1]) << 8 | int(rgb[0, 2])
    assert packed[255] == 0xFF000000 | int(rgb[1, 0]) << 16 | int(rgb[1, 1]) << 8 | int(rgb[1, 2])


def test_a_category_s_square_keeps_its_colour_in_a_selected_row(qapp):
    color = QColor("#ff9f43")
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        middle = square(color).pixmap(QSize(10, 10), mode).toImage().pixelColor(5, 5)
        assert middle.getRgb() == color.getRgb()
