"""A panel of accessible controls, used by the app and every explorable.

ipywidgets gives its sliders no names for screen readers, hides which control has the keyboard
focus, and cuts off wide controls on a phone. panel.css and panel.js fix that. Used in the
explorables of all lessons, first in notebooks/01_ddsp_library/00_first_sounds.ipynb.
"""

import importlib.util
import sys
from pathlib import Path

STYLE = Path(__file__).with_name("panel.css")
SCRIPT = Path(__file__).with_name("panel.js")
# The maximum width of a page's column of controls; panel.css narrows it on small screens.
WIDTH = "520px"


def panel(children):
    """Return a column of controls with names for screen readers and a visible focus.

    All labels get the width of the longest. In Colab the names are left out, because its page loads
    widgets other than those of ipywidgets from another host.

    Args:
      children: ipywidgets, possibly boxes of more.
    """
    import ipywidgets

    style = ipywidgets.HTML(f"<style>{STYLE.read_text('utf-8')}</style>")
    style.layout.display = "none"
    box = ipywidgets.VBox([*children, style, *_names()])
    box.add_class("ddsp-course")
    everything = _all(box)
    for widget in everything:
        # ipywidgets 8 shows None as the tooltip "null".
        if widget.has_trait("tooltip") and widget.tooltip is None:
            widget.tooltip = ""
    labelled = [one for one in everything if _has_label_before(one)]
    longest = max((len(one.description) for one in labelled), default=0)
    for widget in labelled:
        widget.style.description_width = f"{longest}ch"
        widget.layout.width, widget.layout.max_width = "auto", WIDTH
    return box


def _all(widget):
    """Return a widget and, if it is a box, everything inside it."""
    return [widget, *(one for child in getattr(widget, "children", ()) for one in _all(child))]


def _has_label_before(widget):
    """Return whether a widget, such as a slider or a menu, has its label in front."""
    if not getattr(widget, "description", "") or getattr(widget, "indent", None) is False:
        return False
    return widget.style.has_trait("description_width")


def _names():
    """Return a list of the widget that names the sliders; empty where it cannot be shown."""
    if "google.colab" in sys.modules or importlib.util.find_spec("anywidget") is None:
        return []
    import anywidget

    class Names(anywidget.AnyWidget):
        _esm = SCRIPT.read_text("utf-8")

    names = Names()
    names.layout.display = "none"
    return [names]
