"""Layer-wise relevance propagation against Zennit's on the same weights; make_zennit.py says how it was run.

Both are computed in double precision: where the terms of a sum nearly cancel, relevance divides by what is left,
and single precision knows that to a thousandth only. (TensorFlow pools volumes in single precision only.)
"""

import keras
import pytest
from agreement import assert_close, case, model_of, stored
from nets import NETS

import signalscreen as ss

EPSILON, GAMMA = 1e-6, 0.25
CASES = sorted(key.split("/") for key in stored("zennit_lrp.npz"))


@pytest.fixture
def precision(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def _case(rank, name, rule):
    pools = rank == "3d" and any("pool" in kind for kind, *_ in NETS[name])
    return pytest.param("float32" if pools else "float64", rank, name, rule)


@pytest.mark.parametrize(("precision", "rank", "name", "rule"), [_case(*c) for c in CASES], indirect=["precision"])
def test_relevance_is_that_of_zennit(precision, rank, name, rule):
    arrays = case(f"captum_{rank}.npz", name)
    model = model_of(NETS[name], int(rank[0]), arrays)
    x = arrays["x"].astype(precision)
    ours = ss.lrp(model, x, arrays["target"], epsilon=EPSILON, gamma=GAMMA if rule == "gamma" else 0)
    assert ours.dtype == precision
    assert_close(ours, stored("zennit_lrp.npz")[f"{rank}/{name}/{rule}"], 1e-5 if precision == "float64" else 1e-3)
