"""A simulated ECG, and artefacts at known places in it: a ground truth that can be made anywhere.

>>> from signalscreen.simulate import Artefact, add_artefacts, simulate_ecg
>>> ecg = simulate_ecg(20, fs=250, seed=1)
>>> spoiled = add_artefacts(ecg.signal, 250, [Artefact("muscle", start=5, end=8)], seed=1)
>>> bool((spoiled[: 5 * 250] == ecg.signal[: 5 * 250]).all())
True
"""

from signalscreen.simulate.artefacts import ARTEFACTS, Artefact, add_artefacts, artefact_mask
from signalscreen.simulate.ecg import SimulatedECG, simulate_ecg

__all__ = ["ARTEFACTS", "Artefact", "SimulatedECG", "add_artefacts", "artefact_mask", "simulate_ecg"]
