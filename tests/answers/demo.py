import math

import numpy as np


def midi(f0_hz):
    return 69 + 12 * np.log2(np.asarray(f0_hz, float) / 440)


def hz(pitch):
    return 440 * 2 ** ((np.asarray(pitch) - 69) / 12)


def distance(f0_hz, mean_pitch):
    return (mean_pitch - midi(f0_hz).mean()) / 12


def nearest(f0_hz, steps, rounded=np.abs):
    scale = np.array([note for note in range(150) if note % 12 in steps])
    return scale[np.argmin(rounded(midi(f0_hz)[:, None] - scale), axis=1)]


def drawn(f0_hz, steps, amount):
    pitch = midi(f0_hz)
    return hz(pitch + amount * (nearest(f0_hz, steps) - pitch))


def quietened(loudness_db, notes, nearness, quiet):
    lower = np.where(notes, loudness_db, loudness_db - quiet * (1 - nearness))
    return np.maximum(lower, -80)


def quiet_loop(loudness_db, notes, nearness, quiet):
    result = []
    for level, note, near in zip(loudness_db, notes, nearness, strict=True):
        result.append(level if note else max(-80, level - quiet * (1 - near)))
    return result


def quiet_in_place(loudness_db, notes, nearness, quiet):
    loudness_db[~notes] -= quiet * (1 - nearness[~notes])
    return loudness_db.clip(-80)[None]


def to_scale_loop(f0_hz, steps, amount):
    result = []
    for pitch in midi(f0_hz):
        near = min((n for n in range(140) if n % 12 in steps), key=lambda n: abs(n - pitch))
        result.append(round(440 * 2 ** ((pitch + amount * (near - pitch) - 69) / 12), 1))
    return result


def within_octave(f0_hz, steps, amount):
    pitch = midi(f0_hz)
    octave, step = np.divmod(pitch, 12)
    goal = 12 * octave + np.array(steps)[np.abs(step[:, None] - steps).argmin(axis=1)]
    return hz(pitch + amount * (goal - pitch))


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    ddsp = _tensorflow.load_ddsp()

    def by_ddsp(f0_hz, mean_pitch):
        return np.round([(mean_pitch - np.mean(ddsp.core.hz_to_midi(f0_hz))) / 12])

    home = {"loudness_shift": -12, "autotune": 1}
    faults = {"A": "by ranks", "B": "nothing", "C": "too low", "D": "two voices"}
    return {
        "octaves": [
            by_ddsp,
            lambda f0_hz, mean_pitch: math.floor(0.5 + distance(f0_hz, mean_pitch)),
            lambda f0_hz, mean_pitch: round(
                math.log2(hz(mean_pitch) / np.exp(np.log(f0_hz).mean()))
            ),
        ],
        "quiet": [quietened, quiet_loop, quiet_in_place],
        "to_scale": [drawn, to_scale_loop, lambda *a: drawn(*a).astype(np.float32)[None]],
        "settings": [
            home | {"pitch_shift": -7 / 12, "quiet": 20},
            home | {"pitch_shift": -0.58},
            home | {"pitch_shift": np.float32(np.log2(2 / 3)), "autotune": np.array([1.0])},
            home | {"pitch_shift": -0.583, "note_threshold": 0.8, "match": True},
        ],
        "lost": ["No change", "no_change"],
        "faults": [faults, {name: word.upper() for name, word in faults.items()}],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""

    def magentas(f0_hz, mean_pitch):
        octaves = distance(f0_hz, mean_pitch)
        return np.floor(octaves) if octaves > 1.5 else np.ceil(octaves)

    def scaled(goal):
        return lambda f0_hz, steps, amount: goal(f0_hz, steps, amount)

    home = {"pitch_shift": -7 / 12, "loudness_shift": -12, "autotune": 1}
    faults = {"A": "by ranks", "B": "nothing", "C": "too low", "D": "two voices"}
    return {
        "octaves": [
            (magentas, "Magenta's rule"),
            (lambda f, m: np.round((m - midi(f)) / 12), "tears"),
            (lambda f, m: f * 2 ** np.round((m - midi(f)) / 12), "tears"),
            (lambda f, m: f * 2 ** np.round(distance(f, m)), "the moved melody"),
            (lambda f, m: np.full(len(f), np.round(distance(f, m))), "one is enough"),
            (lambda f, m: np.round((m - midi(f.mean())) / 12), "averages in hertz"),
            (lambda f, m: np.round((m - np.median(midi(f))) / 12), "median"),
            (distance, "the key has changed"),
            (lambda f, m: -np.round(distance(f, m)), "the wrong way"),
            (lambda f, m: np.ceil(distance(f, m)), "rounds up"),
            (lambda f, m: int(np.floor(distance(f, m))), "rounds down"),
            (lambda f, m: 12 * np.round(distance(f, m)), "nearest"),
            (lambda f, m: 2 ** np.round(distance(f, m)), "exponent"),
            (lambda f, m: 2, "nearest whole number is"),
            (lambda f, m: np.clip(np.round(distance(f, m)), -1, 1), "nearest whole number is"),
            (2, "should be a function"),
            (lambda f: 0, "TypeError"),
        ],
        "quiet": [
            (lambda l, n, r, q: np.where(n, l, l - q * (1 - r)), "the floor is missing"),
            (lambda l, n, r, q: np.maximum(np.where(l > -20, l, l - q), -80), "goes by the level"),
            (lambda l, n, r, q: np.maximum(np.where(n, l, l - q), -80), "nearly a note goes down"),
            (lambda l, n, r, q: np.maximum(l - q * (1 - r), -80), "notes are turned down"),
            (lambda l, n, r, q: np.maximum(l - q, -80), "everything"),
            (lambda l, n, r, q: quietened(l, ~n, r, q), "the other way round"),
            (lambda l, n, r, q: quietened(l, n, 1 - r, q), "turn them down least"),
            (lambda l, n, r, q: quietened(l, n, r, -q), "get louder"),
            (lambda l, n, r, q: np.where(n, l, -80), "altogether"),
            (lambda l, n, r, q: l, "nothing has changed"),
            (lambda l, n, r, q: quietened(l, n, r, 20), "with quiet ="),
            (lambda l, n, r, q: quietened(l, n, r, q)[:-1], "result"),
            (np.array([-80, -50, -12, -9]), "should be a function"),
        ],
        "to_scale": [
            (scaled(lambda f, s, a: drawn(f, s, 1)), "whatever the amount"),
            (scaled(lambda f, s, a: f), "nothing has moved"),
            (scaled(lambda f, s, a: drawn(f, s, -a)), "check the sign"),
            (scaled(lambda f, s, a: midi(drawn(f, s, a))), "convert them to hertz"),
            (scaled(lambda f, s, a: drawn(f, range(12), a)), "nearest semitone"),
            (within_octave, "next octave"),
            (scaled(lambda f, s, a: drawn(f, [0, 2, 4, 7, 9], a)), "should become"),
            (scaled(lambda f, s, a: np.round(drawn(f, s, a), -1)), "should become"),
            (scaled(lambda f, s, a: drawn(f, s, a)[0]), "result"),
            ([0, 2, 4], "should be a function"),
        ],
        "settings": [
            (home | {"pitch_shift": 7 / 12}, "a fifth higher"),
            (home | {"pitch_shift": -7}, "counts octaves"),
            (home | {"pitch_shift": 2 ** (-7 / 12)}, "exponent"),
            (home | {"pitch_shift": -1}, "an octave lower"),
            (home | {"pitch_shift": -5 / 12}, "a fourth"),
            (home | {"pitch_shift": -0.6}, "-7.2 semitones"),
            (home | {"loudness_shift": 12}, "louder instead of softer"),
            (home | {"loudness_shift": 0.25}, "adds decibels"),
            (home | {"loudness_shift": -6}, "changes by -6 dB"),
            (home | {"autotune": 0.5}, "0.5 of the way"),
            (home | {"autotune": 100}, "not a percentage"),
            (home | {"autotune": "1"}, "this is text"),
            (home | {"match": False}, "without match"),
            (home | {"note_threshold": 99, "quiet": -500}, "quiet turns the rests down"),
            (home | {"note_threshold": 99}, "or none"),
            (home | {"octave": -1}, "no setting octave"),
            ({"pitch_shift": -7 / 12, "autotune": 1}, "loudness_shift is missing"),
            ([-7 / 12, -12, 1], "a dictionary"),
        ],
        "lost": [
            ("12 dB softer", "what the control promises"),
            ("more than 12 dB softer", "multiplies"),
            ("it clips", "among the words"),
            (-12, "one of the words"),
        ],
        "faults": [
            (faults | {"A": "too loud"}, "flickers"),
            (faults | {"B": "by ranks"}, "swell"),
            (faults | {"C": "two voices"}, "low and hoarse"),
            (faults | {"D": "too low"}, "leaps away"),
            (faults | {"A": "nothing"}, "something is wrong"),
            (faults | {"D": ...}, "three dots"),
            (faults | {"C": "reverb"}, "among the words"),
            ("A", "a dictionary"),
        ],
    }
