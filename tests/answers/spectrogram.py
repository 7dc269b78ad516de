import numpy as np

T = np.arange(16000) / 16000
GLIDE = 0.5 * np.sin(2 * np.pi * (200 * T + 2900 * T**2)).astype(np.float32)
CHORD = sum(0.5 * np.sin(2 * np.pi * hz * T) for hz in (262, 330, 392))
HANN = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)


def magnitude(window=HANN, hop=256, size=1024):
    """(frames, bins)"""
    padded = np.pad(GLIDE, (0, 4096))
    frames = [padded[i : i + size] * window for i in range(0, 16000, hop)]
    return np.abs(np.fft.rfft(frames))


def nepers(**settings):
    return np.log(magnitude(**settings) + 1e-6).T[::-1]


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    tf, ddsp = _tensorflow.load(), _tensorflow.load_ddsp()
    by_tf = tf.math.log(tf.abs(tf.signal.stft(GLIDE, 1024, 256, pad_end=True)) + 1e-5)
    as_it_is = ddsp.core.safe_log(ddsp.spectral_ops.compute_mag(GLIDE, 1024)).numpy()
    clipped = np.clip(CHORD, -1, 1)
    return {
        "picture": [
            nepers(),
            tf.image.rot90(by_tf[..., None])[..., 0],
            as_it_is.T[::-1],
            nepers(window=np.hanning(1024)),
        ],
        "limits": [[-2.97, 6.24], np.array([6.238 - 9.21, 6.238])],
        "place": [[896, 30], (896.0, 30.0)],
        "sixteen_bits": [
            (clipped * 32767).astype(np.int16),
            np.clip(np.round(CHORD * 32768), -32768, 32767).astype("<i2"),
            np.int16(np.clip(32767 * CHORD, -32767, 32767)),
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    picture = nepers()
    whole = np.round(32767 * np.clip(CHORD, -1, 1))
    return {
        "picture": [
            (magnitude().T[::-1], "the logarithm is missing"),
            (picture[::-1], "upside down: the glide falls"),
            (picture[:, ::-1], "runs backwards: the glide comes from the end"),
            (np.rot90(np.log(magnitude() + 1e-6), k=-1), "clockwise"),
            (np.log(magnitude() + 1e-6), "time goes down"),
            (picture * 20 / np.log(10), "these are decibels"),
            (picture / np.log(10), "to base 10"),
            (2 * picture, "of the power"),
            (nepers(window=np.ones(1024)), "merely cut"),
            (nepers(window=np.hamming(1024)), "Hamming's"),
            (nepers(hop=512), "an overlap of 0.5"),
            (picture[:, :59], "zeros should fill up"),
            (nepers(window=np.hanning(2048), size=2048), "those of an FFT of 2048"),
            (picture - np.log(256), "48.2 dB too low"),
            (picture[:, :, None], "their shape is (513, 63, 1)"),
        ],
        "limits": [
            ([6.24, -2.97], "exchanged"),
            ([-80, 0], "in decibels"),
            ([-9.21, 0], "far below a full sine"),
            ([6.24 - 18.42, 6.24], "160 dB"),
            ([np.log(256) - 9.21, np.log(256)], "frames of 1024"),
            ([np.log(2048) - 9.21, np.log(2048)], "12 dB too high"),
            ([np.log(1024) - 9.21, np.log(1024)], "negative frequencies"),
            ([-5, 6.24], "98 dB below it"),
            ([-1.3, 2.709], "base 10: nepers"),
            ([-3], "one too few of limits"),
        ],
        "place": [
            ([30, 896], "exchanged"),
            ([128, 30], "7 kHz"),
            ([895, 30], "one row too high"),
            ([897, 30], "one row too low"),
            ([896, 31], "the first frame is column 0"),
            ([896, 28], "whose middle is at"),
            ([896, 240], "250 frames a second"),
            ([960, 30], "an octave too low"),
            ([1000, 30], "188 Hz"),
            ([896, 29], "begins at 0.93 s"),
            ([896, 31.25], "whole numbers"),
        ],
        "sixteen_bits": [
            ((32767 * CHORD).astype(np.int64).astype(np.int16), "it crackles"),
            (CHORD.astype(np.int16) * 0, "it is silent"),
            (CHORD.astype(np.int16), "it is silent"),
            (whole, "32 768 times too loud"),
            (whole.astype(np.int32), "not one of 16 bits"),
            (
                np.round(32767 * CHORD / np.abs(CHORD).max()).astype(np.int16),
                "turned down as a whole",
            ),
            (np.round(32767 * CHORD).astype(np.int32), "beyond 32 767"),
            (CHORD, "numbers up to 1"),
            (np.clip(CHORD, -1, 1), "numbers up to 1"),
            (np.round(127 * np.clip(CHORD, -1, 1)).astype(np.int16), "too soft"),
            (whole[:-1].astype(np.int16), "one too few of samples"),
        ],
    }
