"""A panel of controls that everybody can see and operate; the app and every explorable is one.

ipywidgets gives its sliders no names for screen readers, hides which control the keyboard is on,
and cuts off on a phone what is wider. panel.css and panel.js mend that. Used in the explorables of
all lessons, first in notebooks/01_ddsp_library/00_first_sounds.ipynb.
"""

import importlib.util
import sys
from pathlib import Path

STYLE = Path(__file__).with_name("panel.css")
SCRIPT = Path(__file__).with_name("panel.js")
# What a page's whole column of controls is at most; panel.css narrows it where there is no room.
WIDTH = "520px"


def panel(children):
    """Return a box of controls, one below the other, that has names, a visible focus, and fits.

    Labels get one width, the longest label's. In Colab names are left out, because its page loads
    widgets that are not ipywidgets' own from another host.

    Args:
      children: ipywidgets; boxes among them may hold more.
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
    """Return a widget and, if it is a box, all that it holds."""
    return [widget, *(one for child in getattr(widget, "children", ()) for one in _all(child))]


def _has_label_before(widget):
    """Whether a widget is a slider, a menu, or the like, with its label before it."""
    if not getattr(widget, "description", "") or getattr(widget, "indent", None) is False:
        return False
    return widget.style.has_trait("description_width")


def _names():
    """Return the widget, in a list, that gives sliders names; none where it cannot be shown."""
    if "google.colab" in sys.modules or importlib.util.find_spec("anywidget") is None:
        return []
    import anywidget

    class Names(anywidget.AnyWidget):
        _esm = SCRIPT.read_text("utf-8")

    names = Names()
    names.layout.display = "none"
    return [names]
