"""A browser on the review page, and stores that are worth looking at."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from signalscreen.plot.colour import SIGNED
from signalscreen.recording import Annotation
from signalscreen.review import start_in_thread
from signalscreen.screening.allocation import StoredMethod, StoreSpec, create
from signalscreen.screening.store import arrays_of
from signalscreen.windows import window_starts

from .stores import empty

FS, WINDOW, HOP = 100.0, 1000, 500
UNEXPLAINED = {"raw": "#22272e", "extreme": "#22272e", "mean": "#6b7480"}
STEPS = 20


def write_beats(
    path: Path,
    leads: int = 2,
    n: int = 150_000,
    methods: tuple[str, ...] = ("saliency",),
    classes: tuple[str, ...] = ("clean", "artefact"),
) -> Path:
    """Beats of 0.8 s with a gap; attributions with a hole; a tenth of all windows flagged."""
    rng = np.random.default_rng(leads)
    starts = window_starts(n, WINDOW, HOP)
    names = tuple(f"L{k}" for k in range(1, leads + 1))
    spec = StoreSpec(
        source=path.stem, fs=FS, samples=n, leads=names, units=("mV",) * leads, window_start=starts,
        window_lead=np.full(len(starts), -1, np.int8), window_samples=WINDOW, hop_samples=HOP,
        shard_samples=60_000, shard_windows=120, methods=tuple(StoredMethod(method) for method in methods),
        classes=classes, alarm=len(classes) - 1, threshold=0.9, began="2026-03-02T23:50:00",
        annotations=tuple(Annotation(k, "V" if k % 400 == 40 else "N") for k in range(40, n, 80)),
        facts={"fingerprint": f"{leads:08x}"},
    )  # fmt: skip
    create(path, spec)
    group = arrays_of(path)
    t = np.arange(n)
    beat = np.exp(-(((t % 80) - 40.0) ** 2) / 8)
    signal = (beat[:, None] * np.linspace(0.5, 1.5, leads) + 0.02 * rng.normal(size=(n, leads))).astype(np.float32)
    signal[70_000:70_400] = np.nan
    group["signal"][:] = signal
    for k, method in enumerate(methods):
        a = (rng.normal(size=(n, leads)) * (0.1 + beat[:, None]) * (k + 1)).astype(np.float32)
        a[90_000:91_000] = np.nan
        group[f"attribution_{method}"][:] = a
    artefact = rng.permutation(np.linspace(0, 0.999, len(starts))).astype(np.float32)
    if classes:
        group["probability"][:] = np.stack([1 - artefact, artefact], axis=1)
        group["flagged"][:] = artefact > 0.9
        empty(group, "logit")
    else:
        empty(group, "flagged")
    group["score"][:] = artefact
    group["target"][:] = 1
    group["explained"][:] = 1
    empty(group, "bad", "gap", "unanswered", "seconds")
    group["done"][:] = 1
    return path


def settle(page: Any) -> None:
    """Wait until what is in view is drawn from its own data."""
    page.evaluate("window.signalscreen.settled()")


def wait(page: Any, condition: str) -> None:
    """Wait until an expression is true. (Playwright's own wait compiles it in the page, which is forbidden.)"""
    for _ in range(1500):
        try:
            if page.evaluate(condition):
                return
        except Exception as error:  # Playwright's own class is there only where Playwright is
            if "context was destroyed" not in str(error):  # the page is just being replaced by the next
                raise
        page.wait_for_timeout(20)
    raise AssertionError(f"{condition} is not true after half a minute")


@contextmanager
def review(browser: Any, path: Path, wanted: str = "", errors: int = 0) -> Iterator[Any]:
    """Ada's page on it, with all records counted; so many errors are expected in its console."""
    said: list[str] = []
    with start_in_thread(path, reviewer="Ada") as running:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{running.url}{wanted}")
        ready(page)
        yield page
        context.close()
    assert len(said) == errors, said


def ready(page: Any, record: str = "") -> None:
    """Wait for a record's page, and for all counts."""
    here = f"&& signalscreen.app.info.record === '{record}'" if record else ""
    wait(page, f"Boolean(window.signalscreen?.app?.ready && !signalscreen.app.records.left {here})")
    settle(page)


def said(page: Any) -> str:
    """The message that is shown."""
    return str(page.inner_text("#message"))


def says(page: Any, words: str) -> None:
    """Wait for a message."""
    wait(page, f"document.getElementById('message').textContent === {json.dumps(words)}")


def intercept(page: Any, pattern: str, handler: Callable[[Any], object]) -> None:
    """Route requests, and wait until the page's own go that way: Chromium lets some pass that follow at once."""
    page.route(pattern, handler)
    seen: list[str] = []

    def probe(route: Any) -> None:
        seen.append(route.request.url)
        route.fulfill(body="")

    page.route("**/static/http.js", probe)
    for _ in range(500):
        page.evaluate("fetch('static/http.js', { cache: 'no-store' }).then((answer) => answer.text())")
        if seen:
            page.unroute("**/static/http.js")
            return
    raise AssertionError(f"requests to {pattern} are not intercepted")


def hold(page: Any, pattern: str, method: str | None = None) -> list[Any]:
    """Keep requests (of one method) from the server; return the list in which their routes arrive."""
    held: list[Any] = []

    def handler(route: Any) -> None:
        if method in (None, route.request.method):
            held.append(route)
        else:
            route.fallback()

    intercept(page, pattern, handler)
    return held


def arrived(page: Any, held: list[Any]) -> Any:
    """Wait for the first request that is held; its ``continue_()`` lets it go on."""
    for _ in range(1500):
        if held:
            break
        page.wait_for_timeout(20)
    return held[0]


def show(page: Any, first: float, last: float) -> None:
    """Show samples, and wait for them."""
    page.evaluate("([a, b]) => window.signalscreen.app.view.show(a, b)", [first, last])
    settle(page)


def press(page: Any, *keys: str) -> None:
    """Press keys one after another, and wait for what they do to be saved and drawn."""
    for key in keys:
        page.keyboard.press(key)
    page.evaluate("window.signalscreen.app.verdicts.turn")
    settle(page)


def colour_of(value: float, seen: dict[str, Any]) -> str:
    """Colour that the page must give a value, from the colour map of `signalscreen.plot` itself."""
    from matplotlib.colors import to_hex

    if np.isnan(value):
        return UNEXPLAINED[seen["plan"]["mode"]]
    step = int(np.clip(np.floor(value / seen["limit"] * STEPS + 0.5), -STEPS, STEPS))
    return to_hex(SIGNED((step + STEPS) / (2 * STEPS)))


def drawn(page: Any, lead: int) -> dict[str, Any]:
    """What a lead's panel shows now: its Bokeh source's paths, the limit of its colours, its columns."""
    return page.evaluate(
        """(lead) => {
          const { stack } = window.signalscreen.app;
          const panel = stack.panels.get(lead);
          const { xs, ys, color } = panel.source("line").data;
          const { plan, limit, x, low, high, value } = stack.columns.get(lead);
          const list = (values) => Array.from(values, Number);
          return { xs: xs.map(list), ys: ys.map(list), color: [...color], plan, limit, x: list(x), low: list(low),
                   high: list(high), value: list(value), from: panel.x.start, to: panel.x.end };
        }""",
        lead,
    )
