"""What every method promises, over every rank and kind of model. A new method is tested by being in METHODS."""

import numpy as np
import pytest

import signalscreen as ss
from signalscreen.errors import OptionError
from tests.contract import zoo

OPTIONS = {"smooth_grad": {"samples": 4}, "var_grad": {"samples": 4}}


@pytest.fixture(
    scope="module", params=[(k, r) for r in zoo.SIZES for k in zoo.KINDS], ids=lambda p: f"{p[0]}-{p[1]}D"
)
def case(request):
    kind, rank = request.param
    return kind, zoo.shared(kind, rank), zoo.signals(rank)


def options(name, kind, x):
    """What the random networks need: a layer where its weights are not its own, maps that are not all cut to 0."""
    known = ss.METHODS[name].options
    if "tolerance" in known:
        # A flat baseline makes places tie in max-pooling, where rounding alone says which one gets the gradient.
        return {"tolerance": 0.02, "max_steps": 400, "baseline": np.random.default_rng(3).normal(size=x.shape[1:])}
    layer = {"layer": "maps"} if kind == "raw_ops" and "layer" in known else {}
    return {**OPTIONS.get(name, {}), **layer, **({"relu": False} if "relu" in known else {})}


@pytest.mark.filterwarnings("ignore::signalscreen.errors.CompletenessWarning")  # a matter of the next test
@pytest.mark.parametrize("name", list(ss.METHODS))
def test_contract(name, case):
    kind, model, x = case
    chosen = options(name, kind, x)
    before = [w.numpy().copy() for w in model.weights]
    given = x.copy()
    result = ss.explain(model, x, 1, method=name, **chosen)

    expected = x.shape if ss.METHODS[name].gives == "input" else x.shape[:-1]
    assert result.shape == expected
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    if name != "guided_grad_cam":  # its Grad-CAM is rectified, and may be zero
        assert np.abs(result).max() > 0, "a map of zeros says nothing"

    scale = np.abs(result).max() + 1e-9
    one_by_one = np.concatenate([ss.explain(model, row[None], 1, method=name, **chosen) for row in x])
    np.testing.assert_allclose(one_by_one, result, atol=2e-5 * scale)
    small = ss.explain(model, x, 1, method=name, batch_size=2, **chosen)
    np.testing.assert_allclose(small, result, atol=2e-5 * scale)

    np.testing.assert_array_equal(x, given)
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)


@pytest.mark.parametrize("name", [n for n, m in ss.METHODS.items() if m.complete])
def test_attributions_add_up(name, case):
    _, model, x = case
    baseline = np.random.default_rng(5).normal(size=x.shape[1:]).astype("float32")
    where = {
        "deep_lift": {"references": baseline},
        "integrated_gradients": {"baseline": baseline, "tolerance": 0.01},
    }
    a = ss.explain(model, x, 2, method=name, **where[name])
    score, x = ss.Score(model, 2).bind(x)
    change = score(x) - score(np.broadcast_to(baseline, x.shape))
    tolerance = 1e-5 if name == "deep_lift" else 0.01
    np.testing.assert_allclose(a.sum(axis=tuple(range(1, a.ndim))), change, rtol=tolerance, atol=1e-5)


@pytest.mark.parametrize("name", list(ss.METHODS))
def test_wrong_option_is_named(name):
    model = zoo.shared("sequential", 1)
    with pytest.raises(OptionError, match="colour"):
        ss.explain(model, zoo.signals(1), 1, method=name, colour="red")


@pytest.mark.parametrize("name", ["smooth_grad", "var_grad"])
def test_same_seed_same_result(name):
    model, x = zoo.shared("functional", 1), zoo.signals(1)
    first, again = (ss.explain(model, x, 1, method=name, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = ss.explain(model, x, 1, method=name, seed=8)
    assert np.abs(first - other).max() > 0


@pytest.mark.parametrize("inner", [n for n in ss.METHODS if n not in ("smooth_grad", "var_grad")])
def test_smooth_grad_over_any_method(inner):
    model, x = zoo.shared("functional", 1), zoo.signals(1, n=2)
    plain = ss.explain(model, x, 1, method=inner)
    still = ss.smooth_grad(model, x, 1, base_method=inner, samples=2, level=0.0)
    np.testing.assert_allclose(still, plain, atol=1e-5 * np.abs(plain).max())
    assert ss.smooth_grad(model, x, 1, base_method=inner, samples=2).shape == plain.shape


def test_smooth_grad_cuts_the_options_of_its_base_method():
    model, x = zoo.shared("functional", 1), zoo.signals(1, n=3)
    common = {"base_method": "integrated_gradients", "steps": 3, "samples": 2, "level": 0.0, "baseline": 0.5 * x}
    whole = ss.smooth_grad(model, x, 1, **common)
    small = ss.smooth_grad(model, x, 1, **common, batch_size=2)
    np.testing.assert_allclose(small, whole, atol=1e-5 * np.abs(whole).max())
    assert np.abs(whole - ss.integrated_gradients(model, x, 1, steps=3)).max() > 0, "the baseline has to count"


def test_references_drawn_for_noisy_copies():
    """A callable sees examples, ``(batch, *axes, channels)``, however many variants of each there are."""
    model, x = zoo.shared("functional", 1), zoo.signals(1, n=2)
    seen = []

    def reversed_in_time(x):
        seen.append(x.shape[1:])
        return x[:, None, ::-1]

    plain = ss.deep_lift(model, x, 1, references=reversed_in_time)
    smooth = ss.smooth_grad(model, x, 1, base_method="deep_lift", references=reversed_in_time, samples=3, level=0.0)
    np.testing.assert_allclose(smooth, plain, atol=1e-5 * np.abs(plain).max())
    assert set(seen) == {x.shape[1:]}


@pytest.mark.parametrize(
    ("inner", "option"),
    [
        ("integrated_gradients", {"baseline": np.random.default_rng(1).normal(size=(5, 24, 2))}),
        ("occlusion", {"fill": np.random.default_rng(2).normal(size=(5, 24, 2))}),
        ("deep_lift", {"references": lambda x: x[:, None, ::-1]}),
    ],
)
@pytest.mark.filterwarnings("ignore:integrated_gradients")
def test_smooth_grad_hands_on_what_goes_with_each_example(inner, option):
    model = zoo.shared("sequential", 1)
    x = np.random.default_rng(0).normal(size=(5, 24, 2)).astype("float32")
    options = {"base_method": inner, "samples": 2, "level": 0.0, **option}
    whole = ss.smooth_grad(model, x, 0, **options)
    np.testing.assert_allclose(whole, ss.explain(model, x, 0, method=inner, **option), atol=1e-5)
    np.testing.assert_allclose(whole, ss.smooth_grad(model, x, 0, **options, batch_size=2), atol=1e-5)
