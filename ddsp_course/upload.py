"""A button that sends a file of any size from the browser's computer, such as an instrument's zip.

ipywidgets has one, which counts what it has sent beside its name and fails with files of ten
megabytes. Its page is upload.js, an anywidget, which sends parts as the recorder does. In Colab,
which draws foreign widgets with another ipywidgets than its own, that of ipywidgets stands in.
"""

import sys
from pathlib import Path

import anywidget
import ipywidgets
import traitlets

PAGE = Path(__file__).with_name("upload.js")


def widget(description, accept, receive):
    """Return the button.

    Args:
      description: what it says.
      accept: the kinds of files that are offered, such as ".zip".
      receive: called with (name, bytes) of a file that has arrived.
    """
    if "google.colab" not in sys.modules:
        return Upload(receive, label=description, accept=accept)
    button = ipywidgets.FileUpload(accept=accept, description=f"{description}, up to 7 MB")
    button.layout.width = "auto"
    button.observe(lambda change: _take(change["new"], receive), "value")
    return button


class Upload(anywidget.AnyWidget):
    """A button that collects the parts of a file."""

    _esm = PAGE.read_text("utf-8")
    label = traitlets.Unicode().tag(sync=True)
    accept = traitlets.Unicode().tag(sync=True)

    def __init__(self, receive, **traits):
        super().__init__(**traits)
        self._receive, self._parts = receive, []
        self.on_msg(self._take_part)

    def _take_part(self, _, message, buffers):
        """Keep a part of a file, and answer, which asks for the next; hand on the whole."""
        if message["part"] == 0:
            self._parts = []
        self._parts.append(bytes(buffers[0]))
        self.send({"id": message["id"], "part": message["part"]})
        if len(self._parts) == message["parts"]:
            data, self._parts = b"".join(self._parts), []
            self._receive(message["name"], data)


def _take(value, receive):
    """Hand on what ipywidgets' button has: 7 {name: {"content": bytes}}, 8 a tuple of dicts."""
    files = value.items() if isinstance(value, dict) else ((file["name"], file) for file in value)
    for name, file in files:
        receive(name, bytes(file["content"]))
