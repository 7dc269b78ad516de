"""Exercises of notebooks/02_timbre_transfer/07_understanding_the_model.ipynb."""

import numpy as np

from ddsp_course._tensorflow import ddsp
from ddsp_course.exercises import hints
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE

# One frame of a GRU of two units: its input's and its memory's shares (z, r, h), and its memory.
_INPUT = np.array([[2.0, -1.0], [0.5, -2.0], [0.3, 1.2]])
_MEMORY = np.array([[0.5, -0.5], [-1.0, 0.4], [0.8, -0.6]])
_BEFORE = np.array([0.9, -0.7])
_TAIL = 4000


def gru_frame(answer):
    """The new memory of a GRU of two units, (2,)."""
    wrong = hints.numbers(answer) or hints.shape(answer, (2,), ("units",))
    if wrong:
        return wrong
    z, r = _sigmoid(_INPUT[0] + _MEMORY[0]), _sigmoid(_INPUT[1] + _MEMORY[1])
    x, u = _INPUT[2], _MEMORY[2]
    new = np.tanh(x + r * u)

    def mixed(keep, candidate):
        return keep * _BEFORE + (1 - keep) * candidate

    known = {
        "the update gate is turned round: the note before would ring on where it should go, and be "
        "gone where it should ring on. In Keras, z = 1 keeps.": mixed(1 - z, new),
        "the gates are swapped: what should forget the past now decides how fast the sound "
        "follows. Keras's order is z, r, h.": mixed(r, np.tanh(x + z * u)),
        "the reset gate is not used: each new note would be coloured by all of the note before.": (
            mixed(z, np.tanh(x + u))
        ),
        "the reset gate also turns down the input: the network would not hear a new note. It "
        "belongs to the memory's share alone.": mixed(z, np.tanh(r * (x + u))),
        "that is the candidate: taken as it is, the sound would jump from frame to frame. Mix it "
        "with the memory.": new,
        "the candidate is not squashed: without the tanh, a long note could grow without end.": (
            mixed(z, x + r * u)
        ),
        "the candidate went through a sigmoid, and could never be below 0: a memory lies between "
        "-1 and 1, by a tanh.": mixed(z, _sigmoid(x + r * u)),
        "the gates are not squashed: z above 1 makes the memory louder at each frame, until it "
        "bursts. A sigmoid keeps it between 0 and 1.": mixed(
            _INPUT[0] + _MEMORY[0], np.tanh(x + (_INPUT[1] + _MEMORY[1]) * u)
        ),
        "the mixture adds up to more than 1: the old counts z, and the new what is left, 1 - z.": (
            z * _BEFORE + new
        ),
    }
    return hints.mistake(answer, known, rtol=2e-3) or hints.close(answer, mixed(z, new), rtol=1e-3)


def fading(answer):
    """Seconds in which a unit whose update gate is 0.99 keeps a tenth of its memory: one number."""
    wrong = hints.one_number(answer)
    if wrong:
        return wrong
    seconds = float(np.squeeze(answer))
    frames = np.log(0.1) / np.log(0.99)
    right = frames / FRAME_RATE
    known = {
        "these are frames, and there are 250 of them in a second.": frames,
        "these are milliseconds: seconds are asked for.": 1000 * right,
        "that is half as long: it is the memory that is a tenth, an amplitude, and not its square.": (
            right / 2
        ),
        "a step of a GRU is a frame of 64 samples, and not a sample: you would hear a click where "
        "there is a fading note.": frames / SAMPLE_RATE,
        "that is until 1 / e is left, its time constant: go on to a tenth, 2.3 times as long.": (
            right / np.log(10)
        ),
        "that is until half is left: go on to a tenth.": right * np.log10(2),
        "a tenth is left, and not a tenth gone: 0.1 = 0.99 ** frames.": np.log(0.9)
        / np.log(0.99)
        / FRAME_RATE,
        "a memory does not fade along a straight line: in each frame it loses a hundredth of what "
        "is left.": 90 / FRAME_RATE,
        "a frame lasts 64 samples, which is 4 ms, and not 64 ms.": frames * HOP_SIZE / 1000,
    }
    if abs(seconds - right) <= 0.005 * right:
        return None
    wrong = hints.mistake(seconds, known, rtol=0.005)
    if wrong:
        return wrong
    if seconds < 0:
        return "it is negative: the sound would be forgotten before it is played."
    left = 0.99 ** min(seconds * FRAME_RATE, 1e5)
    return f"after {seconds:.3g} s, {left:.2g} of the memory would be left, and not a tenth."


def copy(answer):
    """A sound that the spectral loss takes for the given one, and the waveform's loss does not."""
    sound = _buzz()
    wrong = hints.numbers(answer) or hints.shape(answer, sound.shape, ("samples",))
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    if np.abs(answer).max() < 1e-6:
        return (
            "that is silence: to the waveform's loss it costs what the sound's power is, and to "
            "the ear everything is gone."
        )
    waveform = np.mean((answer - sound) ** 2) / np.mean(sound**2)
    if waveform < 1e-3:
        return "that is the same sound: the waveform's loss finds no difference, either."
    db = 10 * np.log10(np.mean(answer**2) / np.mean(sound**2))
    if abs(db) > 1:
        return f"it is {hints.too_loud(db)}: both losses hear that. Keep the level."
    distance = _spectral_loss(sound, answer)
    if distance > 1.5:
        if np.allclose(answer, sound[::-1], atol=1e-3):
            return (
                "it runs backwards: a note that dies away now swells. Only the phase should change."
            )
        return (
            f"the spectral loss is {distance:.1f}, and should be below 1.5: it sounds different. "
            "Only the phase should change."
        )
    if waveform <= 1:
        return (
            f"the waveform's loss is {waveform:.2f} times that of silence, and should be more "
            "than 1: turn the phase further."
        )
    return None


def room(answer):
    """A dry sound in a room, as `Reverb` does it but with its tail, (12000,)."""
    dry, impulse = _clap(), _room()
    expected = (len(dry) + _TAIL,)
    wrong = hints.numbers(answer)
    if wrong:
        return wrong
    if np.shape(answer) == dry.shape:
        return (
            "the tail is cut off: the room falls silent when the note does. Pad the dry sound with "
            "4000 zeros first."
        )
    wrong = hints.shape(answer, expected, ("samples",))
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    masked = np.r_[0, impulse[1:]]
    direct = np.pad(dry, (0, _TAIL))

    def answered(h):
        return np.pad(np.convolve(dry, h), (0, 1))

    right = direct + answered(masked)
    known = {
        "only the room is heard, without the violin in it: add the dry sound.": answered(masked),
        "only the dry sound is heard, and the room is silent.": direct,
        "the direct sound counts one and a half times: the impulse response begins with a sample "
        "of 0.5 for the direct sound itself, which Reverb sets to 0, and adds the dry sound.": (
            direct + answered(impulse)
        ),
        "the direct sound is half as loud as it should be: set the impulse response's first sample "
        "to 0, and add the dry sound as it is.": answered(impulse),
        "the room swells before it dies, as on a tape that runs backwards: the impulse response is "
        "turned round.": direct + answered(impulse[::-1]),
        "dry and wet are averaged, and it is 6 dB too soft: Reverb adds them.": right / 2,
    }
    tolerance = 1e-4 * np.abs(right).max()
    if np.allclose(answer, right, atol=tolerance):
        return None
    return (
        hints.mistake(answer, known, rtol=0, atol=tolerance)
        or hints.late(answer, right, unit="sample")
        or hints.close(answer, right, rtol=0, atol=tolerance)
    )


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _buzz():
    """Half a second of eight harmonics that die away, with a trace of hiss; as in the notebook."""
    t = np.arange(8000) / SAMPLE_RATE
    waves = sum(np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 9))
    return 0.2 * np.exp(-4 * t) * (waves + 0.02 * np.random.default_rng(6).normal(size=8000))


def _clap():
    t = np.arange(8000) / SAMPLE_RATE
    return 0.3 * np.exp(-8 * t) * np.sin(2 * np.pi * 330 * t)


def _room():
    n = np.arange(_TAIL)
    impulse = 0.05 * np.exp(-n / 800) * np.random.default_rng(7).normal(size=_TAIL)
    impulse[0] = 0.5
    return impulse


def _spectral_loss(target, sound):
    loss = ddsp.losses.SpectralLoss(mag_weight=1.0, logmag_weight=1.0)
    return float(loss(np.float32(target)[None], np.float32(sound)[None]))
