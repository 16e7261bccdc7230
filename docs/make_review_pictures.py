"""Makes docs/_static/review_window.png and review_whole.png: ``python docs/make_review_pictures.py MITDB_106``.

Screens MIT-BIH record 106 with the quality network, opens the review in Chromium (through Playwright), gives a few
verdicts by keyboard and takes pictures.
"""

import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path

import signalscreen as ss
from signalscreen.demo.running import quality_model_path
from signalscreen.review import start_in_thread

STATIC = Path(__file__).parent / "_static"
SIZE = {"width": 1280, "height": 800}


def main() -> None:
    """Screen, review, save."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "106.zarr"
        ss.screen_recording(
            *(sys.argv[1], quality_model_path(), ["integrated_gradients", "saliency"]),
            **{"out": store, "target": 0, "each_lead": True, "resample": 125, "normalise": "zscore"},
            explain="flagged",
        ).close()
        with start_in_thread(store, reviewer="Ada") as running, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport=SIZE)
            page.goto(running.url)
            while not page.evaluate("Boolean(window.signalscreen?.app.ready)"):
                page.wait_for_timeout(50)
            for key in "nfnanfnrnnf":
                page.keyboard.press(key)
                page.evaluate("signalscreen.app.verdicts.turn")
            _save(page, "review_window.png")
            page.keyboard.press("o")
            _save(page, "review_whole.png")
            browser.close()


def _save(page: object, name: str) -> None:
    """Take a picture of 256 colours, a third of the size; pale tints and rare colours stay what they are."""
    from PIL import Image

    page.evaluate("document.getElementById('message').textContent = ''; signalscreen.settled()")
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(STATIC / name, optimize=True)


if __name__ == "__main__":
    main()
