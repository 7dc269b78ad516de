import numpy as np

AMPLITUDE = 0.5 * np.hanning(102)[1:-1]
STRENGTH = np.random.default_rng(3).uniform(0.1, 1, (100, 20))
SHARES = STRENGTH / STRENGTH.sum(axis=1, keepdims=True)

HARMONIC = 0.4 * np.sin(2 * np.pi * 220 * np.arange(16000) / 16000)
NOISE = 0.15 * np.random.default_rng(5).normal(size=16000)
WHOLE = HARMONIC + NOISE

_RANDOM = np.random.default_rng(4)
_T = np.arange(8000) / 16000
TARGET = 0.3 * np.sin(2 * np.pi * 440 * _T) + 0.01 * _RANDOM.normal(size=8000)
SOUND = 0.1 * np.sin(2 * np.pi * 450 * _T) + 0.02 * _RANDOM.normal(size=8000)


def rms(sound):
    return np.sqrt(np.mean(sound**2))


def spectrogram(sound, size=512, pad=True):
    """Magnitudes in plain NumPy; without `pad` the frames end where the sound does."""
    step = size // 4
    starts = range(0, len(sound) if pad else len(sound) - size + 1, step)
    padded = np.r_[sound, np.zeros(size)]
    window = np.hanning(size + 1)[:-1]
    return np.array([np.abs(np.fft.rfft(padded[i : i + size] * window)) for i in starts])


def terms(size=512, pad=True):
    s, s_hat = spectrogram(TARGET, size, pad), spectrogram(SOUND, size, pad)
    return s - s_hat, np.log(s / s_hat)


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    linear, logs = terms()
    no_pad = terms(pad=False)
    return {
        "controls": [31750, np.float64(31750.0), [127 * 250]],
        "amplitudes": [
            [list(a * s / sum(s)) for a, s in zip(AMPLITUDE, STRENGTH, strict=True)],
            np.einsum("t,tk->tk", AMPLITUDE, SHARES).astype(np.float32),
        ],
        "loss": [
            np.abs(linear).mean() + np.abs(logs).mean(),
            np.array([np.mean(np.abs(linear) + np.abs(logs))], np.float32),
            sum(np.abs(term).mean() for term in no_pad),
        ],
        "noise_level": [
            20 * np.log10(rms(NOISE) / rms(WHOLE)),
            10 * np.log10(np.sum(NOISE**2)) - 10 * np.log10(np.sum(WHOLE**2)),
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    linear, logs = terms()
    return {
        "controls": [
            (126 * 250, "too few a frame"),
            (128 * 250, "too many a frame"),
            (125 * 250, "two numbers a frame are missing"),
            (127, "that is one frame"),
            (127 * 16000, "fill in the samples"),
            (127 * 64, "64 is how many samples"),
            (250 * 60 * 65, "add up"),
            (1000, "not it yet"),
            (None, "nothing (None)"),
        ],
        "amplitudes": [
            (AMPLITUDE[:, None] * STRENGTH, "21 dB too loud"),
            (AMPLITUDE[:, None] * STRENGTH / STRENGTH.sum(axis=0), "wrong axis"),
            (SHARES, "as loud as the next"),
            ((AMPLITUDE[:, None] * SHARES).T, "another order"),
            (
                AMPLITUDE[:, None] * STRENGTH / STRENGTH.max(axis=1, keepdims=True),
                "not by its maximum",
            ),
            (AMPLITUDE[:, None] * STRENGTH / STRENGTH.sum(), "too soft"),
            (
                AMPLITUDE[:, None] * np.exp(STRENGTH) / np.exp(STRENGTH).sum(axis=1)[:, None],
                "softmax",
            ),
            (AMPLITUDE * STRENGTH.sum(axis=1), "(100, 20) is asked for"),
        ],
        "loss": [
            (np.abs(linear).mean(), "logarithm's term is missing"),
            (np.abs(logs).mean(), "plain magnitudes' term is missing"),
            (np.abs(linear).sum() + np.abs(logs).sum(), "Take the mean"),
            (np.mean(linear**2) + np.mean(logs**2), "squared"),
            (linear.mean() + logs.mean(), "cancel each other"),
            (np.abs(linear).mean() + np.abs(logs).mean() / np.log(10), "base 10"),
            (sum(np.abs(term).mean() for term in terms(2048)), "frames of 2048 samples"),
            (np.mean((TARGET - SOUND) ** 2), "waveforms"),
        ],
        "noise_level": [
            (10 * np.log10(rms(NOISE) / rms(WHOLE)), "half as many decibels"),
            (20 * np.log10(np.mean(NOISE**2) / np.mean(WHOLE**2)), "twice as many decibels"),
            (20 * np.log10(rms(WHOLE) / rms(NOISE)), "sign is turned"),
            (20 * np.log10(rms(NOISE) / rms(HARMONIC)), "against the harmonics"),
            (20 * np.log10(NOISE.max() / WHOLE.max()), "dB too"),
            (rms(NOISE) / rms(WHOLE), "ratio of the amplitudes"),
            (np.mean(NOISE**2) / np.mean(WHOLE**2), "ratio of the powers"),
        ],
    }
