"""``.. model-card:: FILE``: a model's card, written in Markdown beside the model, as part of a page.

Only what the card uses is understood: headings, paragraphs, lists, tables, indented code, ``code`` and bold.
"""

import re
from pathlib import Path

from docutils.parsers.rst import Directive
from sphinx.application import Sphinx


def to_rst(markdown: str) -> list[str]:
    """Return the lines of a card as reStructuredText, without its first heading."""
    lines: list[str] = []
    for block in re.split(r"\n\s*\n", markdown.strip()):
        first = block.lstrip("\n").split("\n")[0]
        if first.startswith("# "):
            continue
        if first.startswith("## "):
            title = _inline(first[3:])
            lines += [title, "-" * len(title), ""]
            block = "\n".join(block.split("\n")[1:])
        if block.startswith("    "):
            lines += [".. code-block:: console", "", *block.split("\n"), ""]
        elif block.startswith("|"):
            lines += [*_table(block.split("\n")), ""]
        else:
            lines += [*_inline(block).split("\n"), ""]
    return lines


def _inline(text: str) -> str:
    """Double the backticks of code."""
    return re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", text)


def _table(rows: list[str]) -> list[str]:
    """Turn a table into a list-table; one with an empty first row has no header."""
    cells = [[_inline(cell.strip()) for cell in row.strip().strip("|").split("|")] for row in rows]
    header, body = cells[0], cells[2:]
    titled = any(header)
    lines = [".. list-table::", *(["   :header-rows: 1"] if titled else ["   :stub-columns: 1"]), ""]
    for row in [header, *body] if titled else body:
        lines += [f"   {'*' if not i else ' '} - {cell}".rstrip() for i, cell in enumerate(row)]
    return lines


class ModelCard(Directive):
    """The directive."""

    required_arguments = 1

    def run(self) -> list[object]:
        """Insert the card where the directive stands."""
        environment = self.state.document.settings.env
        path = Path(environment.doc2path(environment.docname)).parent / self.arguments[0]
        environment.note_dependency(str(path))
        self.state_machine.insert_input(to_rst(path.read_text("utf-8")), str(path))
        return []


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive to Sphinx."""
    app.add_directive("model-card", ModelCard)
    return {"parallel_read_safe": True}
