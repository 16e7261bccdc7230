"""The main job in one call: make a recording with known artefacts, screen it, explain what was flagged.

``signalscreen demo --out FOLDER``, or ``make demo``.
"""

from signalscreen.demo.running import quality_model_path, run

__all__ = ["quality_model_path", "run"]
