"""``signalscreen screen``: hours of recording, or a folder of them, through a model and into a store."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import click

from signalscreen.cli import values
from signalscreen.cli.expected import say_taken
from signalscreen.cli.model import CHANNELS, model_options
from signalscreen.cli.signal import checked_options, method_options, signal_options
from signalscreen.cli.writing import print_table
from signalscreen.output import atomically
from signalscreen.quality.spans import KINDS

_EXPLAIN = ("all", "flagged", "none")


@click.command(short_help="Screen a long recording, or a folder of them.")
@click.argument("record")
@click.option("--model", type=click.Path(path_type=Path), required=True, help=".keras, .h5, SavedModel or .json.")
@model_options
@CHANNELS
@method_options(required=False)
@click.option("-o", "--out", required=True, metavar="STORE", help="results.zarr: a folder, or a URL for fsspec.")
@click.option("--explain", type=click.Choice(_EXPLAIN), default="all", show_default=True, help="Which windows.")
@click.option("--alarm", metavar="CLASS", help="Class that flags a window; by default the target, or the only one.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Of the alarm.  [default: the model's, or 0.5]")
@click.option("--each-lead", is_flag=True, help="Screen each lead by itself, with a model that takes one.")
@signal_options
@click.option("--kind", type=click.Choice(KINDS), help="What the signal is of.  [default: the model's, or ecg]")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes on this computer (Dask).")
@click.option("--scheduler", metavar="tcp://…", help="A Dask cluster that is running.")
@click.option("--overwrite/--no-overwrite", help="Replace a store of other settings; otherwise an error.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors and warnings.")
def screen(**given: Any) -> None:
    """Score every window of RECORD, explain them, and keep it all in one store.

    RECORD is a WFDB record, .npy, .npz or .csv, or a folder of records. The recording is read by slices, so a day
    needs no more memory than an hour. Run the same command again to take up a run that was stopped; what was
    finished is not done again. A store made with other settings is never mixed in: the difference is named.

    What the model's file says that it expects (rate, scaling, leads, classes, alarm: see signalscreen expects) is
    taken where an option is left out.

    \b
    signalscreen screen mitdb/106 --model data/ecg_quality.keras --each-lead \\
        --explain flagged -m integrated_gradients --out 106.zarr
    signalscreen review 106.zarr
    """  # noqa: D301 - Click needs the character itself: it keeps the lines below as they are
    from signalscreen.screening import screen_recording, screen_recordings, summarise

    record, out, quiet = given["record"], given["out"], given["quiet"]
    options = _options(given)
    methods = checked_options(given["option"], given["method"] or ("saliency",))
    say_taken(given["model"], options, given["until"], quiet or given["as_json"])
    several = Path(record).is_dir()
    with _stoppable(out), _executor(given["workers"], given["scheduler"]) as executor:
        (screen_recordings if several else screen_recording)(
            record,
            given["model"],
            methods,
            out=out,
            overwrite=given["overwrite"],
            executor=executor,
            progress=False if quiet else None,
            **options,
        )
    found = summarise(out)
    if several and "://" not in out:
        _write_table(Path(out) / "summary.csv", found)
    if given["as_json"]:
        click.echo(json.dumps([one.as_dict() for one in found], indent=1))
    elif not quiet:
        _say(found, out)


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """What `screen_recording` takes by the same name, and what it takes in another form."""
    same = (
        *(
            "score",
            "explain",
            "alarm",
            "threshold",
            "window",
            "hop",
            "each_lead",
            "fs",
            "start",
            "end",
            "annotator",
        ),
        *("resample", "normalise", "kind", "batch_size", "examine", "weights", "until", "channels"),
    )
    return {
        **{name: given[name] for name in same},
        "target": values.target(given["target"]),
        "class_names": values.names(given["class_names"]),
        "leads": list(given["lead"]) or None,
    }


@contextmanager
def _stoppable(out: str) -> Iterator[None]:
    """Ctrl-C ends it as a shell expects, and says that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"stopped; what was finished is kept in {out}: run the same again to go on", err=True)
        raise click.exceptions.Exit(130) from None


def _executor(workers: int | None, scheduler: str | None) -> Any:
    if workers is None and scheduler is None:
        return nullcontext()
    if workers is not None and scheduler is not None:
        raise click.UsageError("--workers starts a cluster and --scheduler names one that runs; give one of them")
    from signalscreen.screening.clusters import executor_of

    return executor_of(workers=workers, scheduler=scheduler)


def _say(found: list[Any], out: str) -> None:
    from signalscreen.screening.summary import table

    rows = table(found)
    print_table(rows, right=tuple(i for i, name in enumerate(rows[0]) if name not in ("record", "top classes")))
    if any(one.relevance for one in found):
        click.echo("on bad: share of the relevance on bad signal (and of the time explained, which is chance)")
    first = "" if "://" not in out else "copy the store to this computer, then "
    click.echo(f"look at it: {first}signalscreen review {'STORE' if first else out}")


def _write_table(path: Path, found: list[Any]) -> None:
    """The summary beside the stores, for a spreadsheet."""
    from signalscreen.screening.summary import plain_table

    text = io.StringIO()
    csv.writer(text).writerows(plain_table(found))
    with atomically(path) as part:
        part.write_text(text.getvalue(), encoding="utf-8")
