"""In a real JupyterLab, in Chromium: the recorder, uploads, an explorable, the app, all notebooks.

With DDSP_COURSE_PHOTOGRAPHS=1, as in `make test-all`, every notebook is photographed:
build/photographs/ is there to be looked at.
"""

import base64
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile

import nbformat
import numpy as np
import psutil
import pytest
import soundfile
from conftest import CHROMIUM, ROOT, SECONDS, free_port, wait_for

from ddsp_course import audio, instruments
from ddsp_course.exercises import hints

# Training takes minutes, and nbval runs it already.
NOTEBOOKS = [
    pytest.param(path, marks=pytest.mark.slow if path.parent.name.startswith("03") else ())
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb"))
]
PHOTOGRAPHS = os.environ.get("DDSP_COURSE_PHOTOGRAPHS")
SETTINGS = {
    # No offer of news over the page.
    "apputils-extension/notification": {"fetchNews": "false"},
    # Cells beyond the window are part of the page, too.
    "notebook-extension/tracker": {"windowingMode": "none"},
}

if CHROMIUM is None:
    pytest.skip("Chromium is not installed (apt install chromium)", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api")


@contextlib.contextmanager
def serving(program, folder, *arguments):
    """Run a Jupyter server program while a block runs; gives its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with open(folder / "server.log", "wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", program, "--no-browser", f"--port={port}", *arguments],
            env=os.environ
            | {"PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(folder / "config")},
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(port)
            yield address
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on a folder of its own; returns (its address, the folder)."""
    folder = tmp_path_factory.mktemp("lab")
    settings = folder / "config" / "lab" / "user-settings" / "@jupyterlab"
    for name, setting in SETTINGS.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(setting))
    arguments = [
        "--allow-root", "--ServerApp.token=", "--ServerApp.password=",
        f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip
    with serving("jupyterlab", folder, *arguments) as address:
        yield address, folder


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
    page.wait_for_selector('.said:has-text("arrived")')
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
    page.wait_for_selector('.said:has-text("arrived")')
    assert "Record" in page.inner_text("button.record")
    assert page.evaluate("!document.querySelector('.jp-OutputArea audio').hidden")


def test_second_take_of_the_same_length_arrives(page, lab):
    page = page()
    open_notebook(page, lab, RECORD, TELL)
    for _ in range(2):
        page.click("button.record")
        page.wait_for_selector(".said:empty", state="attached")
        page.wait_for_selector('.said:has-text("arrived"):has-text("2.0 s")')
    # What is shown can be cut.
    assert page.is_visible("canvas")
    page.evaluate(
        """() => { const to = document.querySelector(".to"); to.value = 1;
                   to.dispatchEvent(new Event("input")); }"""
    )
    assert re.findall(r"[\d.]+", page.inner_text("button.cut")) == ["0.0", "1.0"]
    page.click("button.cut")
    page.wait_for_selector('.said:has-text("arrived"):has-text("1.0 s")')
    run(page, 1)
    assert int(printed(page, "heard")[0]) == 16000
    if PHOTOGRAPHS:
        page.screenshot(path=ROOT / "build" / "photographs" / "recorder.png")


def test_recorder_says_when_python_does_not_answer(page, lab):
    page = page()
    open_notebook(page, lab, RECORD)
    page.wait_for_selector("button.record")
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    page.click("button.record")
    page.wait_for_selector('.said:has-text("cell")')


def test_large_file_arrives_in_parts_and_an_empty_one_and_two_at_once_get_a_sentence(
    page, lab, tmp_path
):
    page = page()
    open_notebook(page, lab, RECORD)
    # Half a minute of stereo at 48 kHz and 32 bits.
    t = np.arange(48 * 48000) / 48000
    sound = np.float32(0.3 * np.sin(2 * np.pi * 440 * t))
    soundfile.write(tmp_path / "large.wav", np.stack([sound, sound], 1), 48000, subtype="FLOAT")
    assert (tmp_path / "large.wav").stat().st_size > 15e6
    page.set_input_files("input.upload", tmp_path / "large.wav")
    page.wait_for_selector('.said:has-text("large.wav"):has-text("48.0 s")')
    (tmp_path / "empty.wav").touch()
    page.set_input_files("input.upload", tmp_path / "empty.wav")
    page.wait_for_selector('.said:has-text("empty.wav"):has-text("0 bytes")')
    wav = toned_wav()
    page.evaluate(
        """(text) => {
          const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt());
          const data = new DataTransfer();
          for (const name of ["one.wav", "two.wav"]) data.items.add(new File([bytes], name));
          document.querySelector("[aria-label=Recorder]").dispatchEvent(
            new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        wav,
    )
    page.wait_for_selector('.said:has-text("one.wav"):has-text("2 files")')


def toned_wav():
    """A second of 440 Hz as WAV in base64."""
    file = io.BytesIO()
    soundfile.write(
        file, 0.3 * np.sin(np.arange(16000) / 16000 * 2 * np.pi * 440), 16000, format="WAV"
    )
    return base64.b64encode(file.getvalue()).decode("ascii")


def test_refused_microphone_is_a_sentence(page, lab):
    page = page(allowed=False)
    open_notebook(page, lab, RECORD)
    page.click("button.record")
    page.wait_for_selector('.said:has-text("allow"):has-text("upload")')
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
        arrived = f'.said:has-text("{path.name}"):has-text("arrived")'
        said = page.wait_for_selector(arrived).inner_text()
        # Lossy formats pad their ends.
        assert abs(float(re.search(r"([\d.]+) s\b", said)[1]) - 1.0) <= 0.1
    (tmp_path / "notes.wav").write_text("Tuesday")
    page.set_input_files("input.upload", tmp_path / "notes.wav")
    page.wait_for_selector('.said:has-text("notes.wav"):has-text("format")')


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
    page.focus(".noUi-handle, .ui-slider-handle")  # of ipywidgets 8, and of 7
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('.jp-OutputArea img[alt=\"A wave\"]').src !== before",
        arg=before,
    )
    assert page.get_attribute(".jp-OutputArea audio", "autoplay") is not None


def test_blind_test_is_heard_and_answered_by_keyboard_alone(page, lab):
    page = page()
    open_notebook(
        page,
        lab,
        "import numpy as np\n"
        "from ddsp_course import abx\n"
        "noise = np.random.default_rng(0).normal(0, 0.2, 16000)\n"
        "abx.abx(np.sin(np.arange(16000) / 5), noise, n_trials=2)",
    )

    def heard(name):
        data = page.get_attribute(f'audio[aria-label="{name}"]', "src").partition("base64,")[2]
        return soundfile.read(io.BytesIO(base64.b64decode(data)))[0]

    page.wait_for_selector('audio[aria-label="X"]')
    page.focus('audio[aria-label="A"]')
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('audio[aria-label=A]').currentTime > 0")
    for trial in (1, 2):
        page.wait_for_selector(f"text=Trial {trial} of 2")
        x = heard("X")
        right = min("AB", key=lambda name: np.sum((x - heard(name)) ** 2))
        page.focus('audio[aria-label="A"]')
        tab_to(page, f"X is {right}")
        page.keyboard.press("Space")
    page.wait_for_selector("text=2 of 2 right")


def test_app_turns_a_recording_into_a_violin_by_keyboard_alone(page, lab):
    page = page()
    open_notebook(page, lab, "from ddsp_course import widgets\nwidgets.timbre_transfer()")
    page.wait_for_selector("text=Ready:")
    page.focus("button.record")
    page.keyboard.press("Enter")
    page.wait_for_function("parseFloat(document.querySelector('.left').textContent) < 27.5")
    page.keyboard.press("Enter")  # the keyboard is on Stop
    page.wait_for_selector("text=/arrived.* 2.\\d s/")
    page.wait_for_selector("text=Ready:")
    tab_to(page, "Transfer")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Done: 2")
    page.wait_for_selector('a[download="violin.wav"]')
    with page.expect_download() as download:
        page.click('a[download="violin.wav"]')
    sound = audio.load(download.value.path().read_bytes())
    # The microphone's own octave is the nearest to the middle of what the violin has learned.
    assert abs(1200 * np.log2(hints.pitch_hz(sound[8000:24000]) / 440)) < 30
    # The microphone heard one sine alone.
    power = np.abs(np.fft.rfft(sound[8000:24000])) ** 2
    assert power[1300:].sum() > 0.05 * power.sum()
    player = page.wait_for_selector('audio[aria-label="After: violin"]')
    page.wait_for_function("player => player.duration > 2", arg=player)
    assert abs(player.evaluate("player => player.duration") - len(sound) / 16000) < 0.2

    # The mix answers at once, and the sound goes on where it is.
    page.focus("label:has-text('repeat') input")
    page.keyboard.press("Space")
    assert player.evaluate("player => player.loop")
    player.evaluate(
        "player => { player.currentTime = 1; player.playbackRate = 0.1; player.play(); }"
    )
    before = player.get_attribute("src")
    page.focus("[role=slider][aria-label=harmonics]")
    page.keyboard.press("ArrowLeft")
    goes_on(page, player, before)

    # Before and After are one place in two sounds.
    for name, title in (("before", "Before: The recording"), ("after", "After: violin")):
        before = player.get_attribute("src")
        page.focus(f"button.{name}")
        page.keyboard.press("Enter")
        goes_on(page, player, before)
        assert player.get_attribute("aria-label") == title
        assert page.get_attribute(f"button.{name}", "aria-pressed") == "true"


def goes_on(page, player, source):
    """Wait until another sound plays from the same place, a second in, on."""
    page.wait_for_function("([player, src]) => player.src !== src", arg=[player, source])
    page.wait_for_function(
        "player => !player.paused && player.readyState >= 3 && player.currentTime > 0", arg=player
    )
    assert 1 <= player.evaluate("player => player.currentTime") < 2


def tab_to(page, name):
    """Press Tab until the keyboard is on a control."""
    for _ in range(60):
        page.keyboard.press("Tab")
        on = page.evaluate(
            "() => { const e = document.activeElement;"
            " return (e.closest('.widget-inline-hbox') ?? e).innerText; }"
        )
        if on.strip().split("\n")[0] == name:
            return
    raise AssertionError(f"Tab does not come to {name}.")


def test_own_instrument_arrives_as_a_zip(page, lab, tmp_path):
    page = page()
    open_notebook(page, lab, "from ddsp_course import widgets\nwidgets.timbre_transfer()")
    page.wait_for_selector("text=Ready:")
    flute = instruments.catalogue()["flute"].location
    (tmp_path / "bad.zip").write_text("cats")
    page.set_input_files('input[accept=".zip"]', tmp_path / "bad.zip")
    page.wait_for_selector("text=/bad.zip .*violin again/")
    assert "bad.zip" not in "".join(
        page.eval_on_selector_all("option", "all => all.map((o) => o.text)")
    )
    # Larger than one message may be: the weights, and noise that does not compress.
    archive = shutil.make_archive(tmp_path / "my_flute", "zip", flute)
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("readme.bin", np.random.default_rng(0).bytes(12_000_000))
    page.set_input_files('input[accept=".zip"]', archive)
    page.wait_for_function(
        "() => [...document.querySelectorAll('select')]"
        ".some((menu) => menu.selectedOptions[0]?.text.startsWith('my_flute.zip'))"
    )
    page.click("button:has-text('Transfer')")
    page.wait_for_selector('a[download="my_flute.wav"]')


def test_app_is_a_page_of_its_own(page, tmp_path):
    page = page()
    notebook = ROOT / "notebooks" / "app.ipynb"
    with serving("voila", tmp_path, str(notebook)) as address:
        page.goto(address, wait_until="domcontentloaded")
        page.wait_for_selector("text=Ready:")
        page.click("button:has-text('Transfer')")
        page.wait_for_selector("text=Done:")
        assert page.inner_text("h1") == "Play any sound on any instrument"
        assert page.query_selector("text=import") is None  # no code
        assert page.get_attribute('a[download="violin.wav"]', "href").startswith("blob:")


@pytest.mark.slow
def test_closed_pages_end_their_kernels(page, tmp_path):
    page = page()
    notebook = str(ROOT / "notebooks" / "app.ipynb")

    def kernels():
        found = [p.cmdline() for p in psutil.Process().children(recursive=True)]
        return sum("ipykernel_launcher" in words for words in found)

    before = kernels()
    quick = ["--MappingKernelManager.cull_idle_timeout=5", "--MappingKernelManager.cull_interval=1"]
    with serving("voila", tmp_path, notebook, *quick) as address:
        for _ in range(3):
            page.goto(address, wait_until="domcontentloaded")
            page.wait_for_selector("text=Ready:")
        assert kernels() > before
        page.goto("about:blank")
        until = time.monotonic() + 60
        while kernels() > before and time.monotonic() < until:
            time.sleep(0.5)
        assert kernels() == before


def test_kernels_of_closed_pages_are_kept_for_two_minutes_at_most():
    settings = json.loads((ROOT / "voila.json").read_text("utf-8"))["MappingKernelManager"]
    assert settings["cull_idle_timeout"] + settings["cull_interval"] <= 120
    assert not settings["cull_connected"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_in_jupyterlab_without_an_error_or_a_warning(page, lab, path):
    page = page()
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    # anywidget gives a widget two seconds to begin, which a busy machine exceeds; it is shown later,
    # but no answer of Python reaches it, and it tells the learner to run the cell again.
    late = "[anywidget] Failed to initialize model."
    address, folder = lab
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, folder / path.name)
    visit(page, f"{address}/lab/tree/{path.name}?reset")
    page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.wait_for_function(
        """() => {
          const { content, sessionContext } = jupyterapp.shell.currentWidget;
          const code = content.widgets.filter((cell) => cell.model.type === "code");
          const failed = code.some((cell) => cell.model.outputs.toJSON().some(
            (output) => output.output_type === "error"));
          const done = code.every((cell) => cell.model.executionCount !== null);
          return failed || (done && sessionContext.session.kernel.status === "idle");
        }""",
        timeout=6 * SECONDS,
        polling=500,
    )
    said = page.evaluate(
        """() => jupyterapp.shell.currentWidget.content.widgets
          .filter((cell) => cell.model.type === "code")
          .flatMap((cell) => cell.model.outputs.toJSON())
          .filter((output) => output.output_type === "error" || output.name === "stderr")"""
    )
    # Progress bars of a terminal's kind are written to stderr; here they are widgets.
    assert said == []
    if PHOTOGRAPHS:
        photograph(page, ROOT / "build" / "photographs" / path.parent.name / path.stem)
    shown = page.inner_text(".jp-Notebook")
    for failure in ("Error displaying widget", "Failed to load model", "Traceback"):
        assert failure not in shown
    images = page.eval_on_selector_all(
        ".jp-OutputArea img", "all => all.map((image) => image.complete && image.naturalWidth)"
    )
    assert all(images)
    players = page.eval_on_selector_all(
        ".jp-OutputArea audio[src]", "all => all.map((player) => player.error === null)"
    )
    assert all(players)
    assert images or players
    assert [error for error in broken if error != late] == []
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")


def photograph(page, path):
    """Take pictures of a whole notebook, a screen after the other: path-1.png, path-2.png, ..."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob(f"{path.name}-*.png"):
        old.unlink()
    page.set_viewport_size({"width": 1280, "height": 4000})
    scrolled = ".jp-Notebook .jp-WindowedPanel-outer"
    height = page.eval_on_selector(scrolled, "panel => panel.scrollHeight")
    for i, top in enumerate(range(0, height, 3800)):
        page.eval_on_selector(scrolled, "(panel, top) => { panel.scrollTop = top; }", top)
        page.wait_for_timeout(300)
        page.screenshot(path=path.with_name(f"{path.name}-{i + 1}.png"))
