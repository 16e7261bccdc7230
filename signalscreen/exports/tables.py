"""Windows as a table, and their spans as MNE's annotations."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from signalscreen.exports.part import Part
from signalscreen.exports.spans import FlaggedSpan, counted, flagged_spans, unanswered_spans
from signalscreen.output import atomically
from signalscreen.verdicts.csv_export import cell
from signalscreen.verdicts.mne_file import Mark, write_csv, write_text


def write_windows(part: Part, path: Path) -> str:
    """Write a row per window: UTF-8 with a byte-order mark, as spreadsheets want it."""
    columns = _columns(part)
    with atomically(path) as part_path, part_path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(list(columns))
        rows.writerows([cell(value) for value in row] for row in zip(*columns.values(), strict=True))
    none = int(part.unanswered.sum())
    return f"{len(part.rows)} windows" + (f", {none} without an answer of the model (NaN)" if none else "")


def write_mne(part: Part, path: Path) -> str:
    """Write the spans, by the path's ending as MNE's CSV (clock times) or text (seconds)."""
    marks = list(_marks(part))
    if path.suffix == ".csv":
        write_csv(marks, path, part.began, "flagged windows", "give --out the ending .txt")
    else:
        write_text(marks, path)
    return counted(part)


def _columns(part: Part) -> dict[str, list[Any]]:
    group = part.group
    starts = part.start + part.window_start / part.fs
    columns: dict[str, Any] = {
        "window": part.rows.tolist(),
        "start_s": starts.tolist(),
        "end_s": (starts + part.window_samples / part.fs).tolist(),
        "lead": [_lead(part, i) for i in part.of_windows("window_lead")],
    }
    for kind in ("probability", "logit"):
        if kind in group:
            columns |= {
                f"{kind}_{name}": _numbers(part.of_windows(kind)[:, i]) for i, name in enumerate(part.classes)
            }
    columns |= {"score": _numbers(part.of_windows("score")), "target": _classes(part)}
    columns |= {name: part.of_windows(name).tolist() for name in ("flagged", "explained", "gap")}
    columns["unanswered"] = part.unanswered.astype(int).tolist()
    complete = [f"completeness_{name}" for name in part.methods if f"completeness_{name}" in group]
    columns |= {name: _numbers(part.of_windows(name)) for name in complete}
    return columns


def _numbers(values: Any) -> list[float | None]:
    """Values with the fewest digits that give the same float32 back; NaN is an empty cell."""
    return [None if np.isnan(value) else float(str(value)) for value in values]


def _classes(part: Part) -> list[str]:
    classes = part.classes
    return ["" if i < 0 else classes[i] if i < len(classes) else str(i) for i in part.of_windows("target")]


def _lead(part: Part, index: int) -> str:
    return "" if index < 0 else part.leads[index]


def _marks(part: Part) -> Iterator[Mark]:
    flagged = [_mark(part, one, f"flagged/{part.classes[part.alarm]}") for one in flagged_spans(part)]
    unanswered = [_mark(part, one, "unanswered") for one in unanswered_spans(part)]
    yield from sorted(flagged + unanswered, key=lambda one: one.start_s)


def _mark(part: Part, one: FlaggedSpan, what: str) -> Mark:
    start, stop = (part.start + at / part.fs for at in (one.start, one.stop))
    probability = "" if np.isnan(one.probability) else f"{one.probability:.6g}"
    return Mark(start, stop, what, _lead(part, one.lead), {"probability": probability, "windows": str(one.windows)})
