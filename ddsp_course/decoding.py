"""Decoding: a path, bytes, base64 text or web address to mono samples at one rate.

libsndfile (through `soundfile`) reads WAV, FLAC, MP3 and OGG; PyAV reads what browsers and
phones record (WebM, M4A) from within its own wheel, so no ffmpeg program is needed. What a
stranger's file may do is bounded here; see SECURITY.md.
Explained in notebooks/02_timbre_transfer/02_recording.ipynb.
"""

import base64
import binascii
import io
import os
import re
from pathlib import Path

import numpy as np

from ddsp_course import _tensorflow, download
from ddsp_course.errors import AudioError, FetchError

# A small file can hold days of silence; an hour takes 230 MB, and twice that while it is joined.
MAX_SECONDS = 3600
# What recorders make, with room to spare. By a header that says 1 Hz, each sample would be 16,000.
LOWEST_RATE, HIGHEST_RATE = 1000, 768000
_BLOCK = 1 << 18  # samples of all channels, so that a recording never lies whole in memory twice
# FFmpeg knows far more formats, and some (playlists) are lists of other files, which it opens.
_AV_FORMATS = "aac,amr,asf,caf,flac,matroska,mov,mp3,ogg,wav"
_LONGEST_PATH = 4096
_LARGEST_FETCH = 200_000_000  # seventeen minutes of 48 kHz stereo, uncompressed
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]{64,}[=\s]*")


def decode(source, sample_rate):
    """Return the samples of any source, and what to call it in messages.

    Args:
      source: see `audio.load`.
      sample_rate: of the result, in Hz.

    Returns:
      samples: (n_samples,) float32, mono; not yet checked for NaN.
      label: the path or address, or "The recording".

    Raises:
      AudioError: the source is missing, empty, not audio, damaged, or longer than an hour.
    """
    data, label = _open(source)
    blocks = _Mono(sample_rate, label)
    try:
        _read(data, label, blocks)
        return blocks.join(), label
    except MemoryError as error:
        raise AudioError(f"{label} is too long for this machine's memory: cut it.") from error


class _Mono:
    """Takes blocks of any rate and number of channels; keeps them mono at one rate."""

    def __init__(self, sample_rate, label):
        self.sample_rate = sample_rate
        self.label = label
        self.seconds = 0.0
        self.resampler = None
        self.parts = []

    def add(self, block, rate):
        """Add a block (n_samples, n_channels)."""
        import soxr

        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise AudioError(
                f"{self.label} says that it has {rate} samples a second, and sound has "
                f"{LOWEST_RATE} to {HIGHEST_RATE}: it may be damaged; export it again."
            )
        self.seconds += len(block) / rate
        if self.seconds > MAX_SECONDS:
            raise AudioError(f"{self.label} lasts longer than an hour: cut it into shorter files.")
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
    """Return (path or bytes, label for messages)."""
    if isinstance(source, bytes | bytearray | memoryview):
        data, label = bytes(source), "The recording"
    elif isinstance(source, str) and source.startswith(("http://", "https://")):
        data, label = _fetch(source), source
    elif isinstance(source, str) and source.startswith("data:"):
        data, label = _base64(source.partition(",")[2]), "The recording"
    elif isinstance(source, str | os.PathLike):
        if isinstance(source, str) and _is_base64(source):
            data, label = _base64(source), "The recording"
        else:
            path = Path(source)
            return _readable(path), str(path)
    else:
        raise AudioError(
            f"A recording cannot be read from a {type(source).__name__}: give a path, bytes, "
            "base64 text or a web address."
        )
    if not data:
        raise AudioError(f"{label} is empty: record or fetch it again.")
    _refuse_page(data[:1000], label)
    return data, label


def _refuse_page(head, label):
    """Raise AudioError where a file begins as a web page does."""
    if download.is_web_page(head):
        raise AudioError(
            f"{label} is a web page and not a sound: open its address in a browser, and give the "
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


def _read(data, label, blocks):
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
            raise AudioError(f"{label} is damaged ({error}): copy or export it again.") from error
        _read_with_av(data, label, blocks)


def _read_with_av(data, label, blocks):
    try:
        import av
    except ImportError as error:
        raise AudioError(
            f"{label} is not WAV, FLAC, MP3 or OGG, and PyAV, which reads WebM and M4A, is not "
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
                raise AudioError(f"{label} has no sound in it: choose a file with an audio track.")
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise AudioError(f"{label} has its sound in an unknown code: save it as WAV.")
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
                f"{label} is damaged or cut off ({getattr(error, 'strerror', None) or error}): "
                "copy or export it again."
            ) from error
        raise AudioError(
            f"{label} is not a sound file that can be read (it is something else, or cut off): give "
            "WAV, FLAC, MP3, OGG, WebM or M4A."
        ) from error
