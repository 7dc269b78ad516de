"""Exercises of notebooks/01_ddsp_library/00_first_sounds.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import FRAME_RATE, SAMPLE_RATE

FIFTH_HZ = 440 * 2 ** (7 / 12)
FAULTS = ("aliasing", "clicks", "even harmonics missing", "noise", "phase not summed")
N_HARMONICS = 20


def fifth(sound):
    """One second of a sine seven semitones above A4, with a peak of 0.5, (16000,)."""
    wrong = hints.numbers(sound) or hints.shape(sound, (SAMPLE_RATE,), ("samples",))
    if wrong:
        return wrong
    sound = np.asarray(sound, float)
    return (
        _known_pitch(sound)
        or hints.pitch(sound, FIFTH_HZ)
        or _unsteady(sound)
        or hints.peak(sound, 0.5)
        or _not_a_sine(sound)
    )


def vibrato(f0_hz):
    """Two seconds of A4 with a vibrato of +-200 cents, 5 times a second, (500,)."""
    t = np.arange(2 * FRAME_RATE) / FRAME_RATE
    wrong = hints.numbers(f0_hz) or hints.shape(f0_hz, (len(t),), ("frames",))
    if wrong:
        return wrong
    f0_hz = np.asarray(f0_hz, float)
    if f0_hz.min() <= 0:
        return "a pitch in Hz is above zero: convert the cents to a factor, 2 ** (cents / 1200)."
    cents = 1200 * np.log2(f0_hz / 440.0)
    middle = (cents.max() + cents.min()) / 2
    depth = (cents.max() - cents.min()) / 2
    if depth < 0.5:
        return "it does not sway: this is one steady note."
    in_hz = (f0_hz.max() + f0_hz.min()) / 2 - 440
    if abs(middle) > 2 and abs(in_hz) < 0.2:
        return (
            "it goes as many hertz up as down, so it is wider below A4 than above it: the ear "
            "compares ratios, and a cent is a ratio."
        )
    wrong = _rate(cents) or _uneven(cents)
    if wrong:
        return wrong
    wrong = hints.off_pitch(440.0 * 2 ** (middle / 1200), 440.0)
    if wrong:
        return f"the middle of the vibrato should be A4, and {wrong}"
    if abs(depth - 200) > 3:
        return _depth(depth)
    return _sway(cents, t)


def sawtooth(function):
    """A function of f0_hz that returns the 20 amplitudes of a sawtooth, 0 above Nyquist."""
    for f0_hz in (440.0, 110.0, 1000.0, 1500.5):
        amplitudes, wrong = hints.call(function, f0_hz)
        wrong = wrong or hints.numbers(amplitudes)
        if wrong:
            return wrong
        amplitudes = np.squeeze(np.asarray(amplitudes, float))
        wrong = hints.shape(amplitudes, (N_HARMONICS,), ("harmonics",)) or _not_a_sawtooth(
            amplitudes, f0_hz
        )
        if wrong:
            return f"for a fundamental of {f0_hz:g} Hz, {wrong}"
    return None


def flipped(where):
    """A prediction: where descent on the waveform loss ends if the target is upside down: at zero."""
    return hints.choice(
        where,
        "zero",
        ("one half", "minus one half", "one", "zero"),
        {
            "one half": (
                "your ear would stop there. But this loss compares sample with sample, and our note "
                "goes down where the target goes up."
            ),
            "minus one half": (
                "that gain would fit best, but an amplitude cannot be negative: look at the last "
                "line of the loop in `descend`."
            ),
            "one": (
                "every sample of our note has the opposite sign to the target's. Does the distance "
                "between them shrink or grow as the gain goes up?"
            ),
        },
    )


def gain(function):
    """A function of (note, wanted) that returns the gain that makes both equally loud."""
    for note, wanted, right, what in _pairs():
        found, wrong = hints.call(function, note, wanted)
        wrong = wrong or hints.one_number(found)
        if wrong:
            return wrong
        found = float(np.squeeze(found))
        if abs(found - right) > 0.02 * right:
            return _why_not(found, right, note, wanted, what)
    return None


def glides():
    """Return {name: sound (32000,)}: glides from A4 to A5, each with a different fault."""
    n = np.arange(2 * SAMPLE_RATE)
    f_hz = 440 * 2 ** (n / len(n))
    phase = 2 * np.pi * np.cumsum(f_hz) / SAMPLE_RATE
    quarter = SAMPLE_RATE // 4
    return {
        "A": _played(phase - np.repeat(phase[::quarter], quarter), f_hz),
        "B": _played(2 * np.pi * f_hz * n / SAMPLE_RATE, f_hz * (1 + np.log(2) * n / len(n))),
        "C": _played(phase, 0 * f_hz),
        "D": _played(phase, f_hz, step=2),
    }


def faults(answers):
    """The fault of each glide: {"A": "clicks", ...}."""
    return hints.choices(
        answers,
        {"A": "clicks", "B": "phase not summed", "C": "aliasing", "D": "even harmonics missing"},
        FAULTS,
        {
            "aliasing": "no line in its picture turns back at the top.",
            "clicks": "its picture has no bright vertical stripes, and you hear no ticks.",
            "even harmonics missing": (
                "its second harmonic is there, an octave above the first: it doesn't sound hollow."
            ),
            "noise": "its picture stays dark between the lines, and you hear no hiss.",
            "phase not summed": "it ends an octave above its first note, as it should.",
            (
                "A",
                "noise",
            ): "noise never stops, but this fault comes four times a second.",
        },
    )


def _known_pitch(sound):
    """Say which common mistake gives this pitch, if any."""
    heard = hints.pitch_hz(sound)
    if heard is None:
        return None
    known = {
        FIFTH_HZ / (2 * np.pi): "it is far too low: `np.sin` takes radians, so a 2 π is missing.",
        440 * 2 ** (7 / 1200): "it is seven cents above A4; a semitone is a hundred cents.",
        440
        * (1 + 7 / 12): "seven equal steps in hertz are not semitones: each semitone is a factor.",
        440 * (1 + 7 * (2 ** (1 / 12) - 1)): (
            "only the first of these steps is a semitone: each semitone multiplies the frequency "
            "by the same factor, so seven of them take its seventh power."
        ),
        440.0: "this is A4 itself: go up seven semitones.",
        447.0: "seven hertz are less than a third of a semitone here: a semitone is a factor.",
    }
    for hz, sentence in known.items():
        if abs(1200 * np.log2(heard / hz)) < 1.2:
            return sentence
    return None


def _unsteady(sound):
    blocks = np.sqrt((sound.reshape(20, -1) ** 2).mean(axis=1))
    if blocks.min() < 0.97 * blocks.max():
        return "its loudness changes: the exercise asks for a steady tone."
    return None


def _not_a_sine(sound):
    """Say whether anything remains of a sound once the best sine near the fifth is removed."""
    # A pure fifth, 660 Hz, is two cents above the tempered one.
    for hz in np.arange(FIFTH_HZ - 1.0, FIFTH_HZ + 1.0, 0.02):
        rest = _without_wave(sound, hz, np.arange(len(sound)) / SAMPLE_RATE)
        if (rest**2).sum() < 1e-3 * (sound**2).sum():
            return None
    return "the pitch is right, but a sine has one frequency alone, and this sound has more."


def _without_wave(curve, hz, t):
    """Return a curve minus its mean and minus the wave of one frequency that fits it best."""
    waves = np.stack([np.ones_like(t), np.sin(2 * np.pi * hz * t), np.cos(2 * np.pi * hz * t)], 1)
    return curve - waves @ np.linalg.lstsq(waves, curve, rcond=None)[0]


def _depth(depth):
    known = {
        100: "it spans 200 cents from bottom to top: the exercise asks for 200 to each side.",
        2: "it sways by two cents, which nobody hears: an octave has 1200 cents.",
        20000: "it sways by 200 semitones: an octave has 1200 cents, not 12.",
    }
    for cents, sentence in known.items():
        if abs(depth / cents - 1) < 0.03:
            return sentence
    wide = "wide" if depth > 200 else "narrow"
    return f"it is too {wide}: {depth:.0f} cents to each side instead of 200, two semitones."


def _rate(cents):
    waves = np.abs(np.fft.rfft((cents - cents.mean()) * np.hanning(len(cents)), 8 * len(cents)))
    rate = np.argmax(waves) * FRAME_RATE / (8 * len(cents))
    if abs(rate - 5) <= 0.2:
        return None
    if abs(rate - 5 / (2 * np.pi)) < 0.2:
        return "it is too slow: `np.sin` takes radians, so a 2 π is missing."
    return f"it sways {rate:.1f} times a second instead of five: 2 π times the rate times the time."


def _uneven(cents):
    parts = [np.ptp(part) for part in np.split(cents, 5)]
    if min(parts) < 0.9 * max(parts):
        return "its depth changes: the exercise asks for a steady vibrato."
    return None


def _sway(cents, t):
    """Say how a curve with the right depth and rate differs from a sine."""
    if np.abs(_without_wave(cents, 5.0, t)).max() < 3:
        return None
    if np.isclose(np.abs(cents), 200, atol=5).mean() > 0.6:
        return (
            "it jumps between two notes, which is a trill: a vibrato moves smoothly, like a sine."
        )
    stretched = t * len(t) / (len(t) - 1)
    if np.abs(_without_wave(cents, 5.0, stretched)).max() < 1:
        return (
            "the frames are a little too far apart: `np.linspace` includes its end unless you "
            "give it `endpoint=False`."
        )
    return "it goes up and down at about the right rate, but it is not a sine of five hertz."


def _not_a_sawtooth(amplitudes, f0_hz):
    k = np.arange(1, N_HARMONICS + 1)
    below = k * f0_hz < SAMPLE_RATE / 2
    first = amplitudes[0]
    if first <= 0 or not np.isclose(first, 1, rtol=1e-2):
        if np.allclose(first, 0.5, atol=1e-3) and np.isclose(amplitudes[1], 1 / 3, atol=1e-3):
            return "the list begins with 1 / 2: the first harmonic is k = 1."
        return "the first amplitude should be 1."
    sizes = np.abs(amplitudes)
    right = np.where(below, 1 / k, 0)
    known = {
        "it is too dull: the amplitudes fall as 1 / k, not as its square.": 1 / k**2,
        "all harmonics are equally loud: the amplitudes should fall as 1 / k.": k**0.0,
        "it sounds hollow, like a square wave: every second harmonic is missing.": k % 2 / k,
        "each harmonic is half as loud as the one below: 1 / k falls more slowly.": 0.5 ** (k - 1),
    }
    wrong = hints.mistake(
        sizes[below], {text: one[below] for text, one in known.items()}, rtol=1e-2, atol=6e-3
    )
    if wrong and not np.allclose(sizes[below], right[below], atol=6e-3):
        return wrong
    # Exactly at Nyquist a sine is silent.
    audible = np.where(k * f0_hz > SAMPLE_RATE / 2, amplitudes, 0)
    folded = hints.above_nyquist(f0_hz, audible)
    if folded:
        return folded
    missing = below & (sizes < 1e-3)
    if missing.any():
        return (
            f"harmonic {k[missing][0]} is muted, although its frequency, {k[missing][0] * f0_hz:g} "
            "Hz, is below Nyquist."
        )
    # Two decimals are enough.
    if not np.allclose(sizes[below], right[below], atol=6e-3):
        return "harmonic k should be 1 / k as loud as the first."
    signs = np.sign(amplitudes[below])
    if not ((signs > 0).all() or np.array_equal(signs, (-1.0) ** (k[below] + 1))):
        return "the signs are mixed: those of a sawtooth are all the same, or they alternate."
    return None


def _pairs():
    """Yield (note, wanted, gain, description of the target) for `gain`."""
    rng = np.random.default_rng(7)
    for n_samples, f0_hz, right, turned, what in (
        (16000, 220, 0.5, 0.0, "is the note itself, at another level"),
        (16000, 330, 0.7, np.pi, "is the note upside down"),
        (8000, 440, 0.3, np.pi / 2, "has every harmonic delayed by a quarter of a period"),
        (16000, 150, 1.6, 2.0, "has every harmonic shifted in phase"),
    ):
        t = np.arange(n_samples) / SAMPLE_RATE
        k = np.arange(1, 13)[:, None]
        phase = 2 * np.pi * f0_hz * k * t + rng.uniform(0, 0.3, k.shape)
        note = (0.3 / k * np.sin(phase)).sum(axis=0)
        wanted = (0.3 / k * np.sin(phase - turned)).sum(axis=0)
        yield note.astype(np.float32), (right * wanted).astype(np.float32), right, what


def _why_not(found, right, note, wanted, what):
    rms, other = np.sqrt((note**2).mean()), np.sqrt((wanted**2).mean())
    by_samples = (note @ wanted) / (note @ note)
    if min(abs(found - one) for one in (by_samples, abs(by_samples), max(by_samples, 0))) < 5e-3:
        return (
            f"comparing samples gives this gain, but here the target {what}: compare something that "
            "ignores the phase, such as power or a spectrum."
        )
    known = {
        "this is the ratio of the powers, but a gain multiplies amplitudes: take its square root.": (
            (other / rms) ** 2
        ),
        "this is the other way round: which of the two sounds does the gain multiply?": rms / other,
        "this compares the peaks, which move when the harmonics' phases do; power does not.": (
            np.abs(wanted).max() / np.abs(note).max()
        ),
    }
    wrong = hints.mistake(found, known, rtol=5e-3, atol=5e-3)
    if wrong:
        return wrong
    if found == 0.5 and right != 0.5:
        return "it returns the gain of the lesson's pair, but it is tried on other pairs too."
    db = 20 * np.log10(max(found, 1e-9) / right)
    return f"the target {what}; with your gain, the note comes out {hints.too_loud(db)}."


def _played(phase, muted_by_hz, step=1):
    """Return the audio of a glide; a harmonic is muted where `muted_by_hz` puts it above Nyquist."""
    k = np.arange(1, N_HARMONICS + 1, step)
    # They fade out below Nyquist, because a harmonic that stops at once clicks.
    heard = np.clip((SAMPLE_RATE / 2 - muted_by_hz[:, None] * k) / 400, 0, 1)
    sound = (heard * np.sin(phase[:, None] * k) / k).sum(axis=1)
    n = np.arange(len(sound))
    fade = np.clip(np.minimum(n, n[::-1]) / (0.05 * SAMPLE_RATE), 0, 1)
    return (0.25 * sound * fade).astype(np.float32)


def _tone(f0_hz, amplitudes):
    """Return a harmonic sound, (n_samples,), from a pitch curve of 250 frames a second."""
    n_samples = len(f0_hz) * SAMPLE_RATE // FRAME_RATE
    hz = np.interp(np.linspace(0, len(f0_hz), n_samples), np.arange(len(f0_hz)), f0_hz)
    phase = 2 * np.pi * np.cumsum(hz) / SAMPLE_RATE
    k = np.arange(1, len(amplitudes) + 1)
    return 0.2 * np.sin(phase[:, None] * k) @ amplitudes


def _hear_gain(function):
    note, wanted, _, _ = list(_pairs())[1]
    return np.concatenate([wanted, float(np.squeeze(function(note, wanted))) * note])


HEARD = {
    "fifth": lambda sound: sound,
    "vibrato": lambda f0_hz: _tone(np.squeeze(f0_hz), 1 / np.arange(1, 9)),
    "sawtooth": lambda function: _tone(np.full(250, 220.0), np.squeeze(function(220.0))),
    "gain": _hear_gain,
}
