"""Sound in and out: anything that holds audio to a mono float32 array at 16 kHz, and back.

libsndfile (through `soundfile`) reads WAV, FLAC, MP3 and OGG; PyAV reads what browsers and
phones record (WebM, M4A) from within its own wheel, so no ffmpeg program is needed.
Explained in notebooks/02_timbre_transfer/02_recording.ipynb.
"""

import base64
import binascii
import html
import io
import os
import re
import tempfile
from pathlib import Path

import numpy as np

from ddsp_course import _tensorflow, download
from ddsp_course.errors import AudioError, FetchError

SAMPLE_RATE = 16000
# -6 dBFS: loud enough, and nothing that a learner makes can be louder.
PLAY_PEAK = 0.5

_FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
# A small file can hold days of silence; an hour takes 230 MB, and twice that while it is joined.
_MAX_SECONDS = 3600
# What recorders make, with room to spare. By a header that says 1 Hz, each sample would be 16,000.
_LOWEST_RATE, _HIGHEST_RATE = 1000, 768000
_BLOCK = 1 << 18  # samples of all channels, so that a recording never lies whole in memory twice
# FFmpeg knows far more formats, and some (playlists) are lists of other files, which it opens.
_AV_FORMATS = "aac,amr,asf,caf,flac,matroska,mov,mp3,ogg,wav"
# Full scale is 1, and of 32-bit whole numbers 2e9. The square of 1e20 is infinite in float32.
_LOUDEST = 1e10
_LONGEST_PATH = 4096
_LARGEST_FETCH = 200_000_000  # seventeen minutes of 48 kHz stereo, uncompressed
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]{64,}[=\s]*")


def load(source, sample_rate=SAMPLE_RATE):
    """Return a recording as mono float32 at one sample rate, whatever it was.

    Args:
      source: path; bytes of a sound file; its base64 text, with or without `data:...,` before
        it; or an http(s) address. WAV, FLAC, MP3, OGG (Vorbis, Opus), WebM, M4A and MP4, any
        rate, any number of channels (their mean is taken).
      sample_rate: of the result, in Hz.

    Returns:
      (n_samples,) float32; within -1..1 for files that store whole numbers.

    Raises:
      AudioError: there is no such file or address, it is empty, it holds no sound or more than
        an hour of it, or some of its samples are no numbers of a sound (NaN, infinite, beyond 1e10).
    """
    data, name = _open(source)
    blocks = _Mono(sample_rate, name)
    try:
        _decode(data, name, blocks)
    except MemoryError as error:
        raise AudioError(f"{name} is too long for this machine's memory: cut it.") from error
    audio = blocks.join()
    if len(audio) == 0:
        raise AudioError(f"{name} holds no samples: record or export it again.")
    if not -_LOUDEST <= audio.min() <= audio.max() <= _LOUDEST:  # false for NaN, too
        raise AudioError(
            f"{name} holds samples that are not numbers (NaN or infinite) or are beyond "
            f"{_LOUDEST:g}: export it again from the program that made it."
        )
    return audio


def write(path, audio, sample_rate=SAMPLE_RATE):
    """Write a sound; the file appears whole or not at all.

    Args:
      path: ends in .wav, .flac, .ogg or .mp3, which chooses the format.
      audio: (n_samples,), within -1..1. What goes beyond is turned down as a whole, since a
        file would cut its peaks off.
      sample_rate: in Hz.

    Raises:
      AudioError: the name, the folder or the samples cannot be used.
    """
    import soundfile

    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise AudioError(f"{path} should end in {', '.join(_FORMATS)}: give the sound such a name.")
    kind, subtype = _FORMATS[path.suffix.lower()]
    audio = limit_peak(_checked(audio), 1.0)
    part = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            part = Path(file.name)
            soundfile.write(file, audio, sample_rate, format=kind, subtype=subtype)
        # Temporary files are private; the result gets the rights that a new file would have.
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o666 & ~mask)
        os.replace(part, path)
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(
            f"{path} could not be written ({getattr(error, 'strerror', None) or error}): choose "
            "another place, or free some disk space."
        ) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def limit_peak(audio, peak=PLAY_PEAK):
    """Return `audio` turned down as a whole so that no sample is beyond `peak`; else unchanged."""
    highest = np.abs(audio).max(initial=0.0)
    return audio * (peak / highest) if highest > peak else audio


def play(audio, sample_rate=SAMPLE_RATE, title=None):
    """Show a player for a sound, in JupyterLab and in Colab.

    The peak is limited to half of full scale, so that nothing hurts. The sound lies in the
    notebook itself, as MP3 (about 0.3 MB a minute), which every browser plays.

    Args:
      audio: (n_samples,).
      sample_rate: in Hz.
      title: text above the player.

    Raises:
      AudioError: there are no samples, or some are not numbers.
    """
    from IPython.display import display

    display(
        {
            "text/html": player_html(audio, sample_rate, title),
            "text/plain": f"[{title or 'Sound'}: {len(audio) / sample_rate:.1f} s]",
        },
        raw=True,
    )


def player_html(audio, sample_rate=SAMPLE_RATE, title=None, autoplay=False):
    """Return the HTML of a player that holds its sound; see `play`.

    Args:
      audio, sample_rate, title: as in `play`.
      autoplay: play at once, where the browser lets it.

    Raises:
      AudioError: there are no samples, or some are not numbers.
    """
    import soundfile

    audio = limit_peak(_checked(audio), PLAY_PEAK)
    file = io.BytesIO()
    soundfile.write(file, audio, sample_rate, format="MP3", subtype="MPEG_LAYER_III")
    text = base64.b64encode(file.getvalue()).decode("ascii")
    label = html.escape(title or "Sound", quote=True)
    heading = f"<div>{label}</div>" if title else ""
    return (
        f'{heading}<audio controls{" autoplay" * autoplay} preload="metadata" '
        f'aria-label="{label}" src="data:audio/mpeg;base64,{text}"></audio>'
    )


def link_html(audio, name, sample_rate=SAMPLE_RATE):
    """Return the HTML of a link that saves a sound as WAV, which lies in the link itself.

    Args:
      audio: (n_samples,), within -1..1; see `write`.
      name: of the file, ending in .wav.
      sample_rate: in Hz.

    Raises:
      AudioError: there are no samples, or some are not numbers.
    """
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, limit_peak(_checked(audio), 1.0), sample_rate, "PCM_16", format="WAV")
    text = base64.b64encode(file.getvalue()).decode("ascii")
    name = html.escape(name, quote=True)
    return f'<a style="text-decoration: underline" download="{name}" href="data:audio/wav;base64,{text}">Download {name}</a>'


def _checked(audio):
    audio = np.asarray(audio, np.float32)
    if audio.ndim != 1 or len(audio) == 0:
        raise AudioError(
            f"A sound is one row of samples, and this has the shape {audio.shape}: give an array "
            "of shape (n_samples,)."
        )
    if not np.isfinite(audio).all():
        raise AudioError(
            "The sound holds samples that are not numbers (NaN or infinite): look at the step "
            "that made it."
        )
    return audio


class _Mono:
    """Takes blocks of any rate and number of channels; keeps them mono at one rate."""

    def __init__(self, sample_rate, name):
        self.sample_rate = sample_rate
        self.name = name
        self.seconds = 0.0
        self.resampler = None
        self.parts = []

    def add(self, block, rate):
        """Add a block (n_samples, n_channels)."""
        import soxr

        if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
            raise AudioError(
                f"{self.name} says that it has {rate} samples a second, and sound has "
                f"{_LOWEST_RATE} to {_HIGHEST_RATE}: it may be damaged; export it again."
            )
        self.seconds += len(block) / rate
        if self.seconds > _MAX_SECONDS:
            raise AudioError(f"{self.name} lasts longer than an hour: cut it into shorter files.")
        mono = block.mean(axis=1, dtype=np.float32)
        if rate != self.sample_rate:
            if self.resampler is None:
                self.resampler = soxr.ResampleStream(rate, self.sample_rate, 1, dtype="float32")
            mono = self.resampler.resample_chunk(mono)
        self.parts.append(mono)

    def join(self):
        """Return everything as (n_samples,) float32."""
        if self.resampler is not None:
            rest = self.resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            self.parts.append(rest)
        return np.concatenate([np.zeros(0, np.float32), *self.parts])


def _open(source):
    """Return (path or bytes, name for messages)."""
    if isinstance(source, bytes | bytearray | memoryview):
        data, name = bytes(source), "The recording"
    elif isinstance(source, str) and source.startswith(("http://", "https://")):
        data, name = _fetch(source), source
    elif isinstance(source, str) and source.startswith("data:"):
        data, name = _base64(source.partition(",")[2]), "The recording"
    elif isinstance(source, str | os.PathLike):
        if isinstance(source, str) and _is_base64(source):
            data, name = _base64(source), "The recording"
        else:
            path = Path(source)
            return _readable(path), str(path)
    else:
        raise AudioError(
            f"A recording cannot be read from a {type(source).__name__}: give a path, bytes, "
            "base64 text or a web address."
        )
    if not data:
        raise AudioError(f"{name} is empty: record or fetch it again.")
    _refuse_page(data[:1000], name)
    return data, name


def _refuse_page(head, name):
    """Raise AudioError where a file begins as a web page does."""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith(b"<") and (b"<html" in head or b"<!doctype html" in head):
        raise AudioError(
            f"{name} is a web page and not a sound: open its address in a browser, and give the "
            "sound's own address or the file that it saves."
        )


def _is_base64(text):
    # No path is that long, whatever is broken in it.
    return len(text) > _LONGEST_PATH or (not _exists(text) and bool(_BASE64.fullmatch(text)))


def _exists(text):
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long for a name, or with a zero byte in it
        return False


def _readable(path):
    if not _exists(path):
        raise AudioError(f"There is no file {str(path)[:200]}: check its name and folder.")
    if path.is_dir():
        raise AudioError(f"{path} is a folder: name a sound file in it.")
    if not path.is_file():  # a pipe or a device may never end
        raise AudioError(f"{path} is a pipe or a device and not a file: name a sound file.")
    try:
        with open(path, "rb") as file:
            head = file.read(1000)
    except OSError as error:
        raise AudioError(
            f"{path} cannot be read ({error.strerror}): make it readable for you."
        ) from error
    if not head:
        raise AudioError(f"{path} is empty (0 bytes): record or export it again.")
    _refuse_page(head, str(path))
    return path


def _base64(text):
    try:
        text = re.sub(r"\s", "", text).translate(str.maketrans("-_", "+/"))
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise AudioError(
            f"The base64 text of the recording is broken ({error}): send it again, whole."
        ) from error


def _fetch(address):
    try:
        return download.read(address, _LARGEST_FETCH)
    except FetchError as error:
        raise AudioError(str(error)) from error


class _Reader(io.BufferedReader):
    """A file without a name, by which libsndfile would judge what is in it."""

    name = ""

    def seek(self, offset, whence=0):
        # A damaged file sends libsndfile before its beginning, and what is raised here is printed.
        try:
            return super().seek(offset, whence)
        except (OSError, ValueError):
            return self.tell()


def _decode(data, name, blocks):
    import soundfile

    try:
        with (
            _tensorflow.without_remarks(),  # libsndfile's MP3 decoder tells of each damage
            _Reader(io.BytesIO(data) if isinstance(data, bytes) else io.FileIO(data)) as reader,
            soundfile.SoundFile(reader) as file,
        ):
            n_frames = max(_BLOCK // file.channels, 1)
            # Not by `file.blocks`: where a file ends before its header says, that hands out
            # whatever lies in memory.
            while len(block := file.read(n_frames, dtype="float32", always_2d=True)):
                blocks.add(block, file.samplerate)
    except soundfile.LibsndfileError as error:
        if blocks.parts:
            raise AudioError(f"{name} is damaged ({error}): copy or export it again.") from error
        _decode_av(data, name, blocks)


def _decode_av(data, name, blocks):
    try:
        import av
    except ImportError as error:
        raise AudioError(
            f"{name} is not WAV, FLAC, MP3 or OGG, and PyAV, which reads WebM and M4A, is not "
            "installed: run `pip install av`, or convert the file to WAV."
        ) from error
    opened = False
    try:
        with (
            _Reader(io.BytesIO(data) if isinstance(data, bytes) else io.FileIO(data)) as reader,
            av.open(reader, options={"format_whitelist": _AV_FORMATS}) as container,
        ):
            opened = True
            if not container.streams.audio:
                raise AudioError(f"{name} has no sound in it: choose a file with an audio track.")
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise AudioError(f"{name} has its sound in an unknown code: save it as WAV.")
            rate = stream.rate
            to_float = av.AudioResampler(format="fltp", rate=rate)
            for frame in container.decode(stream):
                for part in to_float.resample(frame):
                    blocks.add(part.to_ndarray().T, rate)
            for part in to_float.resample(None):
                blocks.add(part.to_ndarray().T, rate)
    except (av.error.FFmpegError, ValueError) as error:
        if opened:
            raise AudioError(
                f"{name} is damaged or cut off ({getattr(error, 'strerror', None) or error}): "
                "copy or export it again."
            ) from error
        raise AudioError(
            f"{name} is not a sound file that can be read (it is something else, or cut off): give "
            "WAV, FLAC, MP3, OGG, WebM or M4A."
        ) from error
