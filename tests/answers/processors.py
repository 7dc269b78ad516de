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
        "raw_amplitude": [-0.3834, [-0.38], np.array([[-0.3834]])],
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
    power = np.log(10)
    share, without_two = 0.125 ** (1 / power), 0.25 ** (1 / power)
    two_frames = np.zeros((250, 65))
    two_frames[16:33] = 0.1
    raw = np.where(np.tile(IN, (250, 1)), -1.0, -20.0)
    return {
        "raw_amplitude": [
            (0.25, "what should come out"),
            (np.log(without_two / (1 - without_two)), "factor 2"),
            (-np.log(share / (1 - share)), "sign"),
            (np.log(0.125 / 0.875), "power of ln 10"),
            (np.log10(0.25), "2.7 dB too soft"),
            (-np.inf, "not finite"),
            ([1, 2], "one number"),
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
            (taps(1, 0.5, length=4001), "shape"),
        ],
        "wires": [
            ([HARMONIC, NOISE, REVERB, ADD], "the order"),
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
            ([HARMONIC, ("noise", ["magnitudes"]), ADD, REVERB], "nothing is called so"),
            ([HARMONIC, ("noise", "noise_magnitudes"), ADD, REVERB], "even if it is one thing"),
            ([HARMONIC, ("hiss", ["noise_magnitudes"]), ADD, REVERB], "no processor called"),
        ],
    }
