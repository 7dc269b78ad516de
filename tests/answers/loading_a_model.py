import base64
import hashlib

import numpy as np

FAULTS = {
    "A": "weights not loaded",
    "B": "a bit flipped in the gin file",
    "C": "n_samples forgotten",
}


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def differs(one):
    """A function that names the files for which `one(data)` is not what the bucket says."""
    return lambda files, promised: [name for name in files if one(files[name]) != promised[name]]


def lines(sines=83328, noise=83328, frames=868):
    return [
        f"Harmonic.n_samples = {sines}",
        f"FilteredNoise.n_samples = {noise}",
        f"F0LoudnessPreprocessor.time_steps = {frames}",
    ]


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    return {
        "damaged": [
            differs(md5),
            lambda files, promised: {
                name for name in promised if md5(files[name]) != promised[name]
            },
            lambda files, promised: np.array(differs(md5)(files, promised), str),
        ],
        "forgotten": ["2 s", " 2 S"],
        "faults": [{name: fault.upper() for name, fault in FAULTS.items()}],
        "called": [["os.getcwd", "os.listdir"], ("os listdir", "os getcwd")],
        "length": [
            "\n".join(lines()),
            (
                "n = 83328\nF0LoudnessPreprocessor.time_steps = 868\nHarmonic.n_samples = %n\n"
                "FilteredNoise.n_samples = %n"
            ),
            tuple(lines()[::-1]),
            [*lines(), "oscillator_bank.use_angular_cumsum = True"],
            [*lines(), "F0LoudnessPreprocessor.compute_loudness = False"],
            [f"synths.{line}" for line in lines()[:2]] + lines()[2:],
        ],
        "settings": [np.array([192, 128, 3, 75]), (192.0, 128.0, 3.0, 75.0)],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    return {
        "damaged": [
            (["horn.gin"], "should be a function"),
            (lambda files, promised: [], "would be kept"),
            (differs(lambda data: hashlib.md5(data).hexdigest()), "`digest()`"),
            (differs(lambda data: base64.b64encode(hashlib.md5(data).digest())), "as text"),
            (
                lambda files, promised: [n for n in files if md5(files[n]) == promised[n]],
                "the intact files",
            ),
            (lambda files, promised: ["horn"], "none of the files"),
            (lambda files, promised: "horn.gin", "a list of strings"),
            (lambda files, promised: differs(md5)(files, promised)[:1], "would be kept"),
            (lambda files: [], "TypeError"),
        ],
        "forgotten": [("4 s", "its length"), ("fails", "still fit"), (1, "one of the words")],
        "faults": [
            ({**FAULTS, "A": "time_steps forgotten"}, "'A'"),
            ({**FAULTS, "B": "weights not loaded"}, "like a violin"),
            ({**FAULTS, "C": "time_steps forgotten"}, "nearly right"),
            (["weights not loaded"], "a dictionary"),
        ],
        "called": [
            (["os.listdir", "os.getcwd", "os.system"], "only a value"),
            (["os.listdir"], "1 of the 2"),
            (["os.listdir", "quantile_transform.getcwd"], "the memo"),
            (["listdir", "getcwd"], "with its module"),
            (["os.listdir", "os.getcwd", "os.remove"], "os.remove is not called"),
            ("os.listdir", "a list of strings"),
        ],
        "length": [
            (lines(83333, 83333, 868), "do not divide evenly"),
            (lines(83328, 83328, 1302), "64 is the violin's hop"),
            (lines(83424, 83424, 869), "round down"),
            (lines()[::2], "cannot be added"),
            (lines()[:2], "time_steps has to change"),
            (lines()[2:], "n_samples has to change"),
            (lines(80160, 80160, 835), "more than a frame"),
            (lines(41664, 41664, 868), "a frame would have 48"),
            (lines(83333.0, 83333.0, 868), "not a whole number"),
            (["Harmonic.length = 83328"], "gin says"),
            (83328, "a list of strings"),
        ],
        "settings": [
            ([192, 384, 3, 75], "three gates"),
            ([512, 128, 3, 75], "after the stacks"),
            ([192, 128, 2, 75], "counted from 0"),
            ([192, 128, 3, 76], "overall amplitude"),
            ([192, 128, 3, 141], "subtract 65"),
            ([192, 64, 3, 75], "rnn_channels is not 64"),
            ([192, 128, 3], "one too few"),
        ],
    }
