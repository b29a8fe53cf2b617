"""The files in a run's folder that others look for, too."""

from typing import Final

BEST: Final = "best.safetensors"
"""The weights of the epoch with the best validation result."""

AVERAGE: Final = "average.safetensors"
"""The running average of the weights when the run was last saved, where the plan asks for one."""

LAST: Final = "last.safetensors"
"""The weights when the run was last saved."""
