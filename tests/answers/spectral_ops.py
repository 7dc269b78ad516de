import numpy as np

N = np.arange(16000)
TONE = np.where(N >= 6000, 0.5 * np.sin(2 * np.pi * 330 / 16000 * N), 0)


def rms(size=1024, before=None):
    """The curve of `TONE`, with zeros before (half a frame: centred) and enough of them behind."""
    before = size // 2 if before is None else before
    padded = np.pad(TONE, (before, 4096))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::64][:250]
    return np.sqrt(np.mean(frames**2, axis=1))


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    return {
        "frames": [[298, 313, 314], np.array([298.0, 313.0, 314.0])],
        "frame_size": [8192, 2.0**13, np.array(8192)],
        "level": [10 * np.log10(0.0625), -12.0, 20 * np.log10(np.float32(0.25))],
        "curve": [rms(), list(rms().astype(np.float32))],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    return {
        "frames": [
            ([297, 313, 314], "valid: one too few"),
            ([298, 313, 313], "center: one too few"),
            ([298, 314, 314], "one hop too late"),
            ([298, 314, 313], "in another order"),
            ([19, 313, 314], "do not overlap"),
            ([313, 313, 314], "zeros after the end"),
            ([297.0, 312.5, 313.5], "half a frame"),
            ([20032, 20032, 20032], "more frames than hops"),
            ([298, 313], "one too few of paddings"),
        ],
        "frame_size": [
            (4096, "Hann's window"),
            (2048, "melt into one that beats"),
            (16384, "smears each onset"),
            (6531, "no power of two"),
            (0.512, "in seconds"),
            (13, "the exponent"),
        ],
        "level": [
            (10 * np.log10(0.25), "6 dB too loud"),
            (20 * np.log10(0.0625), "12 dB too soft"),
            (12.04, "the sign is lost"),
            (0.25, "the RMS itself"),
            (20 * np.log10(0.25 / np.sqrt(2)), "3 dB too soft"),
            (10 * np.log(0.0625), "natural logarithm"),
            (20 * np.log10(0.4811), "level of the peak"),
            (-20, "8.0 dB too soft"),
        ],
        "curve": [
            (rms(before=0), "8 hops too early"),
            (rms(before=512 - 64), "one hop too early"),
            (np.r_[0, rms()[:-1]], "one hop too late"),
            (rms() ** 2, "the root is missing"),
            (20 * np.log10(np.maximum(rms(), 1e-4)), "in decibels"),
            (rms(512), "too quickly"),
            (rms(2048), "too slowly"),
            (np.r_[rms(), 0], "one too many of frames"),
            (rms(before=0)[:235], "8 hops too early"),
            (rms() * 32, "30 dB too loud"),
        ],
    }
