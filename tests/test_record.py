"""The recorder's Python side; its page is in test_browser.py, and in Colab in test_colab.py."""

import numpy as np
import pytest

from ddsp_course import audio, record
from ddsp_course.errors import AudioError

T = np.arange(16000) / 16000
SINE = (0.3 * np.sin(2 * np.pi * 440 * T)).astype(np.float32)


@pytest.fixture
def wav(tmp_path):
    audio.write(tmp_path / "a.wav", SINE)
    return (tmp_path / "a.wav").read_bytes()


def test_take_holds_what_arrived(wav):
    take = record.Take()
    accepted, sentence = take.receive("a.wav", wav)
    assert accepted and "a.wav" in sentence and "1.0 s" in sentence
    # 16 bits.
    np.testing.assert_allclose(take.sound, SINE, atol=1e-4)


def test_take_without_a_sound_says_what_to_do():
    with pytest.raises(AudioError, match="Record"):
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
    for name, data in (("cut.flac", b"fLaC"), ("notes.txt", b"Tuesday, clarinet"), ("none", b"")):
        accepted, sentence = take.receive(name, data)
        assert not accepted and name in sentence
    assert len(take.sound) == len(SINE)


@pytest.fixture
def panel(monkeypatch):
    """The recorder's Python side, and a way to send it a file as the page does; gives its answers."""
    take = record.Take()
    widget = record.widget(5.0, take.receive)
    answers = []
    monkeypatch.setattr(widget, "send", answers.append)

    def sent(name, data, size=1 << 20, number=1, of=None):
        answers.clear()
        parts = [data[i : i + size] for i in range(0, max(len(data), 1), size)]
        for i, part in enumerate(parts):
            message = {"id": number, "name": name, "part": i, "parts": of or len(parts)}
            widget._take_part(widget, message, [memoryview(part)])
        return answers

    return take, sent


def test_every_take_gets_an_answer_though_it_is_the_same_again(wav, panel):
    take, sent = panel
    for number in (1, 2):
        (answer,) = sent("a.wav", wav, number=number)
        sentence = answer.pop("sentence")
        assert answer == {"id": number, "part": 0, "accepted": True}
        assert "a.wav" in sentence and "1.0 s" in sentence
    assert len(take.sound) == len(SINE)


def test_file_arrives_in_parts_and_each_is_answered(wav, panel):
    take, sent = panel
    answers = sent("a.wav", wav, size=1000)
    assert [answer["part"] for answer in answers] == list(range(-(-len(wav) // 1000)))
    assert ["sentence" in answer for answer in answers] == [False] * (len(answers) - 1) + [True]
    np.testing.assert_allclose(take.sound, SINE, atol=1e-4)


def test_file_that_was_given_up_half_way_does_not_spoil_the_next(wav, panel):
    take, sent = panel
    sent("half.wav", wav[:1000], of=3)  # the first part of three
    answers = sent("a.wav", wav, number=2)
    assert answers[-1]["accepted"] and len(take.sound) == len(SINE)


def test_empty_file_gets_an_answer(panel):
    _, sent = panel
    (answer,) = sent("empty.wav", b"")
    assert not answer["accepted"] and "empty.wav" in answer["sentence"]
