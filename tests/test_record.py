"""The recorder's Python side, and Colab's branch against a stand-in for `google.colab`."""

import base64
import sys
import types

import numpy as np
import pytest

from ddsp_course import audio, record
from ddsp_course.errors import AudioError

T = np.arange(16000) / 16000
SINE = (0.3 * np.sin(2 * np.pi * 440 * T)).astype(np.float32)


@pytest.fixture
def wav(tmp_path):
    audio.write(tmp_path / "a.wav", SINE)
    return base64.b64encode((tmp_path / "a.wav").read_bytes()).decode("ascii")


def test_take_holds_what_arrived(wav):
    take = record.Take()
    assert take.receive("a.wav", wav) == (True, "a.wav has arrived: 1.0 s.")
    # 16 bits.
    np.testing.assert_allclose(take.sound, SINE, atol=1e-4)


def test_take_without_a_sound_says_what_to_do():
    with pytest.raises(AudioError, match="press Record above, or upload"):
        _ = record.Take().sound


def test_example_is_the_sound_until_another_arrives(wav, tmp_path):
    audio.write(tmp_path / "example.wav", SINE[:8000])
    take = record.Take(tmp_path / "example.wav")
    assert len(take.sound) == 8000
    take.receive("a.wav", wav)
    assert len(take.sound) == 16000


def test_what_is_no_sound_is_told_and_loses_nothing(wav):
    take = record.Take()
    take.receive("a.wav", wav)
    text = base64.b64encode(b"Tuesday, clarinet").decode("ascii")
    for name, data in (("cut.wav", wav[:-3]), ("notes.txt", text)):
        accepted, sentence = take.receive(name, data)
        assert not accepted and sentence.startswith(f"{name} cannot be used. ")
    assert len(take.sound) == len(SINE)


def test_widget_gives_what_arrives_and_takes_the_same_again(wav):
    take = record.Take()
    widget = record.widget(5.0, lambda name, data: take.receive(name, data)[1])
    for _ in range(2):
        widget.name, widget.data = "a.wav", wav
        assert widget.said == "a.wav has arrived: 1.0 s."
        assert widget.data == ""
    assert len(take.sound) == len(SINE)


@pytest.fixture
def colab(monkeypatch):
    """A stand-in for google.colab: a way to say what the page answers; returns what it is asked."""
    asked = []
    output = types.ModuleType("google.colab.output")
    files = types.ModuleType("google.colab.files")

    def answers(answer):
        output.eval_js = lambda code: asked.append(code) or answer
        files.upload = lambda: answer
        return asked

    module = types.ModuleType("google.colab")
    module.output, module.files = output, files
    google = types.ModuleType("google")
    google.colab = module
    for name, stand_in in (("google", google), ("google.colab", module)):
        monkeypatch.setitem(sys.modules, name, stand_in)
    monkeypatch.setitem(sys.modules, "google.colab.output", output)
    return answers


def test_colab_is_asked_by_eval_js(wav, colab, capsys):
    asked = colab({"name": "The recording", "data": wav})
    take = record.record(3)
    assert len(take.sound) == len(SINE)
    assert capsys.readouterr().out == "The recording has arrived: 1.0 s.\n"
    page = base64.b64decode(asked[0].split("base64,")[1].split('"')[0]).decode("utf-8")
    assert page == record.PAGE.read_text("utf-8")
    assert f"page.once(3, {record.LARGEST}, false)" in asked[0]


def test_colab_can_take_the_example(colab, tmp_path, capsys):
    audio.write(tmp_path / "example.wav", SINE[:8000])
    asked = colab(None)
    take = record.record(3, example=tmp_path / "example.wav")
    assert len(take.sound) == 8000
    assert capsys.readouterr().out == "The example is taken.\n"
    assert "true)" in asked[0]


def test_colab_uploads_by_its_own_way(wav, colab, capsys):
    colab({"a.wav": base64.b64decode(wav)})
    take = record.upload()
    assert len(take.sound) == len(SINE)
    assert capsys.readouterr().out == "a.wav has arrived: 1.0 s.\n"


def test_upload_that_was_cancelled_in_colab_leaves_the_example(colab, tmp_path):
    audio.write(tmp_path / "example.wav", SINE[:8000])
    colab({})
    assert len(record.upload(example=tmp_path / "example.wav").sound) == 8000
