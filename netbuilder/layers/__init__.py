"""The layer catalog: every layer a network can be drawn with, each declared once; one module a family."""
