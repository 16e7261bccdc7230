"""The command line: what it parses, refuses, prints; exit codes; TensorFlow only when a model is needed."""

import json
import subprocess
import sys
import types

import click
import pytest
from click.testing import CliRunner

import signalscreen as ss
from signalscreen.cli import main, values
from signalscreen.errors import SignalScreenWarning, TargetError


def run(*words):
    return CliRunner().invoke(main, [str(w) for w in words], catch_exceptions=False)


def terminal(*words, code=None):
    """A true process; ``code`` runs instead of the command."""
    python = [sys.executable, "-c", code] if code else [sys.executable, "-m", "signalscreen"]
    return subprocess.run([*python, *map(str, words)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "words", [["--help"], ["explain", "-h"], ["methods"], ["methods", "--json"], ["--version"]]
)
def test_help_and_methods_do_without_tensorflow(words):
    code = (
        "import sys; from signalscreen.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "loaded = {'tensorflow', 'keras', 'matplotlib', 'wfdb'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    done = terminal(*words, code=code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_reading_a_recording_does_without_tensorflow(tmp_path):
    (tmp_path / "x.csv").write_text("time,ecg\n0,1\n0.01,2\n0.02,3\n")
    code = (
        "import sys, signalscreen as ss\n"
        "ss.read_recording(sys.argv[1]).resample(50).normalise('zscore')\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    )
    assert terminal(tmp_path / "x.csv", code=code).returncode == 0


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("screen", "  signalscreen review 106.zarr"),
        ("report", "  signalscreen report 106.zarr --out 106.html"),
        ("export", "  csv         a row per window"),
    ],
)
def test_examples_of_the_help_keep_their_lines(command, line):
    said = run(command, "--help").output
    assert line in said.splitlines()
    assert "\\b" not in said


def test_version():
    assert run("--version").output == f"signalscreen, version {ss.__version__}\n"


def test_methods_are_those_of_METHODS():  # noqa: N802
    table = run("methods").output
    listed = json.loads(run("methods", "--json").output)
    assert [m["name"] for m in listed] == list(ss.METHODS)
    for entry in listed:
        method = ss.METHODS[entry["name"]]
        assert entry["summary"] == method.summary
        assert list(entry["options"]) == list(method.options)
        assert method.summary in table
        for option, default in method.options.items():
            assert f"{option}={default!r}" in table
    assert listed[list(ss.METHODS).index("integrated_gradients")]["options"]["steps"] == 50


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-0.5", -0.5),
        ("None", None),
        ("True", True),
        ("(3, 0)", (3, 0)),
        ("[5, 9]", [5, 9]),
        ("mean", "mean"),
        ("conv1d_3", "conv1d_3"),
        ("outer/inner", "outer/inner"),
        ("a b", "a b"),
    ],
)
def test_option_values_are_python_literals_or_text(text, value):
    assert values.literal(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [(None, None), ("2", 2), ("V", "V"), ("(3, 0)", (3, 0)), ("3.5", "3.5"), ("True", "True")]
)
def test_targets(text, value):
    assert values.target(text) == value


def test_targets_over_positions():
    np = pytest.importorskip("numpy")
    outputs = np.arange(24.0, dtype="float32").reshape(2, 4, 3)
    assert np.asarray(values.target("mean:1")(outputs)).tolist() == outputs[..., 1].mean(axis=1).tolist()
    assert np.asarray(values.target("max:2")(outputs)).tolist() == [11, 23]
    with pytest.raises(TargetError, match="target max:-1 is no output unit; give max:UNIT, counted from 0"):
        values.target("max:-1")
    assert np.asarray(values.target("sum:0")(outputs)).tolist() == [18, 66]


def test_options_go_to_the_methods_that_have_them():
    names = ["occlusion", "grad_cam", "layer_cam"]
    sorted_ = values.options(["layer=-2", "window=(5,)", "layer_cam.relu=False"], names)
    assert sorted_ == {
        "occlusion": {"window": (5,)},
        "grad_cam": {"layer": -2},
        "layer_cam": {"layer": -2, "relu": False},
    }
    handed_on = values.options(
        ["smooth_grad.base_method=integrated_gradients", "smooth_grad.steps=9"], ["smooth_grad"]
    )
    assert handed_on == {"smooth_grad": {"base_method": "integrated_gradients", "steps": 9}}


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("steps", "'steps' is not key=value"),
        ("=5", "'=5' is not key=value"),
        ("step=5", "no option 'step': occlusion has window, stride, fill, "),
        ("grad_cam.layer=5", r"'grad_cam.layer' is for a method that was not chosen \(occlusion\)"),
        ("occlusion.layer=5", "no option 'layer': occlusion has window"),
    ],
)
def test_options_that_no_method_has(word, words):
    with pytest.raises(click.BadParameter, match=words):
        values.options([word], ["occlusion"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Usage: signalscreen"),
        (["explain"], "Missing argument 'MODEL'"),
        (["explain", "m", "s", "-o", "x"], "Missing option '-m' / '--method'"),
        (["explain", "m", "s", "-m", "saliency"], "Missing option '-o' / '--out'"),
        (
            ["explain", "m", "s", "-m", "grandcam", "-o", "x"],
            "'grandcam' is not known; choose from deep_lift, grad_cam",
        ),
        (["explain", "m", "s", "-m", "saliency", "-o", "x", "--option", "a=1"], "no option 'a': saliency has none"),
        (["explain", "m", "s", "-m", "saliency", "-o", "x", "--format", "gif"], "'gif' is not one of"),
        (["explain", "m", "s", "-m", "saliency", "-o", "x", "--fs", "fast"], "'fast' is not a valid float"),
        (["explain", "m", "s", "-m", "saliency", "-o", "x", "--batch-size", "0"], "0 is not in the range"),
        (["explain", "m", "s", "-m", "saliency", "-o", "x", "--normalise", "l2"], "'l2' is not one of"),
        (["scren"], "No such command 'scren'"),
    ],
)
def test_wrong_calls_exit_with_2(words, said):
    done = run(*words)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())


def test_known_errors_are_one_line_and_exit_with_1(tmp_path):
    done = run("explain", "none.keras", tmp_path / "none.csv", "-m", "saliency", "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert done.stderr == f"error: there is no file {tmp_path / 'none.csv'}; check the path\n"
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()


def test_unwritable_output_is_said_before_tensorflow_is_loaded(tmp_path):
    (tmp_path / "x.csv").write_text("1\n2\n")
    (tmp_path / "file").write_text("")
    done = terminal("explain", "none.keras", tmp_path / "x.csv", "-m", "saliency", "-o", tmp_path / "file" / "out")
    assert done.returncode == 1
    assert (
        done.stderr
        == f"error: nothing can be written to {tmp_path}/file/out (not a directory); choose another folder\n"
    )
    assert done.stdout == ""


def test_demo_runs_the_demo(tmp_path, monkeypatch):
    calls = []
    stand_in = types.ModuleType("signalscreen.demo")
    stand_in.run = lambda out, *, quiet=False: calls.append((out, quiet))
    monkeypatch.setitem(sys.modules, "signalscreen.demo", stand_in)
    monkeypatch.setattr(ss, "demo", stand_in, raising=False)
    assert run("demo", "--out", tmp_path / "a" / "b", "-q").exit_code == 0
    assert calls == [(tmp_path / "a" / "b", True)]
    assert run("demo").exit_code == 2
    (tmp_path / "file").write_text("")
    assert "nothing can be written" in run("demo", "--out", tmp_path / "file" / "x").stderr


def test_our_warnings_are_one_line_and_others_are_kept_off(tmp_path, monkeypatch):
    import warnings

    def warn(out, *, quiet=False):
        warnings.warn("of a library's insides", UserWarning, stacklevel=1)
        warnings.warn("does not\nadd up", SignalScreenWarning, stacklevel=1)

    stand_in = types.ModuleType("signalscreen.demo")
    stand_in.run = warn
    monkeypatch.setitem(sys.modules, "signalscreen.demo", stand_in)
    done = run("demo", "--out", tmp_path)
    assert (done.exit_code, done.stderr) == (0, "warning: does not add up\n")
