import numpy as np

DB = np.array([-6.0, -20.0, -60.0])
FRAMES = np.interp(np.arange(250) / 250, [0, 0.02, 0.1, 0.8, 0.9, 1], [0, 1, 0.5, 0.4, 0, 0])
AT = np.arange(16000) / 64
F = np.geomspace(220, 440, 16000)
STEP = 2 * np.pi * F / 16000
N = np.arange(-128, 129)


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
    step = STEP.astype(np.float32)
    return {
        "gains": [[0.5, 0.1, 0.001], ddsp.core.db_to_amplitude(tf.constant(DB))],
        "envelope": [
            linear(AT),
            list(linear(AT)),
            ddsp.core.resample(FRAMES[None, :, None], 16000)[0, :, 0],
        ],
        "phase": [
            np.cumsum(STEP) % (2 * np.pi),
            np.cumsum(step),
            tf.cumsum(step),
            ddsp.core.angular_cumsum(step[None])[0],
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
        "gains": [
            (10 ** (DB / 10), "that is power"),
            (10 ** (-DB / 20), "louder, and not softer"),
            (DB, "still decibels"),
            (np.exp(DB / 20), "base e"),
            (10 ** (DB / 40), "half as many dB"),
            ([0.5, 0.25, 0.125], "67% of the numbers are off"),
            (0.5, "(3,) is asked for"),
        ],
        "envelope": [
            (np.repeat(FRAMES, 64), "goes in stairs"),
            (linear(AT - 1), "one hop too late"),
            (linear(AT + 1), "one hop too early"),
            (linear(AT - 0.5), "half a hop too late"),
            (linear(np.linspace(0, 249, 16000)), "stretched"),
            (linear(np.floor(AT) + 0.5 - 0.5 * np.cos(np.pi * (AT % 1))), "overlapping windows"),
            (linear(AT) * 1.2, "beyond the frames"),
            (np.repeat(FRAMES, 63), "(16000,) is asked for"),
        ],
        "phase": [
            (np.cumsum(F / 16000), "counts turns"),
            (np.cumsum(STEP) - STEP, "one sample too late"),
            (np.cumsum(2 * STEP), "an octave too high"),
            (2 * np.pi * F * np.arange(16000) / 16000, "745 Hz"),
            (np.cumsum(2 * np.pi * F), "16 000 times too fast"),
            (STEP, "add them up"),
            (np.degrees(np.cumsum(STEP)), "degrees"),
            (np.cumsum(1.1 * STEP), "ends at 484 Hz"),
            (np.cumsum(STEP) + 1, "shifted"),
        ],
        "low_pass": [
            (sinc(2000, hamming), "an octave too high"),
            (sinc(500, hamming), "an octave too low"),
            (high_pass(), "a high-pass"),
            (8 * sinc(1000, hamming), "18.1 dB too loud"),
            (np.sinc(N / 8 - 0.3) * hamming / 8, "not symmetric"),
            (sinc(1000, np.ones(257)), "without a window"),
            (sinc(1200, hamming), "1200 Hz"),
            (sinc(1000, hamming)[:, None], "(257,) is asked for"),
            (sinc(1000, hamming)[:-1], "one too few of taps"),
        ],
    }
