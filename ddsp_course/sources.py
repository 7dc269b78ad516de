"""Open audio from a path, bytes, base64 text or a web address.

Faults that the audio libraries cannot handle are corrected while reading; the file is not changed.
Explained in notebooks/02_timbre_transfer/02_recording.ipynb.
"""

import base64
import binascii
import contextlib
import io
import os
import re
from pathlib import Path

from ddsp_course import download, files
from ddsp_course.errors import AudioError, FetchError

# First bytes of the formats that libsndfile reads completely: WAV (and RF64, W64), AIFF, CAF, AU.
UNCOMPRESSED = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"caff", b".snd", b"dns.")
# The other formats of libsndfile, except MP3. Some taggers put an ID3 tag in front of these too,
# although it belongs only in an MP3.
NOT_MP3 = (*UNCOMPRESSED, b"fLaC", b"OggS")
_LONGEST_PATH = 4096
_LARGEST_FETCH = 200_000_000  # seventeen minutes of 48 kHz stereo, uncompressed
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]{64,}[=\s]*")


def find(source):
    """Resolve a source to a readable path, or to bytes.

    Args:
      source: see `audio.load`.

    Returns:
      data: Path or bytes.
      label: its name for messages: the path, the address, or "The recording".

    Raises:
      AudioError: it is missing, empty, a web page, unreadable, or cannot be downloaded.
    """
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
            path = files.user_path(source)
            return _readable(path), str(path)
    else:
        raise AudioError(
            f"A recording cannot be read from a {type(source).__name__}: give a path, bytes, "
            "base64 text or a web address."
        )
    if not data:
        raise AudioError(f"{label} is empty: record or download it again.")
    _refuse_page(data[:1000], label)
    return data, label


def _refuse_page(head, label):
    """Raise AudioError if a file starts like a web page."""
    if download.is_web_page(head):
        raise AudioError(
            f"{label} is a web page, not audio: open it in a browser, and use the address of the "
            "audio file itself, or save that file first."
        )


def _is_base64(text):
    # No path is that long, so even invalid text must be meant as base64.
    return len(text) > _LONGEST_PATH or (not _exists(text) and bool(_BASE64.fullmatch(text)))


def _exists(text):
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # the name is too long or contains a zero byte
        return False


def _readable(path):
    if not _exists(path):
        raise AudioError(f"There is no file {str(path)[:200]}: check its name and folder.")
    if path.is_dir():
        raise AudioError(f"{path} is a folder: name an audio file in it.")
    if not path.is_file():  # a pipe or a device may never end
        raise AudioError(f"{path} is a pipe or a device, not a file: name an audio file.")
    try:
        with open(path, "rb") as file:
            head = file.read(1000)
    except OSError as error:
        raise AudioError(
            f"{path} cannot be read ({error.strerror}): change its permissions, or copy it."
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


class Source(io.RawIOBase):
    """A file-like object for both audio libraries that hides faults they cannot handle.

    It skips an ID3 tag in front of a file that is not an MP3. For a WAV that was never closed,
    whose header understates its length, it reports data up to the end of the file.

    Args:
      data: Path or bytes, from `find`.
    """

    name = ""  # libsndfile would guess the format from a name

    def __init__(self, data):
        super().__init__()
        self._file = io.BytesIO(data) if isinstance(data, bytes) else io.FileIO(data)
        self._size = self._file.seek(0, os.SEEK_END)
        self._start, self._patch = 0, None
        self._start = self._after_tags()
        self._patch = self._open_end_of_wav()
        self.seek(0)

    def close(self):
        self._file.close()
        super().close()

    def readable(self):
        return True

    def seekable(self):
        return True

    def readinto(self, buffer):
        at = self._file.tell()
        n = self._file.readinto(buffer)
        if self._patch is not None:
            place, new = self._patch
            first, last = max(place, at), min(place + len(new), at + n)
            if first < last:
                buffer[first - at : last - at] = new[first - place : last - place]
        return n

    def seek(self, offset, whence=0):
        # libsndfile seeks before the start of some damaged files. An exception here would not
        # propagate; it would only be printed.
        with contextlib.suppress(OSError, ValueError, OverflowError):
            if whence == io.SEEK_SET:
                offset = max(offset, 0) + self._start
            self._file.seek(offset, whence)
        return self.tell()

    def tell(self):
        return self._file.tell() - self._start

    def head(self):
        """Return the first 12 bytes."""
        self.seek(0)
        return self.read(12)

    def _at(self, place, n):
        self._file.seek(place)
        return self._file.read(n)

    def _after_tags(self):
        """Return the offset of the actual file: after any ID3 tags, unless it is an MP3."""
        place = 0
        while (head := self._at(place, 10)).startswith(b"ID3") and len(head) == 10:
            size = 0
            for byte in head[6:]:
                size = size << 7 | byte & 127
            place += 10 + size + 10 * bool(head[5] & 16)
        return place if self._at(place, 4).startswith(NOT_MP3) else 0

    def _open_end_of_wav(self):
        """Return (offset, bytes) that extend an unclosed WAV's data to the end, or None."""
        place = self._start
        head = self._at(place, 12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        place += 12
        while len(head := self._at(place, 8)) == 8:
            size = int.from_bytes(head[4:], "little")
            end = place + 8 + size + size % 2
            if head[:4] == b"data":
                is_last = end >= self._size
                return None if is_last or self._is_chunk(end) else (place + 4, b"\xff" * 4)
            place = end
        return None

    def _is_chunk(self, place):
        head = self._at(place, 8)
        fits = place + 8 + int.from_bytes(head[4:], "little") <= self._size + 1
        return len(head) == 8 and all(32 <= byte < 127 for byte in head[:4]) and fits
