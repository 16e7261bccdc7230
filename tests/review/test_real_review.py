"""A real record, screened by the shipped network, through the server."""

from pathlib import Path

import numpy as np
import pytest

from signalscreen.demo import quality_model_path
from signalscreen.review import start_in_thread

from .asking import ask


def test_a_screened_record_is_served_as_it_was_recorded(real_data: Path, tmp_path: Path) -> None:
    import wfdb

    from signalscreen.screening import screen_recording

    out = tmp_path / "119.zarr"
    screen_recording(
        real_data / "mitdb" / "119", quality_model_path(), "saliency", out=out, leads="MLII", start=1200, end=1230,
        hop=2, resample=125, normalise="zscore", class_names=["artefact"], alarm="artefact", progress=False,
    )  # fmt: skip
    with start_in_thread(out, reviewer="Bo") as running:
        info = ask(running.url, "api/info").json
        assert (info["fs"], info["n"], info["start"], info["classes"]) == (360, 30 * 360, 1200, ["artefact"])
        stored = wfdb.rdrecord(str(real_data / "mitdb" / "119"), sampfrom=1200 * 360, sampto=1230 * 360)
        tile = np.frombuffer(ask(running.url, f"api/tile?level=0&first=0&count={info['n']}").content, "<f4")
        np.testing.assert_allclose(tile, stored.p_signal[:, 0], atol=1e-6)
        beats = wfdb.rdann(str(real_data / "mitdb" / "119"), "atr", sampfrom=1200 * 360, sampto=1230 * 360 - 1)
        wanted = [s - 1200 * 360 for s, w in zip(beats.sample, beats.symbol, strict=True) if w in "NV"]
        found = ask(running.url, f"api/marks?from=0&to={info['n']}").json
        assert found["peaks_from"] == "record"
        assert found["peaks"] == wanted
        said = ask(running.url, "api/verdicts", "POST", {"start": 0, "stop": 720, "verdict": "accept", "window": 0})
        assert said.json["verdict"]["start_s"] == pytest.approx(1200)
        assert b"119" in ask(running.url, "").content
        for name in ("static/main.js", "static/review.css"):
            assert ask(running.url, name).status == 200
