"""``signalscreen review``: look at what a screening found, and keep verdicts."""

from importlib.util import find_spec

import click

from signalscreen.errors import OutputError, SignalScreenWarning, warn


@click.command(short_help="Review a screened recording in the browser, and keep verdicts.")
@click.argument("store")
@click.option("--port", type=click.IntRange(0, 65535), help="Of this computer; any free one if left out.")
@click.option("--reviewer", metavar="NAME", help="Whose verdicts these are; your user name if left out.")
@click.option("--browser/--no-browser", default=True, help="Open the page, or only print its address.")
def review(store: str, port: int | None, reviewer: str | None, browser: bool) -> None:
    """Review STORE, which signalscreen screen wrote: a recording, or a database of them.

    The page is served to this computer only, at an address that holds a random word. Verdicts are saved at once
    into STORE/verdicts. Ctrl-C ends the server.
    """
    for name in ("bokeh", "tornado"):
        if find_spec(name) is None:
            raise OutputError(f"the review needs {name}; install signalscreen[review]")
    from signalscreen.review import serve
    from signalscreen.review.record import open_records

    record, *more = open_records(store).values()
    if not more and record.done < 1:  # the page of a database says it of each of its records
        warn(
            f"{record.name} is screened to {100 * record.done:.0f} % only; what is missing is hatched on the page "
            "(signalscreen screen goes on where it was stopped)",
            SignalScreenWarning,
        )
    serve(store, port=port, reviewer=reviewer, open_browser=browser)
