"""The shipped blocks, drawn: one module a family."""

from drawn_blocks.attention import ATTENTION
from drawn_blocks.convolution import CONVOLUTION
from drawn_blocks.transformer import TRANSFORMER
from drawn_blocks.various import VARIOUS

BLOCKS = (*CONVOLUTION, *ATTENTION, *TRANSFORMER, *VARIOUS)
"""All shipped blocks, in the palette's order."""
