"""In a real JupyterLab, in Chromium: the recorder, uploads, and an explorable's knobs."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import numpy as np
import pytest
import soundfile
from conftest import ROOT

from ddsp_course import audio

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SETTINGS = {
    # No offer of news over the page.
    "apputils-extension/notification": {"fetchNews": "false"},
    # Cells beyond the window are part of the page, too.
    "notebook-extension/tracker": {"windowingMode": "none"},
}
SECONDS = 60_000  # playwright counts in milliseconds; a busy machine is slow to start a kernel

if CHROMIUM is None:
    pytest.skip("Chromium is not installed (apt install chromium)", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on a folder of its own; returns (its address, the folder)."""
    folder = tmp_path_factory.mktemp("lab")
    settings = folder / "config" / "lab" / "user-settings" / "@jupyterlab"
    for name, setting in SETTINGS.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(setting))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = open(folder / "jupyter.log", "wb")  # noqa: SIM115, the server writes to it
    server = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--allow-root",
            "--ServerApp.token=", "--ServerApp.password=", f"--ServerApp.root_dir={folder}",
            "--LabApp.expose_app_in_browser=True",
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(folder / "config")},
        stdout=log, stderr=log,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/api", timeout=5)
                break
            time.sleep(0.5)
        yield address, folder
    finally:
        server.terminate()
        server.wait(30)
        log.close()


@pytest.fixture(scope="module")
def tone(tmp_path_factory):
    """Three seconds of 440 Hz that Chromium takes for its microphone."""
    path = tmp_path_factory.mktemp("microphone") / "tone.wav"
    t = np.arange(3 * 48000) / 48000
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * t), 48000, subtype="PCM_16")
    return path


@pytest.fixture
def page(tone):
    """A way to have a page of Chromium, with its microphone allowed or refused."""
    with contextlib.ExitStack() as stack:

        def opened(allowed=True):
            arguments = ["--no-sandbox", "--use-fake-device-for-media-stream"]
            arguments.append(f"--use-file-for-fake-audio-capture={tone}")
            if allowed:
                arguments.append("--use-fake-ui-for-media-stream")
            playwright = stack.enter_context(sync_api.sync_playwright())
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
            stack.callback(browser.close)
            context = browser.new_context(permissions=["microphone"] if allowed else [])
            context.set_default_timeout(SECONDS)
            page = context.new_page()
            # pytest shows it where a test failed.
            stack.callback(lambda: print(page.inner_text("body")))
            return page

        yield opened


def open_notebook(page, lab, *cells):
    """Write a notebook of these cells, open it, and run its first cell."""
    address, folder = lab
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(notebook, folder / "a.ipynb")
    visit(page, f"{address}/lab/tree/a.ipynb?reset")
    run(page, 0)


def visit(page, address):
    """Open a notebook and wait until its kernel answers; before, keys may be lost."""
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.evaluate(
        """async () => {
          await jupyterapp.restored;
          const { context, sessionContext } = jupyterapp.shell.currentWidget;
          await context.ready;
          await sessionContext.ready;
          await sessionContext.session.kernel.info;
        }"""
    )


def run(page, number):
    cell = f".jp-Notebook .jp-Cell >> nth={number}"
    for _ in range(3):  # JupyterLab may take the keyboard once more while it settles
        page.click(f"{cell} >> .jp-InputArea-editor")
        page.keyboard.press("Shift+Enter")
        with contextlib.suppress(sync_api.TimeoutError):
            return page.wait_for_selector(
                f'{cell} >> .jp-InputPrompt:not(:text-is("[ ]:"))', timeout=5000
            )
    raise AssertionError(f"Cell {number} does not run:\n{page.inner_text('body')}")


def printed(page, words):
    """Wait for a line that begins with `words`, and return the rest of it."""
    line = page.wait_for_selector(f'.jp-OutputArea-output pre:has-text("{words}")').inner_text()
    return line.split(words, 1)[1].split()


RECORD = "from ddsp_course import record\ntake = record.record(2)"
TELL = (
    "from ddsp_course.exercises import hints\n"
    "print('heard', len(take.sound), hints.pitch_hz(take.sound[4000:28000]))"
)


def test_recording_arrives_with_the_pitch_of_the_microphone(page, lab):
    page = page()
    open_notebook(page, lab, RECORD, TELL)
    page.click("button.record")
    page.wait_for_selector('.said:has-text("has arrived")')
    run(page, 1)
    samples, f0_hz = printed(page, "heard")
    # It stops at the end of a block of 128 samples.
    assert 2 * 16000 <= int(samples) <= 2 * 16000 + 200
    assert abs(1200 * np.log2(float(f0_hz) / 440)) < 1


def test_recording_stops_early_and_begins_again(page, lab):
    page = page()
    open_notebook(page, lab, RECORD.replace("(2)", "(30)"), TELL)
    page.click("button.record")
    page.wait_for_function("parseFloat(document.querySelector('.left').textContent) < 29")
    assert page.evaluate("document.querySelector('meter').value") > -20  # a sine of 0.3 is -13 dB
    page.keyboard.press("Enter")  # the keyboard is on Stop
    page.wait_for_selector('.said:has-text("has arrived")')
    assert page.inner_text("button.record") == "● Record again"
    assert page.evaluate("!document.querySelector('.jp-OutputArea audio').hidden")


def test_refused_microphone_is_a_sentence(page, lab):
    page = page(allowed=False)
    open_notebook(page, lab, RECORD)
    page.click("button.record")
    said = page.wait_for_selector('.said:has-text("not allowed")').inner_text()
    assert "or upload a file" in said
    assert page.is_enabled("button.record")


def test_each_kind_of_file_arrives_by_upload(page, lab, tmp_path):
    import av

    page = page()
    open_notebook(page, lab, RECORD)
    t = np.arange(16000) / 16000
    sound = (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    for suffix in (".wav", ".flac", ".ogg", ".mp3"):
        audio.write(tmp_path / f"a{suffix}", sound)
    for suffix, codec in ((".webm", "libopus"), (".m4a", "aac")):
        with av.open(str(tmp_path / f"a{suffix}"), "w") as container:
            stream = container.add_stream(codec, rate=48000, layout="mono")
            samples = np.repeat(sound, 3)[None]
            for start in range(0, samples.shape[1], 960):
                block = np.ascontiguousarray(samples[:, start : start + 960])
                frame = av.AudioFrame.from_ndarray(block, format="flt", layout="mono")
                frame.rate, frame.pts = 48000, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    for path in sorted(tmp_path.glob("a.*")):
        page.set_input_files("input.upload", path)
        said = page.wait_for_selector(f'.said:has-text("{path.name} has arrived")').inner_text()
        # Lossy formats pad their ends.
        assert abs(float(said.split()[-2]) - 1.0) <= 0.1
    (tmp_path / "notes.wav").write_text("Tuesday")
    page.set_input_files("input.upload", tmp_path / "notes.wav")
    page.wait_for_selector('.said:has-text("notes.wav cannot be used")')


def test_knob_of_an_explorable_changes_sound_and_picture(page, lab):
    page = page()
    open_notebook(
        page,
        lab,
        "import ipywidgets, numpy as np, matplotlib.pyplot as plt\n"
        "from ddsp_course import explore\n"
        "def render(f0):\n"
        "    figure, ax = plt.subplots()\n"
        "    sound = np.sin(np.arange(1600) * f0 / 2546)\n"
        "    ax.plot(sound[:200])\n"
        "    return sound, figure\n"
        "explore.explore(render, 'A wave', f0=ipywidgets.IntSlider(440, min=100, max=900))",
    )
    image = page.wait_for_selector('.jp-OutputArea img[alt="A wave"]')
    before = image.get_attribute("src")
    page.focus(".widget-slider .noUi-handle")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('.jp-OutputArea img[alt=\"A wave\"]').src !== before",
        arg=before,
    )
    assert page.get_attribute(".jp-OutputArea audio", "autoplay") is not None
