"""A table without a store's arrays: bounds are given."""

from pathlib import Path

import pytest

from signalscreen.verdicts import Bounds, VerdictTable

BOUNDS = Bounds(fs=360.0, samples=360_000, leads=("MLII", "V1"), classes=("N", "AF", "noise"), windows=100)


@pytest.fixture
def table(tmp_path: Path) -> VerdictTable:
    return VerdictTable(tmp_path, "anna", BOUNDS)
