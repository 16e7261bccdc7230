"""
Volumes: a hollow ball among solid ones
=======================================

Three axes, the same methods. A small 3D network has learnt to find a hollow ball in a noisy volume; its explanation
is drawn slice by slice, on one colour scale.
"""

import keras
import numpy as np

import signalscreen as ss

size = 18
grid = np.mgrid[:size, :size, :size]


def volumes(n, seed):
    """Volumes (n, 18, 18, 18, 1) of three balls, whether one is hollow, and where that one is."""
    rng = np.random.default_rng(seed)
    x, masks = np.zeros((n, *[size] * 3, 1), "float32"), np.zeros((n, *[size] * 3), bool)
    hollow = rng.random(n) < 0.5
    for volume, has, mask in zip(x, hollow, masks, strict=True):
        corners = rng.permutation(8)[:3]  # of the eight corners, so that the balls do not touch
        for number, corner in enumerate(corners):
            centre = np.array([corner // 4, corner // 2 % 2, corner % 2]) * 9 + 4 + rng.integers(0, 2, 3)
            distance = np.sqrt(((grid - centre[:, None, None, None]) ** 2).sum(axis=0))
            ball = distance < 4
            if number == 0 and has:
                mask |= ball
                ball = ball & (distance > 2.3)
            volume[ball] = 1
    return x + rng.normal(0, 0.2, x.shape).astype("float32"), hollow, masks


# %%

keras.utils.set_random_seed(0)
layers = keras.layers
model = keras.Sequential(
    [
        keras.Input((size, size, size, 1)),
        layers.Conv3D(8, 3, padding="same", activation="relu"),
        layers.MaxPooling3D(2),
        layers.Conv3D(16, 3, padding="same", activation="relu"),
        layers.GlobalMaxPooling3D(),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy")
x, hollow, _ = volumes(200, seed=0)
model.fit(x, hollow, batch_size=16, epochs=5, verbose=0)

x, hollow, masks = volumes(100, seed=1)
right = (np.asarray(model(x))[:, 0] > 0.5) == hollow
print(f"{right.mean():.0%} of {len(right)} new volumes classified correctly")

# %%
# Zeros in place of a window would hide nothing inside a hollow ball. What is put there belongs to the
# question: ``fill=1`` asks *what if this were solid?*

i = np.flatnonzero(right & hollow)[0]
a = ss.occlusion(model, x[i : i + 1], target=0, window=4, stride=2, fill=1.0)[0]
middle = int(np.argwhere(masks[i])[:, 0].mean())
slices = sorted([middle - 4, middle - 2, middle, middle + 1, middle + 3, (middle + 9) % size])
fig, axes = ss.plot_volume(
    x[i],
    a,
    slices=slices,
    columns=3,
    title="What if these 4 × 4 × 4 voxels were solid? (outline: the hollow ball)",
)
for ax, z in zip(axes, slices, strict=True):
    if masks[i, z].any():
        ax.contour(masks[i, z], [0.5], colors="0.2", linewidths=0.8)

# %%
# Orange: the score falls if this is filled. Solid balls stay grey, as filling them changes nothing.
