"""The page: what it says, that it holds whatever people type, and that it is one file."""

import html
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

import signalscreen as ss
from signalscreen.cli import main, values
from signalscreen.errors import OptionError, OutputError, RecordingError
from signalscreen.exports.part import part_of
from signalscreen.report.columns import columns_of
from signalscreen.report.redo import command
from signalscreen.report.times import ticks
from signalscreen.report.window_figure import excerpt_of, shared_limit
from signalscreen.report.worst import worst_windows
from signalscreen.screening.allocation import StoredMethod
from signalscreen.verdicts import VerdictTable
from tests import stores

HOSTILE = "<script>alert(1)</script> \"q\" 'a' &amp; \u202eאבג \U0001f600 $x_{$ \x07 心"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "s.zarr"
    stores.fill(path, stores.spec())
    anna, ben = (VerdictTable(path, who) for who in ("anna", "ben"))
    for start in (0, 300):
        anna.set("reject", start=start, stop=start + 200, lead="II", note="loose")
    anna.set("relabel", start=700, stop=900, label="clean")
    ben.set("accept", start=0, stop=200)
    return path


@pytest.fixture(scope="module")
def written(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ss.write_report(small, tmp_path_factory.mktemp("written") / "r.html", worst=3)


class Page(HTMLParser):
    """Elements, their attributes, and the text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    handle_startendtag = handle_starttag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def alone(page: Page) -> None:
    """No script, no handler, and nothing that a browser would fetch."""
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "iframe", "object", "embed", "base", "form", "audio", "video", "img"}
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("href", "xlink:href", "src"):
                assert value is not None
                assert value.startswith(("#", "data:")), (tag, name, value[:60])
            assert "http" not in (value or "") or name.startswith("xmlns"), (tag, name)
    policy = [a["content"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a]
    assert len(policy) == 1
    assert policy[0].startswith("default-src 'none'")


def test_the_page_says_what_was_found(small: Path, written: Path) -> None:
    page = Page(written)
    alone(page)
    truth = ss.open_results(small).load()
    flagged, whole = int(truth.flagged.sum()), int((truth.gap == 0).sum())
    assert f"{flagged} of {whole}" in page.text
    assert "0:00:25 (h:mm:ss) of II ( mV ), V1 ( mV ) at 100 Hz, from 2026-03-01 22:15:30.250000" in page.text
    assert "screened from 0:00:05 of the record" in page.text
    assert "anna 2 0 1 3" not in page.text  # columns are in the order of VERDICTS
    assert "anna 0 2 1 3 ben 1 0 0 1" in page.text
    assert page.text.count("loose") == 2
    assert "relabel as clean" in page.text
    for fact in ("ab" * 32, "cd" * 32, "0123456789abcdef" * 4, "net.keras", "saliency (base=1)"):
        assert fact in page.text
    assert sum(tag == "svg" for tag, _ in page.tags) == 1 + 3


def test_ids_of_figures_are_their_own(small: Path, written: Path, tmp_path: Path) -> None:
    page = Page(written)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids)) > 10
    text = written.read_text(encoding="utf-8")
    used = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
    assert used <= set(ids)
    again = ss.write_report(small, tmp_path / "again.html", worst=3)
    assert again.read_text(encoding="utf-8") == text  # nothing in it depends on when it was written


def test_names_and_notes_of_any_kind_are_words_and_no_more(tmp_path: Path) -> None:
    names = {"leads": (HOSTILE, "V1"), "units": (HOSTILE, ""), "classes": ("clean", HOSTILE), "source": HOSTILE}
    marks = tuple(replace(one, symbol=HOSTILE, note=HOSTILE) for one in stores.spec().annotations)
    facts = stores.spec().facts
    settings = {**facts["settings"], "class_names": ["clean", HOSTILE], "target": HOSTILE}
    given = {**facts, "model": HOSTILE, "settings": settings, "versions": {HOSTILE: HOSTILE}}
    stores.fill(tmp_path / "s.zarr", replace(stores.spec(), **names, annotations=marks, facts=given))
    table = VerdictTable(tmp_path / "s.zarr", HOSTILE.replace("\x07", ""))
    table.set("relabel", start=0, stop=200, lead=HOSTILE, label=HOSTILE, note=HOSTILE + "\n" + "x" * 10_000)
    page = Page(ss.write_report(tmp_path / "s.zarr", tmp_path / "r.html", worst=2))
    alone(page)
    shown = HOSTILE.replace("\x07", "\ufffd")
    assert page.text.count(shown) > 10
    assert "10,0" in page.text  # the note is cut, and says how long it is
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "\x07" not in text
    outside_figures = re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)
    body = outside_figures[outside_figures.index("<body>") :]
    assert body.count(html.escape(shown)) > 10
    assert html.escape(shown) not in re.sub("<bdi>[^<]*</bdi>", "", body)  # all of them isolated


def test_a_database_is_one_page(tmp_path: Path) -> None:
    made = stores.spec()
    stores.database(tmp_path / "db.zarr", a=made, b=replace(made, began=""), c=replace(made, threshold=1.0))
    VerdictTable(tmp_path / "db.zarr" / "b", "anna").set("reject", start=0, stop=100, note="only here")
    path = ss.write_report(tmp_path / "db.zarr", worst=5)
    assert path == tmp_path / "db.zarr" / "report.html"
    page = Page(path)
    alone(page)
    assert "3 records" in page.text
    assert sum(tag == "svg" for tag, _ in page.tags) == 3 + 5
    assert "only here" in page.text
    parts = [part_of(str(tmp_path / "db.zarr"), name) for name in "abc"]
    worst = worst_windows(parts, 5)
    assert [f"{one.value:.4f}" for one in worst] == re.findall(r"P\( artefact \) (0\.\d{4})", page.text)
    one = Page(ss.write_report(tmp_path / "db.zarr", tmp_path / "b.html", record="b", worst=0))
    alone(one)
    assert "--out b.zarr" in one.text  # not into the database
    assert (
        ss.open_results(tmp_path / "db.zarr", "a").sizes["lead"] == 2
    )  # a page in its folder does the store no harm


def test_worst_windows_are_the_highest_that_do_not_overlap(small: Path) -> None:
    part = part_of(str(small))
    found = worst_windows([part], 4)
    probability = part.group["probability"][:, 1]
    assert found[0].value == np.nanmax(probability)
    assert [one.value for one in found] == sorted((one.value for one in found), reverse=True)
    for i, one in enumerate(found):
        assert (one.start, one.lead) == (part.window_start[one.row], part.group["window_lead"][one.row])
        assert all(abs(one.start - other.start) >= 200 for other in found[:i])
    left = [
        row for row in range(len(probability)) if all(abs(part.window_start[row] - o.start) >= 200 for o in found)
    ]
    assert np.nanmax(probability[left]) <= found[-1].value


def test_windows_of_one_probability_are_told_apart_by_the_logit(tmp_path: Path) -> None:
    stores.fill(tmp_path / "s.zarr", stores.spec())
    from signalscreen.screening import store

    group = store.arrays_of(tmp_path / "s.zarr")
    group["gap"][:] = 0
    stores.flag(group, np.ones(group["gap"].shape))
    group["probability"][:] = 1.0
    logit = np.random.default_rng(1).normal(size=group["logit"].shape).astype(np.float32)
    group["logit"][:] = logit
    group["score"][:] = logit[:, 1]
    group["target"][:] = 1
    assert worst_windows([part_of(str(tmp_path / "s.zarr"))], 1)[0].row == int(np.argmax(logit[:, 1]))


def test_windows_that_touch_do_not_overlap(tmp_path: Path) -> None:
    """The three highest are 0 to 200, 100 to 300 and 200 to 400: the first and the last stand side by side."""
    stores.fill(tmp_path / "s.zarr", stores.spec())
    from signalscreen.screening import store

    group = store.arrays_of(tmp_path / "s.zarr")
    starts, lead = group["window_start"][:], group["window_lead"][:]
    probability = np.full(group["probability"].shape, 0.1, np.float32)
    for start, high in ((0, 0.9), (100, 0.8), (200, 0.7)):
        probability[(starts == start) & (lead == 0)] = high
    group["gap"][:] = 0
    stores.flag(group, probability[:, 1] > 0.5)
    group["probability"][:] = probability
    group["score"][:] = probability[:, 1]
    group["target"][:] = 1
    found = worst_windows([part_of(str(tmp_path / "s.zarr"))], 2)
    assert [(one.start, one.stop) for one in found] == [(0, 200), (200, 400)]


def test_columns_of_a_sample_each_hold_the_windows_that_cover_it(small: Path) -> None:
    part, truth = part_of(str(small), end=5 + 9.0), ss.open_results(small).load()
    found = columns_of(part, None)
    assert len(found.value) == 900
    starts, lies_in = truth.window_start.values, truth.window_start.values + 200 <= 900
    for at in range(900):
        there = (starts <= at) & (at < starts + 200) & (truth.gap.values == 0) & lies_in
        assert found.value[at] == truth.probability.values[there, 1].max()


def test_columns_hold_means_shares_and_the_highest(small: Path) -> None:
    part, truth = part_of(str(small)), ss.open_results(small).load()
    columns = columns_of(part, "saliency")
    edges = np.round((columns.edges - 5) * 100, 6)
    assert (edges[0], edges[-1]) == (0, 2500)
    for number in (0, 100, 433, 434, 448, 600, len(columns.value) - 1):
        inside = [at for at in range(2500) if edges[number] <= at < edges[number + 1]]
        strength = np.abs(truth.attribution_saliency.values[inside].astype(float))
        known = np.isfinite(strength).any(axis=0)
        wanted = np.where(
            known, np.nansum(strength, axis=0) / np.maximum(np.isfinite(strength).sum(axis=0), 1), np.nan
        )
        np.testing.assert_allclose(columns.strength[:, number], wanted, rtol=1e-12)
        np.testing.assert_allclose(columns.bad[:, number], (truth.bad.values[inside] > 0).mean(axis=0))
        starts = truth.window_start.values
        there = (starts <= inside[-1]) & (starts + 200 > inside[0]) & (truth.gap.values == 0)
        high = truth.probability.values[there, 1]
        np.testing.assert_equal(columns.value[number], high.max() if len(high) else np.nan)


def test_all_windows_share_their_colours(small: Path) -> None:
    part = part_of(str(small))
    excerpts = [excerpt_of(one, "saliency") for one in worst_windows([part], 6)]
    values = np.concatenate([one.attribution.ravel() for one in excerpts])
    assert shared_limit(excerpts) == np.nanpercentile(np.abs(values), 99.5)
    assert shared_limit([]) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"methods": ()},
        {"alarm": -1},
        {"classes": (), "alarm": -1, "methods": ()},
        {"leads": ("ECG",), "units": ("",), "window_lead": np.full(48, -1, np.int8)},
        {"began": "", "start": 0.0, "facts": {}, "annotations": ()},
        {"threshold": 1.0, "began": "2026-03-01T23:59:58+02:00"},
        {"leads": tuple(f"L{i}" for i in range(12)), "units": ("mV",) * 12},
    ],
)
def test_stores_of_every_kind(tmp_path: Path, changes: dict) -> None:
    stores.fill(tmp_path / "s.zarr", replace(stores.spec(), **changes))
    alone(Page(ss.write_report(tmp_path / "s.zarr", tmp_path / "r.html", worst=1)))


@pytest.mark.parametrize(
    ("began", "span", "most", "places", "words"),
    [
        ("", (18.2, 20.1), 7, [18.5, 19.0, 19.5, 20.0], ["0:00:18.5", "0:00:19", "0:00:19.5", "0:00:20"]),
        ("2026-03-01T22:15:30.250000", (18.2, 20.1), 3, [18.75, 19.75], ["22:15:49", "22:15:50"]),
        ("2026-03-01T23:50:00", (0, 3600), 5, [600, 1500, 2400, 3300], ["00:00", "00:15", "00:30", "00:45"]),
        ("", (0, 30 * 86400), 4, [0, 864000, 1728000, 2592000], ["0:00:00", "240:00:00", "480:00:00", "720:00:00"]),
    ],
)
def test_ticks_stand_where_people_count(began, span, most, places, words) -> None:
    found = ticks(SimpleNamespace(began=began), *span, most)
    np.testing.assert_allclose(found[0], places, atol=1e-9)
    assert found[1] == words


def test_a_lead_without_signal_or_a_method_without_maps(tmp_path: Path) -> None:
    stores.fill(tmp_path / "s.zarr", stores.spec())
    from signalscreen.screening import store

    group = store.arrays_of(tmp_path / "s.zarr")
    group["signal"][:, 1] = np.nan
    group["attribution_saliency"][:] = np.nan
    page = Page(ss.write_report(tmp_path / "s.zarr", tmp_path / "r.html", method="saliency", worst=2))
    assert "Nothing was explained" in page.text
    assert "(no signal)" in page.text


def test_what_is_not_finished_says_so(tmp_path: Path) -> None:
    stores.fill(tmp_path / "s.zarr", stores.spec(), shards=1)
    page = Page(ss.write_report(tmp_path / "s.zarr", tmp_path / "r.html", worst=1))
    assert "The screening is not finished ( rec 1 33% done)" in page.text
    truth = ss.open_results(tmp_path / "s.zarr")
    assert f"{int(truth.flagged[:20].sum())} of 20" in page.text
    stores.fill(tmp_path / "none.zarr", stores.spec(), shards=0)
    with pytest.raises(RecordingError, match=r"0% done.*signalscreen screen"):
        ss.write_report(tmp_path / "none.zarr", tmp_path / "n.html")


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"store": "none.zarr"}, RecordingError, "is no store"),
        ({"path": "file/r.html"}, OutputError, "nothing can be written"),
        ({"path": "file"}, OutputError, "already there"),
        ({"worst": -1}, OptionError, "0 or more"),
        ({"method": "lrp"}, OptionError, "not in"),
        ({"record": "x"}, RecordingError, "one record only"),
    ],
)
def test_what_cannot_be_is_said(small: Path, tmp_path: Path, given: dict, error: type, says: str) -> None:
    (tmp_path / "file").write_text("mine")
    options = {"store": small, "path": "r.html", **given}
    options["path"] = tmp_path / options["path"]
    with pytest.raises(error, match=says):
        ss.write_report(**options)
    assert (tmp_path / "file").read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_the_command_writes_and_does_not_overwrite(small: Path, tmp_path: Path) -> None:
    words = ["report", str(small), "--out", str(tmp_path / "r.html"), "--worst", "1"]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, done.output) == (0, f"wrote {tmp_path / 'r.html'}\n")
    again = CliRunner().invoke(main, words)
    assert again.exit_code == 1
    assert "--overwrite" in again.stderr
    assert CliRunner().invoke(main, [*words, "--overwrite"]).exit_code == 0


def test_the_command_to_do_it_again_is_the_one_that_did_it(small: Path, tmp_path: Path) -> None:
    words = shlex.split(command([part_of(str(small))], "mitdb/106", "s.zarr"))
    assert words[:2] == ["signalscreen", "screen"]
    with main.commands["screen"].make_context("screen", words[2:]) as context:
        given = context.params
    assert (given["record"], str(given["model"]), given["out"]) == ("mitdb/106", "net.keras", "s.zarr")
    assert given["lead"] == ("II", "V1")
    assert (given["start"], given["end"], given["window"]) == (5.0, 30.0, None)
    assert given["each_lead"] is True
    assert (given["explain"], given["normalise"], given["score"], given["threshold"]) == (
        *("flagged", "zscore", "logit", 0.5),
    )
    assert (values.target(given["target"]), values.names(given["class_names"])) == (1, ["clean", "artefact"])
    assert given["method"] == ("saliency", "integrated_gradients")
    assert given["option"] == ("saliency.base=1", "integrated_gradients.steps=8")
    several = shlex.split(command([part_of(str(small))] * 2, "R", "o"))
    assert "--end" not in several
    stores.fill(tmp_path / "s.zarr", replace(stores.spec(), methods=(StoredMethod("saliency"),), facts={}))
    plain = command([part_of(str(tmp_path / "s.zarr"))], "r", "o")
    assert plain == "signalscreen screen r --model MODEL --method saliency --out o"


def test_verdicts_of_the_only_record_of_a_database_are_in_the_page(tmp_path: Path) -> None:
    stores.database(tmp_path / "all.zarr", one=stores.spec())
    VerdictTable(tmp_path / "all.zarr" / "one", "anna").set("reject", start=0, stop=200, note="electrode off")
    page = ss.write_report(tmp_path / "all.zarr", tmp_path / "all.html").read_text()
    assert "electrode off" in page
