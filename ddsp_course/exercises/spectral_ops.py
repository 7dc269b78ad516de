"""Exercises of notebooks/01_ddsp_library/04_spectral_ops.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import HOP_SIZE, SAMPLE_RATE

LOW_E_HZ, LOW_F_HZ = 82.41, 87.31


def frames(counts):
    """How many frames of 1024 samples 20032 samples make: valid, same, center, (3,)."""
    wrong = hints.numbers(counts) or hints.shape(counts, (3,), ("paddings",))
    if wrong:
        return wrong
    counts = np.asarray(counts, float)
    n_samples, size = 20032, 1024
    valid = (n_samples - size) // HOP_SIZE + 1
    right = np.array([valid, n_samples // HOP_SIZE, n_samples // HOP_SIZE + 1])
    if (counts % 1 != 0).any():
        return "half a frame cannot be heard: valid and center round down, same rounds up."
    if (counts == right).all():
        return None
    if (np.sort(counts) == right).all():
        return "the counts are there, but in another order: valid, same, center."
    if (counts == n_samples).any() or (counts > n_samples // HOP_SIZE + 1).any():
        return "that is more frames than hops: a frame begins every 64 samples only."
    for name, got, expected in zip(("valid", "same", "center"), counts, right, strict=True):
        off = int(got - expected)
        if name == "valid" and got == (n_samples - size) // size + 1:
            return (
                "valid: these frames do not overlap: a new one begins every hop, not every frame."
            )
        if name == "valid" and abs(off) > 1:
            return (
                f"valid: {got:.0f} frames would need zeros after the end, and it adds none: the "
                f"last {size} samples hold the last whole frame."
            )
        if off == -1:
            return (
                f"{name}: one too few, so the end is not heard. The frame at sample 0 counts, too."
            )
        if off == 1:
            return f"{name}: one too many, and the last would come one hop too late."
        if off:
            return f"{name}: {abs(off)} too {'many' if off > 0 else 'few'}."
    return None


def frame_size(size):
    """The smallest power of two whose frames tell low E and F apart, two bins or more: 8192."""
    wrong = hints.numbers(size) or hints.shape(size, (), ("number",))
    if wrong:
        return wrong
    size = float(size)
    if size <= 0:
        return "a frame has samples, more than none."
    apart = LOW_F_HZ - LOW_E_HZ
    if size < 2:
        return f"this seems to be in seconds: {size:.3g} s. Give samples."
    if size in (12, 13, 14):
        return "this is the exponent: 2 to the power of it is the number of samples."
    if np.log2(size) % 1:
        return f"{size:.0f} is no power of two: take the next one above what is needed."
    width = SAMPLE_RATE / size
    if size == 4096:
        return (
            f"nearly: bins are {width:.1f} Hz wide, and the notes lie more than one bin apart. But "
            "Hann's window makes each note wider, and it takes two."
        )
    if size < 8192:
        semitones = 12 * np.log2((LOW_E_HZ + 2 * width) / LOW_E_HZ)
        return (
            f"the two notes melt into one that beats: frames of {size:.0f} samples tell notes apart "
            f"from {2 * width:.1f} Hz on, which is {semitones:.1f} semitones down there, and these "
            f"are {apart:.1f} Hz apart."
        )
    if size > 8192:
        return (
            f"it tells them apart, but smears each onset over {size / SAMPLE_RATE:.1f} s: half as "
            "long is enough."
        )
    return None


def level(db):
    """The RMS level in dB of two sines of amplitude 0.25, a number: -12.04."""
    wrong = hints.numbers(db) or hints.shape(db, (), ("number",))
    if wrong:
        return wrong
    db, power = float(db), 0.25**2
    right = 10 * np.log10(power)
    if abs(db - right) < 0.1:
        return None
    for sentence, other in {
        "it is 6 dB too loud: 10 log10 is for powers, and the RMS is an amplitude.": right / 2,
        "it is 12 dB too soft: 20 log10 is for amplitudes, and the mean square is a power.": 2
        * right,
        "the sign is lost: below full scale, decibels are negative.": -right,
        "this is the RMS itself, and decibels are asked for.": np.sqrt(power),
        "this is the mean square itself, a power, and decibels are asked for.": power,
        "it is 3 dB too soft: the power of two tones is twice that of one.": right - 3.01,
        "it is 3 dB too loud: a sine's mean power is half of its peak's square.": right + 3.01,
        "this is a natural logarithm: decibels take the one to the base of ten.": 10
        * np.log(power),
    }.items():
        if abs(db - other) < (0.1 if abs(other) > 1 else 0.01):
            return sentence
    n = np.arange(SAMPLE_RATE)
    peak = 0.25 * abs(sum(np.sin(2 * np.pi * f / SAMPLE_RATE * n) for f in (440, 660))).max()
    if abs(db - 20 * np.log10(peak)) < 0.1:
        return "this is the level of the peak: the RMS, its average, lies lower."
    return f"it is {hints.too_loud(db - right)}."


def curve(rms):
    """The RMS of a tone that begins at sample 6000, in centred frames of 1024 samples, (250,)."""
    n, size = np.arange(SAMPLE_RATE), 1024
    tone = np.where(n >= 6000, 0.5 * np.sin(2 * np.pi * 330 / SAMPLE_RATE * n), 0)
    padded = np.pad(tone, size // 2)
    right = np.sqrt([np.mean(padded[m : m + size] ** 2) for m in range(0, len(n), HOP_SIZE)])
    wrong = hints.numbers(rms)
    if wrong:
        return wrong
    rms = np.asarray(rms, float)
    if rms.ndim == 1 and len(rms) == (SAMPLE_RATE - size) // HOP_SIZE + 1:
        return (
            "the first and the last half frame are missing, and so all comes 8 hops too early: pad."
        )
    wrong = hints.shape(rms, right.shape, ("frames",))
    if wrong:
        return wrong
    if np.allclose(rms, right, atol=1e-3):
        return None
    if rms.min() < 0:
        return "an RMS is never negative: is this in decibels? Amplitudes are asked for."
    if np.allclose(rms, right**2, atol=1e-3):
        return "this is the mean square, a power: the root is missing."
    if np.allclose(rms, right * np.sqrt(size), rtol=1e-3, atol=1e-3):
        return "it is 30 dB too loud: the mean is asked for, and this is the root of the sum."
    # What lies beyond the tone's end is cut off, so that only the onset is compared.
    shifted = hints.late(rms[:200], right[:200], most=16)
    if shifted:
        return f"the shape is right, but {shifted}"
    heard, begins = np.argmax(rms > 0.1), np.argmax(right > 0.1)
    for other in (256, 512, 2048, 4096):
        padded = np.pad(tone, other // 2)
        if np.allclose(
            rms,
            np.sqrt([np.mean(padded[m : m + other] ** 2) for m in range(0, len(n), HOP_SIZE)]),
            atol=1e-3,
        ):
            slow = "slowly" if other > size else "quickly"
            return f"the onset rises too {slow}: these frames have {other} samples, and not {size}."
    if abs(heard - begins) > 1:
        return f"the onset comes {abs(heard - begins)} hops too {'late' if heard > begins else 'early'}."
    return hints.close(rms, right)
