"""Exercises of notebooks/02_timbre_transfer/03_spectrogram.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import SAMPLE_RATE

T = np.arange(SAMPLE_RATE) / SAMPLE_RATE
# In dB below a full sine. Anything softer is rounding error, which differs between programs.
FLOOR_DB = -80.0


def zeros(hills):
    """A prediction: how many hills the spectrum of two tones has, from 768 samples and zeros to 8192."""
    if not isinstance(hills, str):
        wrong = hints.one_number(hills)
        if wrong or isinstance(hills, bool):
            return wrong or "give the number of hills, 1 or 2."
        hills = f"{float(np.squeeze(hills)):g}"
    return hints.choice(
        hills,
        "1",
        ("1", "2"),
        {
            "2": "zeros add points to the curve but nothing about the tones: 48 ms hold at most one "
            "beat between the two. Run the next cell."
        },
    )


def picture(function):
    """A function of (sound, size) that returns specplot's matrix in dB below a full sine."""
    cases = {
        "a glide, with size=1024": (_glide(), 1024),
        "noise of 5000 samples, with size=512": (_noise(), 512),
        "a glide, with size=768": (_glide(), 768),
    }
    return hints.on_each(function, cases, _wrong_picture)


def limits(answer):
    """[vmin, vmax] in nepers, from 80 dB below a full sine up to it, for 2048 samples: -2.97, 6.24."""
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
        return "the two are swapped: the loudest would be dark and silence bright."
    if near(low, -80, 0.1) or near(high - low, 80, 0.1):
        return (
            "the range is in decibels: a neper is 8.7 dB, so with 80 nepers nearly everything would be "
            "bright."
        )
    if near(high, 0):
        return (
            "0 nepers is a magnitude of 1, far below a full sine, whose magnitude in frames of 2048 "
            "samples is 2048 / 4. Everything louder would have the same colour."
        )
    if near(high - low, 2 * depth):
        which = "the brightest is right, but the darkest is" if near(high, top) else "the range is"
        return f"{which} 160 dB deep: 10 log10 is for powers, but these are magnitudes."
    for size in (512, 768, 1024):
        if near(high, np.log(size / 4)):
            return f"the brightest is a full sine in frames of {size} samples, not of 2048."
    for share, what in {
        1: "ln N. The window lets half of it pass, and half of a sine lies at negative frequencies.",
        2: "ln(N / 2). Half of a sine lies at negative frequencies.",
    }.items():
        if near(high, np.log(2048 / share)):
            return (
                f"the brightest is {20 * np.log10(4 / share):.0f} dB too high, so a full sine would "
                f"not be bright: this is {what}"
            )
    if near(high, np.log10(2048 / 4)) or near(high, 20 * np.log10(2048 / 4), 0.3):
        return "the brightest is a logarithm to base 10: nepers are natural logarithms."
    if near(high, top):
        db = (high - low) * 20 / np.log(10)
        return f"the brightest is right, but the darkest is {db:.0f} dB below it instead of 80."
    db = (high - top) * 20 / np.log(10)
    return (
        f"the brightest is {abs(db):.0f} dB {'above' if db > 0 else 'below'} a full sine: what is the "
        "magnitude of a full sine in these frames?"
    )


def place(answer):
    """Row and column of a 1 kHz tone at 0.96 s in a rotated picture of 2048 samples: 896, 30."""
    wrong = hints.numbers(answer) or hints.shape(answer, (2,), ("row and column",))
    if wrong:
        return wrong
    row, column = (float(one) for one in answer)
    if (row, column) == (896, 30):
        return None
    if (row, column) == (30, 896):
        return "the two are swapped: in a matrix, the row comes first."
    if row % 1 or column % 1:
        return "a row and a column are whole numbers."
    if row != 896:
        known = {
            128: "row 128 is the tone's bin counted from 0 Hz. In the rotated picture row 0 is the "
            "highest bin, so row 128 is at 7 kHz.",
            895: "one row too high: bin 1024 is row 0, because there are 1025 bins.",
            897: "one row too low: bin 1024 is row 0, because there are 1025 bins.",
            960: "row 960 is an octave too low, 500 Hz: a bin is 16 000 / 2048 Hz wide.",
            768: "row 768 is an octave too high, 2 kHz: the rows end at 8 kHz, half the sample rate.",
        }
        hz = (1024 - row) * SAMPLE_RATE / 2048
        return known.get(row) or (
            f"row {row:.0f} is at {hz:.0f} Hz instead of 1000."
            if 0 <= row <= 1024
            else f"there is no row {row:.0f}: they go from 0 to 1024."
        )
    known = {
        31: "one column too late: the first frame is column 0.",
        28: "the middle of that frame is at 0.96 s: find the frame that begins there.",
        240: "that would be 250 frames a second: here a frame begins every 512 samples.",
        15360: "these are samples: a frame begins every 512 of them.",
    }
    return known.get(column) or (
        f"the frame in column {column:.0f} begins at {column * 512 / SAMPLE_RATE:.2f} s instead of 0.96."
    )


def sixteen_bits(function):
    """A function that clips a sound to -1 to 1 and returns it as int16, as loud as it was."""
    noise = np.random.default_rng(0).normal(0, 0.5, 3001)
    cases = {
        "a chord with a peak of 1.5": (_chord(),),
        "a soft chord": (0.02 * _chord(),),
        "noise with a peak of 2": (noise,),
    }
    return hints.on_each(function, cases, _wrong_whole)


def faulty_sounds(sound):
    """Return {name: a sound, then the same 20 dB softer}: once as it should be, and four faults.

    Args:
      sound: (n_samples,), with a peak of about 1.
    """
    import scipy.signal

    pause = np.zeros(SAMPLE_RATE // 4)
    soft = 0.1 * sound
    _, _, spectrum = scipy.signal.stft(np.r_[sound, pause, soft], SAMPLE_RATE, nperseg=2048)
    angles = np.random.default_rng(2).uniform(0, 2 * np.pi, spectrum.shape)
    turned = scipy.signal.istft(np.abs(spectrum) * np.exp(1j * angles), SAMPLE_RATE, nperseg=2048)[
        1
    ]
    wrapped = (1.8 * 32767 * np.r_[sound, pause, soft]).astype(np.int64).astype(np.int16) / 32767
    return {
        "as it should be": 0.4 * np.r_[sound, pause, soft],
        "A": 0.4 * np.r_[sound, pause, sound],
        "B": 0.4 * turned[: 2 * len(sound) + len(pause)],
        "C": 0.4 * np.round(32 * np.r_[sound, pause, soft]) / 32,
        "D": 0.2 * wrapped,
    }


def faults(named):
    """{player: its fault} of the four faulty sounds in `faulty_sounds`."""
    return hints.choices(
        named,
        {"A": "normalised", "B": "phases lost", "C": "too few bits", "D": "wrapped around"},
        ("normalised", "wrapped around", "too few bits", "phases lost", "clipped", "upside down"),
        {
            "normalised": "then the second half would be as loud as the first.",
            "wrapped around": "then loud peaks would crackle, and the soft half would be clean.",
            "too few bits": "then the soft half would hiss or crackle more than the loud one.",
            "phases lost": "then both halves would flutter and sound blurred, with each note in its "
            "place.",
            "clipped": "then the loud half would be harsher and the soft half clean, but nothing "
            "would crackle or flutter.",
            "upside down": "then low notes would be high, and the melody hard to recognise.",
        },
    )


def _glide():
    return 0.5 * np.sin(2 * np.pi * (200 * T + 2900 * T**2)).astype(np.float32)


def _noise():
    return np.random.default_rng(1).uniform(-0.5, 0.5, 5000).astype(np.float32)


def _chord():
    return sum(0.5 * np.sin(2 * np.pi * hz * T) for hz in (262, 330, 392))


def _wrong_picture(answer, sound, size):
    """Say what is wrong with one answer of `picture`."""
    wrong = hints.numbers(answer)
    if wrong:
        return wrong
    answer = np.squeeze(np.asarray(answer, float))
    full, hop = 20 * np.log10(size / 4), size // 4
    db = _db(sound, size)
    right = np.rot90(db) - full
    if answer.shape == db.shape:
        return (
            "time runs downwards: it has one row per frame, but a picture has one column per frame."
        )
    centred = np.rot90(_db(np.r_[np.zeros(size // 2), sound], size)) - full
    for n_frames in {len(sound) // hop + 1, right.shape[1]}:
        if answer.shape == (len(right), n_frames) and _same(
            answer[:, :-4], centred[:, : n_frames - 4]
        ):
            return (
                "it comes half a frame too late: these frames are centred (center=True), but frame m "
                f"should begin at sample {hop} m."
            )
    wrong = _wrong_frames(answer, right, sound, size) or hints.shape(
        answer, right.shape, ("bins", "frames")
    )
    if wrong or _same(answer, right):
        return wrong
    if answer.min() >= 0:
        return "these are magnitudes: the logarithm is missing."
    for sentence, other in {
        "it is upside down: row 0 should be the highest bin.": right[::-1],
        "it runs backwards.": right[:, ::-1],
        "it is upside down and runs backwards: it is rotated clockwise.": right[::-1, ::-1],
    }.items():
        if _same(answer, other):
            return sentence
    nepers = np.log(10) / 20
    known = {
        f"0 dB is a magnitude of 1 here, but a full sine is {full:.0f} dB above that. Subtract it.": (
            right + full
        ),
        "0 dB is a sine with the magnitude N / 2 here: the window halves it once more.": right
        - 20 * np.log10(2),
        "0 dB is a sine with the magnitude N: the window halves that, and half of a sine lies at "
        "negative frequencies.": right - 20 * np.log10(4),
        "0 dB is the loudest cell here, but it should be a full sine.": right - right.max(),
        "the logarithm is missing a factor of two: 10 log10 is for powers.": right / 2,
        "the logarithm is doubled: this is 20 log10 of the power.": 2 * right,
        "these are nepers below a full sine: a neper is 8.7 dB.": right * nepers,
        "these are nepers, as specplot has them: a neper is 8.7 dB, and 0 dB is a full sine.": (
            (right + full) * nepers
        ),
        "this subtracts a full sine in nepers from decibels: both need the same unit.": (
            right + full - full * nepers
        ),
        "this subtracts a full sine in decibels from nepers: both need the same unit.": (
            (right + full) * nepers - full
        ),
    }
    # Units change where the floor lies, so only strong cells are compared.
    strong = right > -40
    fft = 1 << (size - 1).bit_length()
    if fft != size:
        known[
            f"the magnitude of a full sine depends on the frame's {size} samples: the zeros of the "
            "longer FFT add nothing to its sum."
        ] = right + full - 20 * np.log10(fft / 4)
    for sentence, other in known.items():
        if np.allclose(answer[strong], other[strong], atol=0.4):
            return sentence
    for sentence, window in {
        "the frames have no window, so each tone has a broad skirt.": np.ones(size),
        "the frames have Hamming's window instead of Hann's.": np.hamming(size),
    }.items():
        if _same(answer, np.rot90(_db(sound, size, window)) - full):
            return sentence
    off = np.median((answer - right)[strong])
    if abs(off) > 0.2 and np.allclose(answer[strong] - off, right[strong], atol=0.5):
        return f"every level is {abs(off):.1f} dB too {'high' if off > 0 else 'low'}."
    return (
        "it has the right shape, but other levels: is it the magnitude of the STFT with Hann's window, "
        "an overlap of three quarters and zeros at the end, in dB below a sine with amplitude 1?"
    )


def _wrong_frames(answer, right, sound, size):
    """Say which other overlap, padding or FFT size gives a matrix of this shape."""
    if answer.ndim != 2 or answer.shape == right.shape:
        return None
    if len(answer) == len(right):
        for overlap in (0.5, 0.0, 0.9, 0.875):
            if answer.shape[1] == -(-len(sound) // int(size * (1 - overlap))):
                return (
                    f"it has {answer.shape[1]} frames, which is an overlap of {overlap}: specplot's is "
                    "0.75."
                )
        if answer.shape[1] == (len(sound) - size) // (size // 4) + 1:
            return "the end is missing: zeros should fill the last frames (pad_end)."
        return None
    if len(answer) == size // 2 + 1:
        return (
            f"it has {len(answer)} bins: ddsp uses the next power of two for the FFT and fills the "
            "frame with zeros."
        )
    return (
        f"it has {len(answer)} bins instead of {len(right)}: that is an FFT of "
        f"{2 * (len(answer) - 1)} samples."
    )


def _wrong_whole(whole, sound):
    """Say what is wrong with one answer of `sixteen_bits`."""
    wrong = hints.numbers(whole) or hints.shape(np.squeeze(whole), sound.shape, ("samples",))
    if wrong:
        return wrong
    kind = np.asarray(whole).dtype
    whole = np.squeeze(np.asarray(whole, float))
    right = np.clip(32767 * sound, -32768, 32767)
    # Rounding or truncating, and 32767 or 32768, make a difference of a step or two.
    if np.allclose(whole, right, rtol=0, atol=2.5):
        if kind.kind == "i" and kind.itemsize == 2:
            return None
        loud = ", 32 768 times too loud" if kind.kind == "f" else ""
        return (
            f"the numbers are right, but their type is {kind}, and wavfile.write would write them as "
            f"that type{loud}. (A list of whole numbers becomes int64.) Convert with astype(np.int16)."
        )
    if np.abs(whole).max() <= 1 and kind.kind in "iub":
        return "it is silent: a number between -1 and 1 becomes 0 as a whole number. Scale first."
    scaled = [32767 * sound, 32768 * sound]
    scaled += [one.round() for one in scaled]
    wrapped = [one.astype(np.int64).astype(np.int16) for one in scaled]
    if any(np.allclose(whole, one, rtol=0, atol=2.5) for one in wrapped):
        return "it crackles: the peaks wrap around from top to bottom. Clip first, then convert."
    if np.allclose(whole, np.where(right < -0.5, right + 65536, right), rtol=0, atol=2.5):
        return "numbers below zero come out above 32 767: uint16 has no sign, but int16 has."
    share = np.dot(whole, sound) / np.dot(sound, sound)
    known = {
        "these are still numbers up to 1: 16 bits go up to 32 767.": sound,
        "it is clipped but not yet scaled: 16 bits go up to 32 767.": np.clip(sound, -1, 1),
    }
    wrong = hints.mistake(whole, known, rtol=1e-3, atol=1e-3)
    if wrong:
        return wrong
    if np.allclose(whole, 32767 * sound, rtol=0, atol=2.5):
        return "its peaks go beyond 32 767: 16 bits have no number for them. Clip."
    if abs(share) > 1 and np.allclose(whole, share * sound, rtol=0, atol=2.5):
        return (
            f"it is {hints.too_loud(20 * np.log10(abs(share) / 32767))}: it should be as loud as before, "
            "with only the peaks beyond 1 cut off."
        )
    if np.abs(whole).max() < 0.7 * np.abs(right).max():
        return (
            f"its peak is {np.abs(whole).max():.0f} and should be {np.abs(right).max():.0f}: a 1 becomes "
            "32 767."
        )
    return "this is another wave: scale by 32 767, clip, round and convert, in this order."


def _same(a, b):
    """Whether two pictures agree, except in a few cells between tones that depend on the window's end."""
    off = np.abs(np.maximum(a, FLOOR_DB) - np.maximum(b, FLOOR_DB))
    return np.mean(off < 0.5) > 0.97


def _db(sound, size, window=None):
    """Return the magnitudes of ddsp's STFT with three quarters of overlap in dB, (frames, bins)."""
    if window is None:
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    hop = size // 4
    n_frames = -(-len(sound) // hop)
    padded = np.pad(sound, (0, (n_frames - 1) * hop + size - len(sound)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    magnitude = np.abs(np.fft.rfft(frames * window, 1 << (size - 1).bit_length()))
    return 20 * np.log10(np.maximum(magnitude, 1e-5))


def _swell():
    """Return a tone that swells beyond 1 in its middle, (32000,)."""
    t = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    return np.interp(t, [0, 1, 2], [0, 1.6, 0]) * np.sin(2 * np.pi * 220 * t)


HEARD = {"sixteen_bits": lambda function: 0.3 * np.asarray(function(_swell()), float) / 32767}
