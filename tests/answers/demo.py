import numpy as np

STEPS = np.array([7.0, -3.0, -24.0])
SUNG_HZ = np.array([98.0, 110.0, 130.8, 146.8])
LEVELS_DB = np.array([-75.0, -30.0, -12.0, -9.0, -14.0, -40.0, -11.0, -66.0])
IS_NOTE = np.array([False, False, True, True, True, False, True, False])
OFF_HZ = np.array([436.0, 450.0, 500.0, 659.3, 702.0])
MIDI = 69 + 12 * np.log2(OFF_HZ / 440)


def hz(midi):
    return 440 * 2 ** ((midi - 69) / 12)


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    ddsp = _tensorflow.load_ddsp()
    semitones = np.asarray(ddsp.core.hz_to_midi(SUNG_HZ))
    halfway = np.sqrt(OFF_HZ * np.asarray(ddsp.core.midi_to_hz(np.round(MIDI)), float))
    return {
        "settings": [
            {"autotune": 1.0, "loudness_shift": -12.0, "pitch_shift": -1.0, "quiet": 20},
            {"pitch_shift": np.float32(-1), "loudness_shift": np.array([-12]), "autotune": 1},
        ],
        "semitones": [[7 / 12, -1 / 4, -2], [0.583, -0.25, -2], np.log2(2 ** (STEPS / 12))],
        "register": [
            [392.0, 440.0, 523.2, 587.2],
            ddsp.core.midi_to_hz(semitones + 12 * np.round((68.7 - semitones.mean()) / 12)),
        ],
        "quiet": [
            [-80, -50, -12, -9, -14, -60, -11, -80],
            np.clip(LEVELS_DB - 20.0 * ~IS_NOTE, -80, None),
        ],
        "autotune": [halfway, list(np.round(halfway, 1))],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    home = {"pitch_shift": -1, "loudness_shift": -12, "autotune": 1}
    middle = 69 + 12 * np.log2(SUNG_HZ / 440)
    lower = np.where(IS_NOTE, LEVELS_DB, LEVELS_DB - 20)
    nearest = np.round(MIDI)
    return {
        "settings": [
            (home | {"pitch_shift": 1}, "an octave higher"),
            (home | {"pitch_shift": -12}, "counts octaves"),
            (home | {"pitch_shift": 0.5}, "no factor"),
            (home | {"loudness_shift": 12}, "louder, and not softer"),
            (home | {"loudness_shift": 0.25}, "adds decibels"),
            (home | {"loudness_shift": -6}, "changes by -6 dB"),
            (home | {"autotune": 0.5}, "0.5 of the way"),
            (home | {"autotune": 100}, "no percentage"),
            (home | {"match": False}, "without match"),
            (home | {"octave": -1}, "no setting octave"),
            (home | {"autotune": "full"}, "this is text"),
            ({"pitch_shift": -1, "autotune": 1}, "loudness_shift is missing"),
            ([-1, -12, 1], "a dictionary"),
        ],
        "semitones": [
            (STEPS, "as many octaves"),
            (2 ** (STEPS / 12), "their exponent"),
            (-STEPS / 12, "mind the signs"),
            (np.abs(STEPS) / 12, "all go up"),
            (100 * STEPS, "cents"),
            (STEPS / 7, "white keys alone"),
            ([0.6, -0.25, -2], "33% of the numbers are off"),
            (7 / 12, "(3,) is asked for"),
        ],
        "register": [
            (SUNG_HZ, "nothing has moved"),
            (2 * SUNG_HZ, "one octave is too little"),
            (SUNG_HZ * 2 ** ((68.7 - middle.mean()) / 12), "the key has changed"),
            (SUNG_HZ / 4, "away from the trumpet"),
            (SUNG_HZ + 2, "added in Hz"),
            (middle + 24, "hertz are asked for"),
            (SUNG_HZ + hz(68.7) - SUNG_HZ.mean(), "other intervals"),
            (3 * SUNG_HZ, "doubles"),
            (8 * SUNG_HZ, "an octave too high"),
        ],
        "quiet": [
            (np.where(IS_NOTE, LEVELS_DB - 20, LEVELS_DB), "the other way round"),
            (LEVELS_DB - 20, "the notes too"),
            (lower, "the floor is missing"),
            (np.where(IS_NOTE, LEVELS_DB, LEVELS_DB + 20), "got louder"),
            (np.where(IS_NOTE, LEVELS_DB, -80), "gone altogether"),
            (np.where(IS_NOTE, LEVELS_DB, LEVELS_DB / 10), "no amplitude"),
            (np.where(IS_NOTE, LEVELS_DB, -20), "louder than before"),
        ],
        "autotune": [
            (hz(nearest), "robots"),
            (OFF_HZ, "nothing has moved"),
            (hz(MIDI - 0.5 * (nearest - MIDI)), "mind the sign"),
            (hz((MIDI + np.floor(MIDI)) / 2), "semitone below"),
            (hz((MIDI + np.ceil(MIDI)) / 2), "semitone above"),
            ((OFF_HZ + np.round(OFF_HZ)) / 2, "whole hertz"),
            ((MIDI + nearest) / 2, "hertz are asked for"),
        ],
    }
