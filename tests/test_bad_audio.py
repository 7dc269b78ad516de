"""Whatever a learner brings as a recording is read, or refused in a sentence; memory is bounded."""

import base64
import contextlib
import io
import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from conftest import ROOT, assert_sentence, is_root
from hypothesis import given
from hypothesis import strategies as st

from ddsp_course import audio, decoding
from ddsp_course.errors import AudioError


def tone(rate, seconds=1.0, level=0.5):
    return level * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)


def by_soundfile(sound, rate=44100, kind="WAV", subtype=None):
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=kind, subtype=subtype)
    return file.getvalue()


def by_pyav(kind, codec, rate=48000, layout="mono", with_picture=False, with_sound=True):
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        if with_picture:
            picture = container.add_stream("mpeg4", rate=25, width=64, height=64, pix_fmt="yuv420p")
        if with_sound:
            stream = container.add_stream(codec, rate=rate, layout=layout)
            sound = np.ascontiguousarray(tone(rate)[None].astype(np.float32))
            frame = av.AudioFrame.from_ndarray(sound, "fltp", layout)
            frame.rate = rate
            size = stream.codec_context.frame_size or 1024
            resampler = av.AudioResampler(stream.format, layout, rate, frame_size=size)
            for part in [*resampler.resample(frame), *resampler.resample(None), None]:
                container.mux(stream.encode(part))
        if with_picture:
            black = av.VideoFrame.from_ndarray(np.zeros((96, 64), np.uint8), "yuv420p")
            for part in [black, None]:
                container.mux(picture.encode(part))
    return file.getvalue()


CONTAINERS = {
    "wav": lambda: by_soundfile(tone(44100)),
    "flac": lambda: by_soundfile(tone(44100), kind="FLAC"),
    "mp3": lambda: by_soundfile(tone(44100), kind="MP3"),
    "ogg": lambda: by_soundfile(tone(44100), kind="OGG", subtype="VORBIS"),
    "opus": lambda: by_soundfile(tone(48000), 48000, "OGG", "OPUS"),
    "webm": lambda: by_pyav("webm", "libopus"),
    "m4a": lambda: by_pyav("ipod", "aac"),
    "mp4": lambda: by_pyav("mp4", "aac", with_picture=True),
}


def assert_tone(sound, seconds=1.0, level=0.5):
    """A sine of 440 Hz, or as much of it as a file that was cut off still holds."""
    assert sound.dtype == np.float32 and sound.ndim == 1 and len(sound) > 0
    # Lossy codecs pad by up to a tenth of a second.
    assert abs(len(sound) - 16000 * seconds) < 1700
    middle = sound[3200:-1600]
    if len(middle) < 3200:  # too short to tell a pitch
        return
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert abs(np.argmax(spectrum) * 16000 / len(middle) - 440) < 10
    # Lossy codecs come within a few percent of a sine's level; 8 bits within a hundredth.
    assert np.sqrt((middle**2).mean()) == pytest.approx(level / np.sqrt(2), rel=0.05)


def assert_refused(source, *words):
    """`audio.load` says in one sentence, with these words in it, what is wrong and what to do."""
    with pytest.raises(AudioError) as caught:
        audio.load(source)
    assert_sentence(caught.value, *words, longest=500)


@pytest.mark.parametrize("tenth", range(10))
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_file_cut_off_gives_its_beginning_or_is_refused(name, tenth, tmp_path):
    whole = CONTAINERS[name]()
    path = tmp_path / f"mine.{name}"
    path.write_bytes(whole[: len(whole) * tenth // 10])
    # What libraries leave of a buffer that they did not fill is zero, or what lay there before:
    # this makes it something that can be told from sound.
    np.full((1 << 18, 1), 7, np.float32)
    for source, called in ((path, path.name), (path.read_bytes(), "The recording")):
        try:
            sound = audio.load(source)
        except AudioError:
            assert_refused(source, called)
        else:
            assert tenth > 0
            assert 0 < len(sound) < 16000
            assert np.abs(sound).max() < 0.6
            assert_tone(sound, len(sound) / 16000)


@pytest.mark.parametrize("suffix", ["wav", "mp3", "ogg", "m4a", "raw", "txt", "sd2", ""])
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_wrong_extension_does_not_matter(name, suffix, tmp_path):
    path = tmp_path / f"mine.{suffix}"
    path.write_bytes(CONTAINERS[name]())
    assert_tone(audio.load(path))


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "PCM_U8"), ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_32"), ("WAV", "FLOAT"),
     ("WAV", "DOUBLE"), ("WAV", "ULAW"), ("WAV", "ALAW"), ("FLAC", "PCM_S8"), ("AIFF", "PCM_S8"),
     ("CAF", "PCM_24"), ("W64", "DOUBLE"), ("RF64", "PCM_16"), ("AU", "FLOAT"), ("WAVEX", "PCM_16")],
)  # fmt: skip
def test_any_sample_format_is_the_same_sound(kind, subtype):
    assert_tone(audio.load(by_soundfile(tone(44100), 44100, kind, subtype)))


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000])
def test_any_rate_is_the_same_sound(rate):
    assert_tone(audio.load(by_soundfile(tone(rate), rate)))


@pytest.mark.parametrize("channels", range(1, 9))
def test_channels_are_averaged(channels):
    sound = np.zeros((44100, channels))
    sound[:, -1] = tone(44100)
    assert_tone(audio.load(by_soundfile(sound, kind="WAVEX")), level=0.5 / channels)


def test_a_long_mp3_is_the_same_in_blocks_as_in_one_piece():
    rng = np.random.default_rng(0)
    data = by_soundfile(0.1 * rng.standard_normal(16000 * 40), 16000, "MP3")
    whole, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    # The decoder starts anew at each block, and comes within 1e-3 (-60 dB) of where it was; a
    # block that is lost, doubled or out of place differs by 0.1.
    np.testing.assert_allclose(audio.load(data), whole, atol=1e-3)


@pytest.mark.parametrize(
    ("sound", "wanted"),
    [(np.full(16000, 0.25), 0.25), (np.clip(8 * tone(16000), -1, 1), 1.0), (np.zeros(16000), 0.0),
     (0.1 * np.random.default_rng(0).standard_normal(16000).clip(-4, 4), 0.4),
     (np.full(1, 0.5), 0.5), (np.full(2, 0.5), 0.5), (np.full(16000, 2.0**31), 2.0**31)],
    ids=["DC", "clipping", "silence", "white noise", "one sample", "two samples", "beyond 1"],
)  # fmt: skip
def test_odd_but_whole_sound_is_kept(sound, wanted):
    loaded = audio.load(by_soundfile(sound, 16000, subtype="FLOAT"))
    np.testing.assert_array_equal(loaded, sound.astype(np.float32))
    assert np.abs(loaded).max() <= wanted


def test_one_sample_at_another_rate_is_refused_or_is_a_sample():
    # A third of a sample at 16 kHz.
    assert_refused(by_soundfile(np.full(1, 0.5), 48000), "samples")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300, -1e20])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_samples_that_are_not_numbers_are_refused(bad, rate):
    sound = tone(rate)
    sound[rate // 2] = bad
    assert_refused(by_soundfile(sound, rate, subtype="DOUBLE"), "NaN")


def header_only(kind, seconds):
    """A file's header that tells of a sound of this length, and nothing after it."""
    if kind == "wav":
        size = seconds * 16000 * 2
        return (b"RIFF" + struct.pack("<I", size + 36) + b"WAVEfmt "
                + struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16)
                + b"data" + struct.pack("<I", size))  # fmt: skip
    if kind == "flac":
        bits = (16000 << 44) | (0 << 41) | (15 << 36) | (seconds * 16000)
        info = struct.pack(">HH", 4096, 4096) + bytes(6) + bits.to_bytes(8, "big") + bytes(16)
        return b"fLaC" + bytes([0x80, 0, 0, len(info)]) + info
    whole = CONTAINERS["mp3"]()
    at = whole.index(b"Xing") if b"Xing" in whole else whole.index(b"Info")
    n_frames = struct.pack(">I", seconds * 44100 // 1152)
    return whole[: at + 8] + n_frames + whole[at + 12 : 418]


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3"])
def test_header_of_three_hours_without_data_is_refused(kind, tmp_path):
    path = tmp_path / f"three_hours.{kind}"
    path.write_bytes(header_only(kind, 3 * 3600))
    assert_refused(path, f"three_hours.{kind}")


# Files that say less than they hold.


def mp3_without_its_count(rate=44100, seconds=10):
    """A tone whose frames differ in size, as a stream or a cutter leaves it: no Xing frame."""
    sound = tone(rate, seconds) * (1 - 0.9 * (np.arange(rate * seconds) > rate))
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format="MP3", subtype="MPEG_LAYER_III",
                    bitrate_mode="VARIABLE", compression_level=0.3)  # fmt: skip
    data = file.getvalue()
    at = data.index(b"Xing")
    return data[: data.rindex(b"\xff\xfb", 0, at)] + data[data.index(b"\xff\xfb", at) :]


def mp3_with_a_false_count(n_frames):
    data = bytearray(by_soundfile(tone(44100, 4), kind="MP3"))
    at = data.index(b"Xing") if b"Xing" in data else data.index(b"Info")
    data[at + 8 : at + 12] = struct.pack(">I", n_frames)
    return bytes(data)


def adts(rate):
    """AAC as a radio stream has it, which may change its rate on the way."""
    return by_pyav("adts", "aac", rate)


def tagged(data):
    """A file with an ID3 tag, a cover of 200 kB in it, in front."""
    size = 200_000
    return b"ID3\3\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127]) + (
        bytes(size) + data
    )  # fmt: skip


def never_closed(claimed):
    """Two seconds of WAV whose header says that its data have so many bytes."""
    data = bytearray(by_soundfile(tone(16000, 2), 16000))
    at = data.index(b"data")
    data[at + 4 : at + 8] = struct.pack("<I", claimed)
    data[4:8] = bytes(4)
    return bytes(data)


def two_of(kind, subtype=None):
    return 2 * by_soundfile(tone(16000, 2), 16000, kind, subtype)


@pytest.mark.parametrize(
    ("make", "seconds"),
    [(mp3_without_its_count, 10), (lambda: mp3_with_a_false_count(0), 4),
     (lambda: mp3_with_a_false_count(3), 4), (lambda: mp3_with_a_false_count(10_000), 4),
     (lambda: two_of("MP3"), 4), (lambda: two_of("OGG", "VORBIS"), 4),
     (lambda: two_of("OGG", "OPUS"), 4), (lambda: two_of("FLAC"), 4),
     (lambda: by_soundfile(tone(44100), kind="MP3") + by_soundfile(tone(32000), 32000, "MP3"), 2),
     (lambda: adts(44100) + adts(22050), 2), (lambda: never_closed(0), 2),
     (lambda: never_closed(16000), 2), (lambda: never_closed(0xFFFFFFFF), 2),
     (lambda: never_closed(0x7FFFF000), 2), (lambda: tagged(never_closed(0)), 2)],
    ids=["MP3 without a count", "no frames", "too few", "too many", "joined MP3", "joined Vorbis",
         "joined Opus", "joined FLAC", "joined, another rate", "AAC that changes its rate",
         "WAV of size 0", "WAV half closed", "WAV of unknown size", "as ffmpeg pipes it",
         "tagged and never closed"],
)  # fmt: skip
def test_a_file_is_read_to_its_end_whatever_it_says_of_itself(make, seconds):
    sound = audio.load(make())
    # Each joined lossy file pads its beginning and end by up to a tenth of a second.
    assert seconds - 0.01 < len(sound) / 16000 < seconds + 0.25
    for start in (0.2, seconds - 0.8):
        part = sound[int(16000 * start) :][:8000]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert abs(np.argmax(spectrum) * 16000 / len(part) - 440) < 5


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "FLAC", "OGG", "MP3", "AU", "CAF", "W64", "RF64"])
def test_a_tag_in_front_takes_nothing_away(kind):
    data = by_soundfile(tone(16000, 5), 16000, kind)
    np.testing.assert_array_equal(audio.load(tagged(data)), audio.load(data))


@pytest.mark.parametrize("extra", [b"LIST\x04\0\0\0abcd", b"id3 \x03\0\0\0abc\0"])
def test_what_follows_the_data_of_a_wav_is_no_sound(extra):
    data = by_soundfile(tone(16000), 16000)
    np.testing.assert_array_equal(audio.load(data + extra), audio.load(data))


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG"])
@pytest.mark.parametrize("silent_s", [0, 3])
def test_a_channel_turned_upside_down_does_not_silence_the_other(kind, silent_s):
    rng = np.random.default_rng(0)
    silence = np.zeros((16000 * silent_s, 2))
    right = tone(16000, 3)
    left = -right + 1e-3 * rng.standard_normal(len(right))
    sound = audio.load(by_soundfile(np.r_[silence, np.stack([left, right], 1)], 16000, kind))
    assert_tone(sound[16000 * silent_s :], 3)


def test_a_quiet_take_survives_a_channel_turned_upside_down():
    take = 10 ** (-75 / 20) * np.sin(2 * np.pi * 440 * np.arange(48000) / 16000)
    sound = audio.load(by_soundfile(np.stack([take, -take], 1), 16000, subtype="FLOAT"))
    np.testing.assert_allclose(sound, take, atol=1e-7)


def test_blocks_keep_their_order_when_the_number_of_channels_changes():
    blocks = decoding._Mono(16000, "The recording")
    for value, channels in ((0.1, 2), (0.2, 2), (0.3, 1), (0.4, 2), (0.5, 6)):
        blocks.add(np.full((100, channels), value, np.float32), 16000)
    np.testing.assert_allclose(blocks.join()[::100], [0.1, 0.2, 0.3, 0.4, 0.5])


def test_two_different_channels_are_averaged_as_they_are():
    left, right = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 48000))
    sound = audio.load(by_soundfile(np.stack([left, right], 1), 16000, subtype="FLOAT"))
    np.testing.assert_allclose(sound, (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("layout", "channels"), [("7.1", 8), ("hexadecagonal", 16), ("5.1", 6), ("stereo", 2)]
)
def test_any_number_of_channels_is_read_from_any_container(layout, channels):
    """PyAV hands out no more than seven planes: eight killed Python."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mov") as container:
        stream = container.add_stream("pcm_s16le", rate=16000, layout=layout)
        samples = np.int16(16000 * tone(16000, level=1))
        frame = av.AudioFrame.from_ndarray(np.repeat(samples, channels)[None], "s16", layout)
        frame.rate = 16000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    assert_tone(audio.load(file.getvalue()), level=16000 / 32768)


HTML = b"<!DOCTYPE html><html><head><title>404</title></head><body>Not found</body></html>"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.wav", b"", "0 bytes"),
        ("text.wav", b"To be, or not to be", "format"),
        ("long.mp3", b"To be, or not to be. " * 5000, "format"),
        ("page.mp3", HTML, "web page"),
        ("page.wav", b"\xef\xbb\xbf\n  <!-- -->\n<HTML lang=en>", "web page"),
        ("page.ogg", b"<html>" + b" " * 5000, "web page"),
        ("zeros.flac", bytes(100_000), "format"),
        ("picture.m4a", b"\x89PNG\r\n\x1a\n" + bytes(100), "format"),
        ("riff.wav", b"RIFF\x24\0\0\0WAVEfmt ", "format"),
        ("list.m3u", b"#EXTM3U\n#EXTINF:9,\nsecret.wav\n", "format"),
        ("midi.mid", b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0", "format"),
        ("without_samples.wav", by_soundfile(np.zeros(0), 16000), "samples"),
        ("film.mp4", by_pyav("mp4", None, with_picture=True, with_sound=False), "track"),
    ],
)
def test_what_is_no_sound_is_refused(name, content, said, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    assert_refused(path, name, said)
    if content:
        assert_refused(content, "The recording", said)


def test_an_unknown_code_is_refused():
    assert_refused(CONTAINERS["webm"]().replace(b"A_OPUS", b"A_WHAT"), "codec")


def test_a_list_of_files_does_not_open_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    soundfile.write("secret.wav", tone(16000), 16000)
    playlist = b"ffconcat version 1.0\nfile secret.wav\n"
    (tmp_path / "list.mp3").write_bytes(playlist)
    assert_refused("list.mp3", "list.mp3", "format")
    assert_refused(playlist, "format")


def test_a_file_name_is_not_taken_for_a_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "concat:a|b").write_bytes(CONTAINERS["webm"]())
    assert_tone(audio.load("concat:a|b"))


WAV_TEXT = base64.b64encode(by_soundfile(tone(16000), 16000)).decode()


@pytest.mark.parametrize(
    "text",
    [WAV_TEXT.rstrip("="), WAV_TEXT.rstrip("=") + "\n", f"data:audio/wav;base64,{WAV_TEXT}",
     WAV_TEXT.replace("+", "-").replace("/", "_")],
    ids=["no padding", "line end", "data URL", "of URLs"],
)  # fmt: skip
def test_base64_that_can_be_understood_is_read(text):
    assert_tone(audio.load(text))


@pytest.mark.parametrize(
    "text",
    [WAV_TEXT + "===", WAV_TEXT.rstrip("=")[:1001], WAV_TEXT[:500] + "=" + WAV_TEXT[500:],
     WAV_TEXT[:5000] + "%%" + WAV_TEXT[5000:], "data:audio/wav;base64,%%%"],
    ids=["too much", "one too many", "in the middle", "foreign letters", "data URL"],
)  # fmt: skip
def test_base64_with_broken_padding_is_refused(text):
    assert_refused(text, "base64")


@pytest.mark.parametrize(
    ("source", "said"),
    [("none.wav", "none.wav"), ("a\0b.wav", "b.wav"), ("a" * 300 + ".wav", "a" * 200),
     (3, " int:"), (None, " NoneType:"), (["a.wav"], " list:"), ("", "folder"),
     (b"", "empty"), ("data:audio/wav;base64,", "empty")],
)  # fmt: skip
def test_sources_that_are_no_files_are_refused(source, said):
    assert_refused(source, said)


def test_a_directory_a_pipe_and_a_device_are_refused(tmp_path):
    assert_refused(tmp_path, str(tmp_path), "folder")
    os.mkfifo(tmp_path / "pipe.wav")
    assert_refused(tmp_path / "pipe.wav", "pipe.wav", "device")
    assert_refused("/dev/zero", "/dev/zero", "device")


@pytest.mark.skipif(is_root(), reason="root may read anything")
def test_a_file_without_permission_is_refused(tmp_path):
    path = tmp_path / "locked.wav"
    path.write_bytes(CONTAINERS["wav"]())
    path.chmod(0)
    assert_refused(path, "locked.wav", "Permission denied")


@pytest.mark.parametrize("rate", [1, 100, 2_000_000])
def test_a_rate_that_no_sound_has_is_refused(rate):
    assert_refused(by_soundfile(tone(16000), rate), f"{rate} Hz")


# 230 MB is an hour of float32 at 16 kHz, and joining it needs that once more; Python with its
# libraries takes 100 MB here, and a block of samples a few.
HOUR_MB = 230
PEAK_MB = 2 * HOUR_MB + 240


def bomb(path, seconds, rate, kind="FLAC", channels=1):
    """Write silence: FLAC makes a few bytes of thousands of samples."""
    with soundfile.SoundFile(path, "w", rate, channels, format=kind) as file:
        silence = np.zeros((1_000_000 // channels, channels), np.int16)
        for _ in range(seconds * rate * channels // 1_000_000):
            file.write(silence)


def in_matroska(path, target):
    import av

    with av.open(str(path)) as source, av.open(str(target), "w") as container:
        stream = container.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)


def load_in_a_child(*paths):
    """Return what `audio.load` says of each, the child's peak memory in MB, and its stderr."""
    import resource

    program = (
        "import json, sys\n"
        "from ddsp_course import audio, errors\n"
        "said = []\n"
        "for path in sys.argv[1:]:\n"
        "    try: said.append(len(audio.load(path)))\n"
        "    except errors.AudioError as error: said.append(str(error))\n"
        # getrusage would count what pytest's own process had when it forked.
        "status = open('/proc/self/status').read()\n"
        "print(json.dumps([said, int(status.split('VmHWM:')[1].split()[0]) / 1024]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, paths)], capture_output=True, text=True,
        check=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=120,
        # If the bound did not hold, the machine would be safe all the same.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30)),
    )  # fmt: skip
    return *json.loads(done.stdout), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_small_files_that_decode_to_hours_are_refused_in_bounded_memory(tmp_path):
    bomb(tmp_path / "three_hours.flac", 3 * 3600, 8000)
    bomb(tmp_path / "a_day.flac", 24 * 3600, 1000)
    in_matroska(tmp_path / "three_hours.flac", tmp_path / "three_hours.mka")
    (tmp_path / "slow.wav").write_bytes(by_soundfile(np.zeros(1 << 20), 1))
    (tmp_path / "header.wav").write_bytes(header_only("wav", 3 * 3600))
    (tmp_path / "header.flac").write_bytes(header_only("flac", 24 * 3600))
    paths = sorted(tmp_path.iterdir())
    assert max(path.stat().st_size for path in paths) < 3_000_000
    said, peak, _ = load_in_a_child(*paths)
    for path, one in zip(paths, said, strict=True):
        assert isinstance(one, str) and path.name in one
        assert ("hour:" in one) == (path.stem in ("three_hours", "a_day"))
    assert peak < PEAK_MB
    print(f"peak {peak:.0f} MB")


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_damage_is_told_once_and_not_by_the_decoders_too(tmp_path):
    whole = CONTAINERS["mp3"]()
    (tmp_path / "a.mp3").write_bytes(whole[:2000] + bytes(200) + whole[2000:3000])
    (tmp_path / "b.mp3").write_bytes(whole[: len(whole) // 10])
    (tmp_path / "c.m4a").write_bytes(CONTAINERS["m4a"]()[:9000])
    _, _, stderr = load_in_a_child(*sorted(tmp_path.iterdir()))
    assert stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_an_hour_and_a_thousand_channels_are_read_in_bounded_memory(tmp_path):
    bomb(tmp_path / "hour.flac", 3500, 8000)
    bomb(tmp_path / "wide.wav", 20, 1000, "WAV", 1000)
    said, peak, _ = load_in_a_child(tmp_path / "hour.flac", tmp_path / "wide.wav")
    assert said == [3500 * 16000, 20 * 16000]
    assert peak < PEAK_MB
    print(f"peak {peak:.0f} MB")


SEEDS = [
    *(make() for make in CONTAINERS.values()),
    by_soundfile(tone(8000, 0.1), 8000, "AIFF"),
    by_soundfile(tone(8000, 0.1), 8000, "CAF"),
    by_soundfile(tone(8000, 0.1), 8000, "WAV", "IMA_ADPCM"),
    by_pyav("adts", "aac"),
    adts(44100) + adts(22050),
    tagged(by_soundfile(tone(8000, 0.1), 8000, "AIFF"))[-4000:],
    tagged(by_soundfile(tone(8000, 0.1), 8000))[:10]
    + bytes(50)
    + by_soundfile(tone(8000, 0.1), 8000),
    never_closed(0),
    never_closed(16000),
    two_of("OGG", "VORBIS"),
    by_soundfile(np.stack([tone(8000), -tone(8000)], 1), 8000),
]


@st.composite
def damaged(draw):
    """A sound file of some kind with bytes changed, cut out, doubled or taken from another."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 8))):
        # Headers lie in front, and that is where damage does most.
        end = draw(st.sampled_from([64, 512, len(data)]))
        at = draw(st.integers(0, max(min(end, len(data)) - 1, 0)))
        size = draw(st.integers(1, 64))
        match draw(st.sampled_from(["change", "cut", "double", "other", "end"])):
            case "change":
                data[at : at + size] = draw(st.binary(min_size=1, max_size=8))
            case "cut":
                del data[at : at + size]
            case "double":
                data[at:at] = data[at : at + size]
            case "other":
                data[at:at] = draw(st.sampled_from(SEEDS))[:size]
            case "end":
                del data[at + size * 64 :]
    return bytes(data)


def load_or_refuse(data):
    with contextlib.suppress(AudioError):
        sound = audio.load(data)
        assert sound.dtype == np.float32 and sound.ndim == 1
        assert len(sound) > 0 and np.isfinite(sound).all()


@given(damaged())
def test_damaged_files_are_read_or_refused(data):
    load_or_refuse(data)


@given(st.sampled_from([b"", b"RIFF", b"fLaC", b"OggS", b"ID3\3", b"\xff\xfb\x90", b"\x1aE\xdf\xa3",
                        b"\0\0\0\x20ftypM4A ", b"FORM", b"caff", b"\xff\xf1"]),
       st.binary(max_size=2000))  # fmt: skip
def test_random_bytes_are_read_or_refused(magic, rest):
    load_or_refuse(magic + rest)


@given(st.text(max_size=200) | st.text("ABC+/=-_ \n", min_size=60, max_size=200))
def test_random_texts_are_read_or_refused(text):
    if not text.startswith(("http://", "https://")):
        load_or_refuse(text)
