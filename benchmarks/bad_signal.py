"""How often `bad_signal` marks what is bad, and what is not: python -m benchmarks.bad_signal."""

import csv
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

import signalscreen as ss
from benchmarks.real import DATA
from data import ecg_quality_data as source
from signalscreen.quality import FLAGS
from signalscreen.simulate import ARTEFACTS, Artefact, add_artefacts, artefact_mask, simulate_ecg

Marks = NDArray[np.uint8]
Row = tuple[str, Marks, NDArray[np.bool_]]  # what it is, the marks, where the signal is known to be bad


def by_annotators() -> Iterator[Row]:
    """MIT-BIH, every lead: bad where its annotators say so. Bounds were chosen on the first two parts."""
    for part, records in (("chosen on", source.TRAIN + source.VALIDATION), ("test", source.TEST)):
        for lead in source.mitdb_leads(DATA, records):
            yield f"MIT-BIH, {part}", ss.bad_signal(lead.mv, lead.fs)[:, 0], lead.noisy


def electrode_motion() -> Iterator[Row]:
    """The NSTDB excerpts. Bounds were chosen with the first 38 s of this noise; the last 30 s are held out."""
    for row in source.nstdb_rows(DATA):
        mv = source.nstdb_excerpt(DATA, row["file"])
        first, stop = int(row["noise_start_sample"]), int(row["noise_end_sample"])
        noise = np.zeros(mv.size, dtype=bool)
        noise[first:stop] = True
        marks = ss.bad_signal(mv, 360)[:, 0]
        yield f"NSTDB {row['file']}", marks, noise
        begin = first + 360 * source.NOISE_SECONDS["test"][0]
        if begin < stop:
            held_out = np.concatenate([np.arange(first), np.arange(begin, stop)])
            yield f"NSTDB {row['file']}, held out", marks[held_out], noise[held_out]


def simulated() -> Iterator[Row]:
    """Artefacts of 10 s in 30 s of simulated ECG, given in steps of 5 µV, as a converter does.

    Bounds were chosen with artefacts of the same kinds, in real ECG.
    """
    for kind in ARTEFACTS:
        for seed in range(20):
            artefacts = [Artefact(kind, 10, 20)]
            ecg = add_artefacts(simulate_ecg(30, 360, seed).signal, 360, artefacts, seed)
            marks = ss.bad_signal(np.round(ecg / 0.005) * 0.005, 360, resolution=0.005)
            yield f"simulated {kind}", marks[:, 0], artefact_mask(artefacts, len(ecg), 360)


def phones() -> Iterator[tuple[str, float, bool]]:
    """CinC 2011: the worst lead's share of bad signal, and whether the record is called unacceptable."""
    for row in csv.DictReader((DATA / "cinc2011" / "labels.csv").read_text().splitlines()):
        adc = np.load(DATA / "cinc2011" / f"{row['record']}.npz")["adc"] * 0.005  # mV
        bad = ss.bad_signal(adc, 500, resolution=0.005) > 0
        yield "CinC 2011, worst lead", float(bad.mean(axis=0).max()), row["quality"] == "unacceptable"


def pulses() -> Iterator[tuple[str, float, bool]]:
    """BUT PPG: the share of bad signal. Bounds of the PPG were chosen on these."""
    stored = np.load(DATA / "butppg" / "butppg51.npz")
    for ppg, good in zip(stored["ppg"], stored["quality"], strict=True):
        yield "BUT PPG, chosen on", float((ss.bad_signal(ppg, 30, kind="ppg") > 0).mean()), not good


def print_samples(rows: Iterator[Row]) -> None:
    groups: dict[str, list[tuple[Marks, NDArray[np.bool_]]]] = {}
    for name, marks, known in rows:
        groups.setdefault(name, []).append((marks, known))
    for name, pairs in groups.items():
        marks, known = (np.concatenate(part) for part in zip(*pairs, strict=True))
        shares = [f"{(marks[where] > 0).mean():8.3f}" if where.any() else "       -" for where in (known, ~known)]
        kinds = " ".join(f"{k} {((marks[known] & bit) > 0).mean():.2f}" for k, bit in FLAGS.items())
        print(f"{name:28s} {shares[0]} {shares[1]}   {kinds}")


def print_records(rows: Iterator[tuple[str, float, bool]]) -> None:
    names, share, bad = (np.array(column) for column in zip(*rows, strict=True))
    auc = np.mean((share[bad][:, None] > share[~bad]) + 0.5 * (share[bad][:, None] == share[~bad]))
    for least in (0.01, 0.5):
        found = share >= least
        print(
            f"{names[0]:24s} bad for {least:.0%} of the time: of {bad.sum()} bad {found[bad].mean():.2f}, of "
            f"{(~bad).sum()} good {found[~bad].mean():.2f}; ROC AUC of the share {auc:.2f}"
        )


def speed() -> None:
    ecg = np.stack([simulate_ecg(600, 360, seed).signal for seed in range(2)], axis=1)
    seconds = []
    for _ in range(9):
        began = time.perf_counter()
        ss.bad_signal(ecg, 360)
        seconds.append(time.perf_counter() - began)
    print(f"10 minutes of 2 leads at 360 Hz: {1000 * np.median(seconds):.0f} ms")


def main() -> None:
    print("share of samples marked:       bad    rest   kinds where it is bad")
    for rows in (by_annotators(), electrode_motion(), simulated()):
        print_samples(rows)
    print_records(phones())
    print_records(pulses())
    speed()


if __name__ == "__main__":
    main()
