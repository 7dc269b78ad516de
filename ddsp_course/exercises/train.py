"""Exercises of notebooks/03_train_your_own/00_train.ipynb."""

import numpy as np

from ddsp_course import _paths, audio
from ddsp_course.exercises import hints
from ddsp_course.units import SAMPLE_RATE

BEFORE = (
    "silence",
    "noise",
    "one steady note",
    "the clarinet",
    "the melody, with a strange timbre",
)
RECORDINGS = ("usable", "clipping", "echo", "noise", "two notes at once")
N_EXAMPLES, BATCH_SIZE, STEPS = 128, 4, 500


def before(heard):
    """A prediction: what a model plays after ten steps: the melody, with a strange timbre."""
    return hints.choice(
        heard,
        "the melody, with a strange timbre",
        BEFORE,
        {
            "silence": "random weights give every harmonic some amplitude, and that is not zero.",
            "noise": (
                "the timbre comes from random weights. But where does the pitch come from? Follow "
                "`f0_hz` through the settings."
            ),
            "one steady note": (
                "the pitch does not come from the weights: `f0_hz` goes straight to `Harmonic`."
            ),
            "the clarinet": "its weights began as random numbers, and ten steps of 500 are few.",
        },
    )


def takes():
    """Return {name: sound (56000,)}: five takes of a clarinet from a soundfont, one of them usable."""
    folder = _paths.ASSETS / "audio" / "clarinet"
    n = np.arange(int(3.5 * SAMPLE_RATE))
    tune, other = (
        audio.load(folder / f"{name}.ogg")[: len(n)].astype(float)
        for name in ("ode_to_joy", "arpeggios")
    )
    rng = np.random.default_rng(3)
    room = rng.normal(size=2 * SAMPLE_RATE)
    room *= 10 ** (-3 * np.arange(len(room)) / (1.8 * SAMPLE_RATE))  # -60 dB after 1.8 s
    wet = np.fft.irfft(np.fft.rfft(tune, 2**17) * np.fft.rfft(room, 2**17))[: len(n)]
    hiss = rng.normal(size=len(n)) * np.std(tune) * 10 ** (-12 / 20)
    sounds = {
        "A": tune + 0.8 * wet * np.std(tune) / np.std(wet),
        "B": tune + other * np.std(tune) / np.std(other),
        "C": tune,
        "D": tune + hiss,
        "E": np.clip(tune, -0.15 * np.abs(tune).max(), 0.15 * np.abs(tune).max()),
    }
    fade = np.minimum(1, n[::-1] / 800)
    return {
        name: (0.5 * fade * one / np.abs(one).max()).astype(np.float32)
        for name, one in sounds.items()
    }


def recordings(answers):
    """Which of `takes` is usable, and what is wrong with the others."""
    return hints.choices(
        answers,
        {"A": "echo", "B": "two notes at once", "C": "usable", "D": "noise", "E": "clipping"},
        RECORDINGS,
        {
            "clipping": "its loud notes are as smooth as its soft ones: no peak is cut off.",
            "echo": "each note ends where the next begins: nothing rings on.",
            "noise": "nothing hisses in it: its picture is black before the first note.",
            "two notes at once": "a single clarinet plays one note after the other.",
            (
                "A",
                "two notes at once",
            ): "only one clarinet plays: the rest of the sound is the room's echo.",
            ("A", "usable"): (
                "each note rings on into the next, so the model hears the last note's echo in this "
                "one and learns a blur."
            ),
            ("B", "usable"): "two clarinets play, but the model is given only one pitch.",
            ("B", "echo"): "the second voice is another tune, not the first one's echo.",
            ("D", "usable"): (
                "it hisses at all times, even in the rests: the model learns the hiss as part of "
                "the instrument."
            ),
            ("E", "usable"): (
                "it rasps: its peaks are cut off, which adds harmonics that a clarinet does not "
                "have."
            ),
        },
    )


def epochs(times):
    """How often each of 128 examples is used in 500 steps with batches of four, on average."""
    wrong = hints.one_number(times)
    if wrong:
        return wrong
    times = float(np.squeeze(times))
    right = STEPS * BATCH_SIZE / N_EXAMPLES
    known = {
        "this counts one example a step, but each step takes a batch.": STEPS / N_EXAMPLES,
        "this is the number of examples used in all, repeats included.": STEPS * BATCH_SIZE,
        "this is how many steps one epoch takes.": N_EXAMPLES / BATCH_SIZE,
        "this is the other way round: the more steps, the more often an example is used.": 1
        / right,
        "count each example once: it makes no difference that it lasts a second or overlaps the "
        "next.": 2 * right,
    }
    wrong = hints.mistake(times, known, rtol=5e-3)
    if wrong or abs(times - right) <= 0.5:
        return wrong
    return "count the examples that all the steps use, and divide by 128."


def stop_at(function):
    """A function of (steps, train_loss, held_out_loss) that returns the step to stop at."""
    for steps, train_loss, held_out_loss in _curves():
        found, wrong = hints.call(function, steps, train_loss, held_out_loss)
        wrong = wrong or hints.one_number(found)
        if wrong:
            return wrong
        found = float(np.squeeze(found))
        loss = dict(zip(steps.tolist(), held_out_loss.tolist(), strict=True)).get(found)
        if loss is None or loss > 1.01 * held_out_loss.min():
            return _why_not(found, steps, train_loss, held_out_loss)
    return None


def _curves():
    """Yield (steps, train_loss, held_out_loss), (n,) each, of trainings that end differently."""
    rng = np.random.default_rng(11)
    for n, every, turns_at, rises in (
        (20, 100, 700, 4.0),  # overfits early
        (30, 250, 5000, 1.5),  # late
        (25, 200, 99999, 0.0),  # never
    ):
        steps = every * np.arange(1, n + 1)
        train_loss = 5 + 20 * np.exp(-steps / (0.15 * steps[-1])) - 1.5 * steps / steps[-1]
        past = np.maximum(steps - turns_at, 0) / steps[-1]
        held_out_loss = train_loss + 1 + rises * past + 1.5 * (rises > 0) * past
        wobble = rng.uniform(-0.02, 0.02, (2, n))
        wobble[1, 4] += 2.5  # rises once and falls again: the first rise is not the end
        yield steps, train_loss + wobble[0], held_out_loss + wobble[1]


def _why_not(found, steps, train_loss, held_out_loss):
    best = int(held_out_loss.argmin())
    if found == steps[-1]:
        return (
            "it goes on to the end: by then the model gets better only at the training examples, "
            "and worse at the held-out ones."
        )
    if found == steps[np.abs(held_out_loss - train_loss).argmin()]:
        return "there the two losses are closest, but both are still high: a small gap is not the goal."
    if found == steps[train_loss.argmin()]:
        return "it looks at the training loss, which nearly always falls."
    if found in (best, best + 1):
        return "this is the index into the array: return the step at that index."
    if np.isclose(found, held_out_loss.min()):
        return "this is the lowest loss: return the step at which it is reached."
    if found not in steps:
        return "no loss was measured at that step: return one of `steps`."
    if found < steps[best]:
        return "it stops too soon: the held-out loss still falls after that."
    return "it stops too late: the held-out loss was lower before."
