"""Exercises of notebooks/03_train_your_own/02_your_room_and_gpu.ipynb."""

import re

import numpy as np

from ddsp_course import _paths, audio
from ddsp_course.exercises import hints
from ddsp_course.units import SAMPLE_RATE

_CHECKPOINT_FILE = re.compile(r"ckpt-(\d+)\.(index|data-(\d+)-of-(\d+))")


def decay_time(function):
    """A function (impulse_response (n_samples,)) -> seconds in which it falls by 60 dB."""
    return hints.on_each(
        function,
        {
            "a bathroom": (_echoes(0.4, 16000, seed=1),),
            "a church, of which only the first second was kept": (_echoes(2.5, 16000, seed=2),),
            "a soft copy of a hall": (0.01 * _echoes(1.2, 24000, seed=3),),
            "a room upside down": (-_echoes(0.7, 16000, seed=4),),
        },
        _wrong_decay_time,
    )


def longer_examples(answer):
    """A prediction: the loss that even the true room leaves, on examples four times as long."""
    return hints.choice(
        answer,
        "about a quarter is left",
        ("it stays the same", "about half is left", "about a quarter is left"),
        {
            "it stays the same": "the loss is a mean over the whole example, and only its beginning is "
            "wrong. Run the next cell.",
            "about half is left": "the echo of what came before takes as long to die away, and the "
            "example is four times as long. Run the next cell.",
        },
    )


def faults(named):
    """{sound: what is wrong with its room} for the three of `faulty_rooms`."""
    return hints.choices(
        named,
        {"A": "its end is missing", "B": "the room twice", "C": "the rests are filled"},
        ("its end is missing", "the room twice", "the rests are filled", "no room", "out of tune"),
        {
            "its end is missing": "then each note's echo would break off soon after the note.",
            "the room twice": "then the echo would be louder and longer than in the recording.",
            "the rests are filled": "then a steady noise would lie under the rests, as loud at their "
            "end as at their beginning.",
            "no room": "then the rests would be silent from the first moment.",
            "out of tune": "a room delays and filters a sound; it moves no harmonic.",
        },
    )


def faulty_rooms():
    """Return {name: sound (64000,)}: a recording in a room, and three faulty rooms on its melody."""
    take = audio.load(_paths.ASSETS / "audio" / "clarinet" / "ode_to_joy.ogg")[: 3 * SAMPLE_RATE]
    fade = np.minimum(1, np.arange(len(take))[::-1] / 800)
    dry = np.r_[fade * take, np.zeros(SAMPLE_RATE)]
    room = 0.5 * _echoes(1.2, SAMPLE_RATE, seed=6)
    missing = np.where(np.arange(len(room)) < 0.08 * SAMPLE_RATE, room, 0)
    hall = np.random.default_rng(7).normal(0, 0.0008, 2 * SAMPLE_RATE)
    sounds = {
        "recording": _in_room(dry, room),
        "A": _in_room(dry, missing),
        "B": _in_room(_in_room(dry, room), 2 * room),
        "C": _in_room(dry, hall),
    }
    return {name: (0.5 * one / np.abs(one).max()).astype("f") for name, one in sounds.items()}


def resume_from(function):
    """A function (list of file names) -> the step of the newest checkpoint that is whole, or 0."""

    def whole(step, shards=1):
        parts = [f"ckpt-{step}.data-{i:05d}-of-{shards:05d}" for i in range(shards)]
        return [f"ckpt-{step}.index", *parts]

    others = ["checkpoint", "operative_config-0.gin", "summaries"]
    return hints.on_each(
        function,
        {
            "a folder without a cut": ([*others, *whole(900), *whole(1000)],),
            "a cut while the weights were written": (
                [*others, *whole(1200), "ckpt-1300.data-00000-of-00001"],
            ),
            "an index whose weights are missing": ([*whole(400), "ckpt-500.index", *others],),
            "weights in two parts, one of which is missing": ([*whole(80, 2), *whole(90, 2)[:2]],),
            "weights in two parts, both there": ([*whole(80, 2), *whole(90, 2)][::-1],),
            "a cut before the first checkpoint": (others,),
        },
        _wrong_resume,
    )


def all_reduce(function):
    """A function (gradients (n_devices, n_weights), n_examples (n_devices,)) -> (n_weights,)."""
    rng = np.random.default_rng(12)
    return hints.on_each(
        function,
        {
            "two devices with four examples each": (rng.normal(size=(2, 5)), np.array([4, 4])),
            "three devices with 8, 8 and 3 examples": (
                rng.normal(size=(3, 7)),
                np.array([8, 8, 3]),
            ),
            "one device": (rng.normal(size=(1, 4)), np.array([16])),
        },
        _wrong_all_reduce,
    )


def _echoes(decay_s, n, seed):
    """Return noise (n,) that falls by 60 dB in `decay_s` seconds, with an energy of 1."""
    echoes = np.random.default_rng(seed).normal(size=n)
    echoes *= 10 ** (-3 * np.arange(n) / SAMPLE_RATE / decay_s)
    return echoes / np.sqrt(np.sum(echoes**2))


def _in_room(dry, room):
    import scipy.signal

    return dry + scipy.signal.fftconvolve(dry, room)[: len(dry)]


def _decay_db(impulse_response):
    energy = np.cumsum(impulse_response[::-1] ** 2)[::-1]
    return 10 * np.log10(energy / energy[0])


def _slope(decay_db, high, low):
    """Return the dB per second of a line through a decay between two levels."""
    used = np.flatnonzero((decay_db <= high) & (decay_db >= low))
    return np.polyfit(used / SAMPLE_RATE, decay_db[used], 1)[0]


def _wrong_decay_time(made, impulse_response):
    wrong = hints.one_number(made)
    if wrong:
        return wrong
    made = float(np.squeeze(made))
    decay_db = _decay_db(impulse_response)
    right = -60 / _slope(decay_db, -5, -25)
    # Between lines through other parts of the same curve.
    if abs(made - right) < 0.12 * right:
        return None
    if made < 0:
        return "it is negative: the level falls, so divide -60 dB by the slope."
    known = {
        "it is in samples: divide by the sample rate.": right * SAMPLE_RATE,
        "it is in milliseconds, and should be in seconds.": right * 1000,
        "this is how long it takes to fall by 20 dB: three times as long for 60.": right / 3,
        "it is half of the right time: take 10 times the logarithm of an energy, or 20 times that of "
        "an amplitude, and not both.": right / 2,
        "it is twice the right time: take 10 times the logarithm of an energy, or 20 times that of an "
        "amplitude.": 2 * right,
        "this is where the response ends, not its decay: it was cut off, so the curve drops at its end. "
        "Follow the straight part between -5 and -25 dB instead.": len(impulse_response)
        / SAMPLE_RATE,
    }
    return (
        hints.mistake(made, known, rtol=0.06) or f"it is {made:.3g} s and should be {right:.3g} s."
    )


def _wrong_resume(made, names):
    whole = _whole_checkpoints(names)
    right = max(whole, default=0)
    wrong = hints.one_number(made)
    if wrong:
        return wrong
    made = int(np.squeeze(made))
    if made == right:
        return None
    if not right:
        return f"there is nothing to go on from, so return 0, not {made}."
    steps = {int(found[1]) for name in names if (found := _CHECKPOINT_FILE.fullmatch(name))}
    if made not in steps:
        return f"there is no checkpoint {made} in the list."
    if made not in whole:
        return f"checkpoint {made} is not whole: a checkpoint needs its index and every one of its parts."
    return (
        f"checkpoint {made} is whole, but {right} is newer: compare the steps as numbers, because by "
        "the alphabet 900 comes after 1000."
    )


def _whole_checkpoints(names):
    """Return the steps of the checkpoints of which no file is missing."""
    index, parts, wanted = set(), {}, {}
    for found in filter(None, map(_CHECKPOINT_FILE.fullmatch, names)):
        step = int(found[1])
        if found[2] == "index":
            index.add(step)
        else:
            parts.setdefault(step, set()).add(int(found[3]))
            wanted[step] = int(found[4])
    return {step for step in index if len(parts.get(step, ())) == wanted.get(step, -1)}


def _wrong_all_reduce(made, gradients, n_examples):
    n_devices, n_weights = gradients.shape
    right = n_examples @ gradients / n_examples.sum()
    wrong = hints.numbers(made) or hints.shape(made, (n_weights,), ("weights",))
    if wrong:
        return wrong
    known = {
        "this adds the devices' gradients up. Each is a mean already, so with more devices the steps "
        "would get longer.": gradients.sum(axis=0),
        "every device counts the same here, but one with fewer examples should count less.": (
            gradients.mean(axis=0)
        ),
        "the weights of the examples do not add up to 1: divide by the number of all examples.": (
            n_examples @ gradients
        ),
        "this divides by the number of devices: divide by the number of all examples.": (
            n_examples @ gradients / n_devices
        ),
        "this is the gradient of one device alone.": gradients[0],
    }
    if np.allclose(made, right, rtol=1e-4, atol=1e-7):
        return None
    return hints.mistake(made, known, rtol=1e-4) or hints.close(made, right)
