"""The recorder's JavaScript for Colab, in Chromium, in a stand-in for Colab's output frame.

As in Colab, the output is a sandboxed frame of another origin, its HTML is put there and its
scripts are run anew, and `google.colab.kernel.invokeFunction` goes by messages to the page around
it, and from there to the function that Python has registered; arguments go as JSON, and what comes
back is what IPython's formatters make of the value. The frame's attributes are those that
googlecolab/colabtools#240 and #1331 quote of Colab's page in Chrome; `register_callback` and
`_invoke_function` are as in google/colab/output/_js.py there.

Without Colab this cannot be shown: that Colab's page still gives its frame the microphone, and asks
for it once; how large a message it takes, and how long it takes; that the frame grows with the
recorder; that Colab's policy for scripts lets the listener be loaded from a blob (its widgets are
loaded so); and how a call is answered after the runtime was restarted.
"""

import base64
import http.server
import io
import json
import re
import sys
import threading
import types

import numpy as np
import pytest
import soundfile
from IPython.core.formatters import DisplayFormatter

from ddsp_course import audio, live, record
from ddsp_course.exercises import hints

ALLOW = "autoplay; camera; microphone; xr-spatial-tracking"
SANDBOX = (
    "allow-downloads allow-forms allow-pointer-lock allow-popups allow-popups-to-escape-sandbox "
    "allow-same-origin allow-scripts"
)
# Colab's own page. While `busy`, Python is at work on another cell.
AROUND = """
<iframe allow="{allow}" sandbox="{sandbox}" src="{frame}" width="700" height="500"></iframe>
<script>
  let free = Promise.resolve();
  let getsFree = () => {};
  function busy(is) {
    if (is) free = new Promise((resolve) => { getsFree = resolve; });
    else getsFree();
  }
  addEventListener("message", async ({ data: { id, call }, source, origin }) => {
    await free;
    const answer = await callPython(call).then((reply) => ({ reply }), (error) => ({ error }));
    source.postMessage({ id, ...answer }, origin);
  });
</script>
"""
OUTPUT = """
<div id="output-area"></div>
<script>
  const asked = [];
  const invokeFunction = (name, args, kwargs) => new Promise((resolve, reject) => {
    const id = asked.push({ resolve, reject }) - 1;
    parent.postMessage({ id, call: JSON.stringify([name, args, kwargs]) }, "*");
  });
  globalThis.google = { colab: { kernel: { accessAllowed: true, invokeFunction } } };
  addEventListener("message", ({ data: { id, reply, error } }) => {
    if (error) asked[id].reject(error);
    else asked[id].resolve(reply);
  });
  function show(html) {
    const area = document.querySelector("#output-area");
    area.innerHTML = html;
    for (const dead of area.querySelectorAll("script")) {
      const script = document.createElement("script");
      script.textContent = dead.textContent;
      dead.replaceWith(script);
    }
  }
</script>
"""


@pytest.fixture
def colab(monkeypatch):
    """A stand-in for google.colab in this process: (what is displayed, what is registered)."""
    displayed, registered = [], {}
    output = types.ModuleType("google.colab.output")
    output.register_callback = registered.__setitem__
    module = types.ModuleType("google.colab")
    module.output = output
    for name, stand_in in (("google.colab", module), ("google.colab.output", output)):
        monkeypatch.setitem(sys.modules, name, stand_in)
    monkeypatch.setattr("IPython.display.display", lambda data, **_: displayed.append(data))
    return displayed, registered


class Pages(http.server.BaseHTTPRequestHandler):
    """Serves Colab's page at 127.0.0.1, and the frame at localhost, which is another origin."""

    allow = ALLOW

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        frame = f"http://localhost:{self.server.server_port}/output"
        around = AROUND.replace("{allow}", self.allow).replace("{sandbox}", SANDBOX)
        page = OUTPUT if self.path == "/output" else around.replace("{frame}", frame)
        self.wfile.write(page.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def framed(page, colab):
    """A way to have the page, its output frame, and what `show()` returns that displays there."""
    displayed, registered = colab

    def call(text):
        name, args, kwargs = json.loads(text)
        data, _ = DisplayFormatter().format(registered[name](*args, **kwargs))
        return {"data": data}

    servers = []

    def open_frame(show, allowed=True, allow=ALLOW):
        handler = type("Handler", (Pages,), {"allow": allow})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        window = page(allowed)
        window.expose_function("callPython", call)
        window.goto(f"http://127.0.0.1:{server.server_port}/")
        frame = window.wait_for_selector("iframe").content_frame()
        frame.wait_for_load_state()
        result = show()
        frame.evaluate("(html) => show(html)", displayed[-1]["text/html"])
        return window, frame, result

    yield open_frame
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def shown(framed):
    """A way to have the page, its output frame and a take, after `record.record(...)` there."""

    def open_frame(seconds=2, allowed=True, allow=ALLOW, **arguments):
        return framed(lambda: record.record(seconds, **arguments), allowed, allow)

    return open_frame


def says(frame, *words):
    """Wait until the recorder's sentence has all of these words, and return it."""
    has_all = "".join(f':has-text("{one}")' for one in words)
    return frame.wait_for_selector(f".said{has_all}").inner_text()


def test_call_returns_at_once_with_the_example_and_takes_replace_it_again_and_again(
    shown, tmp_path
):
    audio.write(tmp_path / "example.wav", np.zeros(8000, np.float32) + 0.1)
    window, frame, take = shown(2, example=tmp_path / "example.wav")
    assert len(take.sound) == 8000
    assert frame.evaluate("self.origin") != window.evaluate("self.origin")
    sounds = []
    for _ in range(2):
        frame.click("button.record")
        frame.wait_for_selector(".said:empty", state="attached")
        says(frame, "arrived", "2.0 s")
        sounds.append(take.sound)
        # It stops at the end of a block of 128 samples.
        assert 2 * 16000 <= len(take.sound) <= 2 * 16000 + 200
        # 1 cent: as in JupyterLab; the microphone plays 440 Hz.
        assert abs(1200 * np.log2(hints.pitch_hz(take.sound[4000:28000]) / 440)) < 1
    assert not np.array_equal(*sounds)
    assert "Record" in frame.inner_text("button.record")


def test_large_file_arrives_in_parts_and_an_empty_one_gets_a_sentence(shown, tmp_path):
    _, frame, take = shown()
    # Half a minute of stereo at 48 kHz and 32 bits: 11 parts.
    t = np.arange(28 * 48000) / 48000
    tone = np.float32(0.3 * np.sin(2 * np.pi * 330 * t))
    soundfile.write(tmp_path / "large.wav", np.stack([tone, tone], 1), 48000, subtype="FLOAT")
    assert (tmp_path / "large.wav").stat().st_size > 10e6
    frame.evaluate(
        """() => {
          globalThis.sentences = [];
          const said = document.querySelector(".said");
          new MutationObserver(() => sentences.push(said.textContent))
            .observe(said, { childList: true });
        }"""
    )
    frame.set_input_files("input.upload", tmp_path / "large.wav")
    says(frame, "large.wav", "28.0 s")
    progress = [re.findall(r"\d+\.\d", said) for said in frame.evaluate("sentences")]
    sent = [numbers[0] for numbers in progress if numbers[1:] == ["10.8"]]
    assert sent == [f"{part}.0" for part in range(1, 11)]
    assert abs(1200 * np.log2(hints.pitch_hz(take.sound[16000:48000]) / 330)) < 1
    (tmp_path / "empty.wav").touch()
    frame.set_input_files("input.upload", tmp_path / "empty.wav")
    says(frame, "empty.wav", "0 bytes")
    (tmp_path / "notes.wav").write_text("Tuesday")
    frame.set_input_files("input.upload", tmp_path / "notes.wav")
    says(frame, "notes.wav", "format")
    assert len(take.sound) == 28 * 16000


@pytest.mark.parametrize("refused", [{"allowed": False}, {"allow": "autoplay"}])
def test_microphone_that_the_learner_or_the_page_refuses_is_a_sentence(shown, refused):
    _, frame, take = shown(**refused)
    frame.click("button.record")
    says(frame, "allow", "upload")
    assert frame.is_enabled("button.record")
    assert not take.arrived


def test_python_at_work_is_said_after_ten_seconds_and_the_file_arrives_when_it_is_done(
    shown, tmp_path
):
    window, frame, take = shown()
    window.evaluate("busy(true)")
    audio.write(tmp_path / "a.wav", np.full(16000, 0.1, np.float32))
    frame.set_input_files("input.upload", tmp_path / "a.wav")
    says(frame, "10 s")
    assert not take.arrived
    window.evaluate("busy(false)")
    says(frame, "a.wav", "1.0 s")
    assert len(take.sound) == 16000


def test_file_takes_the_place_of_one_that_is_still_on_its_way(shown, tmp_path):
    window, frame, take = shown()
    noise = np.random.default_rng(1).uniform(-0.1, 0.1, 3_000_000).astype(np.float32)
    audio.write(tmp_path / "long.wav", noise)
    audio.write(tmp_path / "short.wav", noise[:16000])
    window.evaluate("busy(true)")
    for name in ("long.wav", "short.wav"):
        frame.set_input_files("input.upload", tmp_path / name)
        says(frame, name)
    window.evaluate("busy(false)")
    says(frame, "short.wav", "1.0 s")
    assert len(take.sound) == 16000


def test_recorder_from_before_a_restart_says_that_its_cell_has_to_be_run_again(
    shown, colab, tmp_path
):
    _, frame, take = shown()
    colab[1].clear()
    audio.write(tmp_path / "a.wav", np.full(16000, 0.1, np.float32))
    frame.set_input_files("input.upload", tmp_path / "a.wav")
    says(frame, "cell")
    assert not take.arrived


def test_recorder_in_a_stored_notebook_says_that_its_cell_has_to_be_run_again(shown, colab):
    _, frame, _ = shown()
    frame.evaluate("() => { google.colab.kernel.accessAllowed = false; }")
    frame.evaluate("(html) => show(html)", colab[0][-1]["text/html"])
    says(frame, "cell")


def test_take_comes_to_its_own_recorder_though_another_was_shown_later(colab):
    first, second = record.record(), record.record()
    wav = io.BytesIO()
    soundfile.write(wav, np.full(16000, 0.1), 16000, format="WAV")
    take_part, _ = colab[1].values()
    take_part({"name": "a.wav", "part": 0, "parts": 1}, base64.b64encode(wav.getvalue()).decode())
    assert first.arrived and not second.arrived


def test_script_does_not_end_before_its_end(colab):
    record.record()
    assert colab[0][0]["text/html"].count("</script") == 1


def test_recorder_of_the_app_is_displayed_without_an_anywidget(colab, tmp_path):
    displayed, registered = colab
    arrived = []
    line = record.widget(30, lambda name, data: (True, arrived.append(name) or "It is here."))
    # Colab draws ipywidgets' own by itself.
    assert line._model_module == "@jupyter-widgets/controls"
    assert "renderInColab" in displayed[0]["text/html"]
    (take_part,) = registered.values()
    reply = take_part({"name": "a.wav", "part": 0, "parts": 1}, "UklGRg==")
    assert (arrived, reply.data["sentence"]) == (["a.wav"], "It is here.")


@pytest.mark.tensorflow
def test_live_instrument_plays_in_the_frame_and_the_take_comes_to_python(framed, violin):
    window, frame, take = framed(lambda: live.show(violin))
    frame.wait_for_selector("[data-ready]")
    assert frame.evaluate("self.origin") != window.evaluate("self.origin")
    frame.click(".microphone")
    says(frame, "The microphone is on")
    frame.click(".record")
    frame.wait_for_selector(".record:has-text('(2 s)')")
    frame.click(".record")
    says(frame, "arrived")
    assert len(take.sound) >= 2 * 16000
    # The microphone plays 440 Hz, and the violin chooses the octave.
    octaves = np.log2(hints.pitch_hz(take.sound[16000:]) / 440)
    assert 1200 * abs(octaves - round(octaves)) < 20


@pytest.mark.tensorflow
def test_live_instrument_from_before_a_restart_plays_on_and_says_what_to_do(framed, colab, violin):
    _, frame, take = framed(lambda: live.show(violin))
    frame.wait_for_selector("[data-ready]")
    colab[1].clear()
    frame.click(".record")
    frame.wait_for_selector(".record:has-text('(1 s)')")
    frame.click(".record")
    says(frame, "run this cell again")
    assert frame.is_visible(".take audio") and not take.arrived
