"""Photograph the app for the README: assets/pictures/app.png.

Serves the app with Voila, transfers the bundled flute to the violin, and takes a screenshot in
Chromium, in light colours. The page is long, so its two halves go side by side.
"""

import contextlib
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
TO = ROOT / "assets" / "pictures" / "app.png"
WIDTH, HEIGHT = 690, 2600  # of the window: narrow, and as high as the whole page
MOST_BYTES = 150_000
LONG = 10 * 60_000  # in ms: a busy machine is slow to load TensorFlow


@contextlib.contextmanager
def app():
    """Serve the app while a block runs; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    voila = Path(sys.executable).parent / "voila"
    server = subprocess.Popen(
        [voila, "--template=course", "notebooks/app.ipynb", "--no-browser", f"--port={port}"],
        cwd=ROOT,
        env={**os.environ, "JUPYTER_PATH": str(ROOT / "assets" / "jupyter")},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(240):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def photograph():
    """Return the app's page after a transfer, without its introduction, as an image."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("make picture: Chromium is not installed: install it (apt install chromium).")
    with app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.set_default_timeout(LONG)
        page.goto(address, wait_until="domcontentloaded")
        page.wait_for_selector("text=Ready: press")
        page.click("button:has-text('Transfer')")
        page.wait_for_selector("text=Done:")
        page.wait_for_timeout(500)  # until it is drawn
        first, middle = (
            int(page.locator(f"h2:has-text('{heading}')").bounding_box()["y"]) - 10
            for heading in ("1. ", "4. ")
        )
        whole = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    halves = [whole.crop((0, top, WIDTH, end)) for top, end in ((first, middle), (middle, HEIGHT))]
    picture = Image.new("RGB", (2 * WIDTH, middle - first), "white")
    for place, half in enumerate(halves):
        picture.paste(half, (place * WIDTH, 0))
    return picture


def main():
    # A palette of 128 colours keeps the text sharp and the file small.
    picture = photograph().quantize(128, dither=Image.Dither.NONE)
    picture.save(TO, optimize=True)
    size = TO.stat().st_size
    print(f"{TO.relative_to(ROOT)}: {size / 1000:.0f} kB")
    if size > MOST_BYTES:
        sys.exit(f"make picture: {TO.name} has {size} bytes, more than {MOST_BYTES}: shrink it.")


if __name__ == "__main__":
    main()
