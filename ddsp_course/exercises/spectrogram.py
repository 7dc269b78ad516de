"""Exercises of notebooks/02_timbre_transfer/03_spectrogram.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import SAMPLE_RATE

T = np.arange(SAMPLE_RATE) / SAMPLE_RATE
SIZE = 1024
# What is softer is rounding, and each program has its own (in nepers).
FLOOR = -6.0


def picture(answer):
    """The log magnitude of a glide in frames of 1024 samples, as specplot turns it, (513, 63)."""
    glide = 0.5 * np.sin(2 * np.pi * (200 * T + 2900 * T**2)).astype(np.float32)
    wrong = hints.numbers(answer)
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    log = np.log(np.maximum(_magnitude(glide, SIZE, SIZE // 4), 1e-5))
    right = np.rot90(log)
    if answer.shape == log.shape:
        return "time goes down: it has one row a frame, and in a picture it should have one column."
    if answer.ndim == 2 and answer.shape[0] == right.shape[0] != answer.shape[1] != right.shape[1]:
        for overlap, hop in {"0.5": 512, "0": 1024, "0.9": 102, "0.875": 128}.items():
            if answer.shape[1] == -(-SAMPLE_RATE // hop):
                return (
                    f"it has {answer.shape[1]} frames, those of an overlap of {overlap}: specplot's "
                    "is 0.75."
                )
        if answer.shape[1] == (SAMPLE_RATE - SIZE) // (SIZE // 4) + 1:
            return "the glide's end is missing: zeros should fill up the last frames (pad_end)."
    if answer.ndim == 2 and answer.shape[0] != right.shape[0] and answer.shape[0] % 2:
        return (
            f"it has {answer.shape[0]} bins, those of an FFT of {2 * (answer.shape[0] - 1)}: "
            "size=1024 is asked for."
        )
    wrong = hints.shape(answer, right.shape, ("bins", "frames"))
    if wrong:
        return wrong
    if _same(answer, right):
        return None
    turned = {
        "it is upside down: the glide falls, and it should rise.": right[::-1],
        "it runs backwards: the glide comes from the end.": right[:, ::-1],
        "it is upside down and runs backwards: turned by a quarter, but clockwise.": np.rot90(
            log, k=-1
        ),
    }
    for sentence, other in turned.items():
        if _same(answer, other):
            return sentence
    if answer.min() >= 0:
        known = {"these are magnitudes: the logarithm is missing.": np.exp(right)}
        return hints.mistake(answer, known, rtol=0.01, atol=0.02) or (
            "nothing in it is below zero: is the logarithm missing?"
        )
    for sentence, times in {
        "these are decibels: nepers are the natural logarithm.": 20 / np.log(10),
        "this is the logarithm to base 10: nepers are the natural one.": 1 / np.log(10),
        "it is twice as much: the logarithm of the power, and not of the magnitude.": 2,
    }.items():
        if _same(answer / times, right):
            return sentence
    period = 2 * np.pi * np.arange(SIZE)
    for sentence, window in (
        ("merely cut: without a window, the glide has a broad skirt.", np.ones(SIZE)),
        ("faded by Hamming's window: the glide has another skirt.", np.hamming(SIZE)),
        (
            "faded by Hamming's window: the glide has another skirt.",
            0.54 - 0.46 * np.cos(period / SIZE),
        ),
    ):
        other = np.log(np.maximum(_magnitude(glide, SIZE, SIZE // 4, window), 1e-5))
        if _same(answer, np.rot90(other)):
            return f"the frames are {sentence}"
    db = np.median(answer - right) * 20 / np.log(10)
    if abs(db) > 0.5 and _same(answer - np.median(answer - right), right):
        return f"every level is {abs(db):.1f} dB too {'high' if db > 0 else 'low'}."
    return hints.close(np.maximum(answer, FLOOR), np.maximum(right, FLOOR), rtol=0, atol=0.05)


def limits(answer):
    """[vmin, vmax] in nepers for 80 dB below a full sine, in frames of 2048 samples: -2.97, 6.24."""
    wrong = hints.numbers(answer) or hints.shape(answer, (2,), ("limits",))
    if wrong:
        return wrong
    low, high = (float(one) for one in answer)
    top, depth = np.log(2048 / 4), 80 * np.log(10) / 20

    def near(a, b, tolerance=0.03):
        return abs(a - b) < tolerance

    if near(low, top - depth) and near(high, top):
        return None
    if near(low, top) and near(high, top - depth):
        return "the two are exchanged: the loudest would be dark, and silence bright."
    if near(low, -80, 0.1) or near(high - low, 80, 0.1):
        return "the range is in decibels: a neper is 8.7 dB, and 80 nepers would show nothing but glare."
    if near(high, 0):
        return (
            "0 nepers is a magnitude of 1, far below a full sine: in frames of 2048 samples, that "
            "comes to 2048 / 4. All that is louder would be of one colour."
        )
    if near(high - low, 2 * depth):
        return (
            "the brightest is right, but the darkest lies 160 dB below: 10 log10 is for powers, and "
            "these are magnitudes."
            if near(high, top)
            else "the range is 160 dB: 10 log10 is for powers, and these are magnitudes."
        )
    for size in (512, 768, 1024):
        if near(high, np.log(size / 4)):
            return f"the brightest is a full sine in frames of {size} samples, and not of 2048."
    for share, what in {
        1: "ln N. The window lets half of it pass, and half of a sine lies at negative frequencies.",
        2: "ln(N / 2). Half of a sine lies at negative frequencies.",
    }.items():
        if near(high, np.log(2048 / share)):
            return (
                f"the brightest is {20 * np.log10(4 / share):.0f} dB too high, so that a full sine "
                f"is not bright: this is {what}"
            )
    if near(high, np.log10(2048 / 4)) or near(high, 20 * np.log10(2048 / 4), 0.3):
        return "the brightest is a logarithm to base 10: nepers are the natural one."
    if near(high, top):
        db = (high - low) * 20 / np.log(10)
        return f"the brightest is right, and the darkest lies {db:.0f} dB below it, and not 80."
    return f"a full sine has {top:.2f} nepers in these frames, and the brightest is {high:.4g}."


def place(answer):
    """Row and column of a tone of 1 kHz at 0.96 s in a turned picture of 2048 samples: 896, 30."""
    wrong = hints.numbers(answer) or hints.shape(answer, (2,), ("row and column",))
    if wrong:
        return wrong
    row, column = (float(one) for one in answer)
    if (row, column) == (896, 30):
        return None
    if (row, column) == (30, 896):
        return "the two are exchanged: a matrix has its rows first."
    if row % 1 or column % 1:
        return "half a cell has no colour: a row and a column are whole numbers."
    if row != 896:
        known = {
            128: "row 128 is the tone's bin, counted from 0 Hz: in the turned picture, row 0 is the "
            "highest bin, and there sounds 7 kHz.",
            895: "one row too high: bin 1024 is row 0, for there are 1025 bins.",
            897: "one row too low: bin 1024 is row 0, for there are 1025 bins.",
            960: "row 960 is an octave too low, 500 Hz: a bin is 16 000 / 2048 Hz wide.",
            768: "row 768 is an octave too high, 2 kHz: the rows end at 8 kHz, half the sample rate.",
        }
        hz = (1024 - row) * SAMPLE_RATE / 2048
        return known.get(row) or (
            f"in row {row:.0f} sounds a tone of {hz:.0f} Hz, and not of 1000."
            if 0 <= row <= 1024
            else f"there is no row {row:.0f}: they go from 0 to 1024."
        )
    known = {
        31: "one column too late: the first frame is column 0.",
        28: "that is the frame whose middle is at 0.96 s, and the one that begins there is asked for.",
        240: "that would be 250 frames a second: here a frame begins every 512 samples.",
        7.5: "frames overlap.",
        15360: "these are samples: a frame begins every 512 of them.",
    }
    return known.get(column) or (
        f"the frame in column {column:.0f} begins at {column * 512 / SAMPLE_RATE:.2f} s, and not at 0.96."
    )


def sixteen_bits(answer):
    """A chord with a peak of about 1.5 as int16, clipped, (16000,)."""
    chord = sum(0.5 * np.sin(2 * np.pi * hz * T) for hz in (262, 330, 392))
    wrong = hints.numbers(answer) or hints.shape(answer, (SAMPLE_RATE,), ("samples",))
    if wrong:
        return wrong
    kind = np.asarray(answer).dtype
    answer = np.asarray(answer, float)
    right = np.clip(32767 * chord, -32768, 32767)
    # Rounded or cut, times 32767 or 32768: a step or two.
    if np.allclose(answer, right, atol=2.5):
        if kind == np.int16:
            return None
        return (
            f"the numbers are right, but of the kind {kind}, and wavfile.write goes by that: a "
            f"{'32 768 times too loud ' if kind.kind == 'f' else ''}file, and not one of 16 bits. "
            "Convert them with astype(np.int16)."
        )
    if np.abs(answer).max() == 0 or (np.abs(answer).max() <= 1 and kind.kind in "iu"):
        return "it is silent: what lies between -1 and 1 is 0 as a whole number. Scale first."
    wrapped = (32767 * chord).astype(np.int64).astype(np.int16)
    if np.allclose(answer, wrapped, atol=2.5) or np.allclose(
        answer, (32768 * chord).astype(np.int64).astype(np.int16), atol=2.5
    ):
        return "it crackles: the peaks have wrapped around from top to bottom. Clip first, then convert."
    if np.allclose(answer, 32767 * chord, atol=2.5):
        return "its peaks go beyond 32 767: 16 bits have no number for them. Clip."
    if np.allclose(answer, chord, atol=1e-3) or np.allclose(answer, right / 32767, atol=1e-3):
        return "these are still numbers up to 1: 16 bits go up to 32 767."
    share = np.dot(answer, chord) / np.dot(chord, chord)
    if np.allclose(answer, share * chord, atol=2.5):
        db = 20 * np.log10(share / 32767)
        return (
            f"it is {hints.too_loud(db)}: it was turned down as a whole, and here the peaks should "
            "be cut off."
        )
    if np.abs(answer).max() < 20000:
        return (
            f"it is too soft: its peak is {np.abs(answer).max():.0f}, and 16 bits go up to 32 767."
        )
    return hints.close(answer, right, rtol=0, atol=2.5)


def _same(a, b):
    return np.allclose(np.maximum(a, FLOOR), np.maximum(b, FLOOR), atol=0.05)


def _magnitude(sound, size, hop, window=None):
    if window is None:
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    n_frames = -(-len(sound) // hop)
    padded = np.pad(sound, (0, (n_frames - 1) * hop + size - len(sound)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    return np.abs(np.fft.rfft(frames * window))
