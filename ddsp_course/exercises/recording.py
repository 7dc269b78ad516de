"""Exercises of notebooks/02_timbre_transfer/02_recording.ipynb."""

import struct

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import SAMPLE_RATE

N = np.arange(SAMPLE_RATE)
# The fields of a WAV header: where, how `struct` reads it, and its name.
FIELDS = (
    (0, "4s", "RIFF"),
    (4, "I", "bytes to come"),
    (8, "4s", "WAVE"),
    (12, "4s", "the format's name"),
    (16, "I", "the format's size"),
    (20, "H", "the kind (PCM)"),
    (22, "H", "channels"),
    (24, "I", "samples a second"),
    (28, "I", "bytes a second"),
    (32, "H", "bytes of one moment"),
    (34, "H", "bits of a sample"),
    (36, "4s", "the data's name"),
    (40, "I", "the data's size"),
)


def samples(answer):
    """Interleaved 16-bit stereo, 440 Hz left and 660 Hz right, as one second of mono, (16000,)."""
    left, right = (0.5 * np.sin(2 * np.pi * hz / SAMPLE_RATE * N) for hz in (440, 660))
    whole = np.round(32768 * np.stack([left, right], axis=1)).astype("<i2")
    raw, mono = whole.tobytes(), whole.mean(axis=1) / 32768
    wrong = hints.numbers(answer)
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    flat = answer.ravel()
    if flat.shape == (2 * SAMPLE_RATE,):
        # Told by how it sounds, and so as many numbers as it has, whatever their scale.
        peak = np.abs(flat).max() or 1.0
        if (
            answer.ndim == 2
            and answer.shape[1] == 2
            and np.allclose(answer / peak, whole / np.abs(whole).max(), atol=1e-3)
        ):
            return "this is still stereo: mono is the mean of the two channels."
        if np.allclose(flat / peak, whole.ravel() / np.abs(whole).max(), atol=1e-3):
            return (
                "it lasts two seconds and goes at half speed, an octave too low: left and right "
                "take turns, and each moment comes twice."
            )
        return "it lasts two seconds, twice as long as it should."
    if flat.shape == (4 * SAMPLE_RATE,):
        return "it is a hiss of four seconds: each byte became a number, and it takes two for a sample."
    wrong = hints.shape(answer, (SAMPLE_RATE,), ("samples",))
    if wrong:
        return wrong
    if np.allclose(answer, mono, atol=2e-4):
        return None
    swapped = np.frombuffer(raw, ">i2").reshape(-1, 2).mean(axis=1)
    halves = whole.reshape(2, -1).mean(axis=0)
    known = {
        "these are whole numbers up to 32 768, 90 dB too loud: divide.": 32768 * mono,
        "it is 6 dB too loud, and could be cut off: mono is the mean of the channels, not the sum.": 2
        * mono,
        "it is 6 dB too soft: the mean was taken, and then half of it again.": mono / 2,
        "only the left is heard, 440 Hz: where is the tone at the right?": whole[:, 0] / 32768,
        "only the right is heard, 660 Hz: where is the tone at the left?": whole[:, 1] / 32768,
        "left minus right: what both channels have in common would be lost.": (
            whole[:, 0] - whole[:, 1]
        )
        / 65536,
        "it hisses: the byte order is wrong. The low byte comes first, '<i2'.": swapped / 32768,
        "both halves sound at once, at half speed: a row is a moment, reshape(-1, 2).": halves
        / 32768,
    }
    return hints.mistake(answer, known, rtol=1e-3, atol=2e-4) or hints.close(
        answer, mono, rtol=0, atol=2e-4
    )


def header(answer):
    """The 44 bytes before one second of 16-bit stereo at 48 000 Hz in a WAV file."""
    if not isinstance(answer, bytes | bytearray | memoryview):
        return f"bytes are asked for, and this is of the kind {type(answer).__name__}."
    answer = bytes(answer)
    n_bytes = 48000 * 4
    right = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + n_bytes, b"WAVE"),
        *(b"fmt ", 16, 1, 2, 48000, n_bytes, 4, 16),
        *(b"data", n_bytes),
    )
    if answer == right:
        return None
    if len(answer) == 44 + n_bytes:
        return "this is a whole file: the header alone is asked for, its first 44 bytes."
    if answer[:4] != b"RIFF":
        if answer[:4] == b"RIFX":
            return "RIFX is the box for the high byte first: few players know it. Take RIFF."
        return "a player looks at the first four bytes, finds no RIFF, and plays nothing."
    if len(answer) < 44 and b"fmt" in answer and b"fmt " not in answer:
        return "a chunk's name has four letters, and 'fmt' has three: there is a space behind it."
    if len(answer) != 44:
        return f"it has {len(answer)} bytes, and not 44: H has two bytes, I has four."
    for at, code, name in FIELDS:
        (got,) = struct.unpack_from("<" + code, answer, at)
        (wanted,) = struct.unpack_from("<" + code, right, at)
        if got == wanted:
            continue
        if code != "4s" and struct.unpack_from(">" + code, answer, at)[0] == wanted:
            return (
                f"{name}: the number is right, but its bytes stand in the wrong order: the lowest "
                "comes first, '<'."
            )
        return _field(name, got, wanted)
    return None


def resampled(answer):
    """Tones of 1 and 13 kHz, from 48 000 to 16 000 samples a second: the low one alone, (16000,)."""
    wrong = hints.numbers(answer)
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    if answer.shape == (3 * SAMPLE_RATE,):
        return (
            "it still has 48 000 samples: played at 16 000 a second, it would last three seconds, "
            "more than an octave too low."
        )
    wrong = hints.shape(answer, (SAMPLE_RATE,), ("samples",))
    if wrong:
        return wrong
    # A tone's amplitude in the middle, where nothing begins or ends.
    middle = slice(1000, 15000)
    window = np.hanning(14000)

    def amplitude(hz):
        turning = np.exp(-2j * np.pi * hz / SAMPLE_RATE * N[middle])
        return 2 * abs(np.sum(answer[middle] * window * turning)) / window.sum()

    low, whistle = amplitude(1000), amplitude(3000)
    if low < 0.003:
        third = amplitude(3000) > 0.1 or amplitude(1000 / 3) > 0.1
        return (
            "the tone of 1 kHz has another pitch: is the sound slower or faster than it was?"
            if third
            else "the tone of 1 kHz is not heard any more."
        )
    if whistle > 0.25:
        return (
            "something whistles at 3 kHz, as loud as the tone: 13 kHz is folded down, 16 - 13. "
            "Filter before you leave samples out."
        )
    if whistle > 0.001:
        return (
            f"something still whistles at 3 kHz, {-20 * np.log10(whistle / 0.3):.0f} dB below where "
            "it was: the filter is too weak. At 60 dB nobody hears it."
        )
    db = 20 * np.log10(low / 0.3)
    if abs(db) > 0.5:
        return f"the whistle is gone, but the tone of 1 kHz is {hints.too_loud(db)}."
    rest = answer[middle] - _sine(answer[middle], 1000)
    if np.sqrt(np.mean(rest**2)) > 0.003:
        return "the two tones are right, but something else is heard besides."
    return None


def gain(answer):
    """How many dB a sine with a peak of 0.1 and an offset of 0.05 can be turned up: 20."""
    wrong = hints.one_number(answer)
    if wrong:
        return wrong
    db = float(np.squeeze(answer))
    if abs(db - 20) < 0.1:
        return None
    known = {
        "it would not be loud enough: the offset still takes room. Subtract the mean first.": -20
        * np.log10(0.15),
        "that would make it softer: a level below full scale is negative, and what it takes to get "
        "to full scale is positive.": -20,
        "as a factor, 10 is right, but decibels are asked for. (And 10 log10 is for powers: a peak "
        "is an amplitude.)": 10,
        "this is for the RMS: the peak lies 3 dB higher, and would be cut off.": 20 + 3.01,
        "this is for the RMS, with the offset in it: the peak decides what is cut off.": -10
        * np.log10(0.1**2 / 2 + 0.05**2),
    }
    for sentence, other in known.items():
        if abs(db - other) < 0.1:
            return sentence
    if db > 20:
        return f"the peaks would be cut off: {hints.too_loud(db - 20)}."
    return f"there is still room: {hints.too_loud(db - 20)}."


def _field(name, got, wanted):
    """What one wrong field of the header does."""
    if name == "bytes to come":
        if got == wanted + 8:
            return f"{name}: eight too many. It counts what follows it, without RIFF and itself."
        if got == wanted - 36:
            return f"{name}: the rest of the header counts, too, and not the samples alone."
    if name == "the format's name" and isinstance(got, bytes) and got[:3] == b"fmt":
        return "a chunk's name has four letters: 'fmt' and a space."
    if name == "channels":
        return (
            f"channels: {got}, and not 2. Left and right would be played one after the other, at "
            "half speed."
            if got == 1
            else f"channels: {got}, and not 2."
        )
    if name == "samples a second":
        return (
            f"samples a second: {got}. It would play {got / wanted:.2g} times as fast as it should."
        )
    if name == "bytes a second":
        return f"bytes a second: {got}, and not rate times channels times two bytes."
    if name == "bytes of one moment":
        return f"bytes of one moment: {got}. Two channels of two bytes each."
    if name == "bits of a sample" and got == 2:
        return "bits of a sample: these are bytes."
    if name == "bits of a sample":
        return f"bits of a sample: {got}. Read with another size, samples are noise."
    if name == "the data's size":
        return (
            f"the data's size: {got}. It would end after {got / 192000:.2g} s: one second is 48 000 "
            "moments of four bytes."
        )
    return f"{name}: {got!r} stands there, and not {wanted!r}."


def _sine(sound, hz):
    """The sine of a frequency that comes closest to a sound."""
    angle = 2 * np.pi * hz / SAMPLE_RATE * np.arange(len(sound))
    basis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return basis @ np.linalg.lstsq(basis, sound, rcond=None)[0]
