"""``signalscreen summary --window``: what occlusion costs, layer by layer, against counting by hand."""

import json

import pytest
from click.testing import CliRunner

keras = pytest.importorskip("keras")
from keras import layers as kl  # noqa: E402

from signalscreen.cli import main  # noqa: E402

pytestmark = pytest.mark.usefixtures("loaded_once")


def run(*words):
    return CliRunner().invoke(main, ["summary", *map(str, words)], catch_exceptions=False)


def network(shape, head=None):
    """Two convolutions of 5 with a pooling of 2 between, 4 and 8 filters."""
    axes = len(shape) - 1
    conv, pool, mean = (getattr(kl, f"{name}{axes}D") for name in ("Conv", "MaxPooling", "GlobalAveragePooling"))
    x = keras.Input(shape)
    h = pool(2)(conv(4, 5, padding="same", activation="relu", name="first")(x))
    h = conv(8, 5, padding="same", activation="relu", name="second")(h)
    h = mean()(h) if head is None else head(h)
    return keras.Model(x, kl.Dense(3, activation="softmax", name="out")(h))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    x, y = keras.Input((100, 1)), keras.Input((100, 1))
    models = {
        "signal": network((1000, 2)),
        "image": network((64, 48, 1)),
        "free": network((None, 1)),
        "recurrent": network((400, 1), kl.LSTM(4, name="memory")),
        "attention": network((400, 1), lambda h: kl.GlobalAveragePooling1D()(kl.MultiHeadAttention(2, 4)(h, h))),
        "each": keras.Sequential([keras.Input((300, 1)), kl.Conv1D(2, 5, padding="same")]),
        "two": keras.Model([x, y], kl.Dense(2)(kl.Flatten()(kl.Add()([x, y])))),
        "vector": keras.Sequential([keras.Input((20,)), kl.Dense(2)]),
    }
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
    return lambda name: folder / f"{name}.keras"


def test_lengths_and_multiplications_are_those_counted_by_hand(saved):
    done = run(saved("signal"), "--window", 20, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    first, second, out = found["layers"]
    # A window of 20 reaches 24 samples behind a kernel of 5; 13 of the pairs, however they lie; 17 behind the next.
    assert first == {
        "layer": "first",
        "how": "patch",
        "length": [1000],
        "computed": [24],
        "multiplications": 1000 * 5 * 2 * 4,
        "done": 24 * 5 * 2 * 4,
    }
    assert (second["computed"], second["multiplications"], second["done"]) == (
        [17],
        500 * 5 * 4 * 8,
        17 * 5 * 4 * 8,
    )
    assert (out["how"], out["length"], out["multiplications"], out["done"]) == ("full", [], 24, 24)
    full, less = 40_000 + 80_000 + 24, 960 + 2720 + 24
    assert found["limit"] == pytest.approx(full / less)
    assert found["window"] == [20]
    assert found["length"] == [1000]
    assert found["gain"] >= 1.0


def test_the_table_says_the_same_in_words(saved):
    done = run(saved("signal"), "--window", 20)
    header, *rows, empty, words, advice = done.stdout.splitlines()
    assert header.split("  ")[0] == "layer"
    assert [row.split() for row in rows] == [
        ["first", "patch", "1000", "24", "40,000", "2.4%", "25.9%"],
        ["second", "patch", "500", "17", "80,000", "3.4%", "73.4%"],
        ["out", "full", "24", "100.0%", "0.6%"],
    ]
    assert empty == ""
    assert words.startswith("a window of 20 in 1000 samples: 32.4 times fewer multiplications, ")
    assert words.endswith(" running every edited signal in full")
    assert advice.startswith("73% of what is done is in second; a shorter window")


@pytest.mark.parametrize("given", ["8", "8x8", "8,8", "8 x 8"])
def test_images_take_a_window_of_two_sizes(saved, given):
    found = json.loads(run(saved("image"), "--window", given, "--json").stdout)
    assert (found["window"], found["length"]) == ([8, 8], [64, 48])
    assert [p["computed"] for p in found["layers"]] == [[12, 12], [11, 11], []]


def test_a_free_length_is_asked_for(saved):
    refused = run(saved("free"), "--window", 25)
    assert refused.exit_code == 1
    assert refused.stderr == "error: the model takes signals of any length (any); give --length, in samples\n"
    short, long = (
        json.loads(run(saved("free"), "--window", 25, "--length", n, "--json").stdout) for n in (500, 50_000)
    )
    assert short["layers"][0]["length"] == [500]
    assert [p["computed"] for p in short["layers"]] == [p["computed"] for p in long["layers"]]
    assert long["limit"] > 50 * short["limit"]


@pytest.mark.parametrize("name", ["recurrent", "attention"])
def test_a_layer_without_a_rule_is_named(saved, name):
    layer = {"recurrent": "memory", "attention": "multi_head_attention"}[name]
    done = run(saved(name), "--window", 25)
    assert done.exit_code == 0
    *_, words, advice = done.stdout.splitlines()
    assert "no rule: " in done.stdout
    assert f"in or before {layer}" in advice
    assert "has no rule that follows an edit through it" in advice
    assert words.endswith(", no faster: every edited signal is run in full")


def test_products_of_attention_are_counted(saved):
    layers = json.loads(run(saved("attention"), "--window", 25, "--json").stdout)["layers"]
    [lost] = [p for p in layers if p["how"].startswith("no rule")]
    positions, heads, size, filters = 200, 2, 4, 8
    assert lost["multiplications"] == 2 * positions**2 * heads * size + positions * heads * size * filters


def test_dense_layers_on_positions_are_counted_where_they_run_in_full(tmp_path):
    x = keras.Input((400, 2))
    h = kl.Dense(16, name="wide")(kl.LSTM(4, return_sequences=True)(x))
    keras.Model(x, kl.Dense(3, name="out")(kl.GlobalAveragePooling1D()(h))).save(tmp_path / "net.keras")
    layers = json.loads(run(tmp_path / "net.keras", "--window", 20, "--json").stdout)["layers"]
    counted = {layer["layer"]: layer["multiplications"] for layer in layers}
    assert (counted["wide"], counted["out"]) == (400 * 4 * 16, 16 * 3)


def test_a_window_as_long_as_the_signal_gains_nothing(saved):
    found = json.loads(run(saved("signal"), "--window", 1000, "--json").stdout)
    assert (found["limit"], found["gain"]) == (1.0, 1.0)
    assert {p["how"] for p in found["layers"]} == {"full"}
    assert "a shorter one would be faster" in found["advice"]


def test_a_network_that_answers_for_each_sample_is_planned_for_one(saved):
    middle = json.loads(run(saved("each"), "--window", 10, "--json").stdout)
    assert middle["target"] == [150, 0]
    other = json.loads(run(saved("each"), "--window", 10, "--target", "(3, 1)", "--json").stdout)
    assert other["target"] == [3, 1]
    assert (
        json.loads(run(saved("each"), "--window", 10, "--target", "mean:0", "--json").stdout)["target"]
        == "as given"
    )


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("signal", ["--window", 1001], "--window 1001 is longer than the signal, 1000 samples"),
        ("signal", ["--window", "8x8"], "--window 8 x 8 gives 2 axes, but the signal has 1"),
        ("signal", ["--window", 8, "--length", 900], "--length 900 is not what the model takes (1000)"),
        ("image", ["--window", "8x49"], "longer than the signal, 64 x 48 samples"),
        ("signal", ["--window", 8, "--target", 7], "target 7 is out of range"),
        ("two", ["--window", 8], "the model has 2 inputs"),
        ("vector", ["--window", 8], "no axis for a window to slide along"),
    ],
)
def test_what_does_not_fit_is_one_line(saved, name, options, said):
    done = run(saved(name), *options)
    assert (done.exit_code, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line


@pytest.mark.parametrize(
    "options",
    [
        ["--window", "0"],
        ["--window", "-3"],
        ["--window", "ten"],
        ["--window", "2.5"],
        ["--window", "8x"],
        ["--window", ""],
        ["--window", "8", "--length", "0"],
        ["--length", "100"],
        ["--target", "1"],
        ["--window", "8", "--fs", "100"],
    ],
)
def test_wrong_calls_end_with_2(saved, options):
    done = run(saved("signal"), *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
