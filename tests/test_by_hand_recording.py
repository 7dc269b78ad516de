"""What notebook 02_recording writes out by hand is what base64, wave, soundfile and browsers do."""

import base64
import io
import wave

import numpy as np
import pytest
import soundfile

from ddsp_course import audio

NOTEBOOK = "02_recording"


def sound(seed, n_samples=4800):
    """Noise up to beyond full scale, so that clipping is met, (n_samples,) float32."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1.2, 1.2, n_samples).astype(np.float32)


@pytest.fixture(scope="module")
def by_hand(written_out):
    """The notebook's functions by name, with what its cells import and define around them."""

    def functions(*names):
        found = written_out(NOTEBOOK, *names)
        room = found[0].__globals__
        import struct

        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        room.update(struct=struct, LETTERS=letters, audio=audio, sample_rate=16000)
        return found

    return functions


@pytest.mark.parametrize("n_bytes", [0, 1, 2, 3, 100, 1001])
def test_base64_is_pythons_both_ways(n_bytes, by_hand):
    to_base64, from_base64 = by_hand("to_base64", "from_base64")
    data = np.random.default_rng(n_bytes).bytes(n_bytes)
    assert to_base64(data) == base64.b64encode(data).decode("ascii")
    assert from_base64(to_base64(data)) == data


@pytest.mark.parametrize("channels", [1, 2])
def test_wav_is_what_the_module_wave_writes(channels, by_hand):
    to_int16, to_wav = by_hand("to_int16", "to_wav")
    samples = sound(1).reshape(-1, channels)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(48000)
        out.writeframes(to_int16(samples).tobytes())
    assert to_wav(samples, 48000, channels) == file.getvalue()


def test_sixteen_bits_are_the_nearest_and_cut_off(by_hand):
    (to_int16,) = by_hand("to_int16")
    x = sound(2)
    # Half a step, and what a float32 of about 1 is off by.
    limited = np.clip(x.astype(float), -1, 32767 / 32768)
    np.testing.assert_allclose(to_int16(x) / 32768, limited, atol=0.5 / 32768 + 1e-7)
    # JavaScript's Math.round, which record.js uses, rounds halves up.
    np.testing.assert_array_equal(to_int16(np.array([0.5, -0.5, 1.5]) / 32768), [1, 0, 2])


@pytest.mark.parametrize(("channels", "extra"), [(1, b""), (2, b"LIST\3\0\0\0abc\0"), (1, b"abc ")])
def test_reader_walks_from_chunk_to_chunk(channels, extra, by_hand):
    _, to_wav, read_wav = by_hand("to_int16", "to_wav", "read_wav")
    data = to_wav(sound(3).reshape(-1, channels), 44100, channels)
    if extra == b"abc ":
        extra = b"abc \2\0\0\0xy"
    data = data[:36] + extra + data[36:]
    samples, rate = read_wav(data)
    theirs, their_rate = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    assert rate == their_rate
    np.testing.assert_array_equal(samples, theirs)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_mono_is_audio_loads(channels, by_hand):
    _, to_wav, _, to_mono = by_hand("to_int16", "to_wav", "to_float", "to_mono")
    data = to_wav(sound(4, 4800).reshape(-1, channels), 16000, channels)
    # A mean of up to five float32 numbers below 1.
    np.testing.assert_allclose(to_mono(data[44:], channels), audio.load(data), atol=1e-6)


@pytest.mark.parametrize("shift", [-300, 0, 1, 1024])
def test_shift_is_found_and_taken_back(shift, by_hand):
    shift_of, loss_of = by_hand("shift_of", "loss_of")
    x = sound(5)
    late = np.r_[np.zeros(max(shift, 0)), x[max(-shift, 0) :]]
    assert shift_of(x, late) == shift
    lost = loss_of(x, late)
    np.testing.assert_array_equal(lost[max(-shift, 0) :], np.zeros(len(x) - max(-shift, 0)))


@pytest.mark.parametrize("size", [1, 3, 7, 3000])
def test_files_in_parts_are_whole_again(size, by_hand):
    page_side, python_side = by_hand("page_side", "python_side")
    page_side.__globals__["base64"] = base64
    files = {"a.wav": bytes(range(100)), "b.ogg": b"OggS"}
    assert python_side(page_side(files, size)) == files
    assert python_side(page_side({})) == {}


def test_upload_returns_names_and_sounds(by_hand):
    _, to_wav, upload = by_hand("to_int16", "to_wav", "upload")
    files = {"a.wav": to_wav(sound(6), 16000), "b.wav": to_wav(sound(7), 16000)}
    names, sounds = upload(files)
    assert names == ["a.wav", "b.wav"]
    np.testing.assert_array_equal(sounds[1], audio.load(files["b.wav"]))


def test_pydub_resamples_without_a_filter(by_hand):
    """The notebook says so: at a third of the rate it is every third sample."""
    pydub = pytest.importorskip("pydub")
    (to_int16,) = by_hand("to_int16")
    whole = to_int16(sound(8))
    segment = pydub.AudioSegment(whole.tobytes(), frame_rate=48000, sample_width=2, channels=1)
    third = np.array(segment.set_frame_rate(16000).get_array_of_samples())
    np.testing.assert_allclose(third, whole[::3][: len(third)], atol=1)


def test_note_seq_drops_the_sound_that_it_has_normalized(monkeypatch):
    """The notebook says so: `normalize_db` changes nothing."""
    pydub = pytest.importorskip("pydub")
    audio_io = pytest.importorskip("note_seq.audio_io")
    whole = np.arange(-100, 100, dtype="<i2")
    segment = pydub.AudioSegment(whole.tobytes(), frame_rate=16000, sample_width=2, channels=1)
    # pydub would look at the bytes with ffprobe, which is not part of Python.
    monkeypatch.setattr(pydub.AudioSegment, "from_file", lambda file: segment)
    plain, normalized = (
        audio_io.wav_data_to_samples_pydub(b"", 16000, num_channels=1, normalize_db=db)
        for db in (None, 0.1)
    )
    np.testing.assert_array_equal(plain, normalized)
    np.testing.assert_allclose(plain, whole / 32767, atol=1e-7)
