"""Of leads screened one by one, the track shows the highest alarm, also where the first lead has no number."""

from pathlib import Path
from typing import Any

import numpy as np

from signalscreen.screening.store import arrays_of

from .pages import review
from .stores import write_alarms


def test_an_alarm_beside_a_lead_without_a_number_is_on_the_track(browser: Any, tmp_path: Path) -> None:
    path = write_alarms(tmp_path / "each.zarr", [False, True, False, False], each_lead=True)
    group = arrays_of(path)
    group["probability"][0] = np.nan
    group["score"][0] = np.nan
    group["unanswered"][0] = 1
    with review(browser, path) as page:
        assert page.evaluate("[...signalscreen.app.windows.highestOfLeads()]")[0] == 1
