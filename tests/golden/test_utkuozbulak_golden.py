"""System 5 (utkuozbulak's pytorch-cnn-visualizations): its results, against a Keras copy of its network.

Its images are channels first and single; where its code departs from its own formula, the formula wins and
the test says how the original's numbers come about from ours.
"""

import numpy as np
import pytest

import signalscreen as ss

CLASS = 2
RELU_2 = "features_4"  # the layer its CAM files were asked for
TOLERANCE = 1e-4


class Original:
    """One golden file: the network as a Keras model, the image, and what the original found."""

    def __init__(self, path):
        with np.load(path) as arrays:
            self.found = dict(arrays)
        self.x = np.moveaxis(self.found["x"], 1, -1)
        self.model = self._copy()

    def _copy(self):
        import keras
        from keras import layers

        x = inputs = keras.Input(self.x.shape[1:])
        for conv, filters in ((0, 4), (3, 6)):
            x = layers.Conv2D(filters, 3, padding="same", name=f"features_{conv}")(x)
            x = layers.Activation("relu", name=f"features_{conv + 1}")(x)
            x = layers.MaxPooling2D(2, name=f"features_{conv + 2}")(x)
        maps = x.shape[1:]
        x = layers.Flatten()(x)
        x = layers.Dense(10, activation="relu", name="classifier_0")(x)
        model = keras.Model(inputs, layers.Dense(5, name="classifier_2")(x))
        for name in ("features_0", "features_3"):
            model.get_layer(name).set_weights(self._weights(name, (2, 3, 1, 0)))
        kernel, bias = self._weights("classifier_0", (1, 0))
        height, width, channels = maps  # the original flattens channels first, Keras channels last
        kernel = kernel.reshape(channels, height, width, -1).transpose(1, 2, 0, 3).reshape(kernel.shape)
        model.get_layer("classifier_0").set_weights([kernel, bias])
        model.get_layer("classifier_2").set_weights(self._weights("classifier_2", (1, 0)))
        return model

    def _weights(self, name, order):
        key = f"sd_{name.replace('_', '.')}"
        return [self.found[f"{key}.weight"].transpose(order), self.found[f"{key}.bias"]]

    def channels_last(self, key):
        return np.moveaxis(self.found[key], 0, -1)[None]


@pytest.fixture(scope="module", params=["32x32", "32x48"])
def original(request, golden):
    return Original(golden / f"golden_utkuozbulak_{request.param}.npz")


def assert_close(ours, theirs):
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < TOLERANCE * np.abs(theirs).max()


def as_stored(cam):
    """What the original does to a finished map: min-max, 8 bits, Lanczos to (width, height), 0 to 1.

    Pillow's size is (width, height) and the original passed (height, width), so a map of an image that is not
    square comes out turned on its side: stretched, not transposed.
    """
    from PIL import Image

    scaled = np.uint8((cam - cam.min()) / (cam.max() - cam.min()) * 255)
    height, width = np.array(cam.shape) * 2  # one max-pool lies before the layer
    return np.asarray(Image.fromarray(scaled).resize((height, width), Image.Resampling.LANCZOS)) / 255


def test_the_networks_are_the_same(original):
    assert_close(np.asarray(original.model(original.x)), original.found["logits"])


def test_vanilla(original):
    assert_close(ss.saliency(original.model, original.x, CLASS), original.channels_last("vanilla"))


def test_guided(original):
    # Its rules are on the ReLUs of `features` alone: our scope "conv".
    ours = ss.guided_backprop(original.model, original.x, CLASS, scope="conv")
    assert_close(ours, original.channels_last("guided"))


def test_the_scope_of_guided_matters(golden):
    small = Original(golden / "golden_utkuozbulak_32x32.npz")
    conv, everywhere = (ss.guided_backprop(small.model, small.x, CLASS, scope=scope) for scope in ("conv", "all"))
    assert np.abs(everywhere - conv).max() > 0.01 * np.abs(conv).max()


@pytest.mark.filterwarnings("ignore::signalscreen.errors.CompletenessWarning")  # 20 steps, as in the original
def test_integrated_gradients(original):
    # Its "integrated gradients" are the gradients at 0, 1/20 ... 1 of the image added up and divided by 20,
    # not multiplied by the image. By the formula they are times the image, and the ends count half.
    x, steps = original.x, 20
    with_image = ss.integrated_gradients(original.model, x, CLASS, steps=steps, rule="trapezoid")
    ends = [ss.saliency(original.model, end, CLASS) for end in (0 * x, x)]
    trapezoid = np.divide(with_image, x, out=np.zeros_like(x), where=x != 0)
    theirs = original.channels_last("ig20")
    ours = trapezoid + (ends[0] + ends[1]) / 2 / steps
    assert (np.abs(x) > 1e-3).mean() > 0.9  # the division above is sound nearly everywhere
    assert_close(ours * (np.abs(x) > 1e-3), theirs * (np.abs(x) > 1e-3))


def test_grad_cam(original):
    # Its map starts from ones (issues 11, 14, 66, 94, 103 of its repository) and is rectified after that, so
    # values down to -1 survive. The formula starts from zero; adding the one gives what it stored.
    cam = ss.grad_cam(original.model, original.x, CLASS, layer=RELU_2, relu=False, upsample=False)[0]
    stored = as_stored(np.maximum(cam + 1, 0))
    assert np.abs(stored - original.found["gradcam4"]).max() <= 1 / 255 + 1e-9  # one step of its 8 bits
    rectified = ss.grad_cam(original.model, original.x, CLASS, layer=RELU_2)
    assert rectified.shape == original.x.shape[:-1]  # height and width in their places


def test_layer_cam(original):
    cam = ss.layer_cam(original.model, original.x, CLASS, layer=RELU_2, upsample=False)[0]
    assert np.abs(as_stored(cam) - original.found["layercam4"]).max() <= 1 / 255 + 1e-9


def test_positive_and_negative_parts(original):
    # Its positive, negative and grey images are reductions of the plain gradient.
    gradient = ss.saliency(original.model, original.x, CLASS)
    assert_close(np.maximum(gradient, 0) / gradient.max(), original.channels_last("pos"))
    assert_close(np.maximum(-gradient, 0) / -gradient.min(), original.channels_last("neg"))
    grey = np.abs(gradient).sum(-1)
    low, high = grey.min(), np.percentile(grey, 99)
    assert_close(np.clip((grey - low) / (high - low), 0, 1), original.found["gray"])


def test_guided_gradient_of_a_filter_in_a_layer(original):
    """The fork's feature: what in the image filter 1 of the second convolution answers to."""
    ours = ss.layer_saliency(
        original.model, original.x, "features_3", 1, reduce="abs_sum", method="guided_backprop", scope="conv"
    )
    assert_close(ours, original.channels_last("layeract_l3_f1"))
