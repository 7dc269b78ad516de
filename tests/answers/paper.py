import numpy as np

AMPLITUDE = 0.5 * np.hanning(102)[1:-1]
STRENGTH = np.random.default_rng(3).uniform(0.1, 1, (100, 20))
SHARES = STRENGTH / STRENGTH.sum(axis=1, keepdims=True)

MISSING = {"A": "loudness", "B": "noise", "C": "high harmonics"}

_RANDOM = np.random.default_rng(4)
_T = np.arange(8000) / 16000
TARGET = 0.3 * np.exp(-_T / 0.03) * np.sin(2 * np.pi * 440 * _T)
TARGET += 0.001 * _RANDOM.normal(size=8000)
SOUND = 0.3 * np.exp(-_T / 0.15) * np.sin(2 * np.pi * 450 * _T)
SOUND += 0.002 * _RANDOM.normal(size=8000)


def rms(sound):
    return np.sqrt(np.mean(sound**2))


def bias(instrument):
    return np.asarray(instrument.model.decoder.dense_out.bias)


def last(values):
    return np.flatnonzero(values)[-1]


def spectrogram(sound, size=512, pad=True, overlap=0.75):
    """Magnitudes in plain NumPy; without `pad` the frames end where the sound does."""
    step = int(size * (1 - overlap))
    starts = range(0, len(sound) if pad else len(sound) - size + 1, step)
    padded = np.r_[sound, np.zeros(size)]
    window = np.hanning(size + 1)[:-1]
    return np.array([np.abs(np.fft.rfft(padded[i : i + size] * window)) for i in starts])


def terms(size=512, pad=True, overlap=0.75):
    s, s_hat = (spectrogram(one, size, pad, overlap) for one in (TARGET, SOUND))
    return s - s_hat, np.log(s / s_hat)


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    linear, logs = terms()
    no_pad = terms(pad=False)
    return {
        "worst": ["signs flipped", "Signs_flipped"],
        "last_harmonic": [
            lambda instrument: last(bias(instrument)[:61]),
            lambda instrument: max(k for k in range(1, 61) if bias(instrument)[k] != 0),
        ],
        "missing": [{name: thing.upper() for name, thing in MISSING.items()}],
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
            lambda tone, noise: 20 * np.log10(rms(noise) / rms(tone + noise)),
            lambda tone, noise: [10 * np.log10(sum(noise**2) / sum((tone + noise) ** 2))],
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    linear, logs = terms()
    return {
        "worst": [
            ("silence", "it can be larger"),
            ("a sample later", "small part"),
            ("30 cents too high", "half of the time"),
            (1, "one of the words"),
        ],
        "last_harmonic": [
            (60, "should be a function"),
            (lambda instrument: last(bias(instrument)[1:61]), "add 1"),
            (lambda instrument: last(bias(instrument)[:61]) + 1, "amplitude's"),
            (lambda instrument: last(bias(instrument)) + 1, "the noise's"),
            (lambda instrument: 60, "return the last"),
            (lambda instrument: 42, "trumpet"),
            (lambda instrument: instrument.bias, "AttributeError"),
        ],
        "missing": [
            ({**MISSING, "A": "vibrato"}, "'A': then its pitch"),
            ({**MISSING, "B": "loudness"}, "swell"),
            ({**MISSING, "C": "noise"}, "'C'"),
            ("noise", "a dictionary"),
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
            (AMPLITUDE * STRENGTH.sum(axis=1), "should be (100, 20)"),
            (AMPLITUDE[:, None] * STRENGTH / STRENGTH.mean(axis=1)[:, None], "add up to 20"),
            (
                AMPLITUDE[:, None] * STRENGTH / np.linalg.norm(STRENGTH, axis=1)[:, None],
                "squares of these shares",
            ),
            (AMPLITUDE[:, None] * np.sqrt(SHARES), "square root"),
            (AMPLITUDE[:, None] + SHARES, "is added"),
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
            *(
                (sum(np.abs(term).mean() for term in terms(overlap=overlap)), f"{overlap:.1%}")
                for overlap in (0, 0.25, 0.5, 0.875)
            ),
        ],
        "noise_level": [
            (-9.4, "should be a function"),
            (lambda tone, noise: -9.4, "dB too"),
            (lambda tone, noise: 10 * np.log10(rms(noise) / rms(tone + noise)), "half as many"),
            (lambda tone, noise: 40 * np.log10(rms(noise) / rms(tone + noise)), "twice as many"),
            (lambda tone, noise: 20 * np.log10(rms(tone + noise) / rms(noise)), "sign is wrong"),
            (lambda tone, noise: 20 * np.log10(rms(noise) / rms(tone)), "with the harmonics"),
            (lambda tone, noise: rms(noise) / rms(tone + noise), "ratio of the amplitudes"),
            (lambda tone, noise: (rms(noise) / rms(tone + noise)) ** 2, "ratio of the powers"),
            (lambda tone, noise: 20 * np.log10(rms(noise)), "with a power of 1"),
        ],
    }
