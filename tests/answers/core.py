import numpy as np

FRAMES = np.interp(np.arange(250) / 250, [0, 0.02, 0.1, 0.8, 0.9, 1], [0, 1, 0.5, 0.4, 0, 0])
AT = np.arange(16000) / 64
FAULTS = {"A": "phase rounding", "B": "leaking filter", "C": "zipper noise"}
N = np.arange(-128, 129)


def steps(f_hz):
    return 2 * np.pi * f_hz / 16000


def linear(at):
    return np.interp(at, np.arange(250), FRAMES)


def sinc(cutoff_hz, window):
    h = np.sinc(2 * cutoff_hz / 16000 * N) * window
    return h / h.sum()


def high_pass():
    h = -sinc(1000, np.hamming(257))
    h[128] += 1
    return h


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    tf, ddsp = _tensorflow.load(), _tensorflow.load_ddsp()
    cutoff = tf.constant([[[1000.0]]])
    return {
        "descent": ["near 260 Hz", " Near 260 hz"],
        "faults": [{name: fault.upper() for name, fault in FAULTS.items()}],
        "envelope": [
            linear(AT),
            list(linear(AT)),
            ddsp.core.resample(FRAMES[None, :, None], 16000)[0, :, 0],
        ],
        "phase": [
            lambda f: np.cumsum(steps(f)) % (2 * np.pi),
            lambda f: np.cumsum(steps(f).astype(np.float32)),
            lambda f: tf.cumsum(steps(f).astype(np.float32)),
            lambda f: ddsp.core.angular_cumsum(steps(f)[None].astype(np.float32)),
        ],
        "low_pass": [
            sinc(1000, np.blackman(257)),
            sinc(1000, np.hanning(257)),
            ddsp.core.sinc_impulse_response(cutoff, 256, 16000)[0, 0],
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    hamming = np.hamming(257)
    return {
        "descent": [
            ("at 220 Hz", "slope down all the way"),
            ("an octave lower", "small steps"),
            (260, "one of the words"),
        ],
        "faults": [
            ({**FAULTS, "A": "aliasing"}, "'A': then tones would fold"),
            ({**FAULTS, "B": "zipper noise"}, "'B'"),
            ({**FAULTS, "C": "overshoot"}, "silence"),
            ("aliasing", "a dictionary"),
        ],
        "envelope": [
            (np.repeat(FRAMES, 64), "falls in steps"),
            (linear(AT - 1), "one hop too late"),
            (linear(AT + 1), "one hop too early"),
            (linear(AT - 0.5), "half a hop too late"),
            (linear(np.linspace(0, 249, 16000)), "stretched"),
            (linear(np.floor(AT) + 0.5 - 0.5 * np.cos(np.pi * (AT % 1))), "overlapping windows"),
            (linear(AT) * 1.2, "beyond the frames' values"),
            (np.repeat(FRAMES, 63), "should be (16000,)"),
        ],
        "phase": [
            (np.cumsum(steps(np.geomspace(220, 440, 16000))), "should be a function"),
            (lambda f: 2 * np.pi * 220 / np.log(2) * (2 ** (np.arange(16000) / 16000) - 1), "late"),
            (lambda f: np.cumsum(f / 16000), "counts turns"),
            (lambda f: np.cumsum(steps(f)) - steps(f), "one sample too late"),
            (lambda f: np.cumsum(2 * steps(f)), "an octave too high"),
            (lambda f: 2 * np.pi * f * np.arange(len(f)) / 16000, "by the time"),
            (lambda f: np.cumsum(2 * np.pi * f), "16 000 times too fast"),
            (steps, "add them up"),
            (lambda f: np.degrees(np.cumsum(steps(f))), "degrees"),
            (lambda f: np.cumsum(1.1 * steps(f)), "ends at 484 Hz"),
            (lambda f: np.cumsum(steps(f)) + 1, "shifted"),
            (lambda f: np.cumsum(steps(np.geomspace(220, 440, 16000))), "vibrato"),
        ],
        "low_pass": [
            (sinc(2000, hamming), "an octave too high"),
            (sinc(500, hamming), "an octave too low"),
            (high_pass(), "a high-pass"),
            (8 * sinc(1000, hamming), "18.1 dB too loud"),
            (np.sinc(N / 8 - 0.3) * hamming / 8, "not symmetric"),
            (sinc(1000, np.ones(257)), "without a window"),
            (-sinc(1000, hamming), "upside down"),
            (sinc(1200, hamming), "1200 Hz"),
            (sinc(1000, hamming)[:, None], "should be (257,)"),
            (sinc(1000, hamming)[:-1], "one too few taps"),
        ],
    }
