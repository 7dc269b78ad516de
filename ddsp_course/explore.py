"""Explorables: knobs that change a sound and its picture together.

Works with ipywidgets 7.7 (Colab) and 8. Without a kernel, as on a web page, the picture and player
of the first setting remain. First used in notebooks/01_ddsp_library/00_first_sounds.ipynb.
"""

import html
import os

from ddsp_course import audio, panel, plots

# Set in tests: every knob is turned as soon as it is displayed, and an error stops the cell.
TURN_KNOBS = "DDSP_COURSE_TURN_KNOBS"


def explore(render, alt, **knobs):
    """Show a sound and its picture, with knobs that change both.

    Turning a knob plays the new sound. An error in `render` is shown below the knobs.

    Args:
      render: function that takes the knobs' values as keyword arguments and returns (sound,
        figure): (n_samples,) at 16 kHz or None, and a matplotlib figure.
      alt: text alternative for the picture.
      **knobs: ipywidgets (sliders, menus, checkboxes), each named after an argument of `render`.
    """
    import ipywidgets
    from IPython.display import HTML, display

    message = ipywidgets.HTML()
    for knob in knobs.values():
        if hasattr(knob, "continuous_update"):
            knob.continuous_update = False  # rendering takes a moment
        if hasattr(knob, "base"):
            knob.readout_format = ".0f"  # a frequency: 1410, not 1.41e+3

    def draw(autoplay):
        sound, figure = render(**{name: knob.value for name, knob in knobs.items()})
        player = "" if sound is None else audio.player_html(sound, title=alt, autoplay=autoplay)
        picture = plots.to_html(figure, alt)
        return HTML(f'<div class="ddsp-course-picture">{picture}{player}</div>')

    shown = draw(autoplay=False)
    display(panel.panel([*knobs.values(), message]))
    handle = display(shown, display_id=True)

    def turn(_):
        try:
            handle.update(draw(autoplay=True))
            message.value = ""
        except Exception as error:
            message.value = f'<b role="alert">{html.escape(str(error))}</b>'
            raise

    for knob in knobs.values():
        knob.observe(turn, "value")
    if os.environ.get(TURN_KNOBS):
        _turn_all(knobs)
        handle.update(shown)


def _turn_all(knobs):
    """Turn each knob to both ends and back, so that an error in a callback stops the cell."""
    first = {name: knob.value for name, knob in knobs.items()}
    for name, knob in knobs.items():
        for value in _ends(knob):
            knob.value = value
        knob.value = first[name]


def _ends(knob):
    """Return the values to try: a menu's options, a slider's ends, a checkbox's other state."""
    if hasattr(knob, "options"):
        return [one[1] if isinstance(one, tuple) else one for one in knob.options]
    if hasattr(knob, "base"):
        return [knob.base**knob.min, knob.base**knob.max]
    if hasattr(knob, "min"):
        return [knob.min, knob.max]
    return [not knob.value]
