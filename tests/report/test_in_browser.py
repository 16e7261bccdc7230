"""The page in Chromium, offline: nothing asked for, nothing complained about, nothing run."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import signalscreen as ss
from signalscreen.verdicts import VerdictTable
from tests import stores
from tests.report.test_report import HOSTILE


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    stores.fill(folder / "s.zarr", replace(stores.spec(), leads=(HOSTILE, "V1"), source=HOSTILE))
    VerdictTable(folder / "s.zarr", "anna").set("reject", start=0, stop=200, note=HOSTILE + '<img src="x:y">')
    return ss.write_report(folder / "s.zarr", folder / "r.html", worst=3)


@pytest.fixture
def opened(browser: Any, page_file: Path) -> Iterator[tuple[Any, list[str], list[str]]]:
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900})
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto(page_file.as_uri(), wait_until="networkidle")
    yield page, asked, said
    context.close()


def test_nothing_is_asked_for_and_nothing_is_wrong(opened: Any, page_file: Path) -> None:
    page, asked, said = opened
    assert [url for url in asked if not url.startswith("data:")] == [page_file.as_uri()]
    assert said == []
    assert page.locator("svg").count() == 4
    assert page.locator("script").count() == 0


def test_figures_fit_the_page_and_words_are_shown(opened: Any) -> None:
    page, _, _ = opened
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for box in (page.locator("svg").nth(i).bounding_box() for i in range(4)):
        assert box["width"] > 900
        assert box["height"] > 150
    assert "<script>alert(1)</script>" in page.locator("h1").inner_text()
    assert page.locator("table.verdicts td").last.inner_text().endswith('<img src="x:y">')


def test_the_policy_holds_even_against_what_is_put_in_later(opened: Any) -> None:
    page, _, said = opened
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"http://127.0.0.1:9/x.png\">')")
    for _ in range(500):
        if said:
            break
        page.wait_for_timeout(20)
    assert any("Content Security Policy" in words for words in said)


def test_it_prints_on_a4(opened: Any) -> None:
    page, _, _ = opened
    sheets = page.pdf(prefer_css_page_size=True)
    assert sheets.startswith(b"%PDF")
    assert b"/MediaBox [0 0 594" in sheets or b"/MediaBox [0 0 595" in sheets
