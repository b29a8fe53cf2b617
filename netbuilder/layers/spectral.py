"""Frequencies: Fourier transforms whose complex results stand as pairs of numbers.

Ports carry real numbers only: a spectrum has a last axis of two entries, the real and the imaginary part.
"""

from __future__ import annotations

from collections.abc import Iterator

from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations
from netbuilder.layers.settings import brief_of, choice, flag, torch_docs, whole
from netbuilder.layers.spec import Check, LayerSpec, Mismatch, Port, Types

_PARTS = "Real and imaginary parts stand on a new last axis of two entries."
_NORM = choice(
    "norm",
    "Scale",
    (
        ("backward", "none forwards", "The plain sum; the way back divides by the length."),
        ("ortho", "by the root", "Both ways divide by the root of the length, and lengths of vectors stay."),
        ("forward", "by the length", "This way divides by the length, so that loudness does not depend on it."),
    ),
    "By what the sums are divided.",
    advanced=True,
)


def _pairs(values: Values, inputs: Types) -> Iterator[Mismatch]:
    found = inputs["x"]
    if found.dims[-1] is not None and found.dims[-1] != 2:
        yield relations.expects("x", "real and imaginary parts on a last axis of two entries", found)


def _room(axes: int) -> Check:
    """Return the relation: a spectrum belongs to a real signal of at least two entries."""

    def check(values: Values, inputs: Types) -> Iterator[Mismatch]:
        found = inputs["x"]
        if found.dims[-2] == 1:
            yield relations.expects("x", f"at least two frequencies on axis {found.rank - 2}", found)

    return check


def _spectrum(
    key: str,
    title: str,
    call: str,
    summary: str,
    help: str,
    formula: str,
    page: str,
    ranks: tuple[int, ...],
    output: tuple[int, ...],
    *keywords: str,
    checks: tuple[Check, ...] = (),
) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="mathematics",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(page),
        keywords=("fourier", "fft", "frequency", "spectrum", *keywords),
        parameters=(_NORM,),
        inputs=(Port(name="x", ranks=ranks),),
        outputs=(Port(name="y", ranks=output),),
        call=call,
        checks=checks,
    )


_COMPLEX = "torch.complex(x[..., 0], x[..., 1])"

SPECTRA = (
    _spectrum(
        "rfft",
        "RFFT",
        "torch.view_as_real(torch.fft.rfft(x, norm=norm))",
        "The frequencies of a signal on its last axis.",
        f"Takes a signal apart into waves, from the slowest to the fastest it can hold. {_PARTS} Only frequencies of 0 "
        "and above are kept, since a real signal has the others twice.",
        r"y_f = \sum_t x_t e^{-2 \pi i f t / T}",
        "torch.fft.rfft",
        (2, 3, 4),
        (3, 4, 5),
        "signal",
        "audio",
    ),
    _spectrum(
        "irfft",
        "InverseRFFT",
        f"torch.fft.irfft({_COMPLEX}, norm=norm)",
        "A signal from its frequencies: the way back from RFFT.",
        "Adds waves up to a real signal. What lies between RFFT and this filters: multiply frequencies to make them "
        "louder or softer. The signal has an even length.",
        r"x_t = \frac{1}{T} \sum_f y_f e^{2 \pi i f t / T}",
        "torch.fft.irfft",
        (3, 4, 5),
        (2, 3, 4),
        "signal",
        "synthesis",
        checks=(_pairs, _room(1)),
    ),
    _spectrum(
        "fft2",
        "FFT2",
        "torch.view_as_real(torch.fft.rfft2(x, norm=norm))",
        "The frequencies of a picture, along both sides.",
        f"Takes a picture apart into waves of all directions: the slow ones are its large areas, the fast ones its "
        f"edges. {_PARTS}",
        r"y_{u,v} = \sum_{h,w} x_{h,w} e^{-2 \pi i (u h / H + v w / W)}",
        "torch.fft.rfft2",
        (4,),
        (5,),
        "picture",
    ),
    _spectrum(
        "ifft2",
        "InverseFFT2",
        f"torch.fft.irfft2({_COMPLEX}, norm=norm)",
        "A picture from its frequencies: the way back from FFT2.",
        "Adds waves of all directions up to a picture. Fourier neural operators multiply by learned weights between "
        "the "
        "two. The picture has an even width.",
        r"x_{h,w} = \frac{1}{H W} \sum_{u,v} y_{u,v} e^{2 \pi i (u h / H + v w / W)}",
        "torch.fft.irfft2",
        (5,),
        (4,),
        "picture",
        "neural operator",
        checks=(_pairs, _room(2)),
    ),
    _spectrum(
        "power_spectrum",
        "PowerSpectrum",
        "torch.fft.rfft(x, norm=norm).abs().square()",
        "How strong each frequency of a signal is.",
        "The squared size of each frequency, without where its waves begin: two recordings of one tone look the same.",
        r"\left| \sum_t x_t e^{-2 \pi i f t / T} \right|^2",
        "torch.fft.rfft",
        (2, 3, 4),
        (2, 3, 4),
        "signal",
        "audio",
        "energy",
    ),
)


def _window_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    length, window = inputs["x"].dims[-1], values["window"]
    if isinstance(length, int) and window // 2 >= length:
        fix = {"window": 2 * length - 1} if length > 1 else {}
        yield relations.expects("x", f"more than {window // 2} entries for windows of {window}", inputs["x"], **fix)


def _spectrogram_call(values: Values) -> str:
    power = (
        "torch.stft(x, window, hop_length=hop, window=torch.hann_window(window, device=x.device), "
        "return_complex=True).abs().square()"
    )
    return f"torch.log({power} + 1e-6)" if values["logarithmic"] else power


SPECTROGRAM = LayerSpec(
    key="spectrogram",
    title="Spectrogram",
    category="mathematics",
    summary="A picture of a sound: its frequencies, moment by moment.",
    help="Cuts a signal into short windows that overlap and measures the frequencies of each. The result is a picture "
    "of frequency by time, which convolutions read like any other (insert an axis for the channel).",
    formula=r"y_{f,k} = \ln(|z_{f,k}|^2 + 10^{-6}), \quad z_{f,k} = \sum_t w_t x_{t + k h} e^{-2 \pi i f t / T}",
    reference=torch_docs("torch.stft"),
    keywords=("stft", "audio", "sound", "fourier", "frequency", "speech"),
    parameters=(
        whole("window", "Window", 16, "How many entries are looked at together: more tell pitches better apart.", 2),
        whole("hop", "Hop", 8, "How far the window moves at a time: less tells moments better apart.", 1),
        flag("logarithmic", "Logarithmic", True, "Whether strengths are logarithms, as ears hear them."),
    ),
    inputs=(Port(name="x", ranks=(2,), layout="NF", help="N × entries of a signal."),),
    outputs=(Port(name="y", ranks=(3,), help="N × frequencies × moments."),),
    call=_spectrogram_call,
    checks=(_window_fits,),
    brief=lambda values: brief_of(f"{values['window']} wide", f"hop {values['hop']}"),
)
