import numpy as np

N = np.arange(16000)
SWELL = (
    0.25 * N / 16000 * (np.sin(2 * np.pi * 440 / 16000 * N) + np.sin(2 * np.pi * 660 / 16000 * N))
)
POWER = np.mean(SWELL**2)
FAULTS = {"A": "frames too long", "B": "no window", "C": "frames too short"}


def rms(sound, size=1024, before=None, window=1.0):
    """The curve of a sound, with zeros before (half a frame: centred) and enough of them behind."""
    before = size // 2 if before is None else before
    padded = np.pad(sound, (before, 4096))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::64][: -(-len(sound) // 64)]
    return np.sqrt(np.mean((window * frames) ** 2, axis=1))


def by_librosa(sound):
    import librosa

    # As librosa returns it, with one row.
    return librosa.feature.rms(y=sound, frame_length=1024, hop_length=64)[:, : -(-len(sound) // 64)]


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    return {
        "click": ["0", 0, 0.0],
        "frame_size": [8192, 2.0**13, np.array(8192)],
        "level": [10 * np.log10(POWER), -16.8, [20 * np.log10(np.sqrt(POWER))]],
        "curve": [rms, by_librosa, lambda sound: list(rms(sound).astype(np.float32))],
        "faults": [{name: fault.upper() for name, fault in FAULTS.items()}],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    return {
        "click": [("1", "window's value"), (0.5, "the last sample"), ("2", "among the words")],
        "frame_size": [
            (4096, "Hann window"),
            (2048, "merge into one that beats"),
            (16384, "smears each onset"),
            (6531, "not a power of two"),
            (0.512, "in seconds"),
            (13, "the exponent"),
        ],
        "level": [
            (10 * np.log10(np.sqrt(POWER)), "10 log10 is for powers"),
            (20 * np.log10(POWER), "20 log10 is for amplitudes"),
            (-10 * np.log10(POWER), "the sign is lost"),
            (np.sqrt(POWER), "the RMS itself"),
            (POWER, "a power: convert"),
            (10 * np.log(POWER), "natural logarithm"),
            (20 * np.log10(np.abs(SWELL).max()), "highest sample"),
            (20 * np.log10(0.25), "at the end"),
            (np.mean(20 * np.log10(rms(SWELL)[1:])), "mean of the frames' decibels"),
            (20 * np.log10(np.mean(rms(SWELL))), "mean RMS"),
            (-30, "13.2 dB too soft"),
        ],
        "curve": [
            (rms(SWELL), "should be a function"),
            (lambda sound: rms(sound, before=0), "8 hops too early"),
            (lambda sound: rms(sound, before=512 - 64), "one hop too early"),
            (lambda sound: np.r_[0, rms(sound)[:-1]], "one hop too late"),
            (lambda sound: rms(sound) ** 2, "the root is missing"),
            (lambda sound: 20 * np.log10(np.maximum(rms(sound), 1e-4)), "in decibels"),
            (lambda sound: rms(sound, 512), "too quickly"),
            (lambda sound: rms(sound, 2048), "too slowly"),
            (lambda sound: np.r_[rms(sound), 0], "one frame too many"),
            (lambda sound: rms(sound)[:250] if len(sound) > 15999 else rms(sound)[:156], "10 000"),
            (lambda sound: rms(sound) * 32, "30 dB too loud"),
            (lambda sound: rms(sound, window=np.hanning(1024)), "the same weight"),
            (lambda sound: 0.35 * (np.arange(250) > 94), "tone that begins"),
        ],
        "faults": [
            ({**FAULTS, "A": "frames too short"}, "'A': then the harmonics would merge"),
            ({**FAULTS, "B": "frames too long"}, "smeared in time"),
            ({**FAULTS, "C": "upside down"}, "'C'"),
            (FAULTS["A"], "a dictionary"),
        ],
    }
