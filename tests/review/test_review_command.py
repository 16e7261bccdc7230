"""``signalscreen review``: what it prints, warns of and refuses."""

import re
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from signalscreen import review as reviews
from signalscreen.cli import main

from .asking import ask
from .stores import write_store


def _run(*words: object) -> Result:
    return CliRunner().invoke(main, ["review", *map(str, words)], catch_exceptions=False)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, dict[str, object]]]:
    """What `serve` was called with, instead of a server that has no end."""
    found: list[tuple[object, dict[str, object]]] = []
    monkeypatch.setattr(reviews, "serve", lambda store, **given: found.append((store, given)))
    return found


def test_a_true_process_serves_without_tensorflow(tmp_path: Path) -> None:
    path = write_store(tmp_path / "a.zarr", n=5000)
    code = (
        "import sys; from signalscreen.cli import main\n"
        "try: main(['review', '--help'])\n"
        "except SystemExit: print('end of help', flush=True)\n"
        "loaded = {'zarr', 'xarray', 'tornado', 'bokeh', 'dask', 'tensorflow'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
        "try: main(['review', sys.argv[1], '--no-browser', '--reviewer', 'Bo'])\n"
        "except SystemExit as end: assert end.code == 0, end\n"
        "assert 'bokeh' in sys.modules\n"
        "loaded = {'tensorflow', 'keras', 'pandas'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    words = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            _asked_and_ended(process)
        finally:
            process.kill()


def _asked_and_ended(process: "subprocess.Popen[str]") -> None:
    """It answers, and Ctrl-C ends it."""
    assert process.stdout is not None
    assert process.stderr is not None
    while process.stdout.readline() != "end of help\n":
        assert process.poll() is None, process.stderr.read()
    line = process.stdout.readline()
    found = re.fullmatch(r"review at (http://127\.0\.0\.1:\d+/[\w-]{32}/)\n", line)
    assert found, line + process.stderr.read()
    assert ask(found[1], "api/info").json["reviewer"] == "Bo"
    assert b"Bokeh" in ask(found[1], "").content
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0, process.stderr.read()
    assert process.stderr.read() == ""


def test_options_reach_the_server(tmp_path: Path, served: list[tuple[object, dict[str, object]]]) -> None:
    path = write_store(tmp_path / "a.zarr", n=2000)
    assert _run(path, "--port", 8123, "--reviewer", "Zoë", "--no-browser").exit_code == 0
    assert served == [(str(path), {"port": 8123, "reviewer": "Zoë", "open_browser": False})]


def test_an_unfinished_store_is_opened_with_a_warning(
    tmp_path: Path, served: list[tuple[object, dict[str, object]]]
) -> None:
    path = write_store(tmp_path / "a.zarr", n=40_000, finished=False)
    found = _run(path)
    assert found.exit_code == 0
    assert "warning: made is screened to 75 % only" in found.stderr
    assert len(served) == 1


def test_what_cannot_be_reviewed_is_said_in_a_line(tmp_path: Path) -> None:
    assert _run("s3://bucket/a.zarr").stderr == (
        "error: s3://bucket/a.zarr is not on a disk of this computer; copy the store here to review it\n"
    )
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "none", tmp_path / "file", tmp_path):
        found = _run(path)
        assert found.exit_code == 1
        assert re.fullmatch(r"error: .*\n", found.stderr)


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = import_module("signalscreen.cli.review")  # the command of this name hides its module
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    found = _run(write_store(tmp_path / "a.zarr", n=2000))
    assert found.exit_code == 1
    assert found.stderr == "error: the review needs bokeh; install signalscreen[review]\n"
