import numpy as np

HZ = np.arange(65) * 125
IN = (HZ >= 2000) & (HZ <= 4000)
HARMONIC = ("harmonic", ["amps", "harmonic_distribution", "f0_hz"])
NOISE = ("noise", ["noise_magnitudes"])
ADD = ("add", ["harmonic/signal", "noise/signal"])
REVERB = ("reverb", ["add/signal", "ir"])


def band(inside, level=0.1, n_frames=250):
    return np.tile(np.where(inside, level, 0), (n_frames, 1))


def taps(first, second, at=4000, length=8000):
    ir = np.zeros(length)
    ir[0], ir[at] = first, second
    return ir


FAULTS = {"A": "cut-off reverb", "B": "aliasing", "C": "clicks"}


def logit(share):
    return np.log(share) - np.log1p(-share)


UNDO = 1 / np.log(10)


def undone(power=UNDO, factor=2.0, sign=1):
    """A function from amplitudes to raw numbers, right or nearly so."""
    return lambda amplitudes: sign * logit(np.clip(amplitudes / factor, 0, 0.999) ** power)


def by_tensorflow(amplitudes):
    import tensorflow as tf

    share = (tf.constant(amplitudes, tf.float32) / 2) ** (1 / np.log(10))
    return -tf.math.log(1 / share - 1)


def with_objects():
    from ddsp_course import _tensorflow

    ddsp = _tensorflow.load_ddsp()
    return [
        (ddsp.synths.FilteredNoise(), ["inputs/noise_magnitudes"]),
        (ddsp.synths.Harmonic(n_samples=32000), ["amps", "harmonic_distribution", "f0_hz"]),
        (ddsp.processors.Add(), ["filtered_noise/signal", "harmonic/signal"]),
        (ddsp.effects.Reverb(), ["add/signal", "ir"]),
    ]


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    shifted = np.zeros(8000)
    shifted[[0, 4000]] = [1, 10 ** (-6 / 20)]
    half_open = np.zeros((250, 65), np.float32)
    half_open[:, 16:32] = 0.1
    return {
        "folded": [4000, 4000.0, [3950]],
        "raw_numbers": [undone(), by_tensorflow, lambda a: list(np.round(undone()(a), 3))],
        "faults": [{name: fault.upper() for name, fault in FAULTS.items()}],
        "noise_band": [half_open, band(IN).tolist(), band((HZ > 2000) & (HZ < 4000))],
        "echo": [shifted, taps(1, 0.5).tolist()],
        "wires": [
            [NOISE, HARMONIC, ("add", ["noise/signal", "harmonic/signal"]), REVERB],
            (HARMONIC, NOISE, (*ADD, ["signal"]), ("reverb", ["add/signal", "inputs/ir"])),
            with_objects(),
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    two_frames = np.zeros((250, 65))
    two_frames[16:33] = 0.1
    raw = np.where(np.tile(IN, (250, 1)), -1.0, -20.0)
    return {
        "folded": [
            (12000, "nothing above 8 kHz"),
            (8000, "turns back"),
            (6000, "as far below"),
            (4, "kilohertz"),
            ([1, 2], "shape"),
        ],
        "raw_numbers": [
            (-0.3834, "should be a function"),
            (lambda a: -0.3834, "shape"),
            (lambda a: a, "amplitudes still"),
            (undone(factor=1), "factor of 2"),
            (undone(sign=-1), "sign is wrong"),
            (undone(power=1), "power of ln 10"),
            (undone(power=np.log(10)), "1 / ln 10"),
            (lambda a: np.log10(a), "dB too soft"),
            (lambda a: np.log(a * 0), "not finite"),
            (lambda a: undone()(a)[0], "shape"),
        ],
        "faults": [
            ({**FAULTS, "A": "no dry sound"}, "'A': then the note itself"),
            ({**FAULTS, "B": "out of tune"}, "'B'"),
            ({**FAULTS, "C": "aliasing"}, "fall while the pitch rises"),
            ("clicks", "a dictionary"),
        ],
        "noise_band": [
            (band(IN).T, "axes are in another order"),
            (band(IN)[0], "frames, bands"),
            (two_frames, "wrong axis, time"),
            (band((HZ >= 1000) & (HZ <= 2000)), "an octave too low"),
            (band((HZ >= 4000) & (HZ <= 8000)), "an octave too high"),
            (np.zeros((250, 65)), "number of a band"),
            (band(~IN), "wrong way round"),
            (band(IN, 0.2), "6.0 dB too loud"),
            (band(HZ <= 4000), "lower edge"),
            (band(HZ >= 2000), "upper edge"),
            (raw, "raw numbers"),
        ],
        "echo": [
            (taps(1, 0.5, at=250), "not 250 samples"),
            (taps(0, 0.5), "dry sound is missing"),
            (taps(1, -0.5), "wrong sign"),
            (taps(1, 0.25), "6.0 dB too soft"),
            (taps(1, 0), "no echo"),
            (taps(0.5, 1), "wrong one of the two"),
            (taps(1, 0.5, at=3999), "one sample too early"),
            (taps(1, 0.5, at=3998), "at sample 3998"),
            (taps(1, -6), "decibels"),
            (taps(1, 0.5, length=4001), "shape"),
        ],
        "wires": [
            ([HARMONIC, NOISE, REVERB, ADD], "the order is wrong"),
            ([HARMONIC, NOISE, ADD], "no node plays reverb"),
            (
                [
                    HARMONIC,
                    NOISE,
                    ("reverb", ["harmonic/signal", "ir"]),
                    ("add", ["reverb/signal", "noise/signal"]),
                ],
                "the last node",
            ),
            ([HARMONIC, NOISE, ADD, ("reverb", ["add/signal"])], "missing"),
            ([HARMONIC, NOISE, ADD, ("reverb", ["add", "ir"])], "'add/signal'"),
            ([HARMONIC, NOISE, ADD, ("reverb", ["harmonic/signal", "ir"])], "noise is missing"),
            ([HARMONIC, NOISE, ADD, ("reverb", ["ir", "add/signal"])], "a sound first"),
            (
                [("harmonic", ["f0_hz", "harmonic_distribution", "amps"]), NOISE, ADD, REVERB],
                "another order",
            ),
            ([HARMONIC, ("noise", ["magnitudes"]), ADD, REVERB], "nothing has that name"),
            ([HARMONIC, ("noise", "noise_magnitudes"), ADD, REVERB], "even if there is only one"),
            ([HARMONIC, ("hiss", ["noise_magnitudes"]), ADD, REVERB], "no processor called"),
        ],
    }
