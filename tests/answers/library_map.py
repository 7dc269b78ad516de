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
PROCESSORS = [
    "Add",
    "Crop",
    "Mix",
    "FilteredNoise",
    "Harmonic",
    "Sinusoidal",
    "TensorToAudio",
    "Wavetable",
    "ExpDecayReverb",
    "FIRFilter",
    "FilteredNoiseReverb",
    "ModDelay",
    "Reverb",
]


def sines(frequencies, amplitudes):
    return sum(
        a * np.sin(2 * np.pi * f * T + i)
        for i, (f, a) in enumerate(zip(frequencies, amplitudes, strict=False))
    )


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    import ddsp

    everything = {**vars(ddsp.processors), **vars(ddsp.synths), **vars(ddsp.effects)}
    base = ddsp.processors.Processor
    classes = {c for c in everything.values() if isinstance(c, type) and issubclass(c, base)}
    return {
        "homes": [
            {name: home.removeprefix("ddsp.") for name, home in HOMES.items()},
            {**HOMES, "RnnFcDecoder": ddsp.training.decoders, "Reverb": "ddsp.effects"},
            {ddsp.synths.Harmonic: ddsp.synths, **dict(list(HOMES.items())[1:])},
        ],
        "processors": [set(PROCESSORS), np.array(PROCESSORS[::-1]), classes - {base}],
        "chord_hz": [
            list(CHORD),
            [261.63, 329.63, 392.00],
            440 * np.exp2(np.array([-9, -5, -2]) / 12),
            CHORD[::-1].astype(np.float32),
        ],
        "chord": [sines(CHORD, [0.2] * 3), list(sines([261.63, 329.63, 392.0], [0.2] * 3))],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    c, e, g = CHORD
    return {
        "homes": [
            (list(HOMES), "a dictionary is asked for"),
            ({home: name for name, home in HOMES.items()}, "wrong way round"),
            ({**HOMES, "Mix": "ddsp.effects"}, "it blends two"),
            ({**HOMES, "RnnFcDecoder": "ddsp.training"}, "whole folder"),
            ({**HOMES, "SpectralLoss": "tf_keras.src.engine.base_layer"}, "where the parent"),
            (dict(list(HOMES.items())[:4]), "RnnFcDecoder is missing"),
            ({"harmonic": "synths"}, "not the names of the classes"),
        ],
        "processors": [
            (13, "a list of names"),
            (PROCESSORS * 2, "is there twice"),
            ([*PROCESSORS, "Processor"], "the parent of all"),
            ([*PROCESSORS, "ProcessorGroup"], "holds processors"),
            (
                [one for one in PROCESSORS if not one.endswith("eReverb") and "Exp" not in one],
                "two rooms are missing",
            ),
            (PROCESSORS[3:], "nothing of ddsp.processors"),
            ([one for one in PROCESSORS if one != "ModDelay"], "the first of them in ddsp.effects"),
            ([*PROCESSORS, "DAGLayer"], "DAGLayer is no processor"),
        ],
        "chord_hz": [
            ([60, 64, 67], "still MIDI numbers"),
            (CHORD / 2, "an octave too low"),
            (CHORD * 432 / 440, "32 cents flat"),
            ([c, 440 * 2 ** (-6 / 12), g], "C minor"),
            (c * np.array([1, 5 / 4, 2 ** (7 / 12)]), "14 cents flat"),
            (CHORD / 1000, "kilohertz"),
            (440 * 2 ** (np.array([60, 64, 67]) / 12), "A4, 440 Hz, is note 69"),
            (69 + 12 * np.log2(np.array([60, 64, 67]) / 440), "the other way"),
            (CHORD[:, None], "their shape is (3, 1)"),
            ([c, e], "too few of notes"),
        ],
        "chord": [
            (np.stack([0.2 * np.sin(2 * np.pi * f * T) for f in CHORD], 1), "side by side"),
            (sines(CHORD, [0.2] * 3)[:, None], "their shape is (16000, 1)"),
            (sines(CHORD, [1 / 3] * 3), "4.4 dB too loud"),
            (sines(CHORD, [0.2, 0.1, 0.2]), "E4 is 6.0 dB too soft"),
            (sines(CHORD[:1], [0.2]), "only 262 Hz"),
            (sines(2 * CHORD, [0.2] * 3), "an octave too high"),
            (sines([c, 440 * 2 ** (-6 / 12), g], [0.2] * 3), "C minor"),
            (sines([c, e, g, 440], [0.2] * 4), "belongs to none"),
            (np.zeros(16000), "silent"),
        ],
    }
