"""Pieces of a page. Whatever comes from a file or a person goes through `said`."""

import html
import re
from collections.abc import Sequence
from importlib.resources import files

# What HTML has no place for; and breaks of lines stay.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# No script, no font, no image but those in the page, no form, no base: whatever a name or a note may hold.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def said(value: object) -> str:
    """Text of others, escaped, and kept from turning the words around it to the left.

    >>> said('<b> "')
    '<bdi>&lt;b&gt; &quot;</bdi>'
    """
    return f"<bdi>{escaped(value)}</bdi>"


def escaped(value: object) -> str:
    """Text of others for places that take no markup: attributes, the title."""
    return html.escape(_CONTROL.sub("\ufffd", str(value)))


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = (), kind: str = "") -> str:
    """A table of cells that are HTML; the first row is the head, columns `right` hold numbers."""

    def line(cells: Sequence[str], tag: str) -> str:
        marked = (f"<{tag}{' class=n' if i in right else ''}>{cell}</{tag}>" for i, cell in enumerate(cells))
        return f"<tr>{''.join(marked)}</tr>"

    body = "".join(line(cells, "td") for cells in rows[1:])
    return (
        f'<div class="wide"><table class="{kind}"><thead>{line(rows[0], "th")}</thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and values, the values HTML; those without a value are left out."""
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in pairs if value) + "</dl>"


def section(title: str, *parts: str) -> str:
    """A part of the page; without content there is none."""
    inside = "".join(part for part in parts if part)
    return f"<section><h2>{title}</h2>{inside}</section>" if inside else ""


def page(title: str, header: str, sections: Sequence[str]) -> str:
    """The whole page."""
    style = (files("signalscreen.report") / "style.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{escaped(title)}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<header>{header}</header>
<main>
{"".join(sections)}
</main>
</body>
</html>
"""
