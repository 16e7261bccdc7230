"""What a reader of the documentation would see broken, found before it is built."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.rst"))
TEXTS = [*PAGES, *sorted((ROOT / "signalscreen").rglob("*.py")), *sorted((ROOT / "examples").glob("*.py"))]
FORMULA = re.compile(r":math:`([^`]+)`|^( *)\.\. math:: (.+(?:\n\2 +.+)*)", re.MULTILINE)


def formulas() -> list[str]:
    found = (match for path in TEXTS for match in FORMULA.finditer(path.read_text(encoding="utf-8")))
    return [match[1] or match[3] for match in found]


def first_cells(text: str) -> list[tuple[str, str]]:
    """The first cell of each line of the simple tables of a page, and the line."""
    found = []
    for block in re.split(r"\n\s*\n", text):
        lines = block.strip("\n").splitlines()
        borders = [i for i, line in enumerate(lines) if re.fullmatch(r" *=+( +=+)+", line)]
        if len(borders) >= 2:
            width = len(lines[borders[0]].split("= ")[0]) + 1
            body = lines[borders[-2] + 1 : borders[-1]]
            found += [(line[:width].strip(), line) for line in body if line[:width].strip()]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_row_of_a_simple_table_runs_on_in_its_first_cell(page: Path) -> None:
    """A line with something in the first column is a row of its own: what was meant as one came out as two."""
    for cell, line in first_cells(page.read_text(encoding="utf-8")):
        assert not cell.endswith((",", "(", "(or")), line
        assert cell.count("(") == cell.count(")"), line


def test_the_tables_are_found() -> None:
    cells = [cell for page in PAGES for cell, _ in first_cells(page.read_text(encoding="utf-8"))]
    assert "``calculate_saliency_map(m, x, c)``" in cells
    assert "``annotation_end``" in cells


def test_every_formula_is_drawn_by_the_browser_itself() -> None:
    """Sphinx's default fetches a script from a network, and pages are read offline."""
    pytest.importorskip("sphinx")
    spec = importlib.util.spec_from_file_location("mathml", ROOT / "docs" / "mathml.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert len(formulas()) >= 15
    for tex in formulas():
        for block in (True, False):
            written = module.mathml(tex, block=block)
            assert written.startswith("<math")
            assert "merror" not in written
    conf = (ROOT / "docs" / "conf.py").read_text(encoding="utf-8")
    assert 'html_math_renderer = "mathml"' in conf


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_lines_are_not_longer_than_120_characters(name: str) -> None:
    """Rows of a table cannot be broken."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 120 and not line.startswith("|")] == []
