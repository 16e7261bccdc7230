"""How fast the review page is on 24 h of two leads at 360 Hz: ``python -m benchmarks.review_page [STORE]``.

Needs Playwright and Chromium, and the real data (see CONTRIBUTING.md) unless a store is given. First data: from the
start of the navigation to the first picture of the signal, in a browser without cache. Settled: from the last step
of a wheel gesture to the picture made of the view's own data.
"""

import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.real import DATA
from signalscreen.review import start_in_thread

LOADS, GESTURES, TICKS = 5, 40, 8


def main() -> None:
    """Make a store if none is given, measure, print."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        store = Path(sys.argv[1]) if len(sys.argv) > 1 else _day(Path(folder) / "day.zarr")
        with start_in_thread(store, reviewer="benchmark") as running, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=["--no-sandbox"]
            )
            running.warmed.result()  # as the command does before it says the address
            _first_data(browser, running.url)
            _zoom(_page(browser, running.url))
            browser.close()


def _day(path: Path) -> Path:
    from benchmarks.review_store import make_day

    print("scoring and explaining twelve records ...", flush=True)
    return make_day(path, [record.with_suffix("") for record in sorted((DATA / "mitdb").glob("*.hea"))], hours=24)


def _page(browser: Any, url: str) -> Any:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(url)
    while not page.evaluate("Boolean(window.signalscreen?.app.ready)"):
        page.wait_for_timeout(5)
    page.evaluate("signalscreen.settled()")
    return page


def _first_data(browser: Any, url: str) -> None:
    times, sizes = [], []
    for _ in range(LOADS):
        page = _page(browser, url)
        times.append(page.evaluate("signalscreen.app.drawing.firstData"))
        entries = "['navigation', 'resource'].flatMap((type) => performance.getEntriesByType(type))"
        sizes.append(page.evaluate(f"{entries}.reduce((sum, entry) => sum + entry.encodedBodySize, 0)"))
        page.context.close()
    print(f"first data     {_spread(times)} ms, {np.median(sizes) / 1e6:.1f} MB")


def _zoom(page: Any) -> None:
    choose = random.Random(5)
    box = page.locator("#stack .plot").first.bounding_box()
    n, fs = page.evaluate("[signalscreen.app.info.n, signalscreen.app.info.fs]")
    settled: dict[str, list[float]] = {"to a beat": [], "to ten seconds": [], "to an hour": [], "back to a day": []}
    page.evaluate("signalscreen.app.tiles.fetched = 0")
    for _ in range(GESTURES // 4):
        middle = choose.uniform(0.05, 0.95) * n
        x = box["x"] + box["width"] * choose.uniform(0.3, 0.7)
        page.mouse.move(x, box["y"] + 40)
        for name, seconds in (
            ("to an hour", 3600),
            ("to ten seconds", 10),
            ("to a beat", 1),
            ("back to a day", 86400),
        ):
            page.evaluate("([a, b]) => signalscreen.app.view.show(a, b)", _before(middle, seconds, fs))
            page.evaluate("signalscreen.settled()")
            for _ in range(TICKS):
                page.mouse.wheel(0, 60 if seconds == 86400 else -60)
                page.wait_for_timeout(16)
            page.evaluate("signalscreen.settled()")
            settled[name].append(page.evaluate("signalscreen.app.drawing.lastSettle"))
    for name, times in settled.items():
        print(f"{name:15s}{_spread(times)} ms")
    every = [time for times in settled.values() for time in times]
    size = page.evaluate("signalscreen.app.tiles.fetched") / GESTURES
    print(f"settled        {_spread(every)} ms, {size / 1e3:.0f} kB a gesture with what is fetched ahead")


def _before(middle: float, seconds: float, fs: float) -> list[float]:
    """The view from which a gesture arrives at so many seconds; its ticks make a factor of about 3.3."""
    half = seconds * fs * (1.65 if seconds < 86400 else 0.15)
    return [middle - half, middle + half]


def _spread(times: list[float]) -> str:
    return f"p50 {np.median(times):5.0f}, p95 {np.percentile(times, 95):5.0f}, max {max(times):5.0f}"


if __name__ == "__main__":
    main()
