"""Play an instrument live, block by block, from curves or from a MIDI keyboard.

Each block passes the network's state, the phase and the noise on to the next, as `synthesis` does
with windows, so the blocks sound like one long window. The output is two frames (8 ms) late,
because amplitudes are cross-faded to the next frame and the noise filters extend over it.
Explained in notebooks/02_timbre_transfer/07_understanding_the_model.ipynb.
"""

import numpy as np

from ddsp_course import instruments, synthesis
from ddsp_course._tensorflow import ddsp
from ddsp_course.errors import CourseError, one_line
from ddsp_course.features import FLOOR_DB, floor_db
from ddsp_course.units import FRAME_RATE, HOP_SIZE, midi_to_hz

LATENCY = 2  # frames

# A keyboard has no bow or breath, so these shape the curves instead.
_GLIDE_S = 0.02  # time constant of the pitch between keys
_ATTACK_S, _RELEASE_S = 0.02, 0.06  # of the loudness
_VIBRATO_HZ, _VIBRATO_CENTS, _VIBRATO_AFTER_S = 5.5, 15.0, 0.4


def show(instrument):
    """Display an instrument that can be played with a microphone, keys, a finger, MIDI or a file.

    It is played in the page itself, and keeps on playing while Python is busy. See `live_page`.

    Args:
      instrument: `instruments.Instrument`; or what `instruments.load` takes, such as "violin"; or
        the path of a file that `ddsp-course export --to web` has made.

    Returns:
      `record.Take`, whose `sound` is what was recorded last in the page.

    Raises:
      CourseError: the file cannot be read.
      InstrumentError: the instrument cannot be loaded, or the page cannot play it.
      SetupError: anywidget is missing.
    """
    from ddsp_course import live_page

    return live_page.show(instrument)


class Live:
    """An instrument that continues where the last block ended.

    Attributes:
      n_frames: frames per block, 4 ms each.
    """

    def __init__(self, instrument, block_size=256):
        """Compile an instrument for blocks of one size, replacing gin's global settings.

        Args:
          instrument: `instruments.Instrument`.
          block_size: samples per block, a multiple of 64.

        Raises:
          CourseError: the block size is not possible, or the instrument cannot play in blocks.
        """
        if block_size < HOP_SIZE or block_size % HOP_SIZE:
            raise CourseError(
                f"Blocks of {block_size} samples are not possible: use a multiple of {HOP_SIZE}."
            )
        known = (ddsp.synths.Harmonic, ddsp.synths.FilteredNoise, ddsp.processors.Add,
                 ddsp.effects.Reverb)  # fmt: skip
        processors = instrument.model.processor_group.processors
        if not instrument.player.seamless or any(type(one) not in known for one in processors):
            raise CourseError(
                f"{instrument.name} has a part that plays only audio of fixed length and cannot "
                "continue from block to block: use instrument.play."
            )
        instruments.configure(instrument.gin_text, instrument.name)
        self.n_frames = block_size // HOP_SIZE
        self._definition = instrument.loudness_definition
        window = self.n_frames + 2 * LATENCY
        self._player = synthesis.compile_player(instrument.model, window, self.n_frames)
        self._state = self._player.state
        self._f0_hz = np.full(window, FRAME_RATE, np.float32)  # any pitch will do in silence
        self._loudness_db = np.full(window, FLOOR_DB, np.float32)
        self._rng = np.random.default_rng(0)
        self._noise = np.zeros(window * HOP_SIZE, np.float32)
        self._reverb = _Reverb(self._player.impulse_response, block_size)
        silence_db = np.full(self.n_frames, floor_db(self._definition))
        for _ in range(synthesis.REST // self.n_frames):
            self.play(self._f0_hz[-self.n_frames :], silence_db)

    def play(self, f0_hz, loudness_db):
        """Play one block.

        Args:
          f0_hz: (n_frames,) in Hz.
          loudness_db: (n_frames,), as the instrument defines it.

        Returns:
          (n_frames * 64,) float32 at 16 kHz, `LATENCY` frames behind the input.
        """
        self._f0_hz = _shifted(self._f0_hz, f0_hz)
        loudness_db = synthesis.model_loudness(np.asarray(loudness_db), self._definition)
        self._loudness_db = _shifted(self._loudness_db, loudness_db)
        self._noise = _shifted(self._noise, self._rng.uniform(-1, 1, self.n_frames * HOP_SIZE))
        (dry, _), self._state = self._player.play(
            self._f0_hz, self._loudness_db, self._noise, self._state
        )
        return self._reverb.add(dry[LATENCY * HOP_SIZE : -LATENCY * HOP_SIZE])


class Keys:
    """A monophonic MIDI keyboard for an instrument: the last key pressed sounds while held."""

    def __init__(self, instrument, block_size=256):
        """Args and errors as in `Live`; the instrument needs statistics for its loudness."""
        if instrument.statistics is None:
            raise CourseError(
                f"{instrument.name} has no dataset_statistics.pkl, which a keyboard needs for the "
                "loudness: add that file, or export the instrument again."
            )
        self.live = Live(instrument, block_size)
        self._quantiles_db = instrument.statistics.loudness_quantiles_db
        self._floor_db = floor_db(instrument.loudness_definition)
        self._held = []
        self._pitch, self._bend, self._loudness_db = 69.0, 0.0, self._floor_db
        self._since = 0  # frames that the key has been held

    def press(self, pitch, velocity=80):
        """Press a key: a MIDI number, and a velocity of 1 (softest) to 127 (loudest)."""
        self.release(pitch)
        if not self._held and self._loudness_db <= self._floor_db + 1:
            self._pitch = float(pitch)  # no glide out of silence
        self._held.append((pitch, velocity))
        self._since = 0

    def release(self, pitch):
        """Release a key, held or not."""
        self._held = [key for key in self._held if key[0] != pitch]

    def bend(self, semitones):
        """Set the pitch wheel, in semitones."""
        self._bend = float(semitones)

    def play(self):
        """Return the next block (n_samples,), see `Live.play`."""
        f0_hz, loudness_db = np.empty((2, self.live.n_frames))
        for i in range(self.live.n_frames):
            target, towards_db, seconds = self._pitch, self._floor_db, _RELEASE_S
            if self._held:
                target, velocity = self._held[-1]
                towards_db, seconds = self._level_db(velocity), _ATTACK_S
            self._pitch += (target - self._pitch) * _step(_GLIDE_S)
            self._loudness_db += (towards_db - self._loudness_db) * _step(seconds)
            held_s = self._since / FRAME_RATE
            depth = _VIBRATO_CENTS / 100 * np.clip(held_s / _VIBRATO_AFTER_S - 1, 0, 1)
            sway = depth * np.sin(2 * np.pi * _VIBRATO_HZ * held_s)
            f0_hz[i] = midi_to_hz(self._pitch + self._bend + sway)
            loudness_db[i] = self._loudness_db
            self._since += 1
        return self.live.play(f0_hz, loudness_db)

    def _level_db(self, velocity):
        return np.interp(
            velocity / 127, np.linspace(0, 1, len(self._quantiles_db)), self._quantiles_db
        )


def play_midi(instrument, midi, block_size=256):
    """Play the notes of a MIDI file in blocks, as a keyboard would send them.

    Args:
      instrument: `instruments.Instrument`.
      midi: path of a .mid file, or `pretty_midi.PrettyMIDI`. Drums are skipped, and of several
        simultaneous notes the last one sounds.
      block_size: samples per block.

    Yields:
      (block_size,) float32 each, until half a second after the last note.

    Raises:
      CourseError: the file cannot be read or contains no notes; also as in `Live`.
    """
    import pretty_midi

    if not isinstance(midi, pretty_midi.PrettyMIDI):
        try:
            midi = pretty_midi.PrettyMIDI(str(midi))
        except Exception as error:  # mido may raise anything
            raise CourseError(
                f"{midi} cannot be read as MIDI ({one_line(error)}): export it again."
            ) from error
    notes = [note for part in midi.instruments if not part.is_drum for note in part.notes]
    if not notes:
        raise CourseError("The MIDI file contains no notes, or only drums: choose a melody.")
    keys = Keys(instrument, block_size)
    # Of simultaneous events, releases come first.
    events = [(note.start, 1, note) for note in notes] + [(note.end, 0, note) for note in notes]
    events.sort(key=lambda event: event[:2])
    seconds = keys.live.n_frames / FRAME_RATE
    for block in range(int((events[-1][0] + 0.5) / seconds) + 1):
        while events and events[0][0] < (block + 1) * seconds:
            _, pressed, note = events.pop(0)
            keys.press(note.pitch, note.velocity) if pressed else keys.release(note.pitch)
        yield keys.play()


class _Reverb:
    """A reverb that carries its tail from block to block."""

    def __init__(self, impulse_response, block_size):
        self.spectrum = None
        if impulse_response is not None:
            # Like ddsp.effects.Reverb: the first sample would repeat the dry audio.
            answer = np.r_[0.0, impulse_response[1:]]
            self.size = 1 << (len(answer) + block_size - 1).bit_length()
            self.spectrum = np.fft.rfft(answer, self.size)
            self.tail = np.zeros(self.size)

    def add(self, dry):
        if self.spectrum is None:
            return dry
        self.tail += np.fft.irfft(np.fft.rfft(dry, self.size) * self.spectrum, self.size)
        wet = dry + self.tail[: len(dry)].astype(np.float32)
        self.tail = np.r_[self.tail[len(dry) :], np.zeros(len(dry))]
        return wet


def _shifted(buffer, new):
    return np.concatenate([buffer[len(new) :], np.asarray(new, np.float32)])


def _step(seconds):
    """Return the share (0..1) of the distance to its target that a curve covers per frame."""
    return 1 - np.exp(-1 / (seconds * FRAME_RATE))
