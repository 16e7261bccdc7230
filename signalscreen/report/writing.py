"""`write_report`: what is read, and where the page is put."""

import os
from collections.abc import Sequence
from pathlib import Path

from signalscreen.errors import OptionError, OutputError, RecordingError
from signalscreen.exports.part import Part, part_of
from signalscreen.output import atomically, output_folder
from signalscreen.report import origin, sections
from signalscreen.report.html import page
from signalscreen.report.worst import worst_windows
from signalscreen.screening import store as stores
from signalscreen.screening.summary import summarise
from signalscreen.verdicts import Verdict, read_verdicts

_NAME = "report.html"
_MOST_OVERVIEWS = 12  # of a database


def write_report(
    store: str | os.PathLike[str],
    path: str | os.PathLike[str] | None = None,
    *,
    record: str | None = None,
    worst: int = 12,
    method: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write one HTML page about a screened recording, or a database of them.

    It opens anywhere, offline, and prints on A4: no script, and a policy that forbids the browser to load
    anything. It holds the summary, an overview of each recording, the worst windows coloured by attribution, the
    relevance on bad signal beside chance, the verdicts of all reviewers, what the store was made with, and the
    command that makes it again. A store that is not finished is reported as far as it is, and the page says so.

    Parameters
    ----------
    store : path or URL
        What `screen_recording` or `screen_recordings` wrote.
    path : path, optional
        By default ``report.html`` in the store's folder.
    record : str, optional
        Of a database: only this one. By default one page with all records, the worst windows of all, and overviews
        of the twelve records that are flagged most.
    worst : int
        How many windows are drawn: those of the highest probability of the alarm (of the highest score, where there
        is no alarm), no two overlapping.
    method : str, optional
        Whose attributions are drawn; by default the first that was stored.
    overwrite : bool
        Replace a file that is there; otherwise an error.

    Returns
    -------
    Path

    Raises
    ------
    RecordingError
        There is no such store or record, or nothing of it is finished.
    OptionError
        The method is not in the store, or `worst` is no count.
    OutputError
        The file is there already, or cannot be written.

    Examples
    --------
    >>> import signalscreen as ss
    >>> ss.write_report("results.zarr", "106.html", worst=20)  # doctest: +SKIP
    """
    if isinstance(worst, bool) or not isinstance(worst, int) or worst < 0:
        raise OptionError(f"worst={worst!r} is no number of windows; give 0 or more")
    names = stores.records_of(store, record)
    target = _target(store, path, overwrite)
    wanted = None if method is None else [method]
    parts = [part_of(str(store), name, wanted, unfinished=True) for name in names]
    if not any(stores.shards_done(part.group).any() for part in parts):
        raise RecordingError(f"nothing of {store} is screened yet (0% done); run 'signalscreen screen' first")
    reviews = {part.name: _verdicts(stores.place_of(store, name)) for part, name in zip(parts, names, strict=True)}
    text = _page(stores.place_of(store, record), Path(store).name, parts, reviews, worst)
    output_folder(target.parent)
    with atomically(target) as part_path:
        part_path.write_text(text, encoding="utf-8")
    return target


def _page(where: str, name: str, parts: Sequence[Part], reviews: sections.Reviews, most: int) -> str:
    several = len(parts) > 1
    summaries = summarise(where)
    found = worst_windows(parts, most)
    methods = parts[0].methods
    method = methods[0] if methods else None
    most_flagged = sorted(range(len(parts)), key=lambda i: -summaries[i].flagged / max(summaries[i].windows, 1))
    shown = [parts[i] for i in sorted(most_flagged[:_MOST_OVERVIEWS])]
    title = f"Screening of {name if several else parts[0].name}"
    inside = [
        sections.summary(summaries),
        sections.overview(shown, len(parts), reviews, method),
        sections.bad_signal(summaries[0]) if not several else "",
        sections.worst(found, several, method, reviews),
        origin.verdicts(reviews, parts),
        origin.made(parts, name if record is None else f"{record}.zarr", several),
    ]
    return page(title, sections.header(parts, summaries, title, reviews), inside)


def _target(store: str | os.PathLike[str], path: str | os.PathLike[str] | None, overwrite: bool) -> Path:
    if path is None and "://" in str(store):
        raise OptionError(f"{store} is no folder of this computer; say where the page is to be (--out)")
    target = Path(store) / _NAME if path is None else Path(path)
    if target.is_dir():
        target = target / _NAME
    if target.exists() and not overwrite:
        raise OutputError(f"{target} is already there; give another name, or overwrite (--overwrite)")
    return target


def _verdicts(store: str) -> list[Verdict]:
    return [] if "://" in store else read_verdicts(store)  # they are kept in folders
