"""Explorables: a turned knob makes a new sound and picture, and an error is not swallowed."""

import sys
import types

import ipywidgets
import numpy as np
import pytest

from ddsp_course import explore
from ddsp_course.panel import panel as panel_of


@pytest.fixture
def panel(monkeypatch):
    """Make an explorable of a pitch and a colour; return (knobs, what was rendered, displayed)."""
    from IPython import display as ipython
    from matplotlib import pyplot as plt

    rendered, displayed = [], []

    class Handle:
        def update(self, content):
            displayed.append(content)

    def display(content, display_id=None):
        displayed.append(content)
        return Handle() if display_id else None

    monkeypatch.setattr(ipython, "display", display)

    def render(f0, wave):
        rendered.append((f0, wave))
        if f0 > 900:
            raise ValueError("too high")
        return np.sin(np.arange(1600) * f0 / 16000), plt.figure()

    def make():
        knobs = {
            "f0": ipywidgets.FloatSlider(440, min=100, max=880),
            "wave": ipywidgets.Dropdown(options=["sine", "saw"]),
        }
        explore.explore(render, alt="A wave", **knobs)
        return knobs, rendered, displayed

    return make


def test_first_setting_is_shown_without_hands(panel):
    _, rendered, displayed = panel()
    assert rendered == [(440, "sine")]
    html = displayed[-1].data
    assert 'alt="A wave"' in html
    assert "<audio" in html
    assert "autoplay" not in html


def test_turned_knob_changes_sound_and_picture(panel):
    knobs, rendered, displayed = panel()
    knobs["f0"].value = 220
    assert rendered[-1] == (220, "sine")
    assert "autoplay" in displayed[-1].data


def test_error_is_shown_under_the_knobs_and_not_swallowed(panel):
    knobs, _, displayed = panel()
    knobs["f0"].max = 1000
    with pytest.raises(ValueError, match="too high"):
        knobs["f0"].value = 950
    (message,) = [one for one in displayed[0].children if "too high" in str(one)]
    knobs["f0"].value = 300
    assert message.value == ""


def test_frequencies_are_shown_as_numbers_and_no_tooltip_is_null():
    from matplotlib.figure import Figure

    slider = ipywidgets.FloatLogSlider(1410, min=2, max=4, description="f0 (Hz)")
    explore.explore(lambda f0: (None, Figure()), "A wave", f0=slider)
    assert format(slider.value, slider.readout_format) == "1410"
    if slider.has_trait("tooltip"):  # since ipywidgets 8
        assert slider.tooltip == ""


def test_labels_have_one_width_in_a_panel_and_colab_gets_ipywidgets_alone(monkeypatch):
    def shown():
        sliders = [ipywidgets.IntSlider(description=label) for label in ("f0 (Hz)", "brightness")]
        box = panel_of([*sliders, ipywidgets.Button(description="a button of many words")])
        assert [slider.style.description_width for slider in sliders] == ["10ch", "10ch"]
        return {type(one).__module__.split(".")[0] for one in box.children}

    shown()
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    assert shown() == {"ipywidgets"}


def test_every_knob_is_turned_to_its_ends_where_tests_ask_for_it(panel, monkeypatch):
    monkeypatch.setenv(explore.TURN_KNOBS, "1")
    knobs, rendered, displayed = panel()
    assert {f0 for f0, _ in rendered} == {100, 440, 880}
    assert {wave for _, wave in rendered} == {"sine", "saw"}
    assert (knobs["f0"].value, knobs["wave"].value) == (440, "sine")
    assert "autoplay" not in displayed[-1].data
