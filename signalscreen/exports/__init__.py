"""Stores of screened recordings as files that other tools read. No TensorFlow; libraries are imported when used."""

from signalscreen.exports.exporting import FORMATS, Export, export_results
from signalscreen.exports.spans import FlaggedSpan, flagged_spans

__all__ = ["FORMATS", "Export", "FlaggedSpan", "export_results", "flagged_spans"]
