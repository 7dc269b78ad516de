"""The browser's microphone, or a file from its computer, as samples.

`record(5)` shows a recorder and returns at once; what it recorded is in the `sound` of what it
returns, in the next cell. The page is record.js: in JupyterLab an anywidget; in Colab a plain
script in the cell's output, which has the microphone and calls a Python function that is
registered by name. Explained in notebooks/02_timbre_transfer/02_recording.ipynb.
"""

import base64
import json
import sys
import uuid
from pathlib import Path

from ddsp_course import audio
from ddsp_course.errors import AudioError, SetupError

PAGE = Path(__file__).with_name("record.js")
# A quarter of an hour of uncompressed stereo at 48 kHz and 24 bits, which is sent in parts.
LARGEST = 300_000_000


class Take:
    """What was recorded or uploaded, as soon as it is there, and an example until then."""

    def __init__(self, example=None):
        self._sound = None
        self._example = example

    @property
    def sound(self):
        """(n_samples,) float32, mono at 16 kHz.

        Raises:
          AudioError: nothing has arrived yet, and there is no example.
        """
        if not self.arrived and self._example is not None:
            return audio.load(self._example)
        if not self.arrived:
            raise AudioError(
                "Nothing has been recorded yet: press Record above, or upload a file, wait for "
                "it to arrive, and run this cell again."
            )
        return self._sound

    @property
    def arrived(self):
        """Whether anything has, apart from the example."""
        return self._sound is not None

    def receive(self, name, data):
        """Take a sound file.

        Args:
          name: of the file, for the sentence.
          data: its content, as `audio.load` takes it: bytes, or `data:...` with base64.

        Returns:
          accepted: whether it is the sound from now on.
          sentence: what came of it.
        """
        try:
            self._sound = audio.load(data)
        except AudioError as error:
            return False, f"{name} cannot be used. {error}"
        return True, f"{name} has arrived: {len(self._sound) / audio.SAMPLE_RATE:.1f} s."


def record(seconds=5, example=None):
    """Show a recorder with an upload button, and go on at once.

    The browser's own echo cancellation, noise suppression and gain control are off.

    Args:
      seconds: how long to record at most, up to 60.
      example: what `audio.load` takes; the sound until something else has arrived.

    Returns:
      `Take`, whose `sound` is there once the recorder says that it has arrived. Each further
      take replaces the one before.

    Raises:
      SetupError: anywidget is missing.
    """
    from IPython.display import display

    take = Take(example)
    seconds = min(float(seconds), 60.0)
    if "google.colab" in sys.modules:
        _show_in_colab(seconds, take.receive)
    else:
        display(widget(seconds, take.receive))
    return take


def widget(seconds, receive):
    """Return the recorder as a widget.

    In Colab it is displayed at once, and what is returned is a line that says so: an anywidget
    there would have all widgets drawn by Colab's manager of foreign widgets, which is made for
    another ipywidgets than Colab's own.

    Args:
      seconds: how long to record at most.
      receive: called with (name, bytes of a sound file) when one has arrived; returns whether it
        can be used, and the sentence that the recorder shows, as `Take.receive` does.

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
        _esm = PAGE.read_text("utf-8") + "export default { render };"
        seconds = traitlets.Float().tag(sync=True)
        largest = traitlets.Int(LARGEST).tag(sync=True)

        def __init__(self, **traits):
            super().__init__(**traits)
            self._collect = _collector(receive)
            self.on_msg(self._take_part)

        def _take_part(self, _, message, buffers):
            answer = self._collect(message, bytes(buffers[0]))
            self.send({"id": message["id"], "part": message["part"], **answer})

    return Recorder(seconds=seconds)


def _collector(receive):
    """Return a function of (message, bytes) that keeps the parts of a file and answers to each.

    The answer to the last part is what came of it all: `accepted` and `sentence`.
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


def _show_in_colab(seconds, receive):
    """Display the recorder in Colab's output, whose page may call what is registered by name."""
    from google.colab import output
    from IPython.display import JSON, display

    collect = _collector(receive)

    def take_part(message, text):
        return JSON(collect(message, base64.b64decode(text)))

    # A name that no recorder has had, so that one from before a restart finds nobody.
    name = f"ddsp_course.record.{uuid.uuid4().hex}"
    output.register_callback(name, take_part)
    settings = ", ".join(json.dumps(value) for value in (name, seconds, LARGEST))
    script = (
        f"{PAGE.read_text('utf-8')}\n"
        f"renderInColab(document.getElementById({json.dumps(name)}), {settings});"
    )
    display(
        {
            "text/html": f'<div id="{name}"></div><script>(() => {{\n{script}\n}})();</script>',
            "text/plain": "[A recorder]",
        },
        raw=True,
    )
