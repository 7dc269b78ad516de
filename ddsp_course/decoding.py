"""Decoding: any audio file to mono samples at one rate, to its end, in bounded memory.

libsndfile (through `soundfile`) reads what is not compressed; FFmpeg (through PyAV, from within its
own wheel, so that no program is needed) MP3, Ogg, FLAC, and what browsers and phones record. What a
stranger's file may do is bounded here; see SECURITY.md.
Explained in notebooks/02_timbre_transfer/02_recording.ipynb.
"""

import numpy as np

from ddsp_course import _tensorflow, sources
from ddsp_course.errors import AudioError

# A small file can hold days of silence; an hour takes 230 MB, and twice that while it is joined.
MAX_SECONDS = 3600
# What recorders make, with room to spare. By a header that says 1 Hz, each sample would be 16,000.
LOWEST_RATE, HIGHEST_RATE = 1000, 768000
_BLOCK = 1 << 18  # samples of all channels, so that a recording never lies whole in memory twice
# FFmpeg knows far more formats, and some (playlists) are lists of other files, which it opens.
_AV_FORMATS = "aac,amr,asf,caf,flac,matroska,mov,mp3,ogg,wav"
# Two channels whose correlation is below this are one turned upside down; -100 dBFS is silence.
_INVERTED = -0.9
_AUDIBLE = 1e-5


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
    data, label = sources.find(source)
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
        self.rate = None
        self.resampler = None
        self.parts = []
        self.stereo = _Stereo()

    def add(self, block, rate):
        """Add a block (n_samples, n_channels)."""
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise AudioError(
                f"{self.label} says that it has {rate} samples a second, and sound has "
                f"{LOWEST_RATE} to {HIGHEST_RATE}: it may be damaged; export it again."
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

        if len(mono) == 0:  # nothing waited
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
    """Mixes two channels to one, also where one of them is the other turned upside down.

    A balanced cable in a stereo input, or a swapped plug, gives two channels whose mean is silence.
    Which it is shows in the first second that is not silent; until then blocks wait.
    """

    def __init__(self):
        self.sign = None  # of the second channel
        self.waiting = []

    def mixed(self, block, rate):
        """Return a block (n_samples, 2) as (m,), m being 0 while blocks wait."""
        if self.sign is None:
            if not self.waiting and np.abs(block).max(initial=0) < _AUDIBLE:
                return block.mean(axis=1)
            self.waiting.append(block)
            if sum(map(len, self.waiting)) < rate:
                return np.zeros(0, np.float32)
            return self.rest()
        return self._mean(block)

    def rest(self):
        """Return what still waits, (n_samples,)."""
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
    """Hand all samples of a file to `blocks`, by the library that reads its kind to the end."""
    # libsndfile reads all that is not compressed. Of an MP3 or a chained Ogg it reads as much as the
    # first frame or the first link says, and FFmpeg reads on to the end.
    source = sources.Source(data)
    ways = [_read_with_soundfile, _read_with_av]
    if not source.head().startswith(sources.UNCOMPRESSED):
        ways.reverse()
    with source:
        for way in ways:
            source.seek(0)
            if way(source, label, blocks):
                return
    raise AudioError(
        f"{label} is not a sound file that can be read (it is something else, or cut off): give "
        "WAV, FLAC, MP3, OGG, WebM or M4A."
    )


def _read_with_soundfile(source, label, blocks):
    """Read a file with libsndfile; return whether it could."""
    import soundfile

    seconds = blocks.seconds
    try:
        with (
            _tensorflow.without_remarks(),  # libsndfile's MP3 decoder tells of each damage
            soundfile.SoundFile(source) as file,
        ):
            n_frames = max(_BLOCK // file.channels, 1)
            # Not by `file.blocks`: where a file ends before its header says, that hands out
            # whatever lies in memory.
            while len(block := file.read(n_frames, dtype="float32", always_2d=True)):
                blocks.add(block, file.samplerate)
            return True
    except soundfile.LibsndfileError as error:
        if blocks.seconds > seconds:
            raise AudioError(f"{label} is damaged ({error}): copy or export it again.") from error
        return False


def _read_with_av(source, label, blocks):
    """Read a file with FFmpeg; return whether it could."""
    try:
        import av
    except ImportError as error:
        if source.head().startswith((*sources.NOT_MP3, b"ID3", b"\xff")):
            return False  # libsndfile will do
        raise AudioError(
            f"{label} is not WAV, FLAC, MP3 or OGG, and PyAV, which reads WebM and M4A, is not "
            "installed: run `pip install av`, or convert the file to WAV."
        ) from error
    try:
        container = av.open(source, options={"format_whitelist": _AV_FORMATS})
    except (av.error.FFmpegError, ValueError):
        return False
    with container:
        if not container.streams.audio:
            raise AudioError(f"{label} has no sound in it: choose a file with an audio track.")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise AudioError(f"{label} uses an unsupported audio codec: convert it to WAV.")
        try:
            for block, rate in _decoded(container, stream):
                blocks.add(block, rate)
        except (av.error.FFmpegError, ValueError) as error:
            raise AudioError(
                f"{label} is damaged or cut off ({getattr(error, 'strerror', None) or error}): "
                "copy or export it again."
            ) from error
    return True


def _decoded(container, stream):
    """Yield blocks (n_samples, n_channels) float32 and their rate, which may change on the way."""
    import av

    kind = resampler = None
    for frame in _frames(container, stream):
        if (frame.format.name, frame.layout.name, frame.sample_rate) != kind:
            kind = frame.format.name, frame.layout.name, frame.sample_rate
            # Packed, since PyAV cannot hand out the planes of eight channels and more.
            resampler = av.AudioResampler(format="flt", rate=frame.sample_rate)
        for part in resampler.resample(frame):
            samples = part.to_ndarray().reshape(-1, part.layout.nb_channels)
            yield samples, part.sample_rate


def _frames(container, stream):
    """Yield all frames of a stream. What cannot be decoded at its very beginning or end, where a
    stream was cut out of a longer one, is left out."""
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
