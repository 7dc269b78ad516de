"""Sound in and out: every format and every way to hand it over, and every way to fail."""

import base64
import io
import re

import numpy as np
import pytest
import soundfile
from conftest import assert_sentence, served

from ddsp_course import audio
from ddsp_course.errors import AudioError


def tone(rate=44100, seconds=1.0, channels=1):
    time = np.arange(int(rate * seconds)) / rate
    sound = 0.5 * np.sin(2 * np.pi * 440 * time)
    return np.stack([sound] * channels, axis=1)


def encoded(kind, rate=44100, channels=1, subtype=None):
    file = io.BytesIO()
    soundfile.write(file, tone(rate, channels=channels), rate, format=kind, subtype=subtype)
    return file.getvalue()


def encoded_by_pyav(kind, codec, rate=48000, layout="stereo"):
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        samples = tone(rate, channels=2).T.astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", layout)
        frame.rate = rate
        resampler = av.AudioResampler(stream.format, layout, rate, frame_size=stream.frame_size)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(part))
    return file.getvalue()


def assert_tone(sound, seconds=1.0):
    assert sound.dtype == np.float32 and sound.ndim == 1
    # Lossy codecs pad by up to a tenth of a second.
    assert abs(len(sound) - 16000 * seconds) < 1700
    middle = sound[4000:12000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * 2 == 440
    # 0.35 is the level of the sine; lossy codecs come within a few percent.
    assert np.sqrt((middle**2).mean()) == pytest.approx(0.354, rel=0.05)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_any_channels_become_mono_at_16_khz(rate, channels):
    assert_tone(audio.load(encoded("WAV", rate, channels)))


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "PCM_24"), ("WAV", "FLOAT"), ("FLAC", None), ("OGG", "VORBIS"), ("OGG", "OPUS"),
     ("MP3", None), ("AIFF", None)],
)  # fmt: skip
def test_libsndfile_formats_are_read(kind, subtype):
    assert_tone(audio.load(encoded(kind, 48000, 2, subtype)))


@pytest.mark.parametrize(("kind", "codec"), [("webm", "libopus"), ("ipod", "aac"), ("adts", "aac")])
def test_what_browsers_and_phones_record_is_read(kind, codec):
    assert_tone(audio.load(encoded_by_pyav(kind, codec)))


def test_path_bytes_and_base64_are_the_same_sound(tmp_path):
    data = encoded("FLAC")
    path = tmp_path / "a.flac"
    path.write_bytes(data)
    text = base64.b64encode(data).decode()
    wanted = audio.load(path)
    spaced = "\n".join(text[i : i + 76] for i in range(0, len(text), 76))
    for source in (
        str(path),
        data,
        bytearray(data),
        text,
        spaced,
        f"data:audio/flac;base64,{text}",
    ):
        np.testing.assert_array_equal(audio.load(source), wanted)


def test_address_is_fetched(tmp_path):
    (tmp_path / "a.wav").write_bytes(encoded("WAV"))
    (tmp_path / "page").write_text("<!DOCTYPE html><title>no sound</title>")
    with served(tmp_path) as address:
        assert_tone(audio.load(f"{address}a.wav"))
        with pytest.raises(AudioError, match="page"):
            audio.load(f"{address}page")
        with pytest.raises(AudioError, match="404"):
            audio.load(f"{address}none.wav")
    with pytest.raises(AudioError, match=f"{address}a.wav"):
        audio.load(f"{address}a.wav")


def test_blocks_join_without_a_seam():
    # Longer than a block, and resampled: a click at a joint would stand out of the sine.
    file = io.BytesIO()
    soundfile.write(file, tone(48000, 12), 48000, format="WAV", subtype="FLOAT")
    sound = audio.load(file.getvalue())
    wanted = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(sound)) / 16000)
    # 1e-3: -60 dB, far under what a lost sample would make (0.08).
    np.testing.assert_allclose(sound[400:-400], wanted[400:-400], atol=1e-3)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello, I am a text", b"RIFF\x24\0\0\0WAVEfmt ", b"\0" * 5000],
    ids=["empty", "text", "cut off", "zeros"],
)
def test_bad_content_is_named(tmp_path, content):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError) as error:
        audio.load(path)
    assert_sentence(error.value, "a.wav", longest=len(str(path)) + 200)


def test_file_without_samples_is_named():
    file = io.BytesIO()
    soundfile.write(file, np.zeros(0), 16000, format="WAV")
    with pytest.raises(AudioError, match="samples"):
        audio.load(file.getvalue())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_not_numbers_are_refused(bad, tmp_path):
    sound = tone()[:, 0]
    sound[1000] = bad
    file = io.BytesIO()
    soundfile.write(file, sound, 16000, format="WAV", subtype="FLOAT")
    with pytest.raises(AudioError, match="NaN"):
        audio.load(file.getvalue())
    with pytest.raises(AudioError, match="NaN"):
        audio.write(tmp_path / "a.wav", sound)
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_and_odd_sources_are_named(tmp_path):
    with pytest.raises(AudioError, match=r"none\.wav"):
        audio.load(tmp_path / "none.wav")
    with pytest.raises(AudioError, match="folder"):
        audio.load(tmp_path)
    with pytest.raises(AudioError, match=r"\bint\b"):
        audio.load(3)
    with pytest.raises(AudioError, match="base64"):
        audio.load("data:audio/wav;base64,$$$$")


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_written_sound_reads_back(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    audio.write(path, tone(16000)[:, 0])
    assert_tone(audio.load(path))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_loud_sound_is_turned_down_and_not_cut_off(tmp_path):
    audio.write(tmp_path / "a.wav", 4 * tone(16000)[:, 0])
    sound = audio.load(tmp_path / "a.wav")
    # 16 bits are exact to 3e-5; a clipped sine would have an RMS far over 0.707.
    assert np.abs(sound).max() == pytest.approx(1, abs=1e-4)
    assert np.sqrt((sound**2).mean()) == pytest.approx(0.7071, abs=1e-3)


def test_unknown_format_and_missing_folder_write_nothing(tmp_path):
    with pytest.raises(AudioError, match=r"a\.xyz.*\.flac"):
        audio.write(tmp_path / "a.xyz", tone(16000)[:, 0])
    with pytest.raises(AudioError, match=r"none/a\.wav"):
        audio.write(tmp_path / "none" / "a.wav", tone(16000)[:, 0])
    assert list(tmp_path.iterdir()) == []


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(soundfile, "write", full)
    with pytest.raises(AudioError, match="No space left"):
        audio.write(path, tone(16000)[:, 0])
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


def played(monkeypatch, *args, **kwargs):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    audio.play(*args, **kwargs)
    return shown[0]


def test_player_never_hurts_and_holds_compressed_sound(monkeypatch):
    shown = played(monkeypatch, 100 * tone(16000, 60)[:, 0], title="<b>loud</b>")
    text = re.search(r"base64,([^\"]+)", shown["text/html"])[1]
    sound = audio.load(base64.b64decode(text))
    # 0.5 and what MP3 may overshoot.
    assert np.abs(sound).max() < 0.55
    assert len(shown["text/html"]) < 500_000  # a minute; 2.6 MB as WAV
    assert "<b>" not in shown["text/html"]
    assert shown["text/plain"] == "[<b>loud</b>: 60.0 s]"


def test_player_leaves_soft_sound_soft(monkeypatch):
    shown = played(monkeypatch, 0.02 * tone(16000)[:, 0])
    text = re.search(r"base64,([^\"]+)", shown["text/html"])[1]
    # 0.01 is the sine's amplitude; MP3 comes within a tenth of it.
    assert np.abs(audio.load(base64.b64decode(text))[4000:12000]).max() == pytest.approx(
        0.01, rel=0.1
    )


def test_nothing_to_play_is_refused():
    with pytest.raises(AudioError, match="shape"):
        audio.play(np.zeros(0))


def test_link_holds_the_sound_as_wav():
    import html

    sound = 0.5 * np.sin(np.arange(16000) / 10).astype(np.float32)
    link = audio.link_html(sound, 'my "best".wav')
    name = re.search(r'download="([^"]+)"', link)[1]
    assert html.unescape(name) == 'my "best".wav'
    # 16 bits.
    np.testing.assert_allclose(audio.load(re.search(r'href="([^"]+)"', link)[1]), sound, atol=1e-4)
