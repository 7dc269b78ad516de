"""Decode any audio file to mono samples at one rate, completely and in bounded memory.

libsndfile (through `soundfile`) reads uncompressed files. FFmpeg (through PyAV, whose wheel
contains it) reads MP3, Ogg, FLAC and the formats that browsers and phones record. This module also
limits what an untrusted file can do; see SECURITY.md.
Explained in notebooks/02_timbre_transfer/02_recording.ipynb.
"""

import numpy as np

from ddsp_course import _tensorflow, sources
from ddsp_course.errors import AudioError

# A small file can hold days of silence. An hour takes 230 MB, and twice that during concatenation.
MAX_SECONDS = 3600
# More than any recorder needs. With a header that says 1 Hz, each sample would become 16,000.
LOWEST_RATE, HIGHEST_RATE = 1000, 768000
_BLOCK = 1 << 18  # samples over all channels; blocks keep memory low during decoding
# FFmpeg knows far more formats. Some are playlists, and it opens the files that they list.
_AV_FORMATS = "aac,amr,asf,caf,flac,matroska,mov,mp3,ogg,wav"
# Below this correlation one channel is the other inverted; -100 dBFS counts as silence.
_INVERTED = -0.9
_AUDIBLE = 1e-5


def decode(source, sample_rate):
    """Return the samples of any source, and its name for messages.

    Args:
      source: see `audio.load`.
      sample_rate: sample rate of the result in Hz.

    Returns:
      samples: (n_samples,) float32, mono; not checked for NaN.
      label: the path or address, or "The recording".

    Raises:
      AudioError: the source is missing, empty, not audio, damaged, or longer than an hour.
    """
    data, label = sources.find(source)
    blocks = _Mono(sample_rate, label)
    try:
        _read(data, label, blocks)
        return blocks.join(), label
    except MemoryError as error:
        raise AudioError(
            f"{label} is too long for this machine's memory: cut it into shorter files."
        ) from error


class _Mono:
    """Collects blocks of any rate and number of channels as mono at one rate."""

    def __init__(self, sample_rate, label):
        self.sample_rate = sample_rate
        self.label = label
        self.seconds = 0.0
        self.rate = None
        self.resampler = None
        self.parts = []
        self.stereo = _Stereo()

    def add(self, block, rate):
        """Add a block (n_samples, n_channels)."""
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise AudioError(
                f"{self.label} claims a sample rate of {rate} Hz, outside {LOWEST_RATE} to "
                f"{HIGHEST_RATE} Hz, so it may be damaged: export it again."
            )
        self.seconds += len(block) / rate
        if self.seconds > MAX_SECONDS:
            raise AudioError(f"{self.label} lasts longer than an hour: cut it into shorter files.")
        if rate != self.rate:
            self._end_of_rate()
            self.rate = rate
        if block.shape[1] == 2:
            self._add_mono(self.stereo.mixed(block, rate))
        else:
            self._add_mono(self.stereo.rest())
            self._add_mono(block.mean(axis=1, dtype=np.float32))

    def join(self):
        """Return everything as (n_samples,) float32."""
        self._end_of_rate()
        return np.concatenate([np.zeros(0, np.float32), *self.parts])

    def _add_mono(self, mono):
        import soxr

        if len(mono) == 0:
            return
        if self.rate != self.sample_rate:
            if self.resampler is None:
                self.resampler = soxr.ResampleStream(
                    self.rate, self.sample_rate, 1, dtype="float32"
                )
            mono = self.resampler.resample_chunk(mono)
        self.parts.append(mono)

    def _end_of_rate(self):
        if self.rate is not None:
            self._add_mono(self.stereo.rest())
        if self.resampler is not None:
            rest = self.resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            self.parts.append(rest)
            self.resampler = None


class _Stereo:
    """Mixes two channels to mono, even if one is the other inverted.

    A balanced cable in a stereo input, or reversed wiring, gives two channels whose mean is
    silence. The first second that is not silent decides; until then blocks are held back.
    """

    def __init__(self):
        self.sign = None  # of the second channel
        self.waiting = []

    def mixed(self, block, rate):
        """Return a block (n_samples, 2) as (m,); m is 0 while blocks are held back."""
        if self.sign is None:
            if not self.waiting and np.abs(block).max(initial=0) < _AUDIBLE:
                return block.mean(axis=1)
            self.waiting.append(block)
            if sum(map(len, self.waiting)) < rate:
                return np.zeros(0, np.float32)
            return self.rest()
        return self._mean(block)

    def rest(self):
        """Return the blocks that are still held back, (n_samples,)."""
        if not self.waiting:
            return np.zeros(0, np.float32)
        block, self.waiting = np.concatenate(self.waiting), []
        left, right = np.float64(block).T
        scale = np.sqrt((left**2).sum() * (right**2).sum())
        is_inverted = scale > 0 and (left * right).sum() < _INVERTED * scale
        self.sign = -1 if is_inverted else 1
        return self._mean(block)

    def _mean(self, block):
        return (block @ np.array([0.5, 0.5 * self.sign], np.float32)).astype(np.float32)


def _read(data, label, blocks):
    """Pass all samples of a file to `blocks`, using the library that reads its format fully."""
    # libsndfile reads every uncompressed format, but of an MP3 or a chained Ogg only as much as the
    # first frame or the first link announces. FFmpeg reads those to the end.
    source = sources.Source(data)
    readers = [_read_with_soundfile, _read_with_av]
    if not source.head().startswith(sources.UNCOMPRESSED):
        readers.reverse()
    with source:
        for read in readers:
            source.seek(0)
            if read(source, label, blocks):
                return
    raise AudioError(
        f"{label} is not a readable audio file (wrong format, or truncated): use WAV, FLAC, MP3, "
        "OGG, WebM or M4A."
    )


def _read_with_soundfile(source, label, blocks):
    """Try to read a file with libsndfile; return whether that worked."""
    import soundfile

    seconds = blocks.seconds
    try:
        with (
            _tensorflow.without_remarks(),  # libsndfile's MP3 decoder reports every defect
            soundfile.SoundFile(source) as file,
        ):
            n_frames = max(_BLOCK // file.channels, 1)
            # Not `file.blocks`: if a file is shorter than its header says, that returns
            # uninitialised memory.
            while len(block := file.read(n_frames, dtype="float32", always_2d=True)):
                blocks.add(block, file.samplerate)
            return True
    except soundfile.LibsndfileError as error:
        if blocks.seconds > seconds:
            raise AudioError(f"{label} is damaged ({error}): copy or export it again.") from error
        return False


def _read_with_av(source, label, blocks):
    """Try to read a file with FFmpeg; return whether that worked."""
    try:
        import av
    except ImportError as error:
        if source.head().startswith((*sources.NOT_MP3, b"ID3", b"\xff")):
            return False  # libsndfile can read it
        raise AudioError(
            f"{label} is not WAV, FLAC, MP3 or OGG, and reading other formats needs PyAV: run `pip "
            "install av`, or convert the file to WAV."
        ) from error
    try:
        container = av.open(source, options={"format_whitelist": _AV_FORMATS})
    except (av.error.FFmpegError, ValueError):
        return False
    with container:
        if not container.streams.audio:
            raise AudioError(f"{label} has no audio track: choose a file that has one.")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise AudioError(f"{label} uses an unsupported audio codec: convert it to WAV.")
        try:
            for block, rate in _decoded(container, stream):
                blocks.add(block, rate)
        except (av.error.FFmpegError, ValueError) as error:
            raise AudioError(
                f"{label} is damaged or truncated ({getattr(error, 'strerror', None) or error}): "
                "copy or export it again."
            ) from error
    return True


def _decoded(container, stream):
    """Yield blocks (n_samples, n_channels) float32 and their rate, which may change midway."""
    import av

    kind = resampler = None
    for frame in _frames(container, stream):
        if (frame.format.name, frame.layout.name, frame.sample_rate) != kind:
            kind = frame.format.name, frame.layout.name, frame.sample_rate
            # Interleaved, because PyAV cannot return planar audio of eight or more channels.
            resampler = av.AudioResampler(format="flt", rate=frame.sample_rate)
        for part in resampler.resample(frame):
            samples = part.to_ndarray().reshape(-1, part.layout.nb_channels)
            yield samples, part.sample_rate


def _frames(container, stream):
    """Yield all frames of a stream, except undecodable ones at its very start or end.

    A stream that was cut out of a longer one may have those.
    """
    import av

    failed = None
    n_frames = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError as error:
            failed = error
            continue
        if failed and frames and n_frames:
            raise failed
        failed = failed if not frames else None
        n_frames += len(frames)
        yield from frames
    if failed and not n_frames:
        raise failed
