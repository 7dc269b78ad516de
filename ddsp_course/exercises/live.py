"""Exercises of notebooks/02_timbre_transfer/09_play_it_live.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import FRAME_RATE, SAMPLE_RATE

_FADE = 160  # samples


def low_note(answer):
    """A prediction: what a window of 20 ms says about a note of 60 Hz."""
    return hints.choice(
        answer,
        "no pitch",
        ("60 Hz", "120 Hz", "no pitch"),
        {
            "60 Hz": "a period of 60 Hz takes 16.7 ms, and the longest lag that this window allows is "
            "10 ms. Run the next cell.",
            "120 Hz": "after 8.3 ms, half a period, the first harmonic is upside down, so the wave does "
            "not repeat there. Run the next cell.",
        },
    )


def latency(function):
    """A function (window_ms, block_size, sample_rate, n_frames) -> milliseconds."""
    return hints.on_each(
        function,
        {
            "a window of 20 ms, blocks of 128 at 48000 Hz, and 2 frames": (20, 128, 48000, 2),
            "a window of 64 ms, blocks of 1024 at 16000 Hz, and no frames": (64, 1024, 16000, 0),
            "no window, blocks of 441 at 44100 Hz, and 3 frames": (0, 441, 44100, 3),
        },
        _wrong_latency,
    )


def gate(function):
    """A function (loudness_db (n,), open_db, close_db) -> (n,) booleans, with hysteresis."""
    swell = np.r_[np.linspace(-70, -20, 25), np.linspace(-20, -70, 25)]
    trembling = -45 + 6 * np.sin(np.arange(60) / 2) + np.linspace(0, -12, 60)
    noise = np.random.default_rng(8).normal(-50, 8, 200)
    return hints.on_each(
        function,
        {
            "a note that swells and fades": (swell, -40.0, -55.0),
            "a trembling note": (trembling, -42.0, -52.0),
            "noise": (noise, -45.0, -60.0),
            "a take that starts in the middle of a note": (swell[25:], -40.0, -55.0),
            "a take that starts between the limits": (np.full(9, -50.0), -40.0, -55.0),
        },
        _wrong_gate,
    )


def room(function):
    """A function (block, tail, impulse) -> (audio, tail): a reverb from block to block."""
    rng = np.random.default_rng(9)
    for size, n_impulse in ((64, 500), (256, 100), (128, 128)):
        impulse = np.exp(-np.arange(n_impulse) / (n_impulse / 4)) * rng.normal(size=n_impulse)
        sound = np.where(np.arange(8 * size) < 5 * size, rng.normal(size=8 * size), 0)
        wrong = _wrong_room(function, sound.reshape(8, size), impulse)
        if wrong:
            return f"with blocks of {size} and a room of {n_impulse} samples: {wrong}"
    return None


def faults(named):
    """{sound: its fault} for the three sounds of `faulty_sounds`."""
    return hints.choices(
        named,
        {"A": "blocks came too late", "B": "phase restarts", "C": "octave errors"},
        ("blocks came too late", "phase restarts", "octave errors", "tail cut off", "no gate"),
        {
            "blocks came too late": "then there would be short gaps of silence.",
            "phase restarts": "then the waveform would jump at regular intervals and buzz.",
            "octave errors": "then the pitch itself would leap for a moment.",
            "tail cut off": "then the room would end with each note.",
            "no gate": "then the rests would not be silent.",
        },
    )


def faulty_sounds():
    """Return {name: sound}, three faulty takes of the same notes, (32000,) each."""
    f0_hz, amplitude = _notes()
    late = _sung(f0_hz, amplitude)
    for at in np.random.default_rng(5).integers(1600, 30000, 22):
        late[at : at + 256] = 0
    leaping = f0_hz.copy()
    for at in np.random.default_rng(6).integers(1600, 28000, 9):
        leaping[at : at + 900] /= 2
    return {
        "A": late,
        "B": _sung(f0_hz, amplitude, block_size=1024),
        "C": _sung(leaping, amplitude),
    }


def _wrong_latency(made, window_ms, block_size, sample_rate, n_frames):
    wrong = hints.one_number(made)
    if wrong:
        return wrong
    made = float(np.squeeze(made))
    block_ms, frames_ms = 1000 * block_size / sample_rate, 1000 * n_frames / FRAME_RATE
    right = window_ms / 2 + block_ms + frames_ms
    known = {
        "a window's pitch belongs to its middle, so only half of the window counts.": (
            window_ms + block_ms + frames_ms
        ),
        "the block is missing: its first sample waits until its last one has arrived.": (
            window_ms / 2 + frames_ms
        ),
        "the window is missing: half of it lies between a change and the window's middle.": (
            block_ms + frames_ms
        ),
        "the frames are missing, and each takes 4 ms.": window_ms / 2 + block_ms,
        "a block's sample rate is the page's own, not always 16000 Hz.": (
            window_ms / 2 + 1000 * block_size / SAMPLE_RATE + frames_ms
        ),
        "a frame takes 4 ms at any sample rate; 64 samples last 4 ms at 16000 Hz only.": (
            window_ms / 2 + block_ms + 64000 * n_frames / sample_rate
        ),
        "that is in seconds, and the answer should be in milliseconds.": right / 1000,
        "the block's length is in seconds and the rest in milliseconds.": (
            window_ms / 2 + block_ms / 1000 + frames_ms
        ),
        "the whole block counts: what matters is the worst case, its first sample.": (
            window_ms / 2 + block_ms / 2 + frames_ms
        ),
    }
    if np.isclose(made, right, rtol=0, atol=0.01):  # rounded answers are fine
        return None
    return hints.mistake(made, known, rtol=1e-6) or (
        "the sum is wrong: add half of the window, one block, and 4 ms per frame."
    )


def _wrong_gate(made, loudness_db, open_db, close_db):
    wrong = hints.numbers(made)
    if wrong:
        return wrong
    made = np.squeeze(np.asarray(made, float))
    wrong = hints.shape(made, loudness_db.shape, ("frames",))
    if wrong:
        return wrong
    if not np.isin(made, (0, 1)).all():
        return "each frame should be True or False."
    right = _gated(loudness_db, open_db, close_db)
    if np.array_equal(made, right):
        return None
    known = {
        "the gate closes as soon as the level falls below `open_db`. Remember whether it is open.": (
            loudness_db >= open_db
        ),
        "the gate opens as soon as the level rises above `close_db`; it should wait for `open_db`.": (
            loudness_db >= close_db
        ),
        "open and closed are exchanged.": 1 - right,
        "the two limits are exchanged.": _gated(loudness_db, close_db, open_db),
        "it starts open, and should start closed.": _gated(loudness_db, open_db, close_db, True),
        "it never closes again.": np.maximum.accumulate(loudness_db >= open_db),
    }
    wrong = hints.mistake(made, known, rtol=0)
    frame = int(np.flatnonzero(made != right)[0])
    return wrong or (
        f"in frame {frame}, at {loudness_db[frame]:.0f} dB, it should be "
        f"{'open' if right[frame] else 'closed'}."
    )


def _gated(loudness_db, open_db, close_db, is_open=False):
    states = []
    for level in loudness_db:
        is_open = level >= (close_db if is_open else open_db)
        states.append(is_open)
    return np.array(states, float)


def _wrong_room(function, blocks, impulse):
    tail, made = np.zeros(len(impulse) - 1), []
    for block in blocks:
        result, wrong = hints.call(function, block, tail, impulse)
        if wrong:
            return wrong
        if not isinstance(result, (tuple, list, np.ndarray)) or len(result) != 2:
            return "return two things, the audio of this block and the tail for the next."
        audio, tail = result
        wrong = hints.numbers(audio) or hints.numbers(tail)
        wrong = wrong or hints.shape(np.squeeze(audio), block.shape, ("samples",))
        if wrong:
            return wrong
        made.append(np.squeeze(np.asarray(audio, float)))
        tail = np.squeeze(np.asarray(tail, float))
    made, dry = np.concatenate(made), blocks.ravel()
    right = np.convolve(dry, impulse)[: len(dry)]
    near = {"rtol": 0, "atol": 1e-3 * np.abs(right).max()}
    if np.allclose(made, right, **near):
        return None
    alone = [np.convolve(block, impulse) for block in blocks]
    size = blocks.shape[1]
    ends = [one[size:] for one in alone]
    replaced = [one[:size].copy() for one in alone]
    for block, before in zip(replaced[1:], ends[:-1], strict=True):
        n = min(size, len(before))
        block[:n] += before[:n]
    known = {
        "each block's room ends with the block: add the tail of the blocks before.": (
            np.concatenate([one[:size] for one in alone])
        ),
        "that is the dry audio: convolve the block with the impulse response.": dry,
    }
    if len(impulse) - 1 > size:
        known[
            "a tail longer than a block is lost after one block: add what is left of the old tail "
            "to the new one."
        ] = np.concatenate(replaced)
    return hints.mistake(made, known, **near) or (
        "the blocks together are not what the whole gives: convolve, add the tail at the front, "
        "return the first part, and keep the rest."
    )


def _notes():
    """Return f0 in Hz and amplitude of three notes with rests, (32000,) each."""
    f0_hz = np.repeat([330.0, 392.0, 440.0, 440.0], 8000)
    n = np.arange(8000)
    one = np.clip(np.minimum(n / 400, (6800 - n) / 800), 0, 1)
    return f0_hz, np.tile(one, 4) * np.repeat([0.7, 0.8, 1.0, 0.6], 8000)


def _sung(f0_hz, amplitude, block_size=None):
    """Return eight harmonics that follow curves; their phase restarts at each block, if given."""
    step = 2 * np.pi * f0_hz / SAMPLE_RATE
    phase = np.cumsum(step)
    if block_size:
        starts = np.arange(len(phase)) // block_size * block_size
        phase = phase - phase[starts]
    waves = sum(np.sin(k * phase) / k for k in range(1, 9))
    return 0.25 * amplitude * waves


def _gated_voice(function):
    """The three notes in a hiss, which the learner's gate opens and closes."""
    f0_hz, amplitude = _notes()
    hiss = 0.006 * np.random.default_rng(2).normal(size=len(f0_hz))
    take = _sung(f0_hz, amplitude) + hiss
    blocks = take.reshape(-1, _FADE)
    levels = 20 * np.log10(np.sqrt(np.mean(blocks**2, axis=1)) + 1e-9)
    opened = np.asarray(hints.read(function(levels, -30.0, -38.0)), float)
    return take * np.interp(np.arange(len(take)) / _FADE, np.arange(len(opened)), opened)


def _in_the_room(function):
    """The three notes, block by block, in a room of a second."""
    sound = _sung(*_notes())
    n = np.arange(SAMPLE_RATE)
    impulse = 0.02 * np.exp(-n / 3000) * np.random.default_rng(4).normal(size=len(n))
    impulse[0] = 1
    tail, made = np.zeros(len(impulse) - 1), []
    for block in sound.reshape(-1, 256):
        audio, tail = function(block, tail, impulse)
        made.append(np.squeeze(hints.read(audio)))
    return np.concatenate(made)


HEARD = {"gate": _gated_voice, "room": _in_the_room}
