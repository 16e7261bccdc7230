"""``signalscreen methods``."""

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def methods(as_json: bool) -> None:
    """List the methods with their options and defaults."""
    from signalscreen.methods import METHODS

    if as_json:
        entries = [
            {"name": m.name, "summary": m.summary, "options": {k: _plain(v) for k, v in m.options.items()}}
            for m in METHODS.values()
        ]
        click.echo(json.dumps(entries, indent=2))
        return
    width = max(len(name) for name in METHODS) + 2
    for m in METHODS.values():
        click.echo(f"{m.name:<{width}}{m.summary}")
        if m.options:
            given = "  ".join(f"{name}={value!r}" for name, value in m.options.items())
            click.echo(click.wrap_text(given, 100, " " * width, " " * width))


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | list | None) else repr(value)
