"""What a model expects: its fields, and the two places where they are kept. No TensorFlow."""

import json
import os
import zipfile

import pytest

from signalscreen.errors import ModelError, OptionError
from signalscreen.expectation_files import LARGEST, carried_by, expectations_of, sidecar_of, write_expectations
from signalscreen.expectations import SCALINGS, Expectations, expectations_from, remembered
from signalscreen.recording import NORMALISATIONS

EVERYTHING = Expectations(
    fs=125, units="µV", normalise="robust", leads=("II", "V1"), window=10, class_names=("N", 'a "b"\\', "ß 心"),
    alarm="N", threshold=0.25, kind="ppg", card="card.md",
)  # fmt: skip


def archive(path, metadata=None, weights=b"\x00\x01weights"):
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("metadata.json", json.dumps({"keras_version": "3.12.0"} if metadata is None else metadata))
        made.writestr("config.json", "{}")
        made.writestr(zipfile.ZipInfo("model.weights.h5", (2026, 1, 2, 3, 4, 6)), weights)
    return path


def test_the_scalings_are_those_of_recordings():
    assert set(SCALINGS) - set(NORMALISATIONS) == {"none"}
    assert set(NORMALISATIONS) < set(SCALINGS)


@pytest.mark.parametrize("inside", [False, True])
def test_what_was_written_is_read(tmp_path, inside):
    model = archive(tmp_path / "net.keras")
    file = write_expectations(model, EVERYTHING, inside=inside)
    assert file.name == ("net.keras" if inside else "net.signalscreen.toml")
    carried = carried_by(model)
    assert carried is not None
    assert (carried.expects, carried.source) == (EVERYTHING, file)
    assert expectations_of(model) == expectations_of(str(model)) == EVERYTHING
    assert {one.name for one in tmp_path.iterdir()} == {"net.keras", file.name}


def test_a_few_fields_are_read_as_a_few(tmp_path):
    (tmp_path / "net.signalscreen.toml").write_text('fs = 100\nleads = "one"\n')
    found = expectations_of(tmp_path / "net.h5")
    assert found == Expectations(fs=100.0, leads="one")
    assert found.given() == {"fs": 100.0, "leads": "one"}


def test_inside_a_keras_file_all_else_stays_byte_for_byte(tmp_path):
    model = archive(tmp_path / "net.keras")
    with zipfile.ZipFile(model) as before:
        was = {info.filename: (before.read(info), info.date_time) for info in before.infolist()}
    write_expectations(model, EVERYTHING, inside=True)
    with zipfile.ZipFile(model) as after:
        now = {info.filename: (after.read(info), info.date_time) for info in after.infolist()}
    assert list(now) == list(was)
    assert {name: now[name] for name in now if name != "metadata.json"} == {
        name: was[name] for name in was if name != "metadata.json"
    }
    metadata = json.loads(now["metadata.json"][0])
    assert metadata.pop("signalscreen")["fs"] == 125
    assert metadata == {"keras_version": "3.12.0"}


def test_the_file_beside_stands_in_place_of_what_is_inside(tmp_path):
    model = archive(tmp_path / "net.keras")
    write_expectations(model, Expectations(fs=500, units="mV"), inside=True)
    write_expectations(model, Expectations(fs=250))
    assert expectations_of(model) == Expectations(fs=250)  # as a whole: its units are not those inside
    with pytest.raises(ModelError, match=r"stands in place of what is inside net\.keras; remove it first"):
        write_expectations(model, Expectations(fs=1), inside=True, overwrite=True)


def test_what_is_there_is_kept_unless_told(tmp_path):
    model = archive(tmp_path / "net.keras")
    for inside in (True, False):
        write_expectations(model, Expectations(fs=1), inside=inside)
        with pytest.raises(ModelError, match="says already what the model expects"):
            write_expectations(model, Expectations(fs=2), inside=inside)
        assert expectations_of(model) == Expectations(fs=1)
        write_expectations(model, Expectations(fs=2), inside=inside, overwrite=True)
        assert expectations_of(model) == Expectations(fs=2)


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("a.keras", "a.signalscreen.toml"),
        ("a.h5", "a.signalscreen.toml"),
        ("a.HDF5", "a.signalscreen.toml"),
        ("a.json", "a.signalscreen.toml"),
        ("a.v2.keras", "a.v2.signalscreen.toml"),
        ("saved.v2", "saved.v2.signalscreen.toml"),  # a folder
    ],
)
def test_where_it_lies(tmp_path, name, beside):
    assert sidecar_of(tmp_path / "x" / name) == tmp_path / "x" / beside


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fs = -1", r"fs is -1; give a number above 0"),
        ("fs = 0", r"fs is 0; give"),
        ("fs = nan", r"fs is nan; give"),
        ("fs = inf", r"fs is inf; give"),
        ("fs = true", r"fs is True; give"),
        ("fs = '125'", r"fs is '125'; give"),
        ("window = -2.5", r"window is -2.5; give a number above 0"),
        ("threshold = 1.5", r"threshold is 1.5; give a number from 0 to 1"),
        ("threshold = nan", r"threshold is nan; give"),
        ("threshold = true", r"threshold is True; give"),
        ("units = 3", r"units is 3; give a name"),
        ("units = ' '", r"units is ' '; give a name"),
        ('units = "m\\u0007V"', r"units is 'm\\x07V'; give a name"),
        ("normalise = 'zscores'", r"normalise is 'zscores'; choose zscore, minmax, robust, none"),
        ("normalise = ['zscore']", r"normalise is \('zscore',\); choose"),
        ("kind = 'ECG'", r"kind is 'ECG'; choose ecg, ppg, other"),
        ("leads = 'II'", r"leads is 'II'; give a list of names or \"one\""),
        ("leads = []", r"leads is \(\); give a list"),
        ("leads = ['II', 'II']", r"leads is \['II', 'II'\]; give every one a name of its own"),
        ("class_names = 'N,V'", r"class_names is 'N,V'; give a list of names"),
        ("class_names = ['N', 3]", r"class_names\[1\] is 3; give a name"),
        ("class_names = ['N', 'N']", r"give every one a name of its own"),
        ("alarm = 'V'", r"alarm is 'V'; give one of class_names \(none is given\)"),
        ("class_names = ['N', 'S']\nalarm = 'V'", r"alarm is 'V'; give one of class_names \(N, S\)"),
        ("card = '../card.md'", r"card is '\.\./card\.md'; give the name of a \.md or \.txt file"),
        ("card = 'C:card.md'", r"card is 'C:card\.md'; give"),
        ("card = 'passwords'", r"card is 'passwords'; give"),
        ("rate = 125", r"there is no field 'rate'; the fields are fs, units, normalise, leads,"),
        ("[signalscreen]\nfs = 125", r"there is no field 'signalscreen'"),
        ("fs = ", r"is not valid TOML"),
        ("\udcff", r"is not valid TOML"),
        ("fs = " + "[" * 5000, r"is not valid TOML"),
        ("#" * LARGEST + "\n", r"is no file of up to 65536 bytes"),
    ],
)
def test_what_is_not_allowed_is_refused_by_file_and_field(tmp_path, text, said):
    model = archive(tmp_path / "net.keras")
    (tmp_path / "net.signalscreen.toml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ModelError, match=r"net\.signalscreen\.toml.*" + said):
        carried_by(model)


@pytest.mark.parametrize(
    ("inside", "said"), [({"fs": "x"}, "fs is 'x'"), ([1], "not as fields"), (3, "not as fields")]
)
def test_the_same_inside_a_keras_file(tmp_path, inside, said):
    model = archive(tmp_path / "net.keras", {"signalscreen": inside})
    with pytest.raises(ModelError, match=rf"net\.keras.*{said}"):
        expectations_of(model)


def test_what_is_no_file_of_its_own_is_refused(tmp_path):
    model = archive(tmp_path / "net.keras")
    os.mkfifo(tmp_path / "net.signalscreen.toml")  # opening it would wait for ever
    with pytest.raises(ModelError, match="is no file of up to"):
        expectations_of(model)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 broken"])
def test_damage_is_up_to_whoever_loads_the_model(tmp_path, content):
    (tmp_path / "net.keras").write_bytes(content)
    assert expectations_of(tmp_path / "net.keras") is None
    with pytest.raises(ModelError, match=r"no \.keras file that can be written into"):
        write_expectations(tmp_path / "net.keras", EVERYTHING, inside=True)
    assert (tmp_path / "net.keras").read_bytes() == content


@pytest.mark.parametrize("metadata", [{}, [], {"signalscreen": None}, {"x": "y" * 2 * LARGEST}])
def test_metadata_that_say_nothing(tmp_path, metadata):
    assert expectations_of(archive(tmp_path / "net.keras", metadata)) is None


def test_metadata_that_unpack_to_more_than_they_say_are_not_read(tmp_path):
    """A member of a zip of a thousand to one: no more of it is unpacked than is allowed."""
    with zipfile.ZipFile(tmp_path / "net.keras", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("metadata.json", '{"signalscreen": {"fs": 125}, "x": "' + " " * 10_000_000 + '"}')
    assert expectations_of(tmp_path / "net.keras") is None


def test_a_model_that_is_not_there(tmp_path):
    assert expectations_of(tmp_path / "none.keras") is None
    with pytest.raises(ModelError, match=r"none\.keras' does not exist"):
        write_expectations(tmp_path / "none.keras", EVERYTHING)
    assert not any(tmp_path.iterdir())


def test_too_much_is_not_written_inside(tmp_path):
    model = archive(tmp_path / "net.keras")
    many = Expectations(class_names=tuple(f"a class of number {i}" for i in range(5000)))
    with pytest.raises(ModelError, match="more than 65536 bytes"):
        write_expectations(model, many, inside=True)
    assert expectations_of(model) is None


def test_the_card_is_a_text_beside_the_model(tmp_path):
    model = archive(tmp_path / "net.keras")
    write_expectations(model, Expectations(card="card.md"))
    carried = carried_by(model)
    assert carried.card() == ""
    (tmp_path / "card.md").write_text("# ß", encoding="utf-8")
    assert carried.card() == "# ß"
    (tmp_path / "card.md").write_bytes(b"\xff\xfe")
    assert carried.card() == ""
    (tmp_path / "card.md").write_text("x" * (LARGEST + 1))
    assert carried.card() == ""
    (tmp_path / "card.md").unlink()
    (tmp_path / "card.md").mkdir()
    assert carried.card() == ""


def test_defaults_are_for_what_nobody_gave():
    none = dict.fromkeys(("resample", "normalise", "leads", "class_names", "alarm", "threshold", "kind", "target"))
    taken = EVERYTHING.defaults(none)
    assert taken == {
        "resample": 125.0, "normalise": "robust", "leads": ("II", "V1"), "class_names": EVERYTHING.class_names,
        "alarm": "N", "threshold": 0.25, "kind": "ppg",
    }  # fmt: skip
    given = {**none, "resample": 360.0, "normalise": "none", "threshold": 0.0, "kind": "ecg"}
    assert set(EVERYTHING.defaults(given)) == {"leads", "class_names", "alarm"}
    assert "alarm" not in EVERYTHING.defaults({**none, "target": 0})
    assert "leads" not in EVERYTHING.defaults({**none, "each_lead": True})
    assert EVERYTHING.defaults({"resample": None}) == {"resample": 125.0}  # what is not asked about is not said
    assert Expectations(leads="one").defaults(none) == {}
    assert Expectations().defaults(none) == {}


def test_a_part_of_a_network_has_no_classes():
    left = EVERYTHING.of_layer()
    assert (left.class_names, left.alarm, left.threshold) == (None, None, None)
    assert (left.fs, left.units, left.leads, left.kind) == (125, "µV", ("II", "V1"), "ppg")


def test_in_words():
    assert Expectations(fs=360, normalise="none", window=2.5, class_names=("N", "V"), threshold=0.25).words() == (
        "360 Hz, windows as they are, windows of 2.5 s, classes N, V, threshold 0.25"
    )
    assert Expectations().words() == ""


def test_lists_of_a_file_are_names_in_order():
    assert expectations_from({"leads": ["V1", "II"]}).leads == ("V1", "II")
    with pytest.raises(OptionError, match="there is no field"):
        expectations_from({"fs ": 1})


def test_what_cannot_be_remembered_says_nothing():
    assert remembered(3) is None
    assert expectations_of(object()) is None
