import base64
import struct

import numpy as np

WAVE = 0.06 * np.cos(2 * np.pi * np.arange(16000) / 100) + 0.04 * np.cos(
    4 * np.pi * np.arange(16000) / 100
)
FAULTS = {"A": "clipping", "B": "noise suppression", "C": "aliasing", "D": "too few bits"}


def unpack(kind="<i2", scale=32768, mix=lambda rows: rows.mean(axis=1)):
    def function(letters, channels):
        rows = np.frombuffer(base64.b64decode(letters), kind).reshape(-1, channels)
        return mix(rows) / scale

    return function


def by_struct(letters, channels):
    data = base64.b64decode(letters)
    whole = struct.unpack(f"<{len(data) // 2}h", data)
    return [sum(whole[i : i + channels]) / channels / 32768 for i in range(0, len(whole), channels)]


def halves(letters, channels):
    data = np.frombuffer(base64.b64decode(letters), "<i2")
    return data.reshape(channels, -1).mean(axis=0) / 32768


def wide(order=(0, 1, 2), scale=2**23, sign=True):
    def function(data):
        three = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(int)[:, list(order)]
        whole = three @ [1, 256, 65536]
        return (np.where(whole >= 2**23, whole - 2**24, whole) if sign else whole) / scale

    return function


def wide_by_python(data):
    return [
        int.from_bytes(data[i : i + 3], "little", signed=True) / (2**23 - 1)
        for i in range(0, len(data), 3)
    ]


def wide_by_shifts(data):
    four = np.zeros((len(data) // 3, 4), np.uint8)
    four[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return (four.view("<i4")[:, 0] / 2**31).astype(np.float32)


def top_two_bytes(data):
    three = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return three[:, 1:].copy().view("<i2")[:, 0] / 32768


def filtered(sound, taps=255, cut=0.9):
    """Every third sample after a windowed sinc."""
    n = np.arange(taps) - taps // 2
    h = np.sinc(n / 3 * cut) * np.hamming(taps)
    return np.convolve(sound, h / h.sum(), "same")[::3]


def after(sound):
    from scipy.signal import butter, sosfiltfilt

    return sosfiltfilt(butter(10, 2000, fs=16000, output="sos"), sound[::3])


def notched(sound):
    from scipy.signal import filtfilt, iirnotch

    return filtfilt(*iirnotch(3000, 10, fs=16000), sound[::3])


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    import librosa
    import scipy.signal
    import soxr

    return {
        "byte_order": ["noise", " Noise "],
        "samples": [
            by_struct,
            unpack(scale=32767),
            lambda letters, channels: unpack()(letters, channels).round(3),
            lambda letters, channels: unpack()(letters, channels)[None].astype(np.float32),
        ],
        "bits_24": [wide_by_python, wide_by_shifts, lambda data: wide()(data)[None]],
        "resampled": [
            filtered,
            lambda sound: scipy.signal.resample_poly(sound, 1, 3),
            lambda sound: librosa.resample(sound, orig_sr=48000, target_sr=16000),
            lambda sound: soxr.resample(sound, 48000, 16000).astype(np.float32),
            lambda sound: scipy.signal.decimate(sound, 3),
            lambda sound: scipy.signal.decimate(sound, 3, ftype="fir"),
            lambda sound: scipy.signal.resample(sound, len(sound) // 3),
            lambda sound: filtered(sound)[:-1],
        ],
        "gain": [20.0, np.array([20.01]), 20 * np.log10(1 / 0.1), [-20 * np.log10(WAVE.max())]],
        "faults": [{player: fault.upper() for player, fault in FAULTS.items()}],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    left, right = (0.5 * np.sin(2 * np.pi * hz / 16000 * np.arange(16000)) for hz in (440, 660))
    return {
        "byte_order": [
            ("softer melody", "the old low byte"),
            ("lower melody", "the speed stay the same"),
            ("silence", "not among the words"),
            (3, "one of the words"),
        ],
        "samples": [
            # What was "Right!" before: the tones from which the message is made.
            ((left + right) / 2, "should be a function"),
            (lambda letters, channels: (left + right) / 2, "for a second of stereo"),
            (unpack(scale=1), "90 dB too loud"),
            (unpack(mix=lambda rows: rows.sum(axis=1)), "the mean of the channels"),
            (unpack(mix=lambda rows: rows.sum(axis=1) / 2), "whatever the number"),
            (unpack(mix=lambda rows: rows.mean(axis=1) / rows.shape[1]), "divided by the number"),
            (unpack(mix=lambda rows: rows.ravel()), "2 times too many"),
            (unpack(mix=lambda rows: rows), "still 2 channels"),
            (unpack(mix=lambda rows: rows.T), "still 2 channels"),
            (halves, "a row is one moment"),
            (unpack(">i2"), "the byte order is wrong"),
            (unpack("<u2"), "has no sign"),
            (unpack("<f4"), "four bytes"),
            (unpack("u1", 128), "each byte became a number"),
            (unpack(mix=lambda rows: rows[:, 0]), "only the first"),
            (unpack(mix=lambda rows: rows[:, -1]), "only the last"),
            (unpack(scale=40000), "1.7 dB too soft"),
            (unpack(scale=-32768), "upside down"),
            (lambda letters, channels: unpack()(letters, 2), "three channels"),
            (lambda letters, channels: np.zeros(16000), "another sound"),
            (lambda letters, channels: letters, "text"),
            (lambda letters: letters, "TypeError"),
        ],
        "bits_24": [
            (wide(sign=False), "below zero come out above one:"),
            (wide(sign=False, scale=2**24), "above one half"),
            (wide(order=(2, 1, 0)), "the byte order is wrong"),
            (wide(scale=1), "not yet scaled"),
            (wide(scale=32768), "256 times too loud"),
            (wide(scale=2**24), "one of the 24 bits is the sign"),
            (wide(scale=2**31), "48 dB too soft"),
            (top_two_bytes, "the lowest byte is lost"),
            (wide(order=(1, 0, 2)), "right to only 7 bits"),
            (lambda data: np.random.default_rng(0).normal(size=len(data) // 3), "but it is noise"),
            (lambda data: np.frombuffer(data, np.uint8) / 128 - 1, "three make a sample"),
            (lambda data: np.frombuffer(data[: len(data) // 2 * 2], "<i2") / 32768, "two or four"),
            (lambda data: data, "still bytes"),
            (lambda data: np.zeros(len(data) // 3), "but it is noise"),
            (wide(scale=-(2**23)), "upside down"),
            (lambda data: wide()(data).round(3), "are rounded"),
            (np.zeros(5), "should be a function"),
        ],
        "resampled": [
            (lambda sound: sound[::3], "as loud as the tones"),
            # Filters after decimation, which was "Right!" before, and a tone made without the input.
            (after, "4800 Hz is missing"),
            (notched, "5 100"),
            (lambda sound: 0.3 * np.sin(2 * np.pi / 16 * np.arange(16000)), "missing"),
            (
                lambda sound: sound[: len(sound) // 3 * 3].reshape(-1, 3).mean(axis=1),
                "whistle still sounds",
            ),
            (lambda sound: sound, "as many samples as before"),
            (lambda sound: sound[: len(sound) // 3], "at its pitch"),
            (lambda sound: np.zeros(len(sound) // 3), "at its pitch"),
            (lambda sound: 3 * filtered(sound), "9.5 dB too loud"),
            (lambda sound: filtered(sound, cut=0.45), "4800 Hz is missing"),
            (lambda sound: filtered(sound)[:-9], "samples"),
            (
                lambda sound: filtered(sound) + 0.1 * np.sin(np.arange(-(-len(sound) // 3))),
                "another sound as well",
            ),
            (filtered(np.zeros(48000)), "should be a function"),
        ],
        "gain": [
            (16.48, "the offset still takes some"),
            (-20, "turn it down"),
            (10, "for powers"),
            (-20 * np.log10(WAVE.std()), "uses the RMS: the peak"),
            (-20 * np.log10(np.ptp(WAVE) / 2), "between its highest and lowest"),
            (-20 * np.log10(np.sqrt(np.mean((WAVE + 0.05) ** 2))), "with the offset in it"),
            (12, "still headroom: it is 8.0 dB too soft"),
            (30, "would be cut off: it is 10.0 dB too loud"),
        ],
        "faults": [
            ({**FAULTS, "A": "too few bits"}, "'A': then you would hear hiss"),
            ({**FAULTS, "B": "gain control"}, "'B': then the soft ends"),
            ({**FAULTS, "C": "clipping"}, "'C': then each note would buzz"),
            ({**FAULTS, "D": "aliasing"}, "'D': then you would hear soft whistles"),
            ({**FAULTS, "D": "stereo as mono"}, "an octave lower"),
            ("clipping", "a dictionary"),
        ],
    }
