"""Model files of every age: what is in them read as data, repaired, and built; code stored in them is never run."""

from signalscreen.model_files.kinds import foreign, format_of
from signalscreen.model_files.opening import load_h5, load_json, load_keras
from signalscreen.model_files.saved_model import load_saved_model

__all__ = ["foreign", "format_of", "load_h5", "load_json", "load_keras", "load_saved_model"]
