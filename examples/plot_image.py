"""
Images, by the same lines
=========================

Nothing in a method knows how many axes the input has: an image is a signal with two of them. A small network looks
for a ring or a cross among discs; where it looks is drawn over the image.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

import signalscreen as ss

size = 40
rows, columns = np.mgrid[:size, :size]


def shape(kind, row, column):
    """Return the pixels of a disc, a ring or a cross at a place."""
    r, c = np.abs(rows - row), np.abs(columns - column)
    distance = np.hypot(r, c)
    if kind == "disc":
        return distance < 3.5
    if kind == "ring":
        return (distance > 3.2) & (distance < 5.5)
    return (np.minimum(r, c) < 1.5) & (np.maximum(r, c) < 5.5)


def images(n, seed):
    """Images (n, 40, 40, 1) with four discs and one ring (class 0) or cross (class 1), and masks of the latter."""
    rng = np.random.default_rng(seed)
    x, masks = np.zeros((n, size, size, 1), "float32"), np.zeros((n, size, size), bool)
    labels = rng.integers(2, size=n)
    for image, label, mask in zip(x, labels, masks, strict=True):
        cells = rng.permutation(9)[:5]  # a grid of 3 x 3 cells keeps the shapes apart
        places = np.stack([cells // 3, cells % 3], axis=1) * 13 + 6 + rng.integers(-1, 2, (5, 2))
        mask |= shape(("ring", "cross")[label], *places[0])
        image[..., 0] = np.any([mask, *(shape("disc", *place) for place in places[1:])], axis=0)
    return x + rng.normal(0, 0.15, x.shape).astype("float32"), labels, masks


# %%

keras.utils.set_random_seed(0)
layers = keras.layers
model = keras.Sequential(
    [
        keras.Input((size, size, 1)),
        layers.Conv2D(8, 5, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(16, 5, padding="same", activation="relu", name="features"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(2, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
x, labels, _ = images(800, seed=0)
model.fit(x, labels, epochs=5, verbose=0)

x, labels, masks = images(200, seed=1)
right = np.asarray(model(x)).argmax(axis=1) == labels
print(f"{right.mean():.1%} of {len(right)} new images classified correctly")

# %%
# One ring and one cross, each explained for its own class. The outline is where the answer is.

chosen = [np.flatnonzero(right & (labels == label))[0] for label in (0, 1)]
maps = {
    "integrated gradients": ss.integrated_gradients(model, x[chosen], labels[chosen], tolerance=0.01),
    "occlusion, 5 × 5 pixels": ss.occlusion(model, x[chosen], labels[chosen], window=5, stride=1),
    "Grad-CAM": ss.grad_cam(model, x[chosen], labels[chosen]),
    "LayerCAM": ss.layer_cam(model, x[chosen], labels[chosen]),
}
fig, axes = plt.subplots(2, 5, figsize=(15, 5.8), layout="constrained")
for row, i, name in zip(range(2), chosen, ("ring", "cross"), strict=True):
    ss.plot_image(x[i], ax=axes[row, 0], title=f"find the {name}")
    for ax, (method, a) in zip(axes[row, 1:], maps.items(), strict=True):
        ss.plot_image(x[i], a[row], ax=ax, title=method if row == 0 else None, color_label="")
        ax.contour(masks[i], [0.5], colors="0.2", linewidths=0.8)
fig.suptitle("Where is it? Attribution in units of the score; orange raises it, blue lowers it")

# %%
# Grad-CAM lights up the discs too. It gives a feature map one weight, and shows it wherever the feature was found,
# but this network takes only the *largest* value of each map. LayerCAM weighs every place by itself, and so shows
# the place that was taken. The maps answer different questions; neither knows what the other one does.
