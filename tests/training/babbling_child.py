"""A process that says nothing that can be understood: `python -m tests.training.babbling_child PARENT`."""

import sys
import time

sys.stdout.buffer.write(b"\xff" * 64)
sys.stdout.buffer.flush()
time.sleep(600)
