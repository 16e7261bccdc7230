"""The command of the report, run by the command line itself, asks for what the store was made with."""

import json
import shlex
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import signalscreen as ss
from signalscreen.cli import main
from signalscreen.exports.part import part_of
from signalscreen.report.redo import command, unsaid
from signalscreen.targets import Unit

# What is asked for is said by the settings, not by a model's file.
pytestmark = [
    pytest.mark.filterwarnings("ignore::signalscreen.errors.RateWarning"),
    pytest.mark.filterwarnings("ignore::signalscreen.errors.MostlyFlaggedWarning"),
]

FS = 100.0
X = np.random.default_rng(0).normal(size=(1000, 2)).astype("float32")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of two leads, and a network of one lead as architecture and weights."""
    folder = tmp_path_factory.mktemp("redo")
    np.savez(folder / "r.npz", signal=X, fs=FS, names=["II", "V1"])
    np.save(folder / "plain.npy", X)
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [
            keras.Input((100, 1)),
            keras.layers.Conv1D(3, 5, activation="relu", name="conv"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    (folder / "net.json").write_text(net.to_json())
    net.save_weights(folder / "net.weights.h5")
    net.save(folder / "net.keras")
    return folder


def facts(store: Path) -> dict[str, Any]:
    """An alarm by its number is a word on the command line."""
    found = dict(part_of(str(store)).facts)
    alarm = found["settings"]["alarm"]
    return {**found, "settings": {**found["settings"], "alarm": alarm if alarm is None else str(alarm)}}


def again(store: Path, folder: Path, out: Path, record: str = "r.npz", model: Path | None = None) -> dict[str, Any]:
    """Run the command that the store's report gives, with the paths of this computer."""
    words = shlex.split(command([part_of(str(store))], str(folder / record), str(out)))[1:]
    for flag in ("--model", "--weights"):
        if flag in words:
            words[words.index(flag) + 1] = str((model or folder) / words[words.index(flag) + 1])
    done = CliRunner().invoke(main, [*words, "-q"])
    assert done.exit_code == 0, done.output
    return facts(out)


LEAD = {"leads": "II"}
EACH = {"each_lead": True}


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("net.json", {**LEAD, "weights": "net.weights.h5", "target": 1}),
        ("net.keras", {**LEAD, "until": "conv", "target": Unit("conv", 2), "explain": "all"}),
        ("net.keras", {**LEAD, "target": Unit("conv", None, 3), "window": 1.0}),
        ("net.keras", {**LEAD, "target": np.int64(1), "hop": 0.25, "kind": "ppg"}),
        ("net.keras", {**EACH, "target": "b", "class_names": ["a", "b"], "explain": "flagged", "threshold": 0.25}),
        ("net.keras", {**EACH, "target": 0, "start": 1.5, "end": 7.25, "alarm": 1, "explain": "flagged"}),
        ("net.keras", {"leads": [1], "target": 0, "normalise": "zscore", "score": "probability"}),
        ("net.keras", {**LEAD, "target": 0, "resample": 80.0, "channels": "last", "examine": False}),
        (
            "net.keras",
            {
                **LEAD,
                "target": 0,
                "method": {
                    "occlusion": {"window": 9, "stride": 3, "fill": "local_mean"},
                    "smooth_grad": {"level": 1.0, "samples": 2, "seed": 4},
                },
            },
        ),
    ],
)
def test_the_command_makes_the_store_again(files: Path, tmp_path: Path, model: str, options: dict) -> None:
    """The fingerprint is over all that the numbers depend on."""
    given = {**options, **({"weights": files / "net.weights.h5"} if "weights" in options else {})}
    ss.screen_recording(files / "r.npz", files / model, out=tmp_path / "a.zarr", progress=False, **given)
    made = again(tmp_path / "a.zarr", files, tmp_path / "b.zarr")
    assert made["settings"] == facts(tmp_path / "a.zarr")["settings"]
    assert made.get("examine", True) is options.get("examine", True)
    assert unsaid([part_of(str(tmp_path / "a.zarr"))]) == []


def test_a_rate_that_was_said_is_said_again(files: Path, tmp_path: Path) -> None:
    given = {"fs": FS, "leads": [0], "target": 0}
    ss.screen_recording(files / "plain.npy", files / "net.keras", out=tmp_path / "a.zarr", progress=False, **given)
    made = again(tmp_path / "a.zarr", files, tmp_path / "b.zarr", "plain.npy")
    assert (made["reading"]["fs"], made["reading"]["leads"]) == (FS, ["0"])
    assert made["settings"] == facts(tmp_path / "a.zarr")["settings"]


def test_a_reduction_of_the_command_line_is_said_again(files: Path, tmp_path: Path) -> None:
    words = ["screen", files / "r.npz", "--model", files / "net.keras", "--lead", "V1", "--until", "conv"]
    words += ["--target", "max:2", "--out", tmp_path / "a.zarr", "-q"]
    assert CliRunner().invoke(main, [str(word) for word in words]).exit_code == 0
    made = again(tmp_path / "a.zarr", files, tmp_path / "b.zarr")
    assert made["settings"] == facts(tmp_path / "a.zarr")["settings"]


def test_two_leads_of_one_name_are_not_chosen_by_it(files: Path, tmp_path: Path) -> None:
    """By its name the first would be taken twice."""
    np.savez(tmp_path / "r.npz", signal=X, fs=FS, names=["ECG", "ECG"])
    given = {"each_lead": True, "target": 0, "progress": False}
    ss.screen_recording(tmp_path / "r.npz", files / "net.keras", out=tmp_path / "a.zarr", **given)
    made = again(tmp_path / "a.zarr", tmp_path, tmp_path / "b.zarr", model=files)
    assert made["settings"] == facts(tmp_path / "a.zarr")["settings"]


def test_of_a_recording_in_memory_leads_are_named(files: Path, tmp_path: Path) -> None:
    """Its first lead need not be the first of the file that it came from."""
    excerpt = ss.read_recording(files / "r.npz", start=3, leads="V1")
    given = {"leads": [0], "end": 8, "target": 0, "progress": False}
    ss.screen_recording(excerpt, files / "net.keras", out=tmp_path / "a.zarr", **given)
    part = part_of(str(tmp_path / "a.zarr"))
    assert "--lead V1 --start 3 --end 8 " in command([part], "r", "o")
    assert np.array_equal(part.group["signal"][:10, 0], X[300:310, 1])


def test_of_a_database_the_leads_and_the_end_are_those_given(files: Path, tmp_path: Path) -> None:
    """The records have other names for their leads, and other lengths."""
    folder = tmp_path / "db"
    folder.mkdir()
    for name, leads, samples in (("a", ["I", "II"], 1000), ("b", ["V1", "V2"], 700)):
        np.savez(folder / f"{name}.npz", signal=X[:samples], fs=FS, names=leads)
    out = tmp_path / "all.zarr"
    ss.screen_recordings(folder, files / "net.keras", out=out, leads=[1], end=5, target=0, progress=False)
    parts = [part_of(str(out), name) for name in ("a", "b")]
    words = command(parts, "RECORDS", "o")
    assert "--lead 1" in words
    assert "--end 5" in words
    assert "--start" not in words


@pytest.mark.parametrize(
    ("options", "words", "names"),
    [
        ({"target": lambda y: y[:, 0]}, "--target TARGET", ["target"]),
        ({"target": Unit("conv", 1, reduce="max")}, "--target TARGET", ["target"]),
        (
            {
                "target": 0,
                "method": {"integrated_gradients": {"baseline": np.zeros((1, 100, 1)), "tolerance": 0.01}},
            },
            "--option integrated_gradients.baseline=BASELINE",
            ["integrated_gradients.baseline"],
        ),
        ({"target": 0, "channels": 2}, "--channels CHANNELS", ["channels"]),
        ({"target": 0, "class_names": ["a,b", "c"]}, "--class-names NAMES", ["class_names"]),
        ({"target": 0, "custom_objects": {"f": abs}}, "--target 0", ["custom_objects"]),
    ],
)
def test_what_only_python_can_say_is_named(
    files: Path, tmp_path: Path, options: dict, words: str, names: list
) -> None:
    out = tmp_path / "a.zarr"
    ss.screen_recording(files / "r.npz", files / "net.keras", leads="II", out=out, progress=False, **options)
    assert words in command([part_of(str(out))], "r", "o")
    assert unsaid([part_of(str(out))]) == names
    page = ss.write_report(out, tmp_path / "r.html", worst=0).read_text(encoding="utf-8")
    assert f"Only Python can say these: <bdi>{', '.join(names)}</bdi>." in page


def test_a_model_in_memory_is_named(files: Path, tmp_path: Path) -> None:
    net = ss.load_model(files / "net.keras")
    ss.screen_recording(files / "r.npz", net, leads="II", out=tmp_path / "a.zarr", target=0, progress=False)
    part = part_of(str(tmp_path / "a.zarr"))
    assert "--model MODEL " in command([part], "r", "o")
    assert unsaid([part]) == ["a model in memory"]


def test_text_and_numbers_of_an_option_stay_what_they_are(files: Path, tmp_path: Path) -> None:
    """``base=2.0`` does not come back as 2, nor the text '5' as a number."""
    from signalscreen.cli.values import literal
    from signalscreen.report.redo import _literal

    for value in (2.0, 0.1, 1e22, 5, True, None, "5", "None", "local_mean", "a b", {"a": 1.0}):
        assert literal(_literal(json.loads(json.dumps(value)))) == value
        assert type(literal(_literal(value))) is type(value)
