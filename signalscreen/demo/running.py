"""``signalscreen demo``: the steps, and what is said about them."""

import shlex
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from signalscreen.demo.example import ARTEFACTS, NAME, write_example
from signalscreen.demo.screening import HOP, METHODS, THRESHOLD, WINDOW, Screening, explanations, screen
from signalscreen.errors import ModelError, OutputError

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
