"""Exercises of notebooks/03_train_your_own/01_your_recording.ipynb."""

import functools

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.training import made_up
from ddsp_course.units import FRAME_RATE, SAMPLE_RATE, hz_to_midi, midi_to_hz

OVERDONE = (
    "the high-pass cuts too high",
    "the noise reduction is too strong",
    "the notes' ends are muted",
    "a compressor",
    "the notches are too wide",
)


def vowels(answer):
    """A prediction: what a model plays that learned three vowels at one pitch and loudness."""
    return hints.choice(
        answer,
        "a blend of the three",
        (
            "the vowel it heard most recently",
            "one of the three at random",
            "a blend of the three",
            "each in turn",
        ),
        {
            "the vowel it heard most recently": "the examples come in random order, and the weights "
            "change a little with each, so none of them wins.",
            "one of the three at random": "it has no dice: the same pitch and loudness give the same "
            "output each time.",
            "each in turn": "nothing in pitch and loudness says whose turn it is.",
        },
    )


def seconds_per_note(function):
    """A function (f0_hz, f0_confidence) -> the seconds of each MIDI note, (128,)."""
    rng = np.random.default_rng(8)
    scale = np.repeat([60, 62, 64, 65, 67], [100, 50, 75, 25, 250])
    sure = np.where(rng.uniform(size=len(scale)) < 0.8, 0.9, 0.1)
    high_and_low = np.repeat([33, 34, 88, 94], [30, 60, 90, 120])
    n = len(high_and_low)
    return hints.on_each(
        function,
        {
            "a scale, a little out of tune": (
                midi_to_hz(scale + rng.uniform(-0.4, 0.4, len(scale))),
                np.full(len(scale), 0.95),
            ),
            "a scale with unsure frames": (midi_to_hz(scale + 0.1), sure),
            "two low notes and two high ones": (midi_to_hz(high_and_low - 0.3), np.full(n, 0.8)),
            "frames that are all unsure": (midi_to_hz(np.full(50, 69)), np.full(50, 0.2)),
        },
        _wrong_seconds,
    )


def below_db(function):
    """A function (sound, is_note) -> how far the rests lie below the notes, in dB."""
    rng = np.random.default_rng(9)
    is_note = np.repeat([False, True, False, True], [4000, 9000, 3000, 6000])
    tone = 0.4 * np.sin(2 * np.pi * 220 * np.arange(len(is_note)) / SAMPLE_RATE)
    notes = np.where(is_note, tone, 0)
    loud_and_soft = np.where(np.arange(len(is_note)) < 13000, notes, 0.1 * notes)
    return hints.on_each(
        function,
        {
            "a tone and noise in its rests": (
                np.where(is_note, tone, 0.004 * rng.normal(size=len(is_note))),
                is_note,
            ),
            "a loud note, a soft one, and hum in all of it": (
                loud_and_soft + made_up.hum(len(is_note), -50),
                is_note,
            ),
            "noise alone": (0.1 * rng.normal(size=len(is_note)), is_note),
        },
        _wrong_level,
    )


def overdone(named):
    """{take: which cleaning step was overdone} for the four of `overdone_takes`."""
    return hints.choices(
        named,
        {
            "A": "the notes' ends are muted",
            "B": "the high-pass cuts too high",
            "C": "a compressor",
            "D": "the noise reduction is too strong",
        },
        OVERDONE,
        {
            "the high-pass cuts too high": "then it would sound thin, and the lowest line of each "
            "note would be missing from the picture.",
            "the noise reduction is too strong": "then short whistles would twinkle around the "
            "notes, and the picture would be full of specks.",
            "the notes' ends are muted": "then each note would stop as if cut with scissors.",
            "a compressor": "then the soft notes would be as loud as the loud ones.",
            "the notches are too wide": "then notes near the multiples of 50 Hz would be hollow, and "
            "others untouched.",
        },
    )


@functools.cache
def overdone_takes():
    """Return {name: sound}: a good take of a guitar, and four that were cleaned too much."""
    from scipy import signal

    notes = [
        (0.2, 0.9, 45, 0), (1.0, 1.7, 52, -15), (1.8, 2.5, 57, -3), (2.6, 3.1, 55, -18),
        (3.2, 4.1, 50, 0),
    ]  # fmt: skip
    n = round(4.4 * SAMPLE_RATE)
    good = made_up.guitar(notes, 4.4)
    hiss = 0.004 * np.random.default_rng(5).normal(size=n)
    muted = np.zeros(n)
    for start_s, end_s, *_ in notes:
        first, last = (
            round(start_s * SAMPLE_RATE),
            round((0.6 * end_s + 0.4 * start_s) * SAMPLE_RATE),
        )
        muted[first:last] = good[first:last]
    keep = np.exp(-1 / (0.05 * SAMPLE_RATE))
    power = signal.lfilter([1 - keep], [1, -keep], good**2)
    spectrum, noise = (
        signal.stft(one, SAMPLE_RATE, nperseg=512, noverlap=384)[2] for one in (good + hiss, hiss)
    )
    # What is left of the noise are single bins that happen to be strong: whistles.
    kept = np.where(np.abs(spectrum) > 2.2 * np.median(np.abs(noise)), spectrum, 0)
    sounds = {
        "the take": good + 0.1 * hiss,
        "A": muted,
        "B": signal.sosfiltfilt(signal.butter(6, 330, "high", fs=SAMPLE_RATE, output="sos"), good),
        "C": good / np.sqrt(power + 1e-5),
        "D": signal.istft(kept, SAMPLE_RATE, nperseg=512, noverlap=384)[1][:n],
    }
    return {
        name: (0.5 * one / np.abs(one).max()).astype(np.float32) for name, one in sounds.items()
    }


def _wrong_seconds(made, f0_hz, f0_confidence):
    wrong = hints.numbers(made)
    if wrong:
        return wrong
    made = np.squeeze(np.asarray(made, float))
    if made.ndim == 1 and 0 < len(made) < 128:
        return (
            f"it has {len(made)} numbers, and should have 128, one for each MIDI note: "
            "np.bincount takes minlength=128."
        )
    wrong = hints.shape(made, (128,), ("MIDI notes",))
    if wrong:
        return wrong
    sure, midi = np.asarray(f0_confidence) > 0.5, hz_to_midi(f0_hz)

    def counted(numbers):
        return np.bincount(numbers.astype(int), minlength=128)[:128] / FRAME_RATE

    right = counted(np.round(midi[sure]))
    if np.allclose(made, right, atol=1e-6):
        return None
    known = {
        "these are frames: 250 of them make a second.": right * FRAME_RATE,
        "it counts unsure frames as well: only a confidence above 0.5 counts.": counted(
            np.round(midi)
        ),
        "it rounds down, so a note that is a little flat counts as the one below: round to the "
        "nearest.": counted(np.floor(midi[sure])),
        "it rounds up, so a note that is a little sharp counts as the one above: round to the "
        "nearest.": counted(np.ceil(midi[sure])),
        "it counts the frames that are not sure.": counted(np.round(midi[~sure])),
        "each note is divided by their total: seconds are asked for, not shares.": (
            right / max(right.sum(), 1e-9)
        ),
        "this divides by 16 000, and frames come 250 to the second.": (
            right * FRAME_RATE / SAMPLE_RATE
        ),
    }
    known = {sentence: other for sentence, other in known.items() if not np.allclose(other, right)}
    wrong = hints.mistake(made, known, rtol=1e-6, atol=1e-6)
    if wrong:
        return wrong
    for octaves in (-1, 1):
        if np.allclose(made, np.roll(right, 12 * octaves), atol=1e-6):
            return f"it is an octave too {'high' if octaves > 0 else 'low'}: 440 Hz is MIDI 69."
    return (
        f"{made.sum():.2f} s are counted in all, and should be {right.sum():.2f} s."
        if abs(made.sum() - right.sum()) > 0.01
        else "the seconds are right in all, but belong to other notes: 440 Hz is MIDI 69."
    )


def _wrong_level(made, sound, is_note):
    wrong = hints.one_number(made)
    if wrong:
        return wrong
    made, notes, rests = float(np.squeeze(made)), sound[is_note], sound[~is_note]

    def db(power):
        return 10 * np.log10(power)

    right = db(np.mean(notes**2)) - db(np.mean(rests**2))
    if abs(made - right) < 0.1:
        return None
    known = {
        "the sign is the other way round: a positive number says how far below.": -right,
        "it is twice as many dB: 20 log10 is for amplitudes, and a mean of squares is a power.": (
            2 * right
        ),
        "it is half as many dB: 10 log10 is for powers, and an RMS is an amplitude.": right / 2,
        "it compares sums, and the notes last longer than the rests: take means.": (
            db(np.sum(notes**2)) - db(np.sum(rests**2))
        ),
        "this is the level of the notes alone: subtract that of the rests.": db(np.mean(notes**2)),
        "this is the level of the rests alone: subtract it from that of the notes.": (
            db(np.mean(rests**2))
        ),
        "it compares the peaks, where one click decides: take the mean of the squares.": (
            2 * db(np.abs(notes).max() / np.abs(rests).max())
        ),
        "it is a mean of absolute values, and the level is that of the mean of squares.": (
            2 * db(np.mean(np.abs(notes)) / np.mean(np.abs(rests)))
        ),
        "it is a ratio of powers, not yet in dB.": 10 ** (right / 10),
        "it is a ratio of amplitudes, not yet in dB.": 10 ** (right / 20),
        "it compares the notes with the whole take, rests included.": (
            db(np.mean(notes**2)) - db(np.mean(sound**2))
        ),
    }
    known = {sentence: other for sentence, other in known.items() if abs(other - right) > 0.1}
    return hints.mistake(made, known, rtol=1e-3, atol=0.02) or (
        f"it is {made:.1f} dB and should be {right:.1f} dB."
    )
