"""Exercises of notebooks/02_timbre_transfer/02_recording.ipynb."""

import base64

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import SAMPLE_RATE

N = np.arange(SAMPLE_RATE)
# What `resampled` tries: tones that the new rate can hold and tones that it cannot, in Hz. Those
# come back at 16 kHz minus their frequency, in the midst of the others.
TONES = (((1000, 4800), (13000,)), ((700, 2200, 5100), (11700, 14600)))


def byte_order(heard):
    """A prediction: what is left of a melody in 16 bits when the high byte is taken first."""
    return hints.choice(
        heard,
        "noise",
        ("softer melody", "lower melody", "noise"),
        {
            "softer melody": "the byte that now counts most is the old low byte. Does it follow the "
            "melody, or is it as good as random? Run the next cell.",
            "lower melody": "two bytes still make one sample, so there are as many samples as "
            "before, and the speed stays. Run the next cell.",
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
    """A function of 24-bit PCM, bytes, that returns floats between -1 and 1."""
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
    """A function that takes a sound from 48 000 to 16 000 samples a second without aliasing."""
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
    """How many dB a wave with an offset can be turned up once that is gone: 20."""
    wrong = hints.one_number(answer)
    if wrong:
        return wrong
    db = float(np.squeeze(answer))
    if abs(db - 20) < 0.1:
        return None
    wave = 0.06 * np.cos(2 * np.pi * N / 100) + 0.04 * np.cos(4 * np.pi * N / 100)
    known = {
        "there is more room: the offset still takes some of it. Subtract the mean first.": 0.15,
        "the peaks would be cut off: this moves the middle between highest and lowest to 0. An "
        "offset is the mean, what lies at 0 Hz, and a wave may well reach higher than low.": (
            wave.max() - wave.min()
        )
        / 2,
        "this is for the RMS: the peak lies higher, and would be cut off.": wave.std(),
        "this is for the RMS, and with the offset in it: it is the peak that would be cut off.": (
            np.sqrt(np.mean((wave + 0.05) ** 2))
        ),
    }
    for sentence, amplitude in known.items():
        if abs(db + 20 * np.log10(amplitude)) < 0.1:
            return sentence
    if abs(db + 20) < 0.1:
        return "that would turn it down: the peak lies 20 dB below full scale, so the gain is positive."
    if abs(db - 10) < 0.1:
        return "10 is the factor, or 10 log10 of it, which is for powers. A peak is an amplitude: 20 log10."
    if db > 20:
        return f"the peaks would be cut off: {hints.too_loud(db - 20)}."
    return f"there is still room: {hints.too_loud(db - 20)}."


def faulty_takes():
    """Return {name: (n_samples,) at 16 kHz}: one tune as it should be, and with four faults."""
    import scipy.signal
    import soxr

    high = _tune(48000)
    good = soxr.resample(high, 48000, SAMPLE_RATE)
    _, _, spectrum = scipy.signal.stft(good, SAMPLE_RATE, nperseg=512, noverlap=384)
    # What a note has held for a quarter of a second fades, as noise suppression would have it.
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
    """{player: its fault} of the four of `faulty_takes`."""
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
            "clipping": "then the attack would be distorted, and each note would have a buzz "
            "whose pitches are multiples of its own.",
            "aliasing": "then you would hear soft whistles that fit no note, and move against the "
            "melody: down where it goes up.",
            "too few bits": "then a hiss or a crackle would lie under each note and go "
            "with it, and the end of a note would break off into steps.",
            "noise suppression": "then each note would begin well and fade although it is held.",
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
    """Return 440 Hz at the left and a softer 660 Hz at the right, (16000, 2)."""
    return np.stack(
        [a * np.sin(2 * np.pi * hz / SAMPLE_RATE * N) for a, hz in ((0.5, 440), (0.4, 660))], axis=1
    )


def _mail(whole):
    return base64.b64encode(whole.tobytes()).decode("ascii")


def _in_24_bits(whole):
    """Return whole numbers as bytes, three each, the lowest first."""
    return np.asarray(whole, "<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def _wrong_mono(answer, whole):
    """Say what is wrong with one answer of `samples`; whole: (n, channels) int16."""
    n, channels = whole.shape
    if np.size(answer) == n // 2:  # such numbers may not even be finite
        return "four bytes were read as one number, and a sample has two: 16 bits, '<i2'."
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
            f"it has {channels} times too many samples and goes {channels} times too slowly: the "
            "channels take turns, and each moment comes that often."
        )
    if answer.shape in {(2 * n * channels,), (2 * n,)}:
        return "each byte became a number of its own, and it takes two bytes to make a sample."
    wrong = hints.shape(answer, (n,), ("samples",))
    if wrong:
        return wrong
    raw, mono = whole.tobytes(), whole.mean(axis=1) / 32768
    # Rounded to three digits at worst.
    if np.allclose(answer, mono, rtol=0, atol=6e-4):
        return None

    def read_as(kind):
        return np.frombuffer(raw, kind).reshape(-1, channels).mean(axis=1) / 32768

    known = {
        "these are whole numbers up to 32 768, 90 dB too loud: divide.": 32768 * mono,
        "it is too loud and could be cut off: mono is the mean of the channels, not their sum.": (
            channels * mono
        ),
        "it is too soft: the mean was taken, and then divided by the number of channels again.": (
            mono / channels
        ),
        "it is too soft: 16 bits with a sign go up to 32 768, half of 65 536.": mono / 2,
        "the sum is divided by two, whatever the number of channels.": channels / 2 * mono,
        "only the first channel is heard.": whole[:, 0] / 32768,
        "only the last channel is heard.": whole[:, -1] / 32768,
        "it hisses: the byte order is wrong. The low byte comes first, '<i2'.": read_as(">i2"),
        "it hisses: '<u2' has no sign, so numbers below zero come out high above it.": read_as(
            "<u2"
        ),
        "the channels are apart: a row is a moment, reshape(-1, channels).": (
            whole.reshape(channels, -1).mean(axis=0) / 32768
        ),
        "the channels are subtracted: what they have in common would be lost.": (
            (whole[:, 0] - whole[:, -1].astype(float)) / 65536
        ),
    }
    # For one channel or two, some of these mistakes make no difference.
    known = {sentence: other for sentence, other in known.items() if not np.allclose(other, mono)}
    return (
        hints.mistake(answer, known, rtol=1e-3, atol=2e-4)
        or _off_by_a_factor(answer, mono)
        or hints.late(answer, mono, unit="sample", most=30)
        or "as many samples as it should have, but another sound: check type, byte order, channels."
    )


def _wrong_24(answer, whole):
    """Say what is wrong with one answer of `bits_24`; whole: (n,) integers."""
    if isinstance(answer, bytes | bytearray):
        return "these are still bytes, and numbers are asked for."
    wrong = hints.numbers(answer)
    if wrong:
        return wrong
    answer, n = np.squeeze(np.asarray(answer, float)), len(whole)
    if answer.shape == (3 * n,):
        return "each byte became a number, and three make a sample."
    if answer.size in (3 * n // 2, 3 * n // 4):
        return "there is no NumPy type of three bytes: this reads two or four for each number."
    wrong = hints.shape(answer, (n,), ("samples",))
    right = whole / 2**23
    # Scaled by 2**23 or by the highest number, in float32 or float64.
    if wrong or np.allclose(answer, right, rtol=0, atol=3e-7):
        return wrong
    low, middle, high = np.frombuffer(_in_24_bits(whole), np.uint8).reshape(-1, 3).astype(int).T
    unsigned = low + 256 * middle + 65536 * high
    swapped = high + 256 * middle + 65536 * low
    swapped = np.where(swapped >= 2**23, swapped - 2**24, swapped)
    known = {
        "the numbers are right and not yet scaled: divide by 2 to the power of 23.": whole,
        "it is 256 times too loud: 32 768 is for 16 bits, and 24 bits go up to 2 to the power of 23.": (
            whole / 32768
        ),
        "it is 6 dB too soft: one of the 24 bits is the sign, which leaves 23.": right / 2,
        "it is 48 dB too soft: that is the scale of 32 bits.": whole / 2**31,
        "numbers below zero come out above one: from 2 to the power of 23 on, subtract 2 to the "
        "power of 24.": unsigned / 2**23,
        "numbers below zero come out above one half: the highest bit is the sign.": unsigned
        / 2**24,
        "the byte order is wrong: the lowest byte comes first.": swapped / 2**23,
        "the wave stands on its head in the lower half: the sign is in all bits, not in one. "
        "Subtract 2 to the power of 24.": np.where(whole < 0, -(unsigned - 2**23), unsigned)
        / 2**23,
    }
    wrong = hints.mistake(answer, known, rtol=1e-6, atol=3e-7)
    if wrong:
        return wrong
    off = np.abs(answer - right).max()
    if off < 0.01:
        return (
            f"right to {-np.log2(off):.0f} bits only: the lowest byte is lost or misread, or the numbers "
            "are rounded."
        )
    return (
        _off_by_a_factor(answer, right)
        or "as many samples as it should have, but noise: weigh the bytes 1, 256 and 65 536."
    )


def _wrong_rate(answer, n_samples, kept, lost):
    """Say what is wrong with one answer of `resampled`."""
    wrong = hints.numbers(answer)
    if wrong:
        return wrong
    answer = np.squeeze(np.asarray(answer, float))
    if answer.shape == (n_samples,):
        return (
            "it still has as many samples as before: played at 16 000 a second, it would last three "
            "times as long, more than an octave too low."
        )
    if answer.ndim != 1 or abs(len(answer) - n_samples / 3) > 1:
        return hints.shape(answer, (-(-n_samples // 3),), ("samples",))
    # A tone's amplitude in the middle, where nothing begins or ends.
    middle = answer[1000:-1000]
    window = np.hanning(len(middle))
    time = np.arange(len(middle)) / SAMPLE_RATE

    def amplitude(hz):
        return 2 * abs(np.sum(middle * window * np.exp(-2j * np.pi * hz * time))) / window.sum()

    low = [20 * np.log10(max(amplitude(hz), 1e-9) / 0.2) for hz in kept]
    whistles = {hz: 20 * np.log10(max(amplitude(SAMPLE_RATE - hz), 1e-9) / 0.2) for hz in lost}
    loudest = max(whistles, key=whistles.get)
    if max(low) < -30:
        return "none of the low tones is heard at its pitch: is the sound slower or faster than it was?"
    if whistles[loudest] > -3:
        return (
            f"something whistles at {SAMPLE_RATE - loudest} Hz, as loud as the tones: {loudest} Hz "
            "is folded down, 16 000 minus that. Filter before you leave samples out."
        )
    if min(low) < -6:
        return (
            f"{kept[int(np.argmin(low))]} Hz is missing, and 16 000 samples a second can hold it. A "
            "filter after samples are left out, or one that begins too low, takes it away as well."
        )
    if whistles[loudest] > -45:
        return (
            f"something still whistles at {SAMPLE_RATE - loudest} Hz, {-whistles[loudest]:.0f} dB "
            "below the tones: the filter is too weak. At 60 dB nobody hears it."
        )
    if np.ptp(low) > 1.5:
        return "the high tones are softer than the low ones: the filter begins too early."
    if abs(np.mean(low)) > 1:
        return f"nothing whistles, but the tones are {hints.too_loud(float(np.mean(low)))}."
    basis = np.concatenate(
        [[np.cos(2 * np.pi * hz * time), np.sin(2 * np.pi * hz * time)] for hz in kept]
    ).T
    rest = middle - basis @ np.linalg.lstsq(basis, middle, rcond=None)[0]
    if np.sqrt(np.mean(rest**2)) > 0.02:
        return "the tones are right, but something else is heard besides."
    return None


def _another_wave(answer, right):
    """Say whether an answer is anything but the right one times a factor."""
    share = np.dot(answer, right) / np.dot(right, right)
    atol = max(abs(share), 1e-6) * 1e-3
    return not np.allclose(answer, share * right, rtol=1e-3, atol=atol) or abs(share) < 1e-6


def _off_by_a_factor(answer, right):
    """Say whether an answer is the right one, louder or softer, or turned over."""
    if _another_wave(answer, right):
        return None
    share = np.dot(answer, right) / np.dot(right, right)
    if share < 0:
        return "the wave stands on its head: what went up goes down."
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
