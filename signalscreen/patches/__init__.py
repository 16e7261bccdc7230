"""Exact fast occlusion: the cost of an edit is the cost of what it changes.

`spans` is the arithmetic, `walk` the trick, `rules` what each op does, `program` the compiled functions, `run`
feeds them, `plan` says whether it is worth it. docs/decisions/0005-patches.md draws it.

References: Nakandala, Kumar, Papakonstantinou 2019, "Incremental and Approximate Inference for Faster
Occlusion-based Deep CNN Explanations" (Krypton), for images; Nair et al. 2022, "fastISM", for one-hot sequences.
"""

from signalscreen.patches.plan import Plan, Step
from signalscreen.patches.program import Patched, build
from signalscreen.patches.run import scores

__all__ = ["Patched", "Plan", "Step", "build", "scores"]
