"""Verdicts of reviewers on a screened recording: kept in an append-only table, exported to what other tools read.

No TensorFlow; zarr and wfdb are imported when a store or an annotation file is opened.
"""

from signalscreen.verdicts.bounds import Bounds, store_bounds
from signalscreen.verdicts.csv_export import export_csv, read_csv_verdicts
from signalscreen.verdicts.mne_export import export_mne_csv, export_mne_text
from signalscreen.verdicts.notes import Altered
from signalscreen.verdicts.table import VerdictTable, read_verdicts
from signalscreen.verdicts.verdict import VERDICTS, Verdict
from signalscreen.verdicts.wfdb_export import WfdbExport, WfdbSpan, export_wfdb, read_wfdb_verdicts

__all__ = [
    "VERDICTS",
    "Altered",
    "Bounds",
    "Verdict",
    "VerdictTable",
    "WfdbExport",
    "WfdbSpan",
    "export_csv",
    "export_mne_csv",
    "export_mne_text",
    "export_wfdb",
    "read_csv_verdicts",
    "read_verdicts",
    "read_wfdb_verdicts",
    "store_bounds",
]
