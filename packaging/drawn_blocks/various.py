"""Blocks of other networks."""

from __future__ import annotations

from drawn_blocks.drawing import Drawing, formula, whole
from netbuilder.document.model import Definition


def reparameterization() -> Definition:
    """Return a variational autoencoder's bottleneck."""
    d = Drawing(
        "reparameterization",
        "Reparameterization (VAE)",
        "The middle of a variational autoencoder: tells for each feature of the code a mean and a variance, and draws "
        "from them so that gradients still flow. Link mean and log variance to a KL loss.",
        "Auto-Encoding Variational Bayes (Kingma and Welling, 2013), arXiv:1312.6114",
        whole("code", 16, "How many features the code has."),
    )
    x = d.enter(dims=(64,))
    mean = d.add("linear", "to_mean", x, units=formula("code"))
    variance = d.add("linear", "to_log_variance", x, units=formula("code"))
    d.leave(d.add("sample_normal", "drawn", mean, variance), "code")
    d.leave(mean, "mean")
    d.leave(variance, "log_variance")
    return d.done()


VARIOUS = (reparameterization(),)
"""The blocks of this module."""
