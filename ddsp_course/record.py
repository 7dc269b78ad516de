"""Record with the browser's microphone, or upload a file from the browser's computer.

`take = record(5)` shows a recorder and returns at once; the recording is in `take.sound` in the
next cell. The page is record.js. JupyterLab runs it as an anywidget. Colab runs it as a plain
script in the cell's output, which may use the microphone and calls a registered Python function.
Explained in notebooks/02_timbre_transfer/02_recording.ipynb.
"""

import base64
import json
import sys
import uuid
from pathlib import Path

from ddsp_course import audio
from ddsp_course.errors import AudioError, SetupError

# takes.js is shared with live_page.
PAGE = [Path(__file__).with_name(name) for name in ("takes.js", "record.js")]
# A quarter of an hour of uncompressed stereo at 48 kHz and 24 bits; files are sent in parts.
LARGEST = 300_000_000


class Take:
    """A recording or an uploaded file, once it has arrived; until then, an example."""

    def __init__(self, example=None):
        self._sound = None
        self._example = example

    @property
    def sound(self):
        """(n_samples,) float32, mono at 16 kHz.

        Raises:
          AudioError: nothing has arrived, and there is no example.
        """
        if not self.arrived and self._example is not None:
            return audio.load(self._example)
        if not self.arrived:
            raise AudioError(
                "Nothing has been recorded yet: press Record above or upload a file, wait until it "
                "arrives, and run this cell again."
            )
        return self._sound

    @property
    def arrived(self):
        """Whether a recording or a file has arrived."""
        return self._sound is not None

    def receive(self, name, data):
        """Receive an audio file.

        Args:
          name: file name for the sentence.
          data: content for `audio.load`: bytes, or `data:...` with base64.

        Returns:
          accepted: whether the file replaces the sound.
          sentence: the outcome.
        """
        try:
            self._sound = audio.load(data)
        except AudioError as error:
            return False, f"{name} cannot be used. {error}"
        return True, f"{name} has arrived: {len(self._sound) / audio.SAMPLE_RATE:.1f} s."


def record(seconds=5, example=None):
    """Show a recorder with an upload button, and return at once.

    The browser's echo cancellation, noise suppression and gain control are off.

    Args:
      seconds: longest recording, up to 600 s.
      example: source for `audio.load`, used until a recording or a file arrives.

    Returns:
      `Take`. Its `sound` is available once the recorder says that it has arrived; each new take
      replaces the last.

    Raises:
      SetupError: anywidget is missing.
    """
    from IPython.display import display

    take = Take(example)
    seconds = min(float(seconds), 600.0)
    if "google.colab" in sys.modules:
        _show_in_colab(seconds, take.receive)
    else:
        display(widget(seconds, take.receive))
    return take


def widget(seconds, receive):
    """Return the recorder as a widget.

    In Colab the recorder is displayed at once, and the returned widget only points to it. An
    anywidget would make Colab render every widget with its manager for third-party widgets, which
    expects a different version of ipywidgets from Colab's.

    Args:
      seconds: longest recording.
      receive: called with (name, bytes) of an audio file that has arrived; returns whether it can
        be used, and a sentence for the recorder to show, like `Take.receive`.

    Raises:
      SetupError: anywidget is missing.
    """
    if "google.colab" in sys.modules:
        import ipywidgets

        _show_in_colab(seconds, receive)
        return ipywidgets.HTML("The recorder is above.")
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise SetupError(
            "The recorder needs anywidget: install it with `pip install anywidget`, or load a "
            "file with audio.load."
        ) from error

    class Recorder(anywidget.AnyWidget):
        _esm = _script() + "export default { render };"
        seconds = traitlets.Float().tag(sync=True)
        largest = traitlets.Int(LARGEST).tag(sync=True)

        def __init__(self, **traits):
            super().__init__(**traits)
            self._collect = collector(receive)
            self.on_msg(self._take_part)

        def _take_part(self, _, message, buffers):
            answer = self._collect(message, bytes(buffers[0]))
            self.send({"id": message["id"], "part": message["part"], **answer})

    return Recorder(seconds=seconds)


def collector(receive):
    """Return a function that takes (message, bytes), collects a file's parts and answers each.

    The answer to the last part holds the outcome: `accepted` and `sentence`.
    """
    parts = []

    def collect(message, data):
        if message["part"] == 0:
            parts.clear()
        parts.append(data)
        if len(parts) < message["parts"]:
            return {}
        whole = b"".join(parts)
        parts.clear()
        accepted, sentence = receive(message["name"], whole)
        return {"accepted": accepted, "sentence": sentence}

    return collect


def _script():
    """Return the page's JavaScript, which defines `render` and `renderInColab`."""
    return "\n".join(path.read_text("utf-8") for path in PAGE)


def _show_in_colab(seconds, receive):
    """Display the recorder in Colab's output, whose page can call a registered function."""
    from google.colab import output
    from IPython.display import JSON, display

    collect = collector(receive)

    def take_part(message, text):
        return JSON(collect(message, base64.b64decode(text)))

    # A new name each time, so a recorder from before a restart cannot reach this one.
    name = f"ddsp_course.record.{uuid.uuid4().hex}"
    output.register_callback(name, take_part)
    settings = ", ".join(json.dumps(value) for value in (name, seconds, LARGEST))
    script = f"{_script()}\nrenderInColab(document.getElementById({json.dumps(name)}), {settings});"
    display(
        {
            "text/html": f'<div id="{name}"></div><script>(() => {{\n{script}\n}})();</script>',
            "text/plain": "[A recorder]",
        },
        raw=True,
    )
