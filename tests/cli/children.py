"""The terminal in a process of its own."""

import subprocess
import sys


def start(arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "netbuilder", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
