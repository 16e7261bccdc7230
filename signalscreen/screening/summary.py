"""What a screening found, a line per record: read from the store, shard by shard. No TensorFlow."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from signalscreen.quality import FLAGS, Share, shares_of, sums_on_bad
from signalscreen.screening import store


@dataclass(frozen=True)
class RecordSummary:
    """One record.

    Attributes
    ----------
    record : str
    hours : float
        Of signal.
    done : float
        Share of the shards that are finished; all else counts those only.
    windows, flagged, gaps, unanswered : int
        Windows (each lead counts where leads were screened one by one), those above the threshold, those left out
        because a sample is missing, and those for which the model gave NaN or infinity.
    classes : dict of str to int
        How many windows each class is the highest of, most first; empty where there is one class only.
    completeness : dict of str to float
        Of each method that promises completeness: the largest part of a change of the score that attributions miss.
    bad : dict of str to float
        Share of the signal that is bad, by kind.
    relevance : dict of str to dict of str to Share
        Of each method: which share of the relevance lies on each kind of bad signal, and of the explained time.
    seconds : float
        Spent on it.
    unanswered_s : tuple of float
        Seconds of the record at which the windows begin that the model gave no number for.
    """

    record: str
    hours: float
    done: float
    windows: int
    flagged: int
    gaps: int
    classes: dict[str, int] = field(default_factory=dict)
    completeness: dict[str, float] = field(default_factory=dict)
    bad: dict[str, float] = field(default_factory=dict)
    relevance: dict[str, dict[str, Share]] = field(default_factory=dict)
    seconds: float = 0.0
    unanswered: int = 0
    unanswered_s: tuple[float, ...] = ()

    @property
    def answered(self) -> int:
        """Windows for which the model gave a number."""
        return self.windows - self.gaps - self.unanswered

    def as_dict(self) -> dict[str, Any]:
        """For JSON, which knows no NaN: None where there is no number."""
        plain = asdict(self)
        plain["relevance"] = {m: {k: s._asdict() for k, s in found.items()} for m, found in self.relevance.items()}
        return dict(_without_nan(plain))


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value


def summarise(path: str | os.PathLike[str]) -> list[RecordSummary]:
    """Sum up what `screen_recording` or `screen_recordings` wrote.

    Parameters
    ----------
    path : path or URL
        A store, or a database of them.

    Returns
    -------
    list of RecordSummary
        One per record, by name.

    Raises
    ------
    RecordingError
        If there is no such store, or it is damaged.
    """
    return [_record(store.vouched(path, name), name) for name in store.records_of(path)]


def _record(group: Any, name: str | None = None) -> RecordSummary:
    attrs = group.attrs
    done = store.shards_done(group)
    rows = store.window_rows(group, done)
    unanswered = np.flatnonzero(store.unanswered(group) & rows)
    samples = group["signal"].shape[0]
    methods = list(attrs["methods"])
    sums, bad = _sums(group, np.flatnonzero(done), methods)
    return RecordSummary(
        record=attrs["source"] if name is None else name,
        hours=samples / attrs["fs"] / 3600,
        done=float(done.mean()),
        windows=int(rows.sum()),
        flagged=int(group["flagged"][:][rows].sum()),
        gaps=int(group["gap"][:][rows].sum()),
        classes=_classes(group, rows),
        completeness=_completeness(group, methods),
        bad={kind: share.time for kind, share in shares_of(bad).items()},
        relevance={method: shares_of(found) for method, found in sums.items()},
        seconds=float(np.nansum(group["seconds"][:])),
        unanswered=len(unanswered),
        unanswered_s=tuple(group["window_start_s"][:][unanswered].tolist()),
    )


def _sums(group: Any, shards: Iterable[int], methods: Sequence[str]) -> tuple[dict[str, Any], Any]:
    """Sums over shards of relevance on bad signal for each method, and of the signal itself."""
    size = group.attrs["shard_samples"]
    zero = np.zeros((len(FLAGS) + 2, 2))
    total, signal = {method: zero.copy() for method in methods}, zero.copy()
    for number in shards:
        here = slice(int(number) * size, (int(number) + 1) * size)
        bits = group["bad"][here]
        signal += sums_on_bad(np.where(np.isnan(group["signal"][here]), np.nan, 1.0), bits)
        for method in methods:
            attribution = group[f"attribution_{method}"][here]
            if np.isfinite(attribution).any():
                total[method] += sums_on_bad(attribution, bits)
    return total, signal


def _classes(group: Any, rows: Any) -> dict[str, int]:
    names = group["class"][:].tolist()
    if len(names) < 2:
        return {}
    probability = group["probability"][:][rows]
    highest = np.argmax(probability[np.isfinite(probability).all(axis=1)], axis=1)
    counts = np.bincount(highest, minlength=len(names))
    return {names[i]: int(counts[i]) for i in np.argsort(-counts, kind="stable") if counts[i]}


def _completeness(group: Any, methods: Iterable[str]) -> dict[str, float]:
    found = {}
    for method in methods:
        if f"completeness_{method}" in group:
            missed = np.abs(group[f"completeness_{method}"][:])
            found[method] = float(np.nanmax(missed)) if np.isfinite(missed).any() else float("nan")
    return found


def table(summaries: Sequence[RecordSummary]) -> list[list[str]]:
    """Rows of text, the header first.

    The last columns hold, for each method, the share of its relevance on bad signal, with the share of the
    explained time that is bad, which is chance, in brackets. A column counts windows that the model gave no number
    for, where there are any.
    """
    methods = list(dict.fromkeys(m for s in summaries for m in s.relevance))
    some = ["unanswered"] if any(s.unanswered for s in summaries) else []
    head = ["record", "hours", "windows", "flagged", "gaps", *some, "top classes", "incomplete", "bad signal"]
    rows = [[*head, *(f"{m} on bad" for m in methods), "seconds"]]
    for s in summaries:
        top = ", ".join(f"{name} {count}" for name, count in list(s.classes.items())[:3]) or "-"
        worst = max(s.completeness.values(), default=float("nan"))
        unfinished = "" if s.done == 1 else f" ({s.done:.0%} done)"
        rows.append(
            [
                f"{s.record}{unfinished}",
                f"{s.hours:.2f}" if s.hours >= 0.01 else f"{s.hours:.4f}",
                str(s.windows),
                f"{s.flagged} ({_percent(s.flagged / max(s.answered, 1))})",
                str(s.gaps),
                *([str(s.unanswered)] if some else []),
                top,
                "-" if np.isnan(worst) else f"{worst:.2g}",
                _percent(s.bad["any"]),
                *(_on_bad(s.relevance.get(m)) for m in methods),
                f"{s.seconds:.1f}",
            ]
        )
    return rows


def plain_table(summaries: Sequence[RecordSummary]) -> list[list[str | int | float]]:
    """The same for programs and spreadsheets, the header first: a number a cell, shares from 0 to 1, "" for none.

    ``METHOD on bad`` is followed by ``METHOD chance``, and each class has a column with how many windows it is the
    highest of.
    """
    methods = list(dict.fromkeys(m for s in summaries for m in s.relevance))
    classes = list(dict.fromkeys(name for s in summaries for name in s.classes))
    head = ["record", "done", "hours", "windows", "flagged", "gaps", "unanswered"]
    head += [f"highest {name}" for name in classes]
    head += [
        "incomplete",
        "bad signal",
        *(f"{m} {what}" for m in methods for what in ("on bad", "chance")),
        "seconds",
    ]
    rows: list[list[str | int | float]] = [[*head]]
    for s in summaries:
        worst = max(s.completeness.values(), default=float("nan"))
        shares = [s.relevance.get(m, {}).get("any", Share(np.nan, np.nan)) for m in methods]
        numbers = [
            s.done,
            s.hours,
            s.windows,
            s.flagged,
            s.gaps,
            s.unanswered,
            *(s.classes.get(name, 0) for name in classes),
            worst,
        ]
        numbers += [s.bad["any"], *(one for share in shares for one in share), s.seconds]
        rows.append([s.record, *("" if np.isnan(one) else one for one in numbers)])
    return rows


def _on_bad(shares: dict[str, Share] | None) -> str:
    share = Share(np.nan, np.nan) if shares is None else shares["any"]
    return "-" if np.isnan(share.relevance) else f"{_percent(share.relevance)} ({_percent(share.time)})"


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"
