"""Pictures: labelled, and right about what they show."""

import dataclasses

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from ddsp_course import plots


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_spectrogram_has_units_and_shows_the_tone_where_it_is():
    sound = np.sin(2 * np.pi * 2000 * np.arange(32000) / 16000)
    ax = plots.spectrogram(sound, title="A tone")
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == (
        "time (s)", "frequency (kHz)", "A tone"
    )  # fmt: skip
    image = ax.images[0]
    left, right, low, high = image.get_extent()
    assert (left, right, low, high) == (0, 2, 0, 8)
    row = np.asarray(image.get_array()).mean(axis=1).argmax()
    height = high - (row + 0.5) * (high - low) / image.get_array().shape[0]
    assert height == pytest.approx(2, abs=0.02)


def test_spectrogram_of_ten_minutes_stays_small():
    ax = plots.spectrogram(np.zeros(600 * 16000, np.float32))
    assert ax.images[0].get_array().shape[1] < 2100


def test_features_are_labelled_and_hide_unsure_pitch(heard):
    figure = plots.features(heard)
    assert all(ax.get_ylabel() and ax.get_title() for ax in figure.axes)
    assert figure.axes[-1].get_xlabel() == "time (s)"
    shown = figure.axes[0].lines[0].get_ydata()
    np.testing.assert_array_equal(np.isnan(shown), heard.f0_confidence <= 0.5)


def test_legends_lie_beside_the_curves(heard):
    figure = plots.features(heard, heard)
    figure.canvas.draw()
    for ax in figure.axes:
        legend, title = (part.get_window_extent() for part in (ax.get_legend(), ax._left_title))
        assert not legend.overlaps(ax.bbox.padded(-1))
        assert not legend.overlaps(title)


@pytest.mark.parametrize("f0_hz", [33.0, 330.0, 1900.0])
def test_steady_pitch_has_ticks_that_differ(heard, f0_hz):
    drift = f0_hz * (1 + 1e-3 * np.sin(np.arange(len(heard.f0_hz))))
    figure = plots.features(dataclasses.replace(heard, f0_hz=drift))
    figure.canvas.draw()
    ax = figure.axes[0]
    low, high = ax.get_ylim()
    ticks = [
        label.get_text() for label in ax.get_yticklabels() if low <= label.get_position()[1] <= high
    ]
    assert len(ticks) >= 2
    assert len(set(ticks)) == len(ticks)


def test_figures_have_a_ground_of_their_own_for_dark_themes(heard):
    assert plots.features(heard).get_facecolor()[3] == 1
    assert plots.spectrogram(heard.audio).figure.get_facecolor()[3] == 1
