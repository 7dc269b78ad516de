import numpy as np


def lines(sines=83328, noise=83328, frames=868):
    return [
        f"Harmonic.n_samples = {sines}",
        f"FilteredNoise.n_samples = {noise}",
        f"F0LoudnessPreprocessor.time_steps = {frames}",
    ]


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    return {
        "damaged": [{"horn.gin", "oboe.gin"}, ("horn.gin", "oboe.gin"), ["oboe.gin", "horn.gin"]],
        "called": [["os.getcwd", "os.listdir"], ("os listdir", "os getcwd")],
        "length": [
            "\n".join(lines()),
            (
                "n = 83328\nF0LoudnessPreprocessor.time_steps = 868\nHarmonic.n_samples = %n\n"
                "FilteredNoise.n_samples = %n"
            ),
            tuple(lines()[::-1]),
        ],
        "settings": [np.array([192, 128, 3, 75]), (192.0, 128.0, 3.0, 75.0)],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    return {
        "damaged": [
            (["flute.gin", "oboe.gin", "cello.gin", "horn.gin"], "`digest()`"),
            (["flute.gin", "cello.gin"], "these two are whole"),
            (["oboe.gin"], "would hiss"),
            (["horn.gin"], "would end too early"),
            (["oboe.gin", "horn.gin", "cello.gin"], "cello.gin is as the bucket has it"),
            (["oboe", "horn"], "none of the four"),
            ([], "the list is empty"),
            (2, "a list of texts"),
        ],
        "called": [
            (["os.listdir", "os.getcwd", "os.system"], "a value in it"),
            (["os.listdir"], "1 of the 2"),
            (["os.listdir", "quantile_transform.getcwd"], "out of the memo"),
            (["listdir", "getcwd"], "with its module"),
            (["os.listdir", "os.getcwd", "os.remove"], "os.remove is not called"),
            ("os.listdir", "a list of texts"),
        ],
        "length": [
            (lines(83333, 83333, 868), "no whole number of hops"),
            (lines(83328, 83328, 1302), "64 is the violin's hop"),
            (lines(83424, 83424, 869), "round down"),
            (lines()[::2], "cannot be added"),
            (lines()[:2], "time_steps has to change"),
            (lines()[2:], "n_samples has to change"),
            (lines(80160, 80160, 835), "more than a frame"),
            (lines(41664, 41664, 868), "a frame would have 48"),
            (lines(83333.0, 83333.0, 868), "no whole number:"),
            (["Harmonic.length = 83328"], "gin says"),
            (83328, "a list of texts"),
        ],
        "settings": [
            ([192, 384, 3, 75], "three gates"),
            ([512, 128, 3, 75], "behind the stacks"),
            ([192, 128, 2, 75], "counted from 0"),
            ([192, 128, 3, 76], "overall amplitude"),
            ([192, 128, 3, 141], "take away 65"),
            ([192, 64, 3, 75], "rnn_channels is 64"),
            ([192, 128, 3], "one too few"),
        ],
    }
