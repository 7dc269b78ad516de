"""The page that plays an instrument live: in a notebook, in Colab, and by itself.

`live.show("violin")` displays it in a notebook; `write` makes the page that `make live` opens, which
needs no Python. The network runs in the page: engine.js plays, analysis.js hears, conditioning.js
and gestures.js decide what is played, live_worker.js and live_worklet.js connect them in threads of
their own, and live_panel.js is what a learner sees.
Explained in notebooks/02_timbre_transfer/09_play_it_live.ipynb.
"""

import base64
import json
import sys
import uuid
from pathlib import Path

from ddsp_course import files, instruments, record, web_export
from ddsp_course.errors import CourseError, SetupError

HERE = Path(__file__).parent
# Modules that run in the worker and in the audio thread.
SOURCES = ("engine", "analysis", "conditioning", "gestures", "live_worker", "live_worklet")
SUFFIX = ".safetensors"
_PART = 1_000_000  # bytes of an instrument in a message


def show(instrument):
    """Display an instrument that can be played; see `live.show`, which this is."""
    from IPython.display import display

    take = record.Take()
    answer = answerer(content_of(instrument), take.receive)
    if "google.colab" in sys.modules:
        _show_in_colab(answer)
    else:
        display(_widget(answer))
    return take


def content_of(instrument):
    """Return an instrument as the bytes of a file for the browser, see `web_export`.

    Args:
      instrument: `instruments.Instrument`; or what `instruments.load` takes; or the path of a file
        that was exported for the browser.

    Raises:
      CourseError: the file cannot be read.
      InstrumentError: the instrument cannot be loaded, or the browser's engine cannot play it.
    """
    if not isinstance(instrument, instruments.Instrument):
        path = files.user_path(instrument)
        if path.suffix == SUFFIX:
            try:
                return path.read_bytes()
            except OSError as error:
                raise CourseError(
                    f"{path} cannot be read ({error.strerror or error}): export it again."
                ) from error
        instrument = instruments.load(instrument)
    return web_export.pack(web_export.settings_of(instrument), web_export.tensors_of(instrument))


def answerer(content, receive):
    """Return a function that answers the page: it asks for an instrument's parts, and sends takes.

    Args:
      content: bytes of the instrument.
      receive: see `record.widget`.

    Returns:
      function of (message, bytes) that returns (answer, bytes), the bytes empty but for a part.
    """
    collect = record.collector(receive)
    parts = [content[i : i + _PART] for i in range(0, len(content), _PART)]

    def answer(message, data):
        if "instrument" in message:
            return {"parts": len(parts)}, parts[message["instrument"]]
        return collect(message, data), b""

    return answer


def script():
    """Return the page's JavaScript, which defines `render`, `renderInColab` and `livePanel`."""
    sources = {name: (HERE / f"{name}.js").read_text("utf-8") for name in SOURCES}
    # The text may stand in an HTML script, which the first "</" in it would end.
    text = json.dumps(sources).replace("<", "\\u003c")
    pages = [(HERE / name).read_text("utf-8") for name in ("takes.js", "live_panel.js")]
    return "\n".join([f"const SOURCES = {text};", *pages])


def style():
    """Return the page's CSS."""
    return (HERE / "live_panel.css").read_text("utf-8")


def write(folder, exported):
    """Write the page by itself, and a copy of the instruments that its menu offers.

    Args:
      folder: where index.html goes; any web server can serve it.
      exported: {title: path of a file for the browser that lies in that folder}.
    """
    menu = ", ".join(
        f"[{json.dumps(title)}, () => fetchFile({json.dumps(path.name)})]"
        for title, path in exported.items()
    )
    ending = (
        "async function fetchFile(name) {\n"
        "  const answer = await fetch(name);\n"
        "  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);\n"
        "  return answer.arrayBuffer();\n"
        "}\n"
        f'livePanel(document.getElementById("live"), {{ bundled: [{menu}] }});'
    )
    page = (HERE / "live_page.html").read_text("utf-8")
    page = page.replace("{style}", style()).replace("{script}", f"{script()}\n{ending}")
    with files.whole_file(Path(folder) / "index.html") as part:
        part.write_text(page, "utf-8")


def _widget(answer):
    try:
        import anywidget
    except ImportError as error:
        raise SetupError(
            "The live instrument needs anywidget: install it with `pip install anywidget`, or run "
            "`make live`."
        ) from error

    class Live(anywidget.AnyWidget):
        _esm = script() + "export default { render };"
        _css = style()

        def __init__(self):
            super().__init__()
            self.on_msg(self._answer)

        def _answer(self, _, message, buffers):
            reply, data = answer(message, bytes(buffers[0]) if buffers else b"")
            self.send({"id": message["id"], **reply}, [data] if data else [])

    return Live()


def _show_in_colab(answer):
    """Display the page in Colab's output, as `record` displays the recorder."""
    from google.colab import output
    from IPython.display import JSON, display

    def take_message(message, text):
        reply, data = answer(message, base64.b64decode(text))
        return JSON({**reply, "base64": base64.b64encode(data).decode()})

    name = f"ddsp_course.live.{uuid.uuid4().hex}"
    output.register_callback(name, take_message)
    call = f"renderInColab(document.getElementById({json.dumps(name)}), {json.dumps(name)});"
    display(
        {
            "text/html": f'<style>{style()}</style><div id="{name}"></div>'
            f"<script>(() => {{\n{script()}\n{call}\n}})();</script>",
            "text/plain": "[An instrument to be played live]",
        },
        raw=True,
    )
