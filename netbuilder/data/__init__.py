"""TODO of the owner: what this package is."""
