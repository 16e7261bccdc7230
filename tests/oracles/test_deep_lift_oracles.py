"""DeepLIFT against shap and against the slow twin, on networks where Captum's sum does not close."""

from functools import cache

import keras
import numpy as np
import pytest
from agreement import assert_close, case, stored, weights_in
from nets import DEEP_NETS, SHAPES, build_keras, random_weights
from slow_deeplift import deep_lift as slow_deep_lift

import signalscreen as ss

SHAP = sorted({tuple(key.split("/")[:2]) for key in stored("shap_deeplift.npz")})
PROBABILITY = ("softmax", "sigmoid")


def explained(name):
    return "probability" if name in PROBABILITY else "logit"


@cache
def built(name, rank):
    spec, shape = DEEP_NETS[name], SHAPES[rank]
    return build_keras(spec, shape, random_weights(spec, shape, np.random.default_rng(0)))


def network(name, rank, weights):
    """The same model whatever the weights: it is traced once."""
    model = built(name, rank)
    model.set_weights([w.reshape(v.shape) for w, v in zip(weights, model.weights, strict=True)])
    return model


@pytest.mark.parametrize(("rank", "name"), SHAP)
def test_shap(rank, name):
    shap = case("shap_deeplift.npz", f"{rank}/{name}")
    model = network(name, int(rank), weights_in(shap))
    for target in range(shap["deep_lift"].shape[-1]):
        ours = ss.deep_lift(model, shap["x"], target, references=shap["reference"], score=explained(name))
        assert_close(ours, shap["deep_lift"][..., target])


@pytest.mark.parametrize(("rank", "name"), [(r, n) for r in (1, 2) for n in DEEP_NETS if (r, n) != (2, "causal")])
def test_slow_twin(rank, name):
    rng = np.random.default_rng(50 + rank)
    spec, shape = DEEP_NETS[name], SHAPES[rank]
    weights = random_weights(spec, shape, rng)
    x, reference = (rng.normal(size=(n, *shape)).astype(np.float32) for n in (2, 1))
    ours = ss.deep_lift(network(name, rank, weights), x, 1, references=reference, score=explained(name))
    assert_close(ours, np.stack([slow_deep_lift(spec, weights, row, reference[0], 1) for row in x]))


def test_several_references_are_averaged():
    rng = np.random.default_rng(7)
    spec, shape = DEEP_NETS["maxpool"], SHAPES[1]
    weights = random_weights(spec, shape, rng)
    x, references = (rng.normal(size=(n, *shape)).astype(np.float32) for n in (2, 3))
    ours = ss.deep_lift(network("maxpool", 1, weights), x, 2, references=references[None])
    slow = [np.mean([slow_deep_lift(spec, weights, row, r, 2) for r in references], axis=0) for row in x]
    assert_close(ours, np.stack(slow))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_has_a_limit_of_its_own(policy):
    """What is lost there to rounding is more than in single precision, and no fault of the attributions."""
    keras.config.set_dtype_policy(policy)
    try:
        keras.utils.set_random_seed(0)
        x = keras.Input((100, 2))
        h = keras.layers.Conv1D(8, 5, activation="relu")(keras.layers.Conv1D(8, 7, activation="relu")(x))
        head = keras.layers.Dense(3, activation="softmax", dtype="float32")
        model = keras.Model(x, head(keras.layers.GlobalAveragePooling1D()(h)))
    finally:
        keras.config.set_dtype_policy("float32")
    given = np.random.default_rng(0).normal(1.0, 1.0, (16, 100, 2)).astype("float32")
    ss.deep_lift(model, given)  # without a warning
