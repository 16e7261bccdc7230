"""Makes docs/_static/report.png, the first page of a report: ``python docs/make_report_picture.py MITDB_106``.

Screens MIT-BIH record 106 with the quality network, gives a few verdicts, and takes a picture of the report in
Chromium (through Playwright).
"""

import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path

import signalscreen as ss
from signalscreen.demo.running import quality_model_path
from signalscreen.verdicts import VerdictTable

STATIC = Path(__file__).parent / "_static"
SIZE = {"width": 1080, "height": 1668}
FS = 360
VERDICTS = (
    ("anna", "accept", 100, 160),
    ("anna", "artefact", 704, 714),
    ("ben", "accept", 705, 715),
    ("ben", "reject", 1000, 1010),
    ("anna", "unsure", 1700, 1720),
)


def main() -> None:
    """Screen, give verdicts, report, save."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "106.zarr"
        ss.screen_recording(
            *(sys.argv[1], quality_model_path(), ["integrated_gradients", "saliency"]),
            **{"out": store, "target": 0, "each_lead": True, "resample": 125, "normalise": "zscore"},
            **{"class_names": ["artefact"], "explain": "flagged"},
        ).close()
        for who, verdict, start, stop in VERDICTS:
            VerdictTable(store, who).set(verdict, start=start * FS, stop=stop * FS)
        report = ss.write_report(store)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport=SIZE, device_scale_factor=0.8)
            page.goto(report.as_uri())
            Image.open(BytesIO(page.screenshot())).convert("RGB").save(STATIC / "report.png", optimize=True)
            browser.close()


if __name__ == "__main__":
    main()
