"""The blind test: X is fair, nothing in the page tells which it is, and right answers are counted."""

import base64
import io
import re

import ipywidgets
import numpy as np
import pytest
import soundfile
from conftest import assert_sentence

from ddsp_course import abx
from ddsp_course.errors import CourseError

TIME = np.arange(1600) / 16000
A, B = np.sin(880 * np.pi * TIME), 0.5 * np.sin(1320 * np.pi * TIME)


class Panel:
    """What a listener sees and presses."""

    def __init__(self, box):
        found = [box]
        for widget in found:
            found += getattr(widget, "children", ())
        self.widgets = found
        self.buttons = {w.description: w for w in found if isinstance(w, ipywidgets.Button)}

    @property
    def players(self):
        """{name: html} of the three players."""
        html = [w.value for w in self.widgets if isinstance(w, ipywidgets.HTML)]
        return {re.search('aria-label="(.)"', one)[1]: one for one in html if "<audio" in one}

    @property
    def said(self):
        (one,) = (
            w.value for w in self.widgets if isinstance(w, ipywidgets.HTML) and "status" in w.value
        )
        return one

    def hear(self, name):
        data = re.search('base64,([^"]+)', self.players[name])[1]
        return soundfile.read(io.BytesIO(base64.b64decode(data)))[0]

    def listen(self):
        """Return what someone with good ears says of X."""
        x = self.hear("X")
        return min("AB", key=lambda name: np.sum((x - self.hear(name)) ** 2))


@pytest.fixture
def show(monkeypatch):
    from IPython import display as ipython

    def make(a=A, b=B, **settings):
        shown = []
        monkeypatch.setattr(ipython, "display", shown.append)
        assert abx.abx(a, b, **settings) is None
        return Panel(shown[0])

    return make


def test_good_ears_get_all_right_and_the_opposite_none(show):
    for n_right, answer in ((16, lambda heard: heard), (0, {"A": "B", "B": "A"}.get)):
        panel = show()
        for trial in range(1, 17):
            assert f"{trial} of 16" in panel.said
            panel.buttons[f"X is {answer(panel.listen())}"].click()
        assert f"{n_right} of 16 right" in panel.said
        assert all(button.disabled for button in panel.buttons.values())


def test_result_stays_when_somebody_answers_once_more(show):
    panel = show(n_trials=1)
    panel.buttons[f"X is {panel.listen()}"].click()
    before = panel.said
    panel.buttons["X is A"].click()
    assert panel.said == before and "1 of 1 right" in before


def test_nothing_is_said_before_the_last_answer(show):
    panel = show(n_trials=3)
    for _ in range(2):
        panel.buttons["X is A"].click()
        assert "right" not in panel.said


def test_x_is_drawn_anew_and_either_sound_about_half_of_the_time(show):
    panel = show(n_trials=400)
    heard = ""
    for _ in range(400):
        heard += panel.listen()
        panel.buttons["X is A"].click()
    # Six standard deviations of 400 fair coins are 60: one run in a billion lies beyond.
    assert abs(heard.count("A") - 200) < 60
    assert abs(heard.count("AB") + heard.count("BA") - 200) < 60


def test_page_does_not_tell_which_sound_x_is(show):
    panel, looks = show(n_trials=40), set()
    for _ in range(40):
        players = panel.players
        samples = re.findall('base64,([^"]+)', "".join(players.values()))
        assert len(set(samples)) == 3
        # Without its samples, X's player is the same in each trial, and so is all else.
        state = [
            {key: value for key, value in widget.get_state().items() if key != "value"}
            for widget in panel.widgets
        ]
        looks.add(re.sub('base64,[^"]+', "", players["X"]) + str(len(samples[2])) + str(state))
        panel.buttons["X is B"].click()
    assert len(looks) == 1


def test_copies_of_a_sound_differ_by_dither_alone(show):
    panel = show(b=A.copy())
    x, a = panel.hear("X"), panel.hear("A")
    assert 0 < np.abs(x - a).max() <= 4 * 2.0**-15  # up to 1.5 steps of each copy, rounded


def test_levels_keep_their_difference(show):
    panel = show()
    rms = [np.sqrt(np.mean(panel.hear(name) ** 2)) for name in "AB"]
    # Dither of -96 dB.
    assert rms[0] / rms[1] == pytest.approx(np.std(A) / np.std(B), rel=1e-3)
    assert np.abs(panel.hear("A")).max() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("n_right", "n_trials", "expected"),
    # From a table of the binomial distribution.
    [(12, 16, 0.0384), (16, 16, 2.0**-16), (0, 5, 1.0), (9, 10, 11 / 1024), (20, 30, 0.0494)],
)
def test_guessing(n_right, n_trials, expected):
    assert abx.guessing(n_right, n_trials) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("a", "b", "settings", "words"),
    [
        (A, B[:-1], {}, ["(1600,)", "(1599,)"]),
        (A[None], B[None], {}, ["(1, 1600)"]),
        (A[:0], B[:0], {}, ["(0,)"]),
        (A, np.where(TIME > 0.05, np.nan, B), {}, ["NaN"]),
        (0 * A, 0 * B, {}, ["silent"]),
        (A, B, {"n_trials": 0}, ["0 trials"]),
    ],
)
def test_sounds_that_cannot_be_compared_get_a_sentence(a, b, settings, words):
    with pytest.raises(CourseError) as caught:
        abx.abx(a, b, **settings)
    assert_sentence(caught.value, *words, longest=200)
