"""Exercises of notebooks/02_timbre_transfer/02_recording.ipynb."""

import base64

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import SAMPLE_RATE

N = np.arange(SAMPLE_RATE)
# The tones that `resampled` tries, in Hz: first those that the new rate can hold, then those that it
# cannot. Without a filter, the second kind folds to 16 kHz minus its frequency, among the first.
TONES = (((1000, 4800), (13000,)), ((700, 2200, 5100), (11700, 14600)))


def byte_order(heard):
    """A prediction: what is left of a 16-bit melody if the high byte is read first."""
    return hints.choice(
        heard,
        "noise",
        ("softer melody", "lower melody", "noise"),
        {
            "softer melody": "the byte that now counts most is the old low byte. Does it follow the "
            "melody, or is it practically random? Run the next cell.",
            "lower melody": "two bytes still make one sample, so the number of samples and the speed "
            "stay the same. Run the next cell.",
        },
    )


def samples(function):
    """A function of (base64 of interleaved 16-bit PCM, channels) that returns mono floats."""
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, (1001, 3))
    for name, sound in (
        ("a second of stereo", _two_tones()),
        ("three channels of noise", noise),
        ("mono with a few samples", 0.5 * _two_tones()[5:12, :1]),
    ):
        whole = np.round(32768 * sound).astype("<i2")
        mono, wrong = hints.call(function, _mail(whole), whole.shape[1])
        wrong = wrong or _wrong_mono(mono, whole)
        if wrong:
            return f"for {name}: {wrong}"
    return None


def bits_24(function):
    """A function of 24-bit PCM (bytes) that returns floats between -1 and 1."""
    for name, whole in (
        ("a tone", np.round(2**23 * 0.5 * np.sin(2 * np.pi * 440 / SAMPLE_RATE * N)).astype(int)),
        ("the lowest and the highest number", np.array([-(2**23), -1, 0, 1, 2**23 - 1])),
        ("noise", np.random.default_rng(1).integers(-(2**23), 2**23, 999)),
    ):
        numbers, wrong = hints.call(function, _in_24_bits(whole))
        wrong = wrong or _wrong_24(numbers, whole)
        if wrong:
            return f"for {name}: {wrong}"
    return None


def resampled(function):
    """A function that resamples a sound from 48 000 to 16 000 Hz without aliasing."""
    for n_samples, (kept, lost) in zip((48000, 36003), TONES, strict=True):
        t = np.arange(n_samples) / 48000
        sound = sum(0.2 * np.sin(2 * np.pi * hz * t) for hz in kept + lost)
        result, wrong = hints.call(function, sound)
        wrong = wrong or _wrong_rate(result, n_samples, kept, lost)
        if wrong:
            tones = ", ".join(f"{hz:,}".replace(",", " ") for hz in kept + lost)
            return f"for tones of {tones} Hz: {wrong}"
    return None


def gain(answer):
    """By how many dB a wave can be turned up once its offset is removed: 20."""
    wrong = hints.one_number(answer)
    if wrong:
        return wrong
    db = float(np.squeeze(answer))
    if abs(db - 20) < 0.1:
        return None
    wave = 0.06 * np.cos(2 * np.pi * N / 100) + 0.04 * np.cos(4 * np.pi * N / 100)
    known = {
        "there is more headroom, but the offset still takes some of it. Subtract the mean first.": 0.15,
        "the peaks would be cut off: this centres the wave between its highest and lowest sample. "
        "An offset is the mean, the part at 0 Hz, and a wave without one may reach higher above 0 "
        "than below.": (wave.max() - wave.min()) / 2,
        "this uses the RMS: the peak is higher and would be cut off.": wave.std(),
        "this uses the RMS, with the offset in it: the peak is higher and would be cut off.": (
            np.sqrt(np.mean((wave + 0.05) ** 2))
        ),
    }
    for sentence, amplitude in known.items():
        if abs(db + 20 * np.log10(amplitude)) < 0.1:
            return sentence
    if abs(db + 20) < 0.1:
        return (
            "that would turn it down: the peak is 20 dB below full scale, so the gain is positive."
        )
    if abs(db - 10) < 0.1:
        return (
            "10 is the factor, and also 10 log10 of it, which is for powers. A peak is an amplitude: "
            "use 20 log10."
        )
    if db > 20:
        return f"the peaks would be cut off: it is {hints.too_loud(db - 20)}."
    return f"there is still headroom: it is {hints.too_loud(db - 20)}. Subtract the mean first."


def faulty_takes():
    """Return {name: (n_samples,) at 16 kHz}: a good take of a tune, and four takes with faults."""
    import scipy.signal
    import soxr

    high = _tune(48000)
    good = soxr.resample(high, 48000, SAMPLE_RATE)
    _, _, spectrum = scipy.signal.stft(good, SAMPLE_RATE, nperseg=512, noverlap=384)
    # Noise suppression takes a held note for noise and fades it after a quarter of a second.
    age = np.arange(spectrum.shape[1]) * 128 / SAMPLE_RATE % 1
    suppressed = scipy.signal.istft(
        spectrum * np.clip(1.6 - 3 * age, 0.02, 1), SAMPLE_RATE, nperseg=512, noverlap=384
    )[1][: len(good)]
    return {
        "as it should be": good,
        "A": 0.15 * soxr.resample(np.clip(10 * high, -1, 1), 48000, SAMPLE_RATE),
        "B": suppressed,
        "C": high[::3],
        "D": np.round(good * 16) / 16,
    }


def faults(named):
    """{player: its fault} of the four faulty takes in `faulty_takes`."""
    return hints.choices(
        named,
        {"A": "clipping", "B": "noise suppression", "C": "aliasing", "D": "too few bits"},
        (
            "clipping",
            "aliasing",
            "too few bits",
            "noise suppression",
            "gain control",
            "stereo as mono",
        ),
        {
            "clipping": "then each note would buzz from its attack on, with added harmonics of its "
            "own pitch.",
            "aliasing": "then you would hear soft whistles that fit no note and move against the "
            "melody: down when it goes up.",
            "too few bits": "then you would hear hiss or crackle under each note, and each note "
            "would break up into steps as it fades.",
            "noise suppression": "then each note would begin well but fade although it is held.",
            "gain control": "then the soft ends of the notes would be as loud as their middles.",
            "stereo as mono": "then everything would last twice as long, an octave lower.",
        },
    )


def _tune(sample_rate):
    """Return four notes of a second each, with harmonics up to 15 kHz, (n_samples,)."""
    time = np.arange(sample_rate) / sample_rate
    fade = np.clip(20 * np.minimum(time, 1 - time), 0, 1) ** 2
    return np.concatenate(
        [
            0.12
            * fade
            * sum(
                np.sin(2 * np.pi * f0 * k * time + k * k) / k for k in range(1, int(15000 / f0) + 1)
            )
            for f0 in (523, 659, 784, 1047)
        ]
    )


def _two_tones():
    """Return 440 Hz on the left and a softer 660 Hz on the right, (16000, 2)."""
    return np.stack(
        [a * np.sin(2 * np.pi * hz / SAMPLE_RATE * N) for a, hz in ((0.5, 440), (0.4, 660))], axis=1
    )


def _mail(whole):
    return base64.b64encode(whole.tobytes()).decode("ascii")


def _in_24_bits(whole):
    """Return whole numbers as three bytes each, lowest byte first."""
    return np.asarray(whole, "<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def _wrong_mono(answer, whole):
    """Say what is wrong with one answer of `samples`; whole: (n, channels) int16."""
    n, channels = whole.shape
    if np.size(answer) == n // 2:  # checked first, because such numbers may not even be finite
        return "four bytes were read as one number, but a sample has two: 16 bits, '<i2'."
    wrong = hints.numbers(answer)
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    if answer.shape in {(n, channels), (channels, n)} and channels > 1:
        return f"there are still {channels} channels: mono is their mean, one number per moment."
    answer = np.squeeze(answer)
    turns = whole.ravel() / 32768
    if answer.shape == turns.shape != (n,) and not _another_wave(answer, turns):
        return (
            f"it has {channels} times too many samples and plays {channels} times too slowly: the "
            f"channels take turns, so {channels} numbers in a row belong to the same moment."
        )
    if answer.shape in {(2 * n * channels,), (2 * n,)}:
        return "each byte became a number of its own, but a sample has two bytes."
    wrong = hints.shape(answer, (n,), ("samples",))
    if wrong:
        return wrong
    raw, mono = whole.tobytes(), whole.mean(axis=1) / 32768
    # Rounding to three digits is allowed.
    if np.allclose(answer, mono, rtol=0, atol=6e-4):
        return None

    def read_as(kind):
        return np.frombuffer(raw, kind).reshape(-1, channels).mean(axis=1) / 32768

    known = {
        "these are whole numbers up to 32 768, 90 dB too loud: divide by 32 768.": 32768 * mono,
        "it is too loud and could clip: mono is the mean of the channels, not their sum.": (
            channels * mono
        ),
        "it is too soft: the mean is divided by the number of channels again.": (mono / channels),
        "it is too soft: 16 bits with a sign go up to 32 768, half of 65 536.": mono / 2,
        "the sum is divided by two, whatever the number of channels.": channels / 2 * mono,
        "you hear only the first channel: mono is the mean of all channels.": whole[:, 0] / 32768,
        "you hear only the last channel: mono is the mean of all channels.": whole[:, -1] / 32768,
        "it hisses: the byte order is wrong. The low byte comes first, '<i2'.": read_as(">i2"),
        "it hisses: '<u2' has no sign, so numbers below zero come out far above it.": read_as(
            "<u2"
        ),
        "the channels are mixed up: a row is one moment, reshape(-1, channels).": (
            whole.reshape(channels, -1).mean(axis=0) / 32768
        ),
        "the channels are subtracted, which removes everything that they have in common.": (
            (whole[:, 0] - whole[:, -1].astype(float)) / 65536
        ),
    }
    # With one or two channels, some of these mistakes make no difference.
    known = {sentence: other for sentence, other in known.items() if not np.allclose(other, mono)}
    return (
        hints.mistake(answer, known, rtol=1e-3, atol=2e-4)
        or _off_by_a_factor(answer, mono)
        or hints.late(answer, mono, unit="sample", most=30)
        or "it has the right number of samples, but another sound: check type, byte order, channels."
    )


def _wrong_24(answer, whole):
    """Say what is wrong with one answer of `bits_24`; whole: (n,) integers."""
    if isinstance(answer, bytes | bytearray):
        return "these are still bytes: convert each three of them to a number."
    wrong = hints.numbers(answer)
    if wrong:
        return wrong
    answer, n = np.squeeze(np.asarray(answer, float)), len(whole)
    if answer.shape == (3 * n,):
        return "each byte became a number, but three make a sample."
    if answer.size in (3 * n // 2, 3 * n // 4):
        return "NumPy has no type of three bytes, so this reads two or four for each number."
    wrong = hints.shape(answer, (n,), ("samples",))
    right = whole / 2**23
    # Dividing by 2**23 or by the highest number is right, in float32 or float64.
    if wrong or np.allclose(answer, right, rtol=0, atol=3e-7):
        return wrong
    low, middle, high = np.frombuffer(_in_24_bits(whole), np.uint8).reshape(-1, 3).astype(int).T
    unsigned = low + 256 * middle + 65536 * high
    swapped = high + 256 * middle + 65536 * low
    swapped = np.where(swapped >= 2**23, swapped - 2**24, swapped)
    known = {
        "the numbers are right but not yet scaled: divide by 2 to the power of 23.": whole,
        "it is 256 times too loud: 32 768 is for 16 bits, but 24 bits go up to 2 to the power of 23.": (
            whole / 32768
        ),
        "it is 6 dB too soft: one of the 24 bits is the sign, which leaves 23.": right / 2,
        "it is 48 dB too soft: that is the scale of 32 bits.": whole / 2**31,
        "numbers below zero come out above one: from 2 to the power of 23 on, subtract 2 to the "
        "power of 24.": unsigned / 2**23,
        "numbers below zero come out above one half: the highest bit is the sign.": unsigned
        / 2**24,
        "the byte order is wrong: the lowest byte comes first.": swapped / 2**23,
        "the negative half of the wave is upside down: the sign is not one bit apart from the "
        "rest. Subtract 2 to the power of 24.": np.where(whole < 0, -(unsigned - 2**23), unsigned)
        / 2**23,
    }
    wrong = hints.mistake(answer, known, rtol=1e-6, atol=3e-7)
    if wrong:
        return wrong
    off = np.abs(answer - right).max()
    if off < 0.01:
        return (
            f"it is right to only {-np.log2(off):.0f} bits: the lowest byte is lost or misread, or the "
            "numbers are rounded."
        )
    return (
        _off_by_a_factor(answer, right)
        or "it has the right number of samples, but it is noise: multiply the bytes by 1, 256 and "
        "65 536."
    )


def _wrong_rate(answer, n_samples, kept, lost):
    """Say what is wrong with one answer of `resampled`."""
    wrong = hints.numbers(answer)
    if wrong:
        return wrong
    answer = np.squeeze(np.asarray(answer, float))
    if answer.shape == (n_samples,):
        return (
            "it still has as many samples as before: at 16 000 a second it would last three times as "
            "long and sound more than an octave too low."
        )
    if answer.ndim != 1 or abs(len(answer) - n_samples / 3) > 1:
        return hints.shape(answer, (-(-n_samples // 3),), ("samples",))
    # Tones are measured in the middle, away from their beginning and end.
    middle = answer[1000:-1000]
    window = np.hanning(len(middle))
    time = np.arange(len(middle)) / SAMPLE_RATE

    def amplitude(hz):
        return 2 * abs(np.sum(middle * window * np.exp(-2j * np.pi * hz * time))) / window.sum()

    low = [20 * np.log10(max(amplitude(hz), 1e-9) / 0.2) for hz in kept]
    whistles = {hz: 20 * np.log10(max(amplitude(SAMPLE_RATE - hz), 1e-9) / 0.2) for hz in lost}
    loudest = max(whistles, key=whistles.get)
    if max(low) < -30:
        return "none of the low tones is at its pitch: is the sound slower or faster than before?"
    if whistles[loudest] > -3:
        return (
            f"a whistle at {SAMPLE_RATE - loudest} Hz is as loud as the tones: {loudest} Hz folds "
            f"down to 16 000 - {loudest}. Filter before you leave samples out."
        )
    if min(low) < -6:
        return (
            f"{kept[int(np.argmin(low))]} Hz is missing, although 16 000 samples a second can hold it. "
            "A filter that comes after leaving samples out, or whose cutoff is too low, removes it."
        )
    if whistles[loudest] > -45:
        return (
            f"a whistle still sounds at {SAMPLE_RATE - loudest} Hz, {-whistles[loudest]:.0f} dB below "
            "the tones: the filter is too weak. At 60 dB below, nobody hears it."
        )
    if np.ptp(low) > 1.5:
        return "the high tones are softer than the low ones: the filter's cutoff is too low."
    if abs(np.mean(low)) > 1:
        return f"nothing whistles, but the tones are {hints.too_loud(float(np.mean(low)))}."
    basis = np.concatenate(
        [[np.cos(2 * np.pi * hz * time), np.sin(2 * np.pi * hz * time)] for hz in kept]
    ).T
    rest = middle - basis @ np.linalg.lstsq(basis, middle, rcond=None)[0]
    if np.sqrt(np.mean(rest**2)) > 0.02:
        return "the tones are right, but there is another sound as well."
    return None


def _another_wave(answer, right):
    """Say whether an answer differs from the right one by more than a factor."""
    share = np.dot(answer, right) / np.dot(right, right)
    atol = max(abs(share), 1e-6) * 1e-3
    return not np.allclose(answer, share * right, rtol=1e-3, atol=atol) or abs(share) < 1e-6


def _off_by_a_factor(answer, right):
    """Say whether an answer is right but louder, softer or upside down."""
    if _another_wave(answer, right):
        return None
    share = np.dot(answer, right) / np.dot(right, right)
    if share < 0:
        return "the wave is upside down: it goes down where it should go up."
    db = 20 * np.log10(share)
    return f"the wave is right, but {hints.too_loud(db)}." if abs(db) > 0.05 else None


HEARD = {
    "samples": lambda function: function(_mail(np.round(32768 * _two_tones()).astype("<i2")), 2),
    "bits_24": lambda function: (
        0.5
        * np.asarray(function(_in_24_bits(np.round(2**22 * _tune(SAMPLE_RATE // 2)).astype(int))))
    ),
    "resampled": lambda function: function(
        0.3 * np.sin(16000 / 6 * 2 * np.pi * (np.arange(144000) / 48000) ** 2)
    ),
}
