"""The app, without a browser: what its controls do. test_browser.py has it in JupyterLab."""

import html
import itertools
import re
import shutil
import sys
import tempfile
import time
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, left_in

from ddsp_course import audio, features, instruments

pytestmark = pytest.mark.tensorflow

widgets = pytest.importorskip("ddsp_course.widgets")
background, player, upload = widgets.background, widgets.player, widgets.upload


@pytest.fixture
def app():
    app = widgets.App()
    app.refresh()
    app.wait()
    yield app
    app.cancel.click()
    app.wait()


def text(widget):
    return html.unescape(re.sub("<.*?>", "", widget.value))


def said(app):
    return text(app.work.message)


def saved(app):
    """Return the sound that the link saves."""
    return audio.load(app.player.saved)


def transferred(app):
    """Press Transfer, wait, and return the sound of the link."""
    app.transfer.click()
    app.wait()
    assert said(app).startswith("Done"), said(app)
    return saved(app)


def level_db(sound):
    return 10 * np.log10(np.mean(sound.astype(float) ** 2))


def record(app, sound, tmp_path):
    audio.write(tmp_path / "a.wav", sound)
    send(app.recorder, "a.wav", (tmp_path / "a.wav").read_bytes())
    app.wait()


def send(widget, name, data):
    """Send a file as a page does, in one part."""
    message = {"id": 1, "name": name, "part": 0, "parts": 1}
    widget._take_part(widget, message, [data])


def titles(app):
    return [title for title, _ in app.choice.options]


def test_example_becomes_a_violin(app):
    assert "Ready" in said(app)
    assert "<img " in app.curves.value
    assert not app.player.after
    played = transferred(app)
    assert len(played) == len(app.sound)
    assert -40 < level_db(played) < -6
    assert (app.player.name, app.player.shown) == ("violin.wav", "after")
    for sound, picture in ((app.player.before, app.before), (app.player.after, app.after)):
        assert len(audio.load(sound)) == len(app.sound)
        assert "<img " in picture.value


def test_what_is_played_is_as_loud_as_audio_play_plays_at_most(app, tmp_path):
    record(app, 0.99 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000), tmp_path)
    assert np.abs(audio.load(app.player.before)).max() == pytest.approx(audio.PLAY_PEAK, abs=1e-3)


@pytest.mark.parametrize("name", widgets.EXAMPLES)
def test_each_example_is_there_and_has_a_pitch(name):
    sound = audio.load(widgets._example(name))
    assert 5 <= len(sound) / 16000 <= 10
    heard = features.extract(sound)
    assert (heard.f0_confidence > 0.5).mean() > 0.8


def test_example_is_chosen_and_named_as_what_is_in_use(app):
    assert "flute" in text(app.in_use) and "9.2 s" in text(app.in_use)
    app.source.value = "hum"
    app.wait()
    assert "hum" in text(app.in_use) and "hum" in app.player.before_title
    assert len(app.sound) == len(audio.load(widgets._example("hum")))
    assert len(transferred(app)) == len(app.sound)


def test_part_between_the_ends_is_what_is_played(app):
    whole = app.sound
    app.ends[0].value, app.ends[1].value = 2, 4.5
    app.wait()
    np.testing.assert_array_equal(app.sound, whole[32000:72000])
    assert re.search(r"\b2\.5 s\b.*\b2\.0\b.*\b4\.5 s", text(app.in_use))
    assert len(audio.load(app.player.before)) == 40000
    assert len(transferred(app)) == 40000
    # No part is empty.
    app.ends[0].value = 9
    app.wait()
    assert len(app.sound) >= 0.1 * 16000
    app.ends[0].value, app.ends[1].value = 0, app.ends[1].max
    app.wait()
    np.testing.assert_array_equal(app.sound, whole)
    assert "from" not in text(app.in_use)


def test_reset_puts_knobs_and_mix_where_they_were(app):
    played = transferred(app)
    curves = app.curves.value
    app.knobs["pitch_shift"].value, app.knobs["match"].value = -12, False
    app.levels[0].value, app.levels[2].value = 0.5, 2
    app.reset.click()
    assert app.knobs["pitch_shift"].value == 0 and app.knobs["match"].value
    # The violin brings its own room.
    assert [level.value for level in app.levels] == [1, 1, 1]
    assert app.curves.value == curves
    np.testing.assert_array_equal(saved(app), played)


def test_recording_is_taken_as_soon_as_it_arrives(app, phrase, tmp_path):
    record(app, phrase[:32000], tmp_path)
    assert app.source.value == "own"
    assert len(app.sound) == 32000
    assert "a.wav, 2.0 s" in text(app.in_use)
    assert len(transferred(app)) == 32000
    app.source.value = "flute"
    app.wait()
    assert len(app.sound) > 32000


def test_bad_file_leaves_the_sound_in_use(app, phrase, tmp_path):
    record(app, phrase[:32000], tmp_path)
    send(app.recorder, "notes.wav", b"Tuesday")
    app.wait()
    assert "a.wav, 2.0 s" in text(app.in_use)
    assert len(transferred(app)) == 32000


def test_own_sound_before_there_is_one_is_asked_for(app):
    app.source.value = "own"
    assert "Record" in said(app)
    assert "flute" in text(app.in_use)


def test_noise_is_refused_by_a_sentence(app, tmp_path):
    record(app, 0.1 * np.random.default_rng(0).normal(size=32000), tmp_path)
    assert "pitch" in said(app)
    app.transfer.click()
    app.wait()
    assert "pitch" in said(app)
    assert not app.player.after


def test_warning_stays_beside_the_result(app, tmp_path):
    # Above CREPE's range.
    t = np.arange(24000) / 16000
    record(app, 0.3 * np.sin(2 * np.pi * 2300 * t) + 0.1 * np.sin(2 * np.pi * 4600 * t), tmp_path)
    assert "octave" in text(app.remarks)
    transferred(app)
    app.knobs["autotune"].value = 1
    assert text(app.remarks).count("octave") == 1
    app.source.value = "flute"
    app.wait()
    assert text(app.remarks) == ""


def test_knobs_change_what_is_played(app):
    loud = transferred(app)
    before = app.curves.value
    app.knobs["loudness_shift"].value = -20
    assert app.curves.value != before
    assert "settings" in said(app)
    assert level_db(transferred(app)) < level_db(loud) - 10
    app.knobs["loudness_shift"].value = 0
    app.knobs["pitch_shift"].value = -12
    ratio = app.adjusted.f0_hz / app.extracted.f0_hz
    assert np.isclose(np.median(ratio), 0.5, rtol=1e-3)


def test_mix_changes_the_sound_without_a_new_transfer(app):
    both = transferred(app)
    harmonic, noise, _ = app.parts
    app.player.shown = "before"
    app.levels[0].value, app.levels[2].value = 0, 0
    # 16 bits.
    np.testing.assert_allclose(saved(app), noise, atol=1e-4)
    app.levels[0].value, app.levels[1].value = 1, 0
    np.testing.assert_allclose(saved(app), harmonic, atol=1e-4)
    np.testing.assert_allclose(audio.load(app.player.after), harmonic, atol=1e-4)
    app.levels[1].value = 1
    assert np.abs(saved(app) - both).max() > 0.01  # without its room
    assert app.player.shown == "before"


def test_another_instrument_is_loaded_when_it_is_chosen(app):
    transferred(app)
    app.choice.value = "trumpet"
    app.wait()
    assert app.instrument.name == "trumpet"
    assert not app.player.after
    transferred(app)
    assert app.player.name == "trumpet.wav"


def uploaded(app, name, data):
    send(app.zip, name, data)
    app.wait()


def test_own_zip_and_folder_are_offered_and_leave_no_file(app, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    folder = instruments.catalogue()["flute"].location
    archive = shutil.make_archive(tmp_path / "my_flute", "zip", folder)
    uploaded(app, "my_flute.zip", Path(archive).read_bytes())
    assert "Ready" in said(app)
    assert app.choice.value == "my_flute.zip" and titles(app)[-1] == "my_flute.zip (your own)"
    assert app.instrument.name == "my_flute.zip"
    assert left_in(tmp_path / "temporary") == []
    # It can be chosen again, and replaced.
    for name in ("violin", "my_flute.zip"):
        app.choice.value = name
        app.wait()
        assert "Ready" in said(app)
    first = app.instrument
    uploaded(app, "my_flute.zip", Path(archive).read_bytes())
    assert app.instrument is not first and len(titles(app)) == len(set(titles(app)))
    app.path.value = str(folder)
    app.wait()
    assert app.instrument.folder == folder


def test_zip_of_ipywidgets_button_is_taken_in_colab(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    arrived = []
    button = upload.widget("A zip", ".zip", lambda name, data: arrived.append((name, data)))
    assert "7 MB" in button.description
    for value in (
        {"a.zip": {"metadata": {}, "content": b"a"}},  # ipywidgets 7
        ({"name": "b.zip", "content": memoryview(b"b")},),  # ipywidgets 8
    ):
        upload._take(value, lambda name, data: arrived.append((name, data)))
    assert arrived == [("a.zip", b"a"), ("b.zip", b"b")]


@pytest.mark.parametrize("way", ["zip", "path"])
def test_what_cannot_be_loaded_leaves_no_trace(app, tmp_path, monkeypatch, way):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    offered = titles(app)
    if way == "zip":
        uploaded(app, "bad.zip", b"cats")
        assert "bad.zip" in said(app)
        assert left_in(tmp_path) == []
    else:
        app.path.value = "/nowhere/at/all"
        app.wait()
        assert "/nowhere/at/all" in said(app)
    assert str(tmp_path) not in said(app)
    assert "violin" in said(app)
    assert titles(app) == offered and app.choice.value == "violin"
    transferred(app)


def test_incomplete_zip_is_named_without_a_folder(app, tmp_path):
    with zipfile.ZipFile(tmp_path / "half.zip", "w") as archive:
        archive.writestr("operative_config-0.gin", "")
    uploaded(app, "half.zip", (tmp_path / "half.zip").read_bytes())
    assert said(app).startswith("half.zip ") and "ckpt-N.index" in said(app)
    assert app.choice.value == "violin"


def test_official_model_without_a_network_is_a_short_sentence(app, monkeypatch, tmp_path):
    monkeypatch.setenv("DDSP_COURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(instruments, "_BUCKET", "http://127.0.0.1:9/storage/v1/b/ddsp/o")
    assert "downloads 58 MB" in dict(map(reversed, app.choice.options))["official_flute2"]
    app.choice.value = "official_flute2"
    app.wait()
    assert "connection" in said(app) and "http" not in said(app)
    assert len(said(app)) < 180
    assert app.choice.value == "violin" and "official_flute2" in dict(app.choice.options).values()


def test_cancel_ends_the_work_and_leaves_what_was_there(app, phrase, tmp_path):
    record(app, np.tile(phrase, 20)[: 16000 * 58], tmp_path)
    transferred(app)
    before = app.player.after
    app.transfer.click()
    while app.work.progress.value == 0 and app.work.is_busy():
        pass
    app.cancel.click()
    app.wait()
    assert said(app) == "Cancelled."
    assert app.player.after == before


def listening(app):
    """Return a list to which everything that is said will be added."""
    heard = []
    app.work.message.observe(lambda _: heard.append(said(app)), "value")
    return heard


def test_transfer_before_the_app_is_ready_and_pressed_twice_just_works(phrase, tmp_path):
    app = widgets.App()
    heard = listening(app)
    app.refresh()
    app.transfer.click()
    app.transfer.click()
    app.wait()
    assert heard[-1].startswith("Done")
    app.transfer.click()
    app.transfer.click()
    app.wait()
    assert heard[-1].startswith("Done")
    assert "Cancelled." not in heard


def test_steps_tell_how_long_the_rest_will_take():
    work, seen = background.Background(), []
    clock = itertools.count(0, 3)
    work.left.observe(lambda change: seen.append(change["new"]), "value")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(background.time, "monotonic", lambda: next(clock))
        work.begin(lambda steps: list(steps(range(3))))
        work.wait()
    # Each look at the clock is three seconds after the one before.
    numbers = [re.findall(r"\d+", one) for one in seen]
    assert numbers == [["0", "3"], ["1", "3", "12"], ["2", "3", "4"], []]


def test_waiting_counts_seconds():
    work, seen = background.Background(), []
    work.left.observe(lambda change: seen.append(change["new"]), "value")

    def wait(steps):
        with steps.waiting():
            while len(seen) < 2:
                time.sleep(0.01)

    work.begin(wait)
    work.wait()
    assert seen[:2] == ["1 s", "2 s"] and seen[-1] == ""


def test_colab_has_plain_players(phrase, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    plain = player.widget()
    plain.show_before(phrase, "Before")
    plain.show_after(phrase, "After", "violin.wav")
    assert plain.value.count("<audio ") == 2 and 'download="violin.wav"' in plain.value
    plain.show_before(phrase, "Before: another")
    assert plain.value.count("<audio ") == 1


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
    assert len(found) == 16
    assert all(found)


def test_links_of_the_page_lead_somewhere_in_voila_too():
    """Voila serves the app alone, and has no other notebook."""
    text = (ROOT / "lessons" / "app.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links and all(link.startswith("https://") for link in links)


def test_pictures_have_their_room_before_they_are_there():
    app = widgets.App()
    assert "max-width: 640px; aspect-ratio: 8 / 5.2" in app.curves.value
    assert "max-width: 480px; aspect-ratio: 6 / 3.2" in app.after.value
