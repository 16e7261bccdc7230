"""``signalscreen demo``: the steps, and what is said about them."""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from signalscreen.demo import figures, report
from signalscreen.demo.example import write_example
from signalscreen.demo.screening import METHODS, Screening, explained, screen
from signalscreen.errors import ModelError
from signalscreen.output import output_folder
from signalscreen.recording import read_recording

Say = Callable[[str], None]


def quality_model_path() -> Path:
    """Find the ECG quality network: in the installed package, or in ``data/`` of a checkout.

    Raises
    ------
    ModelError
        When it is in neither.
    """
    package = Path(__file__).parents[1]
    places = (package / "_data" / "ecg_quality.keras", package.parent / "data" / "ecg_quality.keras")
    for place in places:
        if place.is_file():
            return place
    raise ModelError(
        f"the ECG quality network is neither at {places[0]} nor at {places[1]}; "
        "install the package again, or train it with data/train_ecg_quality.py"
    )


def run(out: Path, *, quiet: bool = False) -> Screening:
    """Make a recording with known artefacts, screen it, explain what was flagged, and draw and say all that.

    Parameters
    ----------
    out
        Folder for the recording, one figure per method and an overview. It is made if it is not there;
        files of the same names are replaced, others are left alone.
    quiet
        Print nothing and show no progress.

    Returns
    -------
    Screening
        What was found, with the map of each method.

    Raises
    ------
    OutputError
        When the folder cannot be made or written to.
    ModelError
        When the quality network is missing.
    """
    say: Say = (lambda _: None) if quiet else tqdm.write
    model_path = quality_model_path()
    record = write_example(output_folder(out))
    say(report.made(record))
    with tqdm(total=2 + 2 * len(METHODS), disable=quiet, leave=False, unit="step") as bar:
        screening = _explained(record, model_path, bar)
        for name in METHODS:
            bar.set_description(f"drawing {name}")
            figures.save(figures.method_figure(screening, name), out / f"method_{name}.png")
            bar.update()
        figures.save(figures.overview(screening), out / "overview.png")
    say(report.found(screening))
    say(report.pointing(screening))
    say(report.next_steps(out, record, model_path))
    return screening


def _explained(record: Path, model_path: Path, bar: "tqdm[NoReturn]") -> Screening:
    bar.set_description("loading the network")
    from signalscreen.models import load_model

    model = load_model(model_path)
    bar.update()
    bar.set_description("screening")
    screening = screen(read_recording(record), model)
    bar.update()
    for name in METHODS:
        bar.set_description(name)
        screening.maps[name] = explained(screening, model, name)
        bar.update()
    return screening
