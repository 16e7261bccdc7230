"""The lowest versions that are declared are those that CI installs and tries."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOR_USERS = ("netcdf", "notebook", "dask", "review")  # the other extras are tools, pinned in constraints.txt


@pytest.fixture(scope="module")
def lowest():
    """Name -> version of every package that is pinned."""
    lines = (ROOT / "constraints-lowest.txt").read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def release(version):
    """A version without zeros at its end: 3.10 is 3.10.0."""
    return re.sub(r"(\.0)+$", "", version)


def test_every_lower_bound_is_tried(lowest):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *(d for e in FOR_USERS for d in project["optional-dependencies"][e])]
    bounds = dict(requirement.split(">=") for requirement in asked)
    assert {n: release(v) for n, v in lowest.items()} == {n: release(v) for n, v in bounds.items()}
