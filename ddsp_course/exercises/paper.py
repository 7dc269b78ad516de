"""Exercises of notebooks/01_ddsp_library/05_paper.ipynb."""

import functools

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import SAMPLE_RATE


def worst(answer):
    """A prediction: which variant of a note has the largest waveform loss."""
    look = "run the next cell and compare."
    return hints.choice(
        answer,
        "signs flipped",
        ("signs flipped", "a sample later", "30 cents too high", "silence"),
        {
            "a sample later": f"one sample is a small part of a period at 220 Hz: {look}",
            "30 cents too high": f"it drifts in and out of phase, so half of the time it fits: {look}",
            "silence": f"then the difference is the note itself, but it can be larger: {look}",
        },
    )


def last_harmonic(function):
    """A function of an instrument that returns the number of the highest harmonic it learned."""
    for name in ("trumpet", "flute", "tenor_saxophone"):
        instrument = _instrument(name)
        number, wrong = hints.call(function, instrument)
        wrong = wrong or hints.one_number(number)
        if wrong:
            return wrong
        bias = np.asarray(instrument.model.decoder.dense_out.bias)
        right, number = np.flatnonzero(bias[1:61])[-1] + 1, float(np.squeeze(number))
        if number == right:
            continue
        if number == right - 1:
            return f"{name}: arrays count from 0 and harmonics from 1: add 1."
        if number == right + 1:
            return f"{name}: one too high. The first bias is the amplitude's, not harmonic 1's."
        if number == np.flatnonzero(bias)[-1] + 1 or number > 60:
            return f"{name}: biases 61 and up are the noise's: the harmonics are 1 to 60."
        if number == np.count_nonzero(bias[1:61]) or number == 60:
            return (
                f"{name}: return the last harmonic whose bias is not 0, not how many of them there "
                "are."
            )
        if number > right:
            return f"{name}: harmonic {number:.0f} never learned: its bias is still 0."
        return f"{name}: a harmonic above {number:.0f} has a bias that is not 0."
    return None


@functools.cache
def _instrument(name):
    """Load an instrument once, because an exercise is often tried again."""
    from ddsp_course import instruments

    return instruments.load(name)


def amplitudes(harmonics):
    """The amplitude times each harmonic's share in its frame, (100, 20)."""
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
        return "the shares add up to 1 over time, along the wrong axis: in each frame, the harmonics should add up to 1."
    if is_like(amplitude[:, None] * strength / strength.sum()):
        return "the shares of all frames together add up to 1, which is far too soft: in each frame, they should add up to 1."
    if is_like(amplitude[:, None] * strength / strength.max(axis=1, keepdims=True)):
        return (
            f"it is {_too_loud(harmonics, right)}, because the strongest harmonic of each frame gets the "
            "whole amplitude: divide by the frame's sum, not by its maximum."
        )
    if is_like(amplitude[:, None] * strength):
        return (
            f"it is {_too_loud(harmonics, right)}: the strengths of a frame do not add up to 1 yet."
        )
    if is_like(amplitude[:, None] * np.exp(strength) / np.exp(strength).sum(axis=1, keepdims=True)):
        return "a softmax makes the harmonics nearly equal: the strengths are positive already, so divide by their sum."
    if is_like(amplitude[:, None] * strength / strength.mean(axis=1, keepdims=True)):
        return "dividing by the mean makes the shares add up to 20, not to 1: divide by the sum."
    if is_like(amplitude[:, None] * strength / np.linalg.norm(strength, axis=1, keepdims=True)):
        return "the squares of these shares add up to 1, but the shares themselves should."
    if is_like(amplitude[:, None] * np.sqrt(shares)):
        return "a square root turns powers into amplitudes, but these are amplitudes already."
    if is_like(amplitude[:, None] + shares):
        return "the amplitude should multiply the shares, but here it is added to them."
    return hints.close(harmonics, right)


def loss(value):
    """The spectral loss of two decaying sines with hiss, with frames of 512 samples: one number."""
    wrong = hints.one_number(value)
    if wrong:
        return wrong
    value = float(np.squeeze(value))
    target, sound = _two_sounds()
    s, s_hat = _magnitudes(target, 512), _magnitudes(sound, 512)
    linear, logs = np.abs(s - s_hat), np.abs(np.log(s) - np.log(s_hat))
    right = linear.mean() + logs.mean()
    # The last frames extend beyond the audio, and some implementations leave them out.
    n_whole = (len(target) - 512) // 128 + 1
    for wanted in (right, linear[:n_whole].mean() + logs[:n_whole].mean()):
        if abs(value - wanted) <= 5e-4 * right:
            return None
    # Different overlaps give nearly the same loss, so the nearest one is the answer's.
    overlaps = {overlap: _loss(target, sound, 512, overlap) for overlap in (0, 0.25, 0.5, 0.875)}
    overlap = min(overlaps, key=lambda one: abs(value - overlaps[one]))
    if abs(value - overlaps[overlap]) <= 5e-4 * right:
        return f"the frames overlap by {overlap:.1%} instead of three quarters."
    decibels, squares = logs.mean() * 20 / np.log(10), (linear**2).mean() + (logs**2).mean()
    cancelling = (s - s_hat).mean() + (np.log(s) - np.log(s_hat)).mean()
    known = {
        "the logarithm's term is missing: so far only loud frequencies count, not the noise floor.": linear.mean(),
        "the plain magnitudes' term is missing: soft frequencies count as much as loud ones.": logs.mean(),
        "that is the sum, which doubles if the sound is twice as long. Take the mean.": linear.sum()
        + logs.sum(),
        "the differences are squared, which is L2: L1 takes their absolute values.": squares,
        "too loud and too soft cancel each other: take absolute values before the mean.": cancelling,
        "use the natural logarithm instead of the one to base 10.": linear.mean()
        + logs.mean() / np.log(10),
        "the logarithms are in decibels, which count 8.7 times as much as natural ones.": linear.mean()
        + decibels,
        "this compares the waveforms, phases included: compare magnitudes of spectrograms.": float(
            np.mean((target - sound) ** 2)
        ),
    }
    wrong = hints.mistake(value, known, rtol=0.02)
    if wrong:
        return wrong
    sizes = {size: _loss(target, sound, size) for size in (64, 128, 256, 1024, 2048)}
    size = min(sizes, key=lambda one: abs(value - sizes[one]))
    if abs(value - sizes[size]) <= 0.01 * right:
        return f"that is the loss with frames of {size} samples instead of 512."
    side = "high" if value > right else "low"
    return (
        f"that is too {side}: add the mean of the magnitudes' absolute differences to that of their "
        "logarithms'."
    )


def noise_level(function):
    """A function of a harmonic part and a noise part: the noise's level relative to both, in dB."""
    n = np.arange(SAMPLE_RATE)
    for seed, gain, hz in ((5, 0.15, 220), (6, 0.5, 440), (7, 0.01, 330)):
        harmonic = 0.4 * np.sin(2 * np.pi * hz / SAMPLE_RATE * n)
        noise = gain * np.random.default_rng(seed).normal(size=SAMPLE_RATE)
        level, wrong = hints.call(function, harmonic, noise)
        wrong = wrong or hints.one_number(level) or _wrong_level(level, harmonic, noise)
        if wrong:
            return wrong
    return None


def incomplete_sounds():
    """Return {name: sound}: a note, and the three sounds that `missing` asks about, (24000,) each."""
    return {
        "The note": _note(),
        "A": _note(loudness=False),
        "B": _note(noise=False),
        "C": _note(n_harmonics=3),
    }


def missing(named):
    """{sound: the control it lacks} for the three in `incomplete_sounds`."""
    return hints.choices(
        named,
        {"A": "loudness", "B": "noise", "C": "high harmonics"},
        ("noise", "vibrato", "loudness", "high harmonics"),
        {
            "noise": "then the breath beneath the note would be gone.",
            "vibrato": "then its pitch would not move.",
            "loudness": "then it would neither swell nor fade, and would stop abruptly.",
            "high harmonics": "then it would be dull.",
        },
    )


def _note(noise=True, loudness=True, n_harmonics=15):
    time = np.arange(24_000) / SAMPLE_RATE
    f0_hz = 330 * 2 ** (0.3 * np.sin(2 * np.pi * 5.5 * time) / 12)
    phase = 2 * np.pi * np.cumsum(f0_hz) / SAMPLE_RATE
    k = np.arange(1, n_harmonics + 1)
    tone = 0.2 * (np.sin(np.outer(phase, k)) / k).sum(axis=1)
    breath = 0.05 * noise * np.random.default_rng(0).normal(size=len(time))
    swell = np.sin(np.pi * time / 1.5) ** 2 if loudness else 0.6
    return swell * (tone + breath)


def _wrong_level(level_db, harmonic, noise):
    level_db, whole = float(np.squeeze(level_db)), harmonic + noise
    parts = {"noise": noise, "harmonic": harmonic, "whole": whole}
    power = {name: np.mean(part**2) for name, part in parts.items()}
    ratio = power["noise"] / power["whole"]
    right = 10 * np.log10(ratio)
    if abs(level_db - right) <= 0.05:
        return None
    known = {
        "the sign is wrong: the noise is softer than the whole.": -right,
        "that is twice as many decibels as it should be: powers take 10 log10, amplitudes 20.": 2
        * right,
        "that is half as many decibels as it should be: amplitudes take 20 log10, powers 10.": right
        / 2,
        "that compares the noise with the harmonics: compare it with the whole.": 10
        * np.log10(power["noise"] / power["harmonic"]),
        "that is the level of the harmonics.": 10 * np.log10(power["harmonic"] / power["whole"]),
        "that compares the peaks: compare the mean powers.": 20
        * np.log10(np.abs(noise).max() / np.abs(whole).max()),
        "that is the natural logarithm: decibels use base 10.": 10 * np.log(ratio),
        "that compares the noise with a power of 1: divide by the power of the whole.": 10
        * np.log10(power["noise"]),
        "that is the ratio of the powers: take 10 log10 of it for decibels.": ratio,
        "that is the ratio of the amplitudes: take 20 log10 of it for decibels.": np.sqrt(ratio),
    }
    return hints.mistake(level_db, known, rtol=0.001) or (
        f"the noise is {hints.too_loud(level_db - right)}: divide its mean power by that of the "
        "whole."
    )


def _too_loud(harmonics, right):
    db = 20 * np.log10(harmonics.sum(axis=1).mean() / right.sum(axis=1).mean())
    return f"{db:.0f} dB too loud"


def _two_sounds():
    random = np.random.default_rng(4)
    t = np.arange(8000) / SAMPLE_RATE
    target = 0.3 * np.exp(-t / 0.03) * np.sin(2 * np.pi * 440 * t)
    target += 0.001 * random.normal(size=8000)
    sound = 0.3 * np.exp(-t / 0.15) * np.sin(2 * np.pi * 450 * t)
    sound += 0.002 * random.normal(size=8000)
    return target, sound


def _loss(target, sound, size, overlap=0.75):
    s, s_hat = (_magnitudes(one, size, overlap) for one in (target, sound))
    return np.abs(s - s_hat).mean() + np.abs(np.log(s) - np.log(s_hat)).mean()


def _magnitudes(sound, size, overlap=0.75):
    """What `ddsp.spectral_ops.compute_mag` returns, (frames, frequencies)."""
    step = round(size * (1 - overlap))
    n_frames = -(-len(sound) // step)
    padded = np.pad(sound, (0, (n_frames - 1) * step + size - len(sound)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::step]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return np.abs(np.fft.rfft(frames * window, axis=1))


def _hear_harmonics(harmonics):
    curves = np.repeat(np.squeeze(harmonics), 160, axis=0)
    n, k = np.arange(len(curves)), np.arange(1, curves.shape[1] + 1)
    return (curves * np.sin(2 * np.pi * 220 / SAMPLE_RATE * np.outer(n, k))).sum(axis=1)


HEARD = {"amplitudes": _hear_harmonics}
