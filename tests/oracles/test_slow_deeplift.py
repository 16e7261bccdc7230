"""The slow DeepLIFT is itself held to Captum, to shap, and to its own sum."""

import numpy as np
import pytest
from agreement import assert_close, case, stored, weights_in
from nets import DEEP_LIFT_CLOSES, DEEP_NETS, NETS, SHAPES, random_weights
from slow_deeplift import deep_lift, outputs

SHAP = sorted({tuple(key.split("/")[:2]) for key in stored("shap_deeplift.npz")})


@pytest.mark.parametrize("name", DEEP_LIFT_CLOSES)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_it_agrees_with_captum(rank, name):
    captum = case(f"captum_{rank}d.npz", name)
    weights, reference = weights_in(captum), captum["baseline"][0]
    ours = [
        deep_lift(NETS[name], weights, x, reference, t) for x, t in zip(captum["x"], captum["target"], strict=True)
    ]
    assert_close(np.stack(ours), captum["deep_lift"], 1e-6)


@pytest.mark.parametrize(("rank", "name"), SHAP)
def test_it_agrees_with_shap(rank, name):
    shap = case("shap_deeplift.npz", f"{rank}/{name}")
    weights, reference = weights_in(shap), shap["reference"][0]
    for target in range(shap["deep_lift"].shape[-1]):
        ours = [deep_lift(DEEP_NETS[name], weights, x, reference, target) for x in shap["x"]]
        assert_close(np.stack(ours), shap["deep_lift"][..., target], 5e-5)  # shap computes in float32


@pytest.mark.parametrize("name", DEEP_NETS)
def test_its_sum_closes(name):
    rng = np.random.default_rng(3)
    weights = random_weights(DEEP_NETS[name], SHAPES[1], rng)
    x, r = rng.normal(size=(2, *SHAPES[1]))
    for target, move in enumerate(outputs(DEEP_NETS[name], weights, x) - outputs(DEEP_NETS[name], weights, r)):
        assert deep_lift(DEEP_NETS[name], weights, x, r, target).sum() == pytest.approx(move, rel=1e-9)
