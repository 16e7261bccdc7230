"""Measure the ECG quality network on recordings it was not trained on.

    python data/measure_ecg_quality.py [--model data/ecg_quality.keras]

Prints the table of the card (ecg_quality.md). Reads the recordings in $SIGNALSCREEN_DATA (or ../shared/data).
"""

import argparse
import csv
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import wfdb
from numpy.typing import NDArray
from scipy.stats import rankdata

from data import ecg_quality_data as source

Scores = NDArray[np.float64]
Predict = Callable[[NDArray[np.float32]], Scores]  # windows (n, LENGTH, 1) to P(artefact), (n,)


class Measured(NamedTuple):
    """P(artefact) of ``clean`` and of ``artefact`` windows (or records), and what they are."""

    name: str
    clean: Scores
    artefact: Scores

    @property
    def auc(self) -> float:
        """Area under the ROC curve: how often an artefact scores above a clean one."""
        ranks = rankdata(np.concatenate([self.clean, self.artefact]))[self.clean.size :]
        return float((ranks.mean() - (self.artefact.size + 1) / 2) / self.clean.size)

    @property
    def specificity(self) -> float:
        """Share of the clean ones at or below 0.5."""
        return float((self.clean <= 0.5).mean())

    @property
    def sensitivity(self) -> float:
        """Share of the artefacts above 0.5."""
        return float((self.artefact > 0.5).mean())

    def interval(self, draws: int = 2000) -> tuple[float, float]:
        """95 % bootstrap interval of the AUC."""
        rng = np.random.default_rng(0)
        aucs = [
            Measured("", rng.choice(self.clean, self.clean.size), rng.choice(self.artefact, self.artefact.size)).auc
            for _ in range(draws)
        ]
        low, high = np.percentile(aucs, (2.5, 97.5))
        return float(low), float(high)


def held_out_noise(data: Path, predict: Predict) -> Iterator[Measured]:
    """Clean windows of the test records, and the same with 5 s of held-out real noise at several SNRs."""
    leads = source.mitdb_leads(data, source.TEST)
    noise = source.electrode_motion_noise(data, "test")
    segments = [(lead, lead.mv[lead.span(s)].copy()) for lead in leads for s in lead.starts(clean=True)]
    clean = predict(np.stack([source.window_of(x, lead.fs) for lead, x in segments])[..., np.newaxis])
    for snr_db in (12, 6, 0, -6):
        noisy = [
            source.window_of(_with_noise(x, lead, noise, snr_db, i), lead.fs)
            for i, (lead, x) in enumerate(segments)
        ]
        name = f"Records {', '.join(source.TEST)}: windows, clean vs 5 s of held-out electrode motion, {snr_db} dB"
        yield Measured(name, clean, predict(np.stack(noisy)[..., np.newaxis]))


def _with_noise(
    mv: source.FloatArray, lead: source.Lead, noise: source.FloatArray, snr_db: float, seed: int
) -> source.FloatArray:
    rng = np.random.default_rng([3, seed])
    n = round(5 * lead.fs)
    first = rng.integers(0, mv.size - n + 1)
    out = mv.copy()
    out[first : first + n] += lead.amplitude * source.noise_piece(noise, n, snr_db, rng)
    return out


def marked_by_annotators(data: Path, predict: Predict) -> Iterator[Measured]:
    """Windows of the test records that MIT-BIH marks as clean, or as noisy for 1 s or more."""
    for records in (*[(r,) for r in source.TEST], source.TEST):
        leads = source.mitdb_leads(data, records)
        parts = [_lead_windows(lead, predict, clean=clean) for clean in (True, False) for lead in leads]
        clean, noisy = np.concatenate(parts[: len(leads)]), np.concatenate(parts[len(leads) :])
        if noisy.size:
            yield Measured(
                f"Record {', '.join(records)}: windows, unmarked vs marked noisy by annotators", clean, noisy
            )


def _lead_windows(lead: source.Lead, predict: Predict, *, clean: bool) -> Scores:
    starts = lead.starts(clean=clean)
    if not starts:
        return np.empty(0)
    windows = [source.window_of(lead.mv[lead.span(s)], lead.fs) for s in starts]
    return predict(np.stack(windows)[..., np.newaxis])


def nstdb(data: Path, predict: Predict) -> Iterator[Measured]:
    """Score the NSTDB excerpts window by window (hop 5 s), held-out noise and training noise apart."""
    for row in source.nstdb_rows(data):
        fs, first_noise = int(row["fs_hz"]), int(row["noise_start_sample"]) / int(row["fs_hz"])
        scores = predict(source.windows_of(source.nstdb_excerpt(data, row["file"]), fs, hop=5))
        starts = 5.0 * np.arange(scores.size)
        before = starts + source.WINDOW <= first_noise
        for part in ("test", "train"):
            begin, end = (first_noise + s for s in source.NOISE_SECONDS[part])
            inside = (starts >= begin) & (starts + source.WINDOW <= end)
            if inside.any():
                kind = "held-out" if part == "test" else "TRAINING"
                yield Measured(
                    f"NSTDB {row['file']}: windows, before the noise vs {kind} noise",
                    scores[before],
                    scores[inside],
                )


def cinc2011(data: Path, predict: Predict) -> Iterator[Measured]:
    """Twelve-lead records, acceptable vs unacceptable: the worst lead, and the mean over leads."""
    labels = _table(data / "cinc2011" / "labels.csv")
    leads = {}
    for record in labels:
        adc = np.load(data / "cinc2011" / f"{record}.npz")["adc"].astype(np.float64)
        leads[record] = predict(np.concatenate([source.windows_of(lead, 500, hop=10) for lead in adc.T]))
    for how, score in (("worst lead", np.max), ("mean of leads", np.mean)):
        by_label = {
            label: np.array([score(leads[r]) for r in labels if labels[r] == label])
            for label in ("acceptable", "unacceptable")
        }
        yield Measured(
            f"CinC 2011: records, acceptable vs unacceptable, {how}",
            by_label["acceptable"],
            by_label["unacceptable"],
        )


def cinc2017(data: Path, predict: Predict) -> Iterator[Measured]:
    """Single-lead records, any rhythm vs too noisy to classify: the mean over windows, hop 5 s."""
    labels = _table(data / "cinc2017" / "REFERENCE.csv")
    scores = {}
    for record in labels:
        mv = wfdb.rdrecord(str(data / "cinc2017" / record))
        scores[record] = float(predict(source.windows_of(_at_least(mv.p_signal[:, 0], mv.fs), mv.fs, hop=5)).mean())
    noisy = np.array([scores[r] for r in labels if labels[r] == "~"])
    rest = np.array([scores[r] for r in labels if labels[r] != "~"])
    yield Measured("CinC 2017: records, N, A and O vs ~ (noisy), mean of windows", rest, noisy)


def _at_least(mv: source.FloatArray, fs: float) -> source.FloatArray:
    """Mirror a record shorter than one window at its end until it is long enough."""
    missing = round((source.WINDOW + 0.1) * fs) - mv.size
    return np.pad(mv, (0, max(missing, 0)), mode="reflect")


def _table(path: Path) -> dict[str, str]:
    with path.open() as f:
        return dict(list(csv.reader(f))[1:])


MEASUREMENTS: tuple[Callable[[Path, Predict], Iterator[Measured]], ...] = (
    held_out_noise,
    marked_by_annotators,
    nstdb,
    cinc2011,
    cinc2017,
)


def predictor(model: Any) -> Predict:
    """P(artefact) of windows by a Keras model."""
    return lambda windows: np.asarray(model.predict(windows, batch_size=256, verbose=0), dtype=np.float64)[:, 0]


def line(m: Measured) -> str:
    """One row of the card's table."""
    low, high = m.interval()
    return (
        f"| {m.name} | {m.clean.size} / {m.artefact.size} | {m.auc:.3f} ({low:.3f} to {high:.3f}) "
        f"| {m.sensitivity:.3f} | {m.specificity:.3f} |"
    )


def main() -> None:
    """Print the table."""
    import keras

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path(__file__).with_name("ecg_quality.keras"))
    predict = predictor(keras.models.load_model(parser.parse_args().model))
    print("| measured on | n clean / artefact | ROC AUC (95 % bootstrap) | sensitivity | specificity |")
    print("|---|---|---|---|---|")
    for measurement in MEASUREMENTS:
        for measured in measurement(source.data_folder(), predict):
            print(line(measured), flush=True)


if __name__ == "__main__":
    main()
