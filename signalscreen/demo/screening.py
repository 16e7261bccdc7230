"""A recording through the quality network, window by window, and explanations of the windows it flags."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from signalscreen.metrics import LocalisationScore, localisation_score
from signalscreen.recording import Recording
from signalscreen.screening import Windows, cut_for
from signalscreen.windows import cut, stitch

FloatArray = NDArray[np.floating]

FS = 125.0  # Hz: what the quality network reads, as its file says
WINDOW = 10.0  # s: its input
HOP = 2.0  # s
THRESHOLD = 0.5
SMOOTH = 0.25  # s: about a QRS complex with what is around it

METHODS = ("smooth_grad", "integrated_gradients", "deep_lift", "occlusion", "grad_cam")  # one of each family
REFERENCES = 10  # clean windows that DeepLIFT compares with


@dataclass(frozen=True)
class Screening:
    """What the network and the methods said about one recording at 125 Hz.

    Attributes
    ----------
    recording
        At 125 Hz, one lead.
    windows
        Cut and scaled as the network was trained to see them.
    probability
        P(artefact) of each window.
    maps
        By method: one map per flagged window, ``(flagged, samples)``, signed, for the log-odds.
    """

    recording: Recording
    windows: Windows
    probability: FloatArray
    maps: dict[str, FloatArray] = field(default_factory=dict)

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Which windows are flagged."""
        return np.asarray(self.probability > THRESHOLD)

    @property
    def flagged_starts(self) -> NDArray[np.int64]:
        """First samples of the flagged windows."""
        return self.windows.starts[self.flagged]

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Which samples lie in a flagged window."""
        inside = np.zeros(len(self.recording), dtype=bool)
        for start in self.flagged_starts:
            inside[start : start + self.windows.length] = True
        return inside

    def stitched(self, method: str) -> FloatArray:
        """Lay a method's maps on the recording's timeline, ``(samples,)``; NaN where nothing is flagged."""
        return stitch(self.maps[method], self.flagged_starts, len(self.recording))

    def strength(self, method: str) -> FloatArray:
        """Lay the size of the relevance, averaged over 0.25 s, on the timeline; NaN where nothing is flagged."""
        size = uniform_filter1d(np.abs(self.maps[method]), round(SMOOTH * FS), axis=1, mode="nearest")
        return stitch(size, self.flagged_starts, len(self.recording))


def screen(recording: Recording, model: Any) -> Screening:
    """Score every window of the recording's first lead."""
    from signalscreen.score import Score

    fitted = recording.fit_to(fs=FS, leads=[0])
    windows = cut_for(model, fitted, window=WINDOW, hop=HOP, normalise="zscore")
    score, x = Score(model, target=0, score="probability").bind(windows.values)
    return Screening(fitted, windows, score(x))


def explained(screening: Screening, model: Any, method: str) -> FloatArray:
    """Explain each flagged window's log-odds of an artefact by one method: ``(flagged, samples)``."""
    from signalscreen.methods import explain

    x = screening.windows.values[screening.flagged]
    a = explain(model, x, target=0, method=method, progress=False, **options(screening)[method])
    return np.asarray(a.reshape(x.shape[:2]))


def options(screening: Screening) -> dict[str, dict[str, Any]]:
    """Choose each method's options; they follow from the signal and the network, never from the true places."""
    clean = screening.windows.values[~screening.flagged]
    some = np.unique(np.linspace(0, len(clean) - 1, min(REFERENCES, len(clean))).astype(int))
    return {
        "smooth_grad": {"level": 0.03},  # noise no stronger than a clean ECG may have
        "integrated_gradients": {"tolerance": 0.02},  # from a flat line: 0, each window's mean
        "deep_lift": {"references": clean[some][None]} if len(clean) else {},  # why not clean, like these?
        "occlusion": {"window": 50, "stride": 10},  # 0.4 s at a time set to 0
        "grad_cam": {},  # the 78 places of the last convolution
    }


def localisation(screening: Screening, method: str, mask: NDArray[np.bool_]) -> LocalisationScore:
    """Score a method's maps against the true artefacts, in each flagged window that holds some of one."""
    inside = cut(mask, screening.flagged_starts, screening.windows.length)
    held = inside.any(axis=1)
    return localisation_score(screening.maps[method][held], inside[held], smooth=round(SMOOTH * FS))
