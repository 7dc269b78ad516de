"""A button that uploads a file of any size from the browser's computer, such as a zip.

The upload button of ipywidgets fails with files above ten megabytes, and its label counts uploads.
This one is an anywidget whose page, upload.js, sends the file in parts, like the recorder. Colab
renders third-party widgets with a different version of ipywidgets, so there the button of
ipywidgets is used.
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
      description: its label.
      accept: file types that it offers, such as ".zip".
      receive: called with (name, bytes) of each file that has arrived.
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
        """Store a part and answer, which requests the next; pass on the complete file."""
        if message["part"] == 0:
            self._parts = []
        self._parts.append(bytes(buffers[0]))
        self.send({"id": message["id"], "part": message["part"]})
        if len(self._parts) == message["parts"]:
            data, self._parts = b"".join(self._parts), []
            self._receive(message["name"], data)


def _take(value, receive):
    """Pass on the files of ipywidgets' button: in 7 {name: {"content": bytes}}, in 8 dicts."""
    files = value.items() if isinstance(value, dict) else ((file["name"], file) for file in value)
    for name, file in files:
        receive(name, bytes(file["content"]))
