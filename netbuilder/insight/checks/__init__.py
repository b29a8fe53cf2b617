"""Checks before training: a module a check, found by walking this package; each holds one `Check`."""
