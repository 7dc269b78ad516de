"""Exercises of notebooks/01_ddsp_library/05_paper.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE


def controls(numbers):
    """The numbers a second that drive the synthesizers, 250 * (1 + 1 + 60 + 65): one number."""
    wrong = hints.one_number(numbers)
    if wrong:
        return wrong
    count = float(np.squeeze(numbers))
    a_frame = 1 + 1 + 60 + 65
    if count == a_frame * SAMPLE_RATE:
        return "the synthesizers get new numbers for each frame, 250 times a second, and fill in the samples themselves."
    if count in (a_frame, 60 + 65, 1 + 60 + 65):
        return "that is one frame: there are 250 of them in a second."
    if count == a_frame * HOP_SIZE:
        return "64 is how many samples a frame lasts; in a second there are 250 frames."
    if count == FRAME_RATE * (a_frame - 2):
        return "two numbers a frame are missing: the amplitude, and the fundamental frequency."
    if count == FRAME_RATE * 60 * 65:
        return "harmonics and bands lie side by side, and add up: 60 + 65."
    missing = a_frame - count / FRAME_RATE
    if abs(missing) == 1:
        if missing > 0:
            return (
                "there is one number too few a frame: the fundamental frequency and the amplitude "
                "are one each, and the noise has 65 bands, from 0 Hz to Nyquist with both ends."
            )
        return (
            "there is one number too many a frame: the noise has 65 bands, with 0 Hz and Nyquist."
        )
    return hints.close(count, FRAME_RATE * a_frame, rtol=0)


def amplitudes(harmonics):
    """The amplitude times each harmonic's share of its frame, (100, 20)."""
    amplitude = 0.5 * np.hanning(102)[1:-1]
    strength = np.random.default_rng(3).uniform(0.1, 1, (100, 20))
    wrong = hints.numbers(harmonics) or hints.shape(harmonics, (100, 20), ("frames", "harmonics"))
    if wrong:
        return wrong
    harmonics = np.asarray(harmonics, float)
    shares = strength / strength.sum(axis=1, keepdims=True)
    right = amplitude[:, None] * shares

    def is_like(other):
        return np.allclose(harmonics, other, rtol=1e-3, atol=1e-6)

    if is_like(shares):
        return (
            "these are the shares: every frame is as loud as the next. Multiply by the amplitude."
        )
    if is_like(amplitude[:, None] * strength / strength.sum(axis=0, keepdims=True)):
        return "the shares add up to 1 over time, along the wrong axis: they should in each frame, over the harmonics."
    if is_like(amplitude[:, None] * strength / strength.sum()):
        return "all frames together add up to 1, and it is far too soft: each frame should, over its harmonics."
    if is_like(amplitude[:, None] * strength / strength.max(axis=1, keepdims=True)):
        return (
            f"the strongest harmonic of each frame has the whole amplitude, and it is {_too_loud(harmonics, right)}: "
            "divide by the sum of the frame, not by its maximum."
        )
    if is_like(amplitude[:, None] * strength):
        return (
            f"it is {_too_loud(harmonics, right)}: the strengths of a frame do not add up to 1 yet."
        )
    if is_like(amplitude[:, None] * np.exp(strength) / np.exp(strength).sum(axis=1, keepdims=True)):
        return "a softmax makes the harmonics nearly alike: the strengths are positive already, so divide by their sum."
    return hints.close(harmonics, right)


def loss(value):
    """The spectral loss of two noisy sines at frames of 512 samples: one number."""
    wrong = hints.one_number(value)
    if wrong:
        return wrong
    value = float(np.squeeze(value))
    target, sound = _two_sounds()
    s, s_hat = _magnitudes(target, 512), _magnitudes(sound, 512)
    linear, logs = np.abs(s - s_hat), np.abs(np.log(s) - np.log(s_hat))
    right = linear.mean() + logs.mean()
    # Whether the last frames, which reach beyond the sound, are there changes it by a percent.
    if abs(value - right) <= 0.02 * right:
        return None
    decibels, squares = logs.mean() * 20 / np.log(10), (linear**2).mean() + (logs**2).mean()
    cancelling = (s - s_hat).mean() + (np.log(s) - np.log(s_hat)).mean()
    known = {
        "the logarithm's term is missing: so far only what is loud counts, and no noise floor.": linear.mean(),
        "the plain magnitudes' term is missing: soft frequencies count as much as loud ones.": logs.mean(),
        "that is the sum: of a sound twice as long, it would be twice as much. Take the mean.": linear.sum()
        + logs.sum(),
        "the differences are squared, which is L2: L1 takes their absolute values.": squares,
        "too loud and too soft cancel each other: take absolute values before the mean.": cancelling,
        "the logarithm is the natural one, not that to base 10.": linear.mean()
        + logs.mean() / np.log(10),
        "the logarithms are in decibels, and weigh 8.7 times as much as natural ones.": linear.mean()
        + decibels,
        "these are the waveforms, with all their phases: compare magnitudes of spectrograms.": float(
            np.mean((target - sound) ** 2)
        ),
    }
    wrong = hints.mistake(value, known, rtol=0.02)
    if wrong:
        return wrong
    for size in (64, 128, 256, 1024, 2048):
        a, b = _magnitudes(target, size), _magnitudes(sound, size)
        other = np.abs(a - b).mean() + np.abs(np.log(a) - np.log(b)).mean()
        if abs(value - other) <= 0.02 * other:
            return f"that is the loss at frames of {size} samples: 512 are asked for."
    return hints.close(value, right)


def noise_level(level_db):
    """The mean power of the noise part against that of the whole, in dB: one number."""
    wrong = hints.one_number(level_db)
    if wrong:
        return wrong
    level_db = float(np.squeeze(level_db))
    harmonic = 0.4 * np.sin(2 * np.pi * 220 * np.arange(16000) / 16000)
    noise = 0.15 * np.random.default_rng(5).normal(size=16000)
    whole = harmonic + noise
    parts = {"noise": noise, "harmonic": harmonic, "whole": whole}
    power = {name: np.mean(part**2) for name, part in parts.items()}
    ratio = power["noise"] / power["whole"]
    right = 10 * np.log10(ratio)
    peaks = 20 * np.log10(np.abs(noise).max() / np.abs(whole).max())
    known = {
        f"the sign is turned: the noise would be {-right:.1f} dB louder than the whole.": -right,
        "it is twice as many decibels as it should be: powers take 10 log10, and amplitudes 20.": 2
        * right,
        "it is half as many decibels as it should be: amplitudes take 20 log10, and powers 10.": right
        / 2,
        "that is the noise against the harmonics: compare it with the whole.": 10
        * np.log10(power["noise"] / power["harmonic"]),
        "that is the level of the harmonics.": 10 * np.log10(power["harmonic"] / power["whole"]),
        "these are the peaks: what counts is the mean power.": peaks,
        "that is the natural logarithm: decibels take that to base 10.": 10 * np.log(ratio),
        "that is the noise alone, against a power of 1: divide by the whole's.": 10
        * np.log10(power["noise"]),
        "that is the ratio of the powers: take 10 log10 of it for decibels.": ratio,
        "that is the ratio of the amplitudes: take 20 log10 of it for decibels.": np.sqrt(ratio),
    }
    if abs(level_db - right) <= 0.05:
        return None
    return hints.mistake(level_db, known, rtol=0.005) or (
        f"the noise is {hints.too_loud(level_db - right)}."
    )


def _too_loud(harmonics, right):
    db = 20 * np.log10(harmonics.sum(axis=1).mean() / right.sum(axis=1).mean())
    return f"{db:.0f} dB too loud"


def _two_sounds():
    random = np.random.default_rng(4)
    t = np.arange(8000) / SAMPLE_RATE
    target = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.01 * random.normal(size=8000)
    sound = 0.1 * np.sin(2 * np.pi * 450 * t) + 0.02 * random.normal(size=8000)
    return target, sound


def _magnitudes(sound, size):
    """What `ddsp.spectral_ops.compute_mag` returns, (frames, frequencies)."""
    step = size // 4
    n_frames = -(-len(sound) // step)
    padded = np.pad(sound, (0, (n_frames - 1) * step + size - len(sound)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::step]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return np.abs(np.fft.rfft(frames * window, axis=1))
