"""Exercises of notebooks/01_ddsp_library/04_spectral_ops.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import HOP_SIZE, SAMPLE_RATE

LOW_E_HZ, LOW_F_HZ = 82.41, 87.31


def click(magnitude):
    """A prediction: the highest magnitude of a click where two frames meet without overlap."""
    reason = "what is the window's value at the first and at the last sample of a frame?"
    if not isinstance(magnitude, str):
        wrong = hints.one_number(magnitude)
        if wrong:
            return wrong
        magnitude = f"{float(np.squeeze(magnitude)):g}"
    return hints.choice(magnitude, "0", ("0", "0.5", "1"), {"0.5": reason, "1": reason})


def frame_size(size):
    """The smallest power-of-two frame that separates low E and F by two bins: 8192."""
    wrong = hints.numbers(size) or hints.shape(size, (), ("number",))
    if wrong:
        return wrong
    size = float(size)
    if size <= 0:
        return "a frame has at least one sample."
    apart = LOW_F_HZ - LOW_E_HZ
    if size < 2:
        return "this seems to be in seconds: give samples."
    if size in (12, 13, 14):
        return "this is the exponent: raise 2 to this power to get the number of samples."
    if np.log2(size) % 1:
        return f"{size:.0f} is not a power of two: round up to the next one."
    width = SAMPLE_RATE / size
    if size == 4096:
        return (
            f"nearly: bins are {width:.1f} Hz wide, and the notes are more than one bin apart. But "
            "the Hann window broadens each note, so they have to be two bins apart."
        )
    if size < 8192:
        semitones = 12 * np.log2((LOW_E_HZ + 2 * width) / LOW_E_HZ)
        return (
            f"the two notes merge into one that beats: frames of {size:.0f} samples separate notes "
            f"that are at least {2 * width:.1f} Hz apart, {semitones:.1f} semitones in this register, "
            f"and these are only {apart:.1f} Hz apart."
        )
    if size > 8192:
        return (
            f"it separates them, but it smears each onset over {size / SAMPLE_RATE:.1f} s: half this "
            "length is enough."
        )
    return None


def level(db):
    """The RMS level in dB of a fifth that swells from silence for a second: -16.81."""
    wrong = hints.one_number(db)
    if wrong:
        return wrong
    db, swell = float(np.squeeze(db)), _swell()
    power = np.mean(swell**2)
    right = 10 * np.log10(power)
    if abs(db - right) < 0.1:
        return None
    framed = _rms(swell)
    with np.errstate(divide="ignore"):
        decibels = 20 * np.log10(np.abs(framed))
    for sentence, other in {
        "10 log10 is for powers, but the RMS is an amplitude.": right / 2,
        "20 log10 is for amplitudes, but the mean square is a power.": 2 * right,
        "the sign is lost: below full scale, decibels are negative.": -right,
        "this is the RMS itself: convert it to decibels.": np.sqrt(power),
        "this is the mean square, a power: convert it to decibels.": power,
        "this is a natural logarithm: decibels use base 10.": 10 * np.log(power),
        "this is the level of the highest sample: the RMS is lower.": 20
        * np.log10(np.abs(swell).max()),
        "this is the level at the end: the soft beginning counts too.": 20 * np.log10(0.25),
        "this is the level of the mean RMS: average the power first, then take the root and the "
        "logarithm.": 20 * np.log10(framed.mean()),
    }.items():
        if abs(db - other) < (0.1 if abs(other) > 1 else 0.01):
            return sentence
    if right - 6 < db < right - 2 and abs(db - decibels[np.isfinite(decibels)].mean()) < 1.5:
        return (
            "this is the mean of the frames' decibels, which gives the near silence of the "
            "beginning as much weight as the loud end: average the power first."
        )
    return f"it is {hints.too_loud(db - right)}: square the samples, average, take the root."


def curve(function):
    """A function that returns a sound's RMS in centred frames of 1024 samples, one per hop."""
    n = np.arange(SAMPLE_RATE)
    onset = np.where(n >= 6000, 0.5 * np.sin(2 * np.pi * 330 / SAMPLE_RATE * n), 0)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 10_000)
    cases = {"a tone that begins at sample 6000": (onset,), "noise of 10 000 samples": (noise,)}
    return hints.on_each(function, cases, _wrong_curve)


def faulty_spectrograms(sound):
    """Return {name: levels in dB, (frames, bins)}: a good spectrogram and three with faults."""
    return {
        "as it should be": _levels(sound, 1024, np.hanning(1024)),
        "A": _levels(sound, 4096, np.hanning(4096)),
        "B": _levels(sound, 1024, np.ones(1024)),
        "C": _levels(sound, 128, np.hanning(128)),
    }


def faults(named):
    """{picture: its fault} of the three faulty pictures in `faulty_spectrograms`."""
    return hints.choices(
        named,
        {"A": "frames too long", "B": "no window", "C": "frames too short"},
        ("no window", "frames too long", "frames too short", "no logarithm", "upside down"),
        {
            "no window": "then each harmonic would have skirts that fill the space beside it.",
            "frames too long": "then each onset would be smeared in time.",
            "frames too short": "then the harmonics would merge.",
            "no logarithm": "then you would see only the loudest harmonics.",
            "upside down": "then the strong low harmonics would be at the top.",
        },
    )


def _swell():
    n = np.arange(SAMPLE_RATE)
    return 0.25 * n / SAMPLE_RATE * sum(np.sin(2 * np.pi * f / SAMPLE_RATE * n) for f in (440, 660))


def _rms(sound, size=1024, before=None):
    """Return the RMS of frames every 64 samples, with `before` zeros first: half a frame, centred."""
    before = size // 2 if before is None else before
    n_frames = -(-len(sound) // HOP_SIZE)
    padded = np.pad(np.asarray(sound, float), (before, size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::HOP_SIZE][:n_frames]
    return np.sqrt(np.mean(frames**2, axis=1))


def _levels(sound, size, window):
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, size // 2), size)[:: size // 4]
    magnitude = np.abs(np.fft.rfft(frames * window)) / (window.sum() / 2)
    return 20 * np.log10(np.maximum(magnitude, 1e-4))


def _wrong_curve(rms, sound):
    right, size = _rms(sound), 1024
    wrong = hints.numbers(rms)
    if wrong:
        return wrong
    rms = np.squeeze(np.asarray(rms, float))
    if rms.ndim == 1 and len(rms) == (len(sound) - size) // HOP_SIZE + 1:
        return (
            "the first and the last half frame are missing, so everything comes 8 hops too early: "
            "pad the sound."
        )
    if rms.ndim == 1 and len(rms) == len(right) + 1:
        return "there is one frame too many: the last is centred after the end."
    wrong = hints.shape(rms, right.shape, ("frames",))
    if wrong or np.allclose(rms, right, atol=1e-3):
        return wrong
    if rms.min() < 0:
        return "an RMS is never negative: is this in decibels? Return amplitudes."
    known = {
        "this is the mean square, a power: the root is missing.": right**2,
        "it is 30 dB too loud: this is the root of the sum, not of the mean.": right
        * np.sqrt(size),
        "a window has made it softer: an RMS gives all samples of a frame the same weight.": (
            _windowed(sound)
        ),
    }
    wrong = hints.mistake(rms, known, rtol=1e-3, atol=1e-3)
    if wrong:
        return wrong
    # Without the tone's end, only the onset is compared.
    shifted = hints.late(rms[:-32], right[:-32], most=16)
    if shifted:
        return f"the shape is right, but {shifted}"
    for other in (256, 512, 2048, 4096):
        if np.allclose(rms, _rms(sound, other), atol=1e-3):
            slow = "slowly" if other > size else "quickly"
            return (
                f"the onset rises too {slow}: these frames have {other} samples instead of {size}."
            )
    return hints.close(rms, right, rtol=1e-2, atol=1e-3)


def _windowed(sound):
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, (512, 1024)), 1024)[::HOP_SIZE]
    frames = frames[: -(-len(sound) // HOP_SIZE)] * np.hanning(1024)
    return np.sqrt(np.mean(frames**2, axis=1))


HEARD = {"level": lambda _: _swell()}
