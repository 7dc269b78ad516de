"""The app, without a browser: what its controls do. test_browser.py has it in JupyterLab."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from ddsp_course import audio, instruments

pytestmark = pytest.mark.tensorflow

widgets = pytest.importorskip("ddsp_course.widgets")


@pytest.fixture
def app():
    app = widgets.App()
    app.refresh()
    app.wait()
    yield app
    app.cancel.click()
    app.wait()


def said(app):
    return re.sub("<.*?>", "", app.message.value)


def transferred(app):
    """Press Transfer, wait, and return the sound of the link."""
    app.transfer.click()
    app.wait()
    assert said(app).startswith("Done"), said(app)
    return audio.load(re.search(r'href="([^"]+)"', app.after.value)[1])


def level_db(sound):
    return 10 * np.log10(np.mean(sound.astype(float) ** 2))


def record(app, sound, tmp_path):
    audio.write(tmp_path / "a.wav", sound)
    message = {"id": 1, "name": "a.wav", "part": 0, "parts": 1}
    app.recorder._take_part(app.recorder, message, [(tmp_path / "a.wav").read_bytes()])
    app.wait()


def test_example_becomes_a_violin(app):
    assert "Ready" in said(app)
    assert "<img " in app.curves.value
    played = transferred(app)
    assert len(played) == len(app.sound)
    assert -40 < level_db(played) < -6
    assert 'download="violin.wav"' in app.after.value
    for shown in (app.before.value, app.after.value):
        assert "<audio " in shown
        assert "<img " in shown


def test_recording_is_taken_as_soon_as_it_arrives(app, phrase, tmp_path):
    record(app, phrase[:32000], tmp_path)
    assert app.source.value == "own"
    assert len(app.sound) == 32000
    assert len(transferred(app)) == 32000
    app.source.value = "example"
    app.wait()
    assert len(app.sound) > 32000


def test_own_sound_before_there_is_one_is_asked_for(app):
    app.source.value = "own"
    assert "Record something or upload a file" in said(app)


def test_noise_is_refused_by_a_sentence(app, tmp_path):
    record(app, 0.1 * np.random.default_rng(0).normal(size=32000), tmp_path)
    assert "no pitch" in said(app)
    app.transfer.click()
    app.wait()
    assert "no pitch" in said(app)
    assert "<audio " not in app.after.value


def test_knobs_change_what_is_played(app):
    loud = transferred(app)
    before = app.curves.value
    app.knobs["loudness_shift"].value = -20
    assert app.curves.value != before
    assert "settings have changed" in said(app)
    assert level_db(transferred(app)) < level_db(loud) - 10
    app.knobs["loudness_shift"].value = 0
    app.knobs["pitch_shift"].value = -12
    ratio = app.adjusted.f0_hz / app.extracted.f0_hz
    assert np.isclose(np.median(ratio), 0.5, rtol=1e-3)


def test_mix_changes_the_sound_without_a_new_transfer(app):
    both = transferred(app)
    harmonic, noise, _ = app.parts

    def linked():
        return audio.load(re.search(r'href="([^"]+)"', app.after.value)[1])

    app.levels[0].value = 0
    # 16 bits.
    np.testing.assert_allclose(linked(), noise, atol=1e-4)
    app.levels[0].value, app.levels[1].value = 1, 0
    np.testing.assert_allclose(linked(), harmonic, atol=1e-4)
    app.levels[1].value, app.levels[2].value = 1, 1
    assert np.abs(linked() - both).max() > 0.01


def test_another_instrument_is_loaded_when_it_is_chosen(app):
    app.choice.value = "trumpet"
    app.wait()
    assert app.instrument.name == "trumpet"
    transferred(app)
    assert 'download="trumpet.wav"' in app.after.value


def test_own_zip_and_folder_are_offered(app, tmp_path):
    folder = instruments.catalogue()["flute"].location
    archive = shutil.make_archive(tmp_path / "my_flute", "zip", folder)
    content = Path(archive).read_bytes()
    for value in (
        {"a.zip": {"metadata": {}, "content": content}},  # ipywidgets 7
        ({"name": "b.zip", "content": memoryview(content)},),  # ipywidgets 8
    ):
        app._unpack(value)
        app.wait()
        assert app.choice.value.endswith("a.zip" if isinstance(value, dict) else "b.zip")
        assert "Ready" in said(app)
    app.path.value = str(folder)
    app.wait()
    assert app.instrument.folder == folder


def test_instrument_that_does_not_exist_is_a_sentence(app):
    app.path.value = "/nowhere/at/all"
    app.wait()
    assert "no instrument called /nowhere/at/all" in said(app)
    app.choice.value = "flute"
    app.wait()
    assert "Ready" in said(app)


def test_cancel_ends_the_work_and_leaves_what_was_there(app, phrase, tmp_path):
    record(app, np.tile(phrase, 20)[: 16000 * 58], tmp_path)
    app.cancel.click()
    app.wait()
    transferred(app)
    before = app.after.value
    app.transfer.click()
    while app.progress.value == 0 and app._thread.is_alive():
        pass
    app.cancel.click()
    app.wait()
    assert said(app) == "Cancelled."
    assert app.after.value == before


def test_every_control_has_a_name(app):
    import ipywidgets

    kinds = (ipywidgets.FloatSlider, ipywidgets.Dropdown, ipywidgets.Button, ipywidgets.Checkbox)
    found = []

    def walk(widget):
        for child in getattr(widget, "children", ()):
            walk(child)
        if isinstance(widget, kinds):
            found.append(widget.description)

    walk(app.page)
    assert len(found) == 13
    assert all(found)
