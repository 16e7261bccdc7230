"""Where real data lie: as for the tests."""

import os
from pathlib import Path

DATA = Path(os.environ.get("SIGNALSCREEN_DATA", Path(__file__).parents[2] / "shared" / "data"))
