"""What was measured of the model is one click away, where its file named it."""

import json
from pathlib import Path

import pytest

from signalscreen.review import RunningReview, start_in_thread
from signalscreen.screening.store import opened

from .asking import ask
from .stores import with_attributes, write_store

CARD = "# It misses <script>alert(1)</script> and 心\n"


def with_facts(path: Path, **facts: object) -> Path:
    write_store(path, n=4000)
    return with_attributes(path, facts=json.dumps({**json.loads(opened(path).attrs["facts"]), **facts}))


def test_the_card_is_plain_text(tmp_path: Path) -> None:
    with start_in_thread(with_facts(tmp_path / "a.zarr", card=CARD, model='n"<b>.keras')) as running:
        answer = ask(running.url, "card?record=made")
        assert (answer.status, answer.content.decode()) == (200, CARD)
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        page = ask(running.url, "").content.decode()
        assert page.count('<a id="card" href="card?record=made"') == 1
        assert 'title="What was measured of n&quot;&lt;b&gt;.keras"' in page
        assert ask(running.url, "card?record=other").status == 404
        token = running.url.rstrip("/").rsplit("/", 1)[-1]
        assert ask(running.url, f"/{'x' * len(token)}/card").status == 404


@pytest.mark.parametrize("card", ["", 3, None])
def test_there_is_no_link_without_one(tmp_path: Path, card: object) -> None:
    with start_in_thread(with_facts(tmp_path / "a.zarr", card=card)) as running:
        assert 'id="card"' not in ask(running.url, "").content.decode()
        answer = ask(running.url, "card")
        assert (answer.status, answer.error) == (404, "the model's file names no card")


def test_a_store_that_knows_of_no_card(running: RunningReview) -> None:
    assert ask(running.url, "card").status == 404


def test_the_link_opens_it_in_a_browser(browser, tmp_path: Path) -> None:
    with start_in_thread(with_facts(tmp_path / "a.zarr", card=CARD)) as running:
        context = browser.new_context()
        page = context.new_page()
        page.goto(running.url)
        with context.expect_page() as opening:
            page.click("#card")
        opening.value.wait_for_load_state()
        assert opening.value.inner_text("body") == CARD
        assert page.is_visible("#header")
        context.close()
