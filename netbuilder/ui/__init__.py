"""The window: everything that is Qt."""

from netbuilder.ui.binding import import_plainly

import_plainly()
