"""A day of ECG as one WFDB record: twelve MIT-BIH records, one after the other, repeated to 24 hours.

python -m benchmarks.day FOLDER

All have two leads, 360 Hz, 200 units/mV and format 212, so their bytes are put one behind the other.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import wfdb

from benchmarks.real import DATA

RECORDS = ("100", "105", "106", "107", "109", "118", "119", "200", "203", "207", "208", "222")
SAMPLES = 650_000
FS = 360
HOURS = 24
# How other benchmarks screen it: the shipped network, each lead by itself.
MODEL = str(Path(__file__).parents[1] / "data" / "ecg_quality.keras")
SETTINGS: dict[str, Any] = {"each_lead": True, "resample": 125, "normalise": "zscore"}


def make_day(folder: Path, hours: float = HOURS) -> Path:
    """Write ``day.hea``, ``day.dat`` and ``day.atr``; return the record's path without ending."""
    source = DATA / "mitdb"
    folder.mkdir(parents=True, exist_ok=True)
    wanted, written, parts = round(hours * 3600 * FS), 0, []
    with (folder / "day.dat").open("wb") as out:
        while written < wanted:
            name = RECORDS[len(parts) % len(RECORDS)]
            count = min(SAMPLES, wanted - written) // 2 * 2
            out.write((source / f"{name}.dat").read_bytes()[: count * 3])
            parts.append((name, written, count))
            written += count
    gains = "\n".join(f"day.dat 212 200 11 1024 0 0 0 {lead}" for lead in ("MLII", "V1"))
    (folder / "day.hea").write_text(f"day 2 {FS} {written} 08:00:00 01/03/2024\n{gains}\n")
    _annotate(source, folder, parts)
    return folder / "day"


def _annotate(source: Path, folder: Path, parts: list[tuple[str, int, int]]) -> None:
    samples, symbols, notes = [], [], []
    for name, first, count in parts:
        found = wfdb.rdann(str(source / name), "atr", sampto=count)
        samples.append(found.sample + first)
        symbols += found.symbol
        notes += [note.rstrip("\x00") for note in found.aux_note]
    wfdb.wrann("day", "atr", np.concatenate(samples), symbols, aux_note=notes, write_dir=str(folder))


if __name__ == "__main__":
    print(make_day(Path(sys.argv[1])))
