"""The browser's microphone, or a file from its computer, as samples.

`record(5)` shows a recorder; what it recorded is in the `sound` of what it returns, in the next
cell. In JupyterLab it is an anywidget, whose page is record.js; in Colab the same page is called
by `eval_js`, which is how Colab gives its microphone. Explained in
notebooks/02_timbre_transfer/02_recording.ipynb.
"""

import base64
import sys
from pathlib import Path

from ddsp_course import audio
from ddsp_course.errors import AudioError, SetupError

PAGE = Path(__file__).with_name("record.js")
# A quarter of an hour of uncompressed stereo at 48 kHz and 24 bits, which is sent in parts.
LARGEST = 300_000_000
# Colab hands over one message, in base64.
LARGEST_IN_COLAB = 7_000_000


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
    """Show a recorder with an upload button.

    The browser's own echo cancellation, noise suppression and gain control are off. In Colab
    the call ends when a recording has arrived, or when the example is chosen.

    Args:
      seconds: how long to record at most, up to 60.
      example: what `audio.load` takes; the sound until something else has arrived.

    Returns:
      `Take`, whose `sound` is there once the recorder says that it has arrived.

    Raises:
      SetupError: anywidget is missing.
    """
    take = Take(example)
    seconds = min(float(seconds), 60.0)
    if "google.colab" in sys.modules:
        from google.colab import output

        has_example = "false" if example is None else "true"
        page = base64.b64encode(PAGE.read_bytes()).decode("ascii")
        reply = output.eval_js(
            f'import("data:text/javascript;base64,{page}")'
            f".then((page) => page.once({seconds:g}, {LARGEST_IN_COLAB}, {has_example}))"
        )
        if reply:
            print(take.receive(reply["name"], f"data:;base64,{reply['data']}")[1])
        else:
            print("The example is taken.")
        return take
    from IPython.display import display

    display(widget(seconds, take.receive))
    return take


def upload(example=None):
    """Take a file from the browser's computer.

    In Colab this is `google.colab.files.upload`, which has no limit of size; the call ends when
    the file has arrived. In JupyterLab it is the recorder, which has an upload button.

    Args and errors as in `record`.

    Returns:
      `Take`.
    """
    if "google.colab" not in sys.modules:
        return record(example=example)
    from google.colab import files

    take = Take(example)
    for name, data in files.upload().items():
        print(take.receive(name, data)[1])
    return take


def widget(seconds, receive):
    """Return the recorder as an anywidget.

    Args:
      seconds: how long to record at most.
      receive: called with (name, bytes of a sound file) when one has arrived; returns whether it
        can be used, and the sentence that the recorder shows, as `Take.receive` does.

    Raises:
      SetupError: anywidget is missing.
    """
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise SetupError(
            "The recorder needs anywidget: install it with `pip install anywidget`, or load a "
            "file with audio.load."
        ) from error

    class Recorder(anywidget.AnyWidget):
        _esm = PAGE.read_text("utf-8")
        seconds = traitlets.Float().tag(sync=True)
        largest = traitlets.Int(LARGEST).tag(sync=True)

        def __init__(self, **traits):
            super().__init__(**traits)
            self._parts = []
            self.on_msg(self._take_part)

        def _take_part(self, _, message, buffers):
            """Keep a part of a file, and answer to it; to the last with what came of it all."""
            if message["part"] == 0:
                self._parts = []
            self._parts.append(bytes(buffers[0]))
            answer = {"id": message["id"], "part": message["part"]}
            if len(self._parts) == message["parts"]:
                data, self._parts = b"".join(self._parts), []
                answer["accepted"], answer["sentence"] = receive(message["name"], data)
            self.send(answer)

    return Recorder(seconds=seconds)
