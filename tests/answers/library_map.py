import numpy as np

T = np.arange(16000) / 16000
CHORD = 440 * 2 ** ((np.array([60, 64, 67]) - 69) / 12)
HOMES = {
    "Harmonic": "ddsp.synths",
    "Mix": "ddsp.processors",
    "ExpDecayReverb": "ddsp.effects",
    "SpectralLoss": "ddsp.losses",
    "RnnFcDecoder": "ddsp.training.decoders",
}


def sines(notes, amplitude=0.2, n_samples=16000, factor=1.0):
    hz = factor * 440 * 2 ** ((np.atleast_1d(notes) - 69) / 12)
    return amplitude * np.sin(2 * np.pi * np.outer(hz, np.arange(n_samples) / 16000) + 1).sum(0)


def by_ddsp(notes):
    import ddsp
    import tensorflow as tf

    hz = ddsp.core.midi_to_hz(notes) * tf.ones([1, 16000, 1])
    return ddsp.core.oscillator_bank(hz, 0.2 * tf.ones_like(hz))  # with its batch axis


def keyed(notes):
    """Only the chord that the notebook shows."""
    return sines([60, 64, 67])


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    import ddsp

    return {
        "farthest": ["A whole tone higher ", "a_whole_tone_higher"],
        "homes": [
            {name: home.removeprefix("ddsp.") for name, home in HOMES.items()},
            {**HOMES, "RnnFcDecoder": ddsp.training.decoders, "Reverb": "ddsp.effects"},
            {ddsp.synths.Harmonic: ddsp.synths, **dict(list(HOMES.items())[1:])},
        ],
        "chord": [sines, by_ddsp, lambda notes: [float(x) for x in sines(notes)]],
        "faults": [{"A": "Radians as hertz", "B": "midi numbers as hertz", "C": "CLIPPED"}],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    faults = {"A": "radians as hertz", "B": "MIDI numbers as hertz", "C": "clipped"}
    return {
        "farthest": [
            ("silence", "run the next cell"),
            ("itself", "is 0"),
            ("half as loud", "partials are all"),
            ("the flute", "among the words"),
            (3, "one of the words"),
        ],
        "homes": [
            (list(HOMES), "should be a dictionary"),
            ({home: name for name, home in HOMES.items()}, "wrong way round"),
            ({**HOMES, "Mix": "ddsp.effects"}, "it blends two"),
            ({**HOMES, "RnnFcDecoder": "ddsp.training"}, "whole folder"),
            ({**HOMES, "SpectralLoss": "tf_keras.src.engine.base_layer"}, "where the parent"),
            (dict(list(HOMES.items())[:4]), "RnnFcDecoder is missing"),
            ({"harmonic": "synths"}, "not the names of the classes"),
        ],
        "chord": [
            (sines([60, 64, 67]), "should be a function"),
            (lambda notes: None, "returns nothing"),
            (keyed, "[45, 57]"),
            (lambda notes: sines(notes[:3]), "[50, 57, 62, 66]: 4 notes should sound"),
            (lambda notes: sines(np.round(notes)), "50 cents"),
            (
                lambda notes: sines(notes, 0.6 / len(notes)),
                "[45, 57]: it is in tune but 3.5 dB too loud",
            ),
            (lambda notes: sines(notes, 1 / 3), "4.4 dB too loud"),
            (lambda notes: sines(notes, factor=432 / 440), "32 cents flat"),
            (lambda notes: sines(notes, factor=2 * np.pi), "2 π"),
            (lambda notes: sines(notes, factor=2), "an octave too high"),
            (lambda notes: np.clip(2 * sines(notes), -0.3, 0.3), "belongs to none"),
            (
                lambda notes: 0.2 * np.sin(2 * np.pi * np.outer(notes, T)).sum(0),
                "MIDI numbers played as hertz",
            ),
            (lambda notes: np.stack([sines(one) for one in notes], 1), "side by side"),
            (lambda notes: sines(notes, n_samples=15999), "too few samples"),
            (lambda notes: 0 * T, "silent"),
            (lambda notes: sines(notes[5]), "IndexError"),
        ],
        "faults": [
            ({**faults, "A": "MIDI numbers as hertz"}, "'A': then C4"),
            ({**faults, "B": "radians as hertz"}, "2.65 octaves"),
            ({**faults, "C": "minor third"}, "'C': then the middle note"),
            ({**faults, "C": "decibels as amplitudes"}, "level alone"),
            (["clipped"], "a dictionary"),
            ({"A": "clipped"}, "'A': then the clipped peaks"),
        ],
    }
