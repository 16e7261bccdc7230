"""``signalscreen explain``: from a model and a recording to figures and results."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from signalscreen.checksums import of_files
from signalscreen.cli import values
from signalscreen.cli.expected import expected, fit, say_taken
from signalscreen.cli.figure import FORMATS, save_figure
from signalscreen.cli.model import CHANNELS, MODEL, model_options
from signalscreen.cli.signal import checked_options, method_options, signal_options
from signalscreen.output import output_folder
from signalscreen.recording import Recording, read_recording
from signalscreen.recording.units import warn_of_rate
from signalscreen.results import FORMATS as RESULT_FORMATS
from signalscreen.results import Result, save_result, versions

if TYPE_CHECKING:
    from signalscreen.screening import Windows


@dataclass(frozen=True)
class _Job:
    """The command line, checked."""

    model: Path
    weights: Path | None
    until: str | None
    signal: str
    method: tuple[str, ...]
    target: str | None
    class_names: str | None
    out: Path
    fs: float | None
    start: float | None
    end: float | None
    lead: tuple[str, ...]
    annotator: str | None
    resample: float | None
    normalise: str | None
    window: float | None
    hop: float | None
    score: str
    option: tuple[str, ...]
    batch_size: int | None
    examine: bool
    formats: tuple[str, ...]
    save: tuple[str, ...]
    dpi: int
    overwrite: bool
    quiet: bool
    channels: str | None


@click.command(short_help="Explain a recording: figures and results.")
@MODEL
@click.argument("signal")
@model_options
@CHANNELS
@method_options()
@click.option("-o", "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder.")
@signal_options
@click.option(
    "--format",
    "formats",
    type=click.Choice(FORMATS),
    multiple=True,
    default=("png",),
    show_default=True,
    help="Of the figures; repeat for several.",
)
@click.option(
    "--save",
    type=click.Choice((*RESULT_FORMATS, "none")),
    multiple=True,
    default=("npz",),
    show_default=True,
    help="Form of the results; repeat for several.",
)
@click.option("--dpi", type=click.IntRange(10, 1200), default=150, show_default=True, help="Of PNG figures.")
@click.option("--overwrite/--no-overwrite", help="Replace files that are there; otherwise an error.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors and warnings.")
def explain(**given: Any) -> None:
    """Explain what MODEL makes of SIGNAL.

    MODEL is a .keras, .h5 or .hdf5 file, a SavedModel folder, or a .json architecture with --weights. SIGNAL is a
    WFDB record (with or without ending, or a PhysioNet name such as mitdb/100), .npy, .npz, .csv, .tsv or .txt. A
    signal longer than the model's input is explained window by window and the maps are joined; windows with gaps
    are left out.

    What the model's file says that it expects (rate, scaling, leads, classes: see signalscreen expects) is taken
    where an option is left out.

    Writes <record>_<method>.png and <record>_<method>.npz into the folder of --out.
    """
    job = _Job(**given)
    options = checked_options(job.option, job.method)
    expects = expected(job.model, job.until)
    job = _completed(job)
    recording = read_recording(
        job.signal, fs=job.fs, start=job.start, end=job.end, leads=list(job.lead) or None, annotator=job.annotator
    )
    recording = fit(recording, job.resample, job.normalise, expects)
    output_folder(job.out)
    _refuse_existing(job, recording)

    from signalscreen.models import load_model
    from signalscreen.screening import cut_for, input_shape

    model = load_model(job.model, weights=job.weights, until=job.until)
    _check_target(job.target, model)
    free = input_shape(model, job.channels)[0] is None
    window = expects.window if job.window is None and free else job.window
    windows = cut_for(model, recording, window=window, hop=job.hop, normalise=job.normalise, channels=job.channels)
    if job.resample is None and job.fs is None and job.window is None and recording.fs is not None:
        warn_of_rate(recording.fs)
    _say(job, _found(recording, windows))
    for method in job.method:
        result = _explained(job, model, recording, windows, method, options[method])
        for path in _paths(job, recording, method):
            if path.suffix[1:] in FORMATS:
                save_figure(result, path, job.dpi)
            else:
                save_result(result, path)
            _say(job, f"wrote {path}")


def _completed(job: _Job) -> _Job:
    """The command line, with what the model expects where an option was left out."""
    given = {"resample": job.resample, "normalise": job.normalise, "leads": job.lead or None}
    taken = say_taken(job.model, {**given, "class_names": job.class_names}, job.until, job.quiet)
    normalise = taken.get("normalise", job.normalise)
    return replace(
        job,
        resample=taken.get("resample", job.resample),
        normalise=None if normalise == "none" else normalise,
        lead=taken.get("leads", job.lead),
    )


def _check_target(text: str | None, model: Any) -> None:
    """A network that answers once per position needs a target that says which, in words fit for a terminal."""
    from signalscreen.errors import TargetError

    shapes = [tuple(t.shape[1:]) for t in getattr(model, "outputs", None) or []]
    target = values.target(text)
    if len(shapes) == 1 and len(shapes[0]) > 1 and not (callable(target) or isinstance(target, tuple)):
        sizes = " x ".join("any" if n is None else str(n) for n in shapes[0])
        raise TargetError(
            f"the model answers with {sizes} numbers, and target {text} does not name one; give --target mean:0 "
            '(or sum, max, min, of that unit over all positions), or one element such as --target "(120, 0)"'
        )


def _explained(
    job: _Job, model: Any, recording: Recording, windows: "Windows", method: str, options: dict[str, Any]
) -> Result:
    from signalscreen.score import Score
    from signalscreen.screening import explain_windows

    score = Score(
        model,
        values.target(job.target),
        score=job.score,
        class_names=values.names(job.class_names),
        batch_size=job.batch_size,
        progress=False if job.quiet else None,
        channels=job.channels,
        examine=job.examine,
    )
    explained = explain_windows(score, windows, len(recording), method, options)
    return Result(
        attribution=explained.attribution,
        recording=recording,
        method=method,
        options=options,
        target=str(job.target),
        score=explained.score,
        window_starts=windows.starts,
        window_length=windows.length,
        window_scores=explained.scores,
        window_targets=explained.targets,
        normalisation=job.normalise or "",
        model=job.model.name,
        model_sha256=of_files(job.model, job.weights),
        versions=versions(),
    )


def _paths(job: _Job, recording: Recording, method: str) -> list[Path]:
    record = Path(recording.source).stem or "signal"
    endings = [*dict.fromkeys(job.formats), *(s for s in dict.fromkeys(job.save) if s != "none")]
    return [job.out / f"{record}_{method}.{ending}" for ending in endings]


def _refuse_existing(job: _Job, recording: Recording) -> None:
    from signalscreen.errors import OutputError

    there = [p for method in job.method for p in _paths(job, recording, method) if p.exists()]
    if there and not job.overwrite:
        more = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
        raise OutputError(f"{there[0]} is already there{more}; give --overwrite or another --out")


def _found(recording: Recording, windows: "Windows") -> str:
    leads = ", ".join(f"{n} [{u}]" if u else n for n, u in zip(recording.names, recording.units, strict=True))
    size = (
        f"{len(recording)} samples" if recording.fs is None else f"{recording.duration:g} s at {recording.fs:g} Hz"
    )
    count = len(windows.starts)
    words = f"{recording.source}: {size}, {leads}; {count} window{'s' * (count != 1)} of {windows.length} samples"
    if recording.fs is not None:
        words += f" ({windows.length / recording.fs:g} s)"
    if len(windows.skipped):
        words += f", {len(windows.skipped)} left out because of gaps"
        if recording.fs is not None:
            words += " at " + _listed([f"{recording.time[s]:g} s" for s in windows.skipped])
    return words


def _listed(words: list[str], most: int = 8) -> str:
    return ", ".join(words[:most]) + (", ..." if len(words) > most else "")


def _say(job: _Job, words: str) -> None:
    if not job.quiet:
        click.echo(words)
