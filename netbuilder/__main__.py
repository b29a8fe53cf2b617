"""`python -m netbuilder`: the same as the command `netbuilder`."""

from __future__ import annotations

import sys

from netbuilder.cli import main

if __name__ == "__main__":
    sys.exit(main())
