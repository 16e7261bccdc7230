"""Class averages of real data sets: genotype windows as in CNN-vis, and coffee spectra."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import signalscreen as ss


@pytest.fixture(scope="module")
def windows(real_data):
    folder = real_data / "model_cnnvis"
    stored = np.load(folder / "windows_100.npz")
    return ss.load_model(folder / "NEW_cnn_1562604956.hdf5"), stored["X"], stored["Y"]


@pytest.fixture(scope="module")
def averages(windows):
    """As CNN-vis averages: magnitudes of the one unit's gradient, each window's from 0 to 1."""
    model, x, y = windows
    return {
        method: ss.class_averages(model, x, y, method=method, target=0, reduce="max_abs", scale="min_max")
        for method in ("saliency", "guided_backprop")
    }


def test_averages_of_genotype_windows_are_those_of_a_loop(windows, averages):
    model, x, y = windows
    assert averages["saliency"].counts == {0: 50, 1: 50}
    total = np.zeros(x.shape[1:])
    for window in x[y == 1]:
        magnitude = np.abs(ss.saliency(model, window[None, ..., None], 0)[0, ..., 0])
        total += (magnitude - magnitude.min()) / np.ptp(magnitude)
    np.testing.assert_allclose(averages["saliency"].mean[1], total / 50, rtol=0, atol=1e-5)


def test_guided_differs_from_vanilla_through_leaky_rectifiers(averages):
    """In CNN-vis they were the same: its rule replaced the gradient of Relu ops, and the network has none."""
    for label in (0, 1):
        plain, guided = (averages[method].mean[label] for method in ("saliency", "guided_backprop"))
        assert np.abs(plain - guided).max() > 0.1 * plain.max()
        assert np.corrcoef(plain.ravel(), guided.ravel())[0, 1] < 0.9


def test_the_difference_of_the_classes_is_drawn(averages, tmp_path):
    found = averages["guided_backprop"]
    difference = found.difference(1, 0)
    assert (np.abs(difference.mean) > 5 * difference.error).mean() > 0.01  # by chance less than one in a million
    fig = ss.plot_averages(found, class_names={1: "AI", 0: "rest"}, limits=(0, 0.2), difference_limits=(-0.1, 0.1))
    assert [ax.get_title() for ax in fig.axes[:3]] == ["rest (n = 50)", "AI (n = 50)", "AI − rest"]
    np.testing.assert_array_equal(fig.axes[2].images[0].get_array(), difference.mean)
    fig.savefig(tmp_path / "difference.png")
    plt.close(fig)


def test_coffee_spectra_differ_at_caffeine_and_chlorogenic_acid(real_data):
    """Briandet et al. 1996 tell Arabica from Robusta by these bands; the ends of the spectra say nothing."""
    rows = np.loadtxt(real_data / "ucr" / "Coffee_TEST.txt")
    model = ss.load_model(real_data / "model_tsinterpret_coffee_cnn" / "best_model.hdf5")
    found = ss.class_averages(model, rows[:, 1:], rows[:, 0] - rows[:, 0].min(), method="input_x_gradient")
    assert found.counts == {0: 15, 1: 13}
    difference = np.abs(found.difference(1, 0).mean[:, 0])
    assert difference[60:240].sum() > 0.95 * difference.sum()
