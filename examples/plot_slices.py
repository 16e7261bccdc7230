"""
Batches and slices in one call
==============================

``saliency_plot`` draws a batch of images, slices of volumes, or signals, under transparent maps, with the arguments
that users of NIP know. Arrays may have their channels last, as in Keras, or in front, as in PyTorch.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

import signalscreen as ss


def balls(n, shape, seed):
    """Return noisy pictures (n, *shape, 1) of two balls each, and whether one of them is hollow."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"))
    hollow = rng.random(n) < 0.5
    x = np.zeros((n, *shape))
    for picture, has in zip(x, hollow, strict=True):
        for side, inside in ((0.27, has), (0.73, False)):
            along = np.append(side, rng.uniform(0.3, 0.7, len(shape) - 1)) * shape
            middle = np.roll(along, rng.integers(len(shape)))
            distance = np.sqrt(((grid.T - middle) ** 2).sum(axis=-1)).T
            picture[(distance < 4) & ~((distance < 2.5) & inside)] = 1
    return (x + rng.normal(0, 0.15, x.shape))[..., None].astype("float32"), hollow


def network(shape):
    """Return a network that has learnt to tell whether there is a hollow ball in a picture of any rank."""
    rank, layers = len(shape), keras.layers
    conv, pool = getattr(layers, f"Conv{rank}D"), getattr(layers, f"MaxPooling{rank}D")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((*shape, 1)), conv(8, 3, padding="same", activation="relu"), pool(2)])
    model.add(conv(16, 3, padding="same", activation="relu", name="features"))
    model.add(getattr(layers, f"GlobalMaxPooling{rank}D")())
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy")
    x, hollow = balls(200, shape, seed=0)
    model.fit(x, hollow, batch_size=16, epochs=5, verbose=0)
    x, hollow = balls(60, shape, seed=1)
    print(f"{((np.asarray(model(x))[:, 0] > 0.5) == hollow).mean():.0%} of 60 new pictures {shape} told right")
    return model, x[hollow]


# %%
# A batch of images, each with the LayerCAM of *there is a ring*. One colour scale serves the whole batch.

model, rings = network((24, 24))
images = rings[:8]
maps = ss.layer_cam(model, images, 0)
fig = ss.saliency_plot(images, maps, mode="2D", nrow=4, titles=[f"image {i}" for i in range(8)])

# %%
# The same arrays with their channel in front, as NIP and PyTorch lay them out, make the same figure:
# ``ss.saliency_plot(np.moveaxis(images, -1, 1), maps[:, None], mode="2D", nrow=4)``.
#
# A slice of a volume, under two maps. Signed maps have colours of their own, with zero in the middle.

model, rings = network((16, 18, 18))
volume = rings[:1]
cam, guided = ss.layer_cam(model, volume, 0), ss.guided_backprop(model, volume, 0)
deep = int(cam[0].sum(axis=(1, 2)).argmax())
fig = ss.saliency_plot(volume, [cam, guided], sl=deep, titles=["LayerCAM", "guided backprop"])

# %%
# In a notebook, ``interactive=True`` puts a slider above the figure, for all slices of the volume. The widget holds
# the slider and a picture, which is drawn again when the slider moves. It needs ipywidgets, which
# ``pip install signalscreen[notebook]`` brings.

try:
    slider, picture = ss.saliency_plot(volume, cam, interactive=True).children
except ss.errors.OptionError as reason:
    print(reason)
else:
    before = picture.value
    slider.value = 0
    print(f"slices {slider.min} to {slider.max}; drawn again: {picture.value != before}")

# %%
# Signals are coloured by their maps, several to a figure.

time = np.arange(300) / 100
signals = np.sin(2 * np.pi * np.array([[1], [2], [3]]) * time)
steepness = np.gradient(signals, axis=1)
fig = ss.saliency_plot(signals, steepness, mode="1D", titles=["1 Hz", "2 Hz", "3 Hz (colour: how steep)"])
plt.show()
