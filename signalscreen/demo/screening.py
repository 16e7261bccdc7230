"""A recording through the quality network, window by window, and explanations of the windows it flags."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from signalscreen.metrics import LocalisationScore, localisation_score
from signalscreen.recording import Recording, normalise
from signalscreen.windows import cut, stitch, window_starts

FloatArray = NDArray[np.floating]

FS = 125.0  # Hz: what the quality network reads
WINDOW = 10.0  # s
HOP = 2.0  # s
THRESHOLD = 0.5
SMOOTH = 0.25  # s: about a QRS with what is around it

# One of each family, with options that follow from the signal, not from the result.
METHODS: dict[str, dict[str, Any]] = {
    "smooth_grad": {"level": 0.03, "samples": 25},  # gradient; noise no larger than a clean ECG may have
    "integrated_gradients": {"tolerance": 0.05},  # path from the window's mean (0 after z-scoring)
    "deep_lift": {},  # rules, against the same reference
    "occlusion": {"window": 50, "stride": 10, "fill": "zero"},  # perturbation, 0.4 s at a time
    "grad_cam": {},  # feature maps of the last convolution: 78 places in 10 s
}


@dataclass(frozen=True)
class Screening:
    """What the network and the methods said about one recording at 125 Hz.

    Attributes
    ----------
    recording
        At 125 Hz, one lead.
    starts
        First sample of each window.
    probability
        P(artefact) of each window.
    maps
        By method: one map per flagged window, ``(flagged, samples)``, signed, in units of the log-odds.
    """

    recording: Recording
    starts: NDArray[np.int64]
    probability: FloatArray
    maps: dict[str, FloatArray] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """Samples in a window."""
        return round(WINDOW * FS)

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Which windows are flagged."""
        return np.asarray(self.probability > THRESHOLD)

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Which samples lie in a flagged window."""
        inside = np.zeros(len(self.recording), dtype=bool)
        for start in self.starts[self.flagged]:
            inside[start : start + self.length] = True
        return inside

    def stitched(self, method: str) -> FloatArray:
        """Lay the maps of a method on the recording's timeline, ``(samples,)``; NaN where nothing is flagged."""
        return stitch(self.maps[method], self.starts[self.flagged], len(self.recording))

    def smoothed(self, method: str) -> FloatArray:
        """Take the size of the relevance, averaged over 0.25 s within each window: ``(flagged, samples)``."""
        return uniform_filter1d(np.abs(self.maps[method]), round(SMOOTH * FS), axis=1, mode="nearest")

    def strength(self, method: str) -> FloatArray:
        """Lay ``smoothed`` on the recording's timeline, ``(samples,)``; NaN where nothing is flagged."""
        return stitch(self.smoothed(method), self.starts[self.flagged], len(self.recording))


def windows_of(screening: Screening) -> NDArray[np.float32]:
    """Cut and scale the windows as the network was trained to see them: ``(windows, samples, 1)``."""
    windows = cut(screening.recording.signal, screening.starts, screening.length)
    return normalise(windows, "zscore", axis=1).astype(np.float32)


def screen(recording: Recording, model: Any) -> Screening:
    """Score every window of the recording's first lead."""
    from signalscreen.score import Score

    fitted = recording.fit_to(fs=FS, leads=[0])
    starts = window_starts(len(fitted), round(WINDOW * FS), round(HOP * FS))
    screening = Screening(fitted, starts, np.zeros(len(starts)))
    score, x = Score(model, target=0, score="probability").bind(windows_of(screening))
    return Screening(fitted, starts, score(x))


def explained(screening: Screening, model: Any, method: str) -> FloatArray:
    """Explain each flagged window's log-odds of an artefact by one method: ``(flagged, samples)``."""
    from signalscreen.methods import explain

    x = windows_of(screening)[screening.flagged]
    a = explain(model, x, target=0, method=method, **METHODS[method])
    return np.asarray(a.reshape(x.shape[:2]))


def localisation(screening: Screening, method: str, mask: NDArray[np.bool_]) -> LocalisationScore:
    """Score a method's maps against the true artefacts, in each flagged window that holds some of one."""
    inside = cut(mask, screening.starts[screening.flagged], screening.length)
    held = inside.any(axis=1)
    return localisation_score(screening.maps[method][held], inside[held], smooth=round(SMOOTH * FS))
