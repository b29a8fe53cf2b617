"""Formulas: read from LaTeX, laid out, drawn."""
