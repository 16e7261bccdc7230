"""Shared fixtures: where the real data lie, and quiet, reproducible runs."""

import gc
import os
import shutil
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from hypothesis import settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
matplotlib.use("Agg")

# No test is timed: a machine may be busy.
settings.register_profile("signalscreen", deadline=None)
settings.load_profile("signalscreen")

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # a shell's background job, whose children would ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

collect_ignore = ["old_models"]  # a script for other Pythons and Kerases

DATA = Path(os.environ.get("SIGNALSCREEN_DATA", Path(__file__).parents[2] / "shared" / "data"))
GOLDEN = DATA.parent / "golden"


def pytest_collection_finish() -> None:
    """Traces are a million objects that stay: to look for garbage among them takes a sixteenth of all time."""
    gc.collect()
    gc.freeze()  # what was imported
    gc.set_threshold(50_000, 10, 10)


@pytest.fixture(autouse=True, scope="session")
def _rules_that_fail_loudly() -> None:
    """A rule of the walk over axes that fails is a fault of ours, which a user would not see."""
    from signalscreen.axes import walk

    walk.UNEXPECTED = ()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings and models; the test is skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"real data not found at {DATA}; set SIGNALSCREEN_DATA to the folder that holds it")
    return DATA


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium, for the tests of a file; they are skipped where there is none."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (pip install playwright)"
    )
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    if not any(found):
        pytest.skip("no Chromium on this computer (Debian: apt install chromium)")
    with playwright.sync_playwright() as started:
        # --no-sandbox: tests may run as root, and the only pages are ours.
        opened = started.chromium.launch(executable_path=next(filter(None, found)), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def loaded_once() -> Iterator[None]:
    """Commands on one file share its model, and what was traced of it."""
    with pytest.MonkeyPatch.context() as patch:
        from signalscreen import models

        patch.setattr(models, "load_model", cache(models.load_model))
        yield


@pytest.fixture
def always_by_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    """No job is too small to be run by patches, and no gain: the networks of tests would all be run in full."""
    monkeypatch.setattr("signalscreen.edited._SMALL_JOB", 0)
    monkeypatch.setattr("signalscreen.patches.plan.WORTH_WHILE", 0.0)


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of reference results made by running the older systems."""
    if not GOLDEN.is_dir():
        pytest.skip(f"golden files not found at {GOLDEN}; set SIGNALSCREEN_DATA to the folder beside them")
    return GOLDEN
