"""The real recordings behind the ECG quality network: who is in which part, and windows cut from them.

Nothing here is drawn at random; the split is by record, and the real noise is split by time.
"""

import csv
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import wfdb
from numpy.typing import NDArray

from signalscreen.recording import Recording
from signalscreen.recording import normalise as zscored
from signalscreen.windows import cut

FloatArray = NDArray[np.float64]

FS = 125  # Hz, what the network reads
WINDOW = 10  # s
LENGTH = FS * WINDOW

# MIT-BIH records, by part. 118 is a test record because the NSTDB excerpts are made from it.
TRAIN = ("100", "105", "107", "109", "119", "200", "207", "222")
VALIDATION = ("208",)
TEST = ("106", "118", "203")

# The one stretch of real electrode-motion noise (80 s), cut by time, with a second unused between the parts.
NOISE_SECONDS = {"train": (0, 38), "validation": (39, 49), "test": (50, 80)}
GUARD = 2.0  # s: a clean window stays this far from every stretch that MIT-BIH marks as noisy


@dataclass(frozen=True)
class Lead:
    """One lead of one MIT-BIH record: ``mv`` (n,), ``noisy`` (n,) by its '~' annotations, beat size (mV)."""

    record: str
    name: str
    fs: float
    mv: FloatArray
    noisy: NDArray[np.bool_]
    amplitude: float
    other: "Lead | None" = None

    def span(self, second: float, margin: float = 0.0) -> slice:
        """Return the samples of the window that starts at ``second``, with a margin (s) on both sides."""
        first = round((second - margin) * self.fs)
        return slice(first, first + round((WINDOW + 2 * margin) * self.fs))

    def starts(self, *, clean: bool, step: float = WINDOW) -> list[float]:
        """Window starts (s): at least GUARD from noise when clean, else with 1 s or more of noise."""
        last = self.mv.size / self.fs - WINDOW - GUARD
        found = []
        for second in np.arange(GUARD, last, step):
            if clean and not self.noisy[self.span(second, GUARD)].any():
                found.append(float(second))
            if not clean and self.noisy[self.span(second)].sum() >= self.fs:
                found.append(float(second))
        return found


def data_folder() -> Path:
    """Return the folder of real recordings: $SIGNALSCREEN_DATA, or shared/data beside the repository."""
    return Path(os.environ.get("SIGNALSCREEN_DATA", Path(__file__).parents[2] / "shared" / "data"))


def mitdb_leads(data: Path, records: tuple[str, ...]) -> list[Lead]:
    """Read both leads of MIT-BIH records."""
    leads = []
    for name in records:
        record = wfdb.rdrecord(str(data / "mitdb" / name))
        pair = []
        for i, lead in enumerate(record.sig_name):
            mv = record.p_signal[:, i]
            noisy = _noisy(data / "mitdb" / name, i, mv.size)
            pair.append(Lead(name, lead, record.fs, mv, noisy, _amplitude(mv, record.fs)))
        leads += [replace(pair[0], other=pair[1]), replace(pair[1], other=pair[0])]
    return leads


def _noisy(path: Path, lead: int, n: int) -> NDArray[np.bool_]:
    """Where a lead is marked noisy: a '~' annotation sets one bit per noisy lead, until the next one."""
    annotation = wfdb.rdann(str(path), "atr")
    noisy = np.zeros(n, dtype=bool)
    for sample, symbol, bits in zip(annotation.sample, annotation.symbol, annotation.subtype, strict=True):
        if symbol == "~":
            noisy[sample:] = bool(int(bits) & (0x11 << lead))  # 0x01: noisy, 0x10: unreadable, -1: everything
    return noisy


def _amplitude(mv: FloatArray, fs: float) -> float:
    """Peak-to-peak size of the beats (mV): the median over windows, robust to artefacts."""
    n = round(WINDOW * fs)
    windows = mv[: mv.size // n * n].reshape(-1, n)
    low, high = np.percentile(windows, (0.5, 99.5), axis=1)
    return float(np.median(high - low))


def electrode_motion_noise(data: Path, part: str | None = None) -> FloatArray:
    """Take the real noise (360 Hz): NSTDB excerpt 118e00 minus the clean record that it was made from."""
    row = next(r for r in nstdb_rows(data) if r["file"] == "118e00")
    noise = nstdb_excerpt(data, "118e00") - _clean_118(data, row)
    noise = (noise - noise[0])[int(row["noise_start_sample"]) :]
    if part is None:
        return noise
    start, end = NOISE_SECONDS[part]
    return noise[start * 360 : end * 360]


def noise_piece(noise: FloatArray, n: int, snr_db: float, rng: np.random.Generator) -> FloatArray:
    """Cut ``n`` samples of noise for an ECG of peak-to-peak 1: SNR = (1/8) / var (Moody et al. 1984)."""
    first = rng.integers(0, noise.size - n + 1)
    piece = noise[first : first + n] * rng.choice([-1, 1])
    piece = (piece - piece.mean()) * np.minimum(20 * np.hanning(n), 1)  # no step at its ends
    return np.asarray(piece / piece.std() * np.sqrt(10 ** (-snr_db / 10) / 8), dtype=np.float64)


def nstdb_rows(data: Path) -> list[dict[str, str]]:
    """Read the table of NSTDB excerpts: where each comes from, where its noise starts and ends."""
    with (data / "nstdb_118" / "noise_intervals.csv").open() as f:
        return list(csv.DictReader(f))


def nstdb_excerpt(data: Path, name: str) -> FloatArray:
    """Read two minutes of record 118 with real electrode-motion noise, mV."""
    return np.loadtxt(data / "nstdb_118" / f"{name}.csv")


def _clean_118(data: Path, row: dict[str, str]) -> FloatArray:
    start = int(row["start_in_mitdb_118_MLII"])
    record = wfdb.rdrecord(
        str(data / "mitdb" / "118"), channels=[0], sampfrom=start, sampto=start + int(row["n_samples"])
    )
    return np.asarray(record.p_signal[:, 0], dtype=np.float64)


def resample(mv: FloatArray, fs: float) -> FloatArray:
    """Resample one lead to 125 Hz, as the package does it."""
    return np.asarray(Recording(mv, fs=fs).resample(FS).signal[:, 0], dtype=np.float64)


def normalise(windows: FloatArray) -> NDArray[np.float32]:
    """Scale each window (..., n) to mean 0 and standard deviation 1; one without any change becomes zeros."""
    return zscored(windows, "zscore", axis=-1).astype(np.float32)


def window_of(mv: FloatArray, fs: float) -> NDArray[np.float32]:
    """Make one window for the network, (LENGTH,), from WINDOW seconds of signal."""
    return normalise(resample(mv, fs)[:LENGTH])


def windows_of(mv: FloatArray, fs: float, hop: float) -> NDArray[np.float32]:
    """Make all windows of a recording, ``hop`` seconds apart: (windows, LENGTH, 1)."""
    whole = resample(mv, fs)
    starts = np.arange(0, whole.size - LENGTH + 1, round(hop * FS))
    return normalise(cut(whole, starts, LENGTH))[..., np.newaxis]
