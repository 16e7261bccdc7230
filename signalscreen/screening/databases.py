"""`screen_recordings`: many recordings through one model, into a store that has one of its own for each."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from signalscreen.errors import (
    CompletenessWarning,
    NonFiniteWarning,
    OutputError,
    RecordingError,
    SignalScreenError,
    SignalScreenWarning,
    warn,
)
from signalscreen.recording.reading import FILE_ENDINGS
from signalscreen.screening import allocation, store
from signalscreen.screening.expected import warn_of_doubts, warn_of_flagged
from signalscreen.screening.following import unanswered_said
from signalscreen.screening.job import Job
from signalscreen.screening.making import clearly, existing, made, one_at_a_time
from signalscreen.screening.progress import bar
from signalscreen.screening.ready import Ready, Task, load, prepare, tasks_of
from signalscreen.screening.running import INCOMPLETE, Opened, check_workers, done, job_of
from signalscreen.screening.strays import at_work
from signalscreen.screening.summary import RecordSummary, summarise


def screen_recordings(
    records: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    model: Any,
    method: Any = "saliency",
    *,
    out: str | os.PathLike[str],
    overwrite: bool = False,
    executor: Executor | None = None,
    progress: bool | None = None,
    **options: Any,
) -> list[RecordSummary]:
    """Screen all recordings of a folder, or those listed; what was done is not done again.

    Parameters
    ----------
    records : path, or sequence of paths
        A folder with WFDB records (those of its file RECORDS, where there is one) or other recordings; or the
        recordings themselves.
    model, method, overwrite, executor, progress, **options
        As `screen_recording` takes them.
    out : path or URL
        The database: a Zarr group with one store for each record, under its name. Records of one name in
        several folders have their folders' names before theirs: ``a-1`` and ``b-1``.

    Returns
    -------
    list of RecordSummary
        Of all that is in the database. Records that could not be screened are named in a warning.

    Raises
    ------
    SignalScreenError
        No record is there, one is listed twice, none could be screened, or the disk is full.
    """
    out = store.located(out)
    found = records_of(records)
    jobs = {name: job_of(path, model, method, f"{out.rstrip('/')}/{name}", options) for name, path in found}
    for job in jobs.values():
        check_workers(job, executor)
    _name(out, [])
    with clearly(out):
        tasks, failed, opened = _prepared(jobs, overwrite, progress)
    if len(failed) == len(found):
        name, reason = next(iter(failed.items()))
        raise RecordingError(f"none of {len(found)} records could be screened; {name}: {reason}")
    _name(out, jobs.keys() - failed.keys())
    with clearly(out), at_work(out), bar(tasks, f"{len(found)} records", progress) as shown:
        for task, error in done(tasks, executor, opened):
            shown.update(task.hours)
            if error is not None:
                failed.setdefault(task.job.out.rsplit("/", 1)[-1], error)
    _said(failed, len(found))
    summary = summarise(out)
    ours = [one for one in summary if one.record in jobs]
    _warn_incomplete(ours)
    for one in ours:
        if one.unanswered:
            said = unanswered_said(one.unanswered_s, one.windows - one.gaps)
            warn(f"{one.record}: {said}", NonFiniteWarning)
    warn_of_flagged(sum(one.flagged for one in ours), sum(one.windows - one.gaps for one in ours))
    return summary


def records_of(records: Any) -> list[tuple[str, Path]]:
    """Names and paths of the recordings in a folder, or of those listed, by name.

    Raises
    ------
    RecordingError
        None is there, or one is there twice.
    """
    if isinstance(records, str | os.PathLike):
        folder = Path(records)
        if not folder.is_dir():
            raise RecordingError(f"there is no folder {folder}; give one with recordings in it")
        paths = _in_folder(folder)
    else:
        paths = [Path(path) for path in records]
    if not paths:
        raise RecordingError(f"{records} holds no recording; give WFDB records (.hea), {', '.join(FILE_ENDINGS)}")
    return sorted(zip(_names(paths), paths, strict=True))


def _names(paths: Sequence[Path]) -> list[str]:
    """Names of records: those of their files, with as many of their folders as it takes to tell them apart.

    ``a/1`` and ``b/1`` are called ``a-1`` and ``b-1``: a name is one of a file and of a page, too.
    """
    parts = [_resolved(path) for path in paths]
    names = [each[-1] for each in parts]
    for depth in range(2, max(map(len, parts), default=0) + 1):
        count = Counter(names)
        if len(count) == len(names):
            break
        names = [
            "-".join(each[-depth:]) if count[name] > 1 else name for name, each in zip(names, parts, strict=True)
        ]
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise RecordingError(
            f"two recordings are called {twice}; name each once, or screen them into different stores"
        )
    return names


def _resolved(path: Path) -> list[str]:
    """Folders and name of a recording; the name without its ending."""
    folders = [part for part in path.parent.resolve().parts if part.strip(os.sep)]
    return [*folders, path.name if not path.suffix else path.stem]


def _in_folder(folder: Path) -> list[Path]:
    """Records listed in RECORDS; else all headers but those of segments, else other recordings."""
    listed = folder / "RECORDS"
    if listed.is_file():
        lines = [line.strip() for line in listed.read_text(errors="replace").splitlines()]
        return [folder / line for line in lines if line and not line.startswith("#")]
    headers = sorted(header for header in folder.glob("*.hea") if header.is_file())
    if headers:
        segments = {name for header in headers for name in _segments(header)}
        return [header.with_suffix("") for header in headers if header.stem not in segments]
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in FILE_ENDINGS and p.is_file())
    texts = [p for p in files if p.suffix.lower() == ".txt"]  # beside other kinds of files these are notes
    return [p for p in files if p not in texts] or texts


def _segments(header: Path) -> list[str]:
    """Names of the segments of a record; a header with segments says ``name/count`` in its first line."""
    lines = [line for line in header.read_text(errors="replace").splitlines() if line and not line.startswith("#")]
    if not lines or "/" not in lines[0].split()[0]:
        return []
    return [line.split()[0] for line in lines[1:]]


def _prepared(
    jobs: Mapping[str, Job], overwrite: bool, progress: bool | None
) -> tuple[list[Task], dict[str, SignalScreenError], Opened]:
    """What is left to do, what is wrong with which record, and how a record is opened.

    Every record is checked, and has its store, before work starts; methods are tried on the first only. None is
    kept open: thousands would not fit into memory.
    """
    tasks: list[Task] = []
    failed: dict[str, SignalScreenError] = {}
    model, methods = None, None
    shown = None if progress is None else not progress
    for name, job in tqdm(jobs.items(), "making ready", disable=shown, unit=" records", leave=False):
        try:
            model = load(job) if model is None else model
            ready = prepare(job, model)
            warn_of_doubts(ready.job, ready.stream)
            arrays, methods = made(ready, overwrite, methods)
        except OutputError:
            raise
        except SignalScreenError as error:
            failed[name] = error
            continue
        tasks += tasks_of(ready, np.flatnonzero(~store.shards_done(arrays)).tolist())

    @lru_cache(maxsize=2)  # the one that is worked on, and the next
    def opened(job: Job) -> tuple[Ready, store.Arrays]:
        ready = prepare(job, model)
        _check_unchanged(ready)
        return ready, store.arrays_of(job.out)

    return tasks, failed, opened


def _check_unchanged(ready: Ready) -> None:
    """The recording is still that of the store: on a thousand others before it hours may have been spent."""
    facts = json.loads(store.opened(ready.job.out).attrs["facts"])
    if ready.stream.checksum() != facts["settings"]["record"]["checksum"]:
        raise RecordingError(
            f"{ready.job.record} has changed since the run began; put it back, or run the same with --overwrite"
        )


def _warn_incomplete(found: Sequence[RecordSummary]) -> None:
    """Say once for each method, for all records, where attributions do not add up."""
    for method in {method: None for one in found for method in one.completeness}:
        missed = {one.record: one.completeness.get(method, 0.0) for one in found}
        over = [name for name, share in missed.items() if share > INCOMPLETE]
        if over:
            worst = max(over, key=missed.__getitem__)
            warn(
                f"{method}: in {len(over)} of {len(found)} records attributions miss the change of the score by "
                f"more than {INCOMPLETE:.0%} of it (worst {missed[worst]:.2g}, in {worst}); more steps or a "
                "tolerance would bring them closer",
                CompletenessWarning,
            )


def _name(out: str, records: Iterable[str]) -> None:
    """Add records to those that a database names, and make it where it is not there.

    Other processes may add theirs meanwhile: what it names is read anew.
    """
    with clearly(out), one_at_a_time(out):
        attrs = existing(out)
        if attrs is not None and "records" not in attrs:
            raise OutputError(f"{out} is the store of one recording; give another --out for several")
        allocation.create_database(out, sorted({*(attrs or {}).get("records", []), *records}))


def _said(failed: Mapping[str, SignalScreenError], count: int) -> None:
    if failed:
        shown = "; ".join(f"{name}: {error}" for name, error in list(failed.items())[:5])
        more = f"; and {len(failed) - 5} more" if len(failed) > 5 else ""
        warn(f"{len(failed)} of {count} records were not screened to the end ({shown}{more})", SignalScreenWarning)
