"""Exercises of notebooks/02_timbre_transfer/06_loading_a_model.ipynb."""

import base64
import hashlib

import numpy as np

from ddsp_course.exercises import _gin, hints

_CALLED = ("os.listdir", "os.getcwd")
# An instrument at 24 000 Hz, and a recording for it.
_HOP_SIZE, _N_SAMPLES, _TIME_STEPS, _N_RECORDED = 96, 96000, 1000, 83333
_SETTINGS = {"ch": 192, "rnn_channels": 128, "layers_per_stack": 3, "harmonics": 75}


def damaged(function):
    """A function from {name: bytes} and {name: md5Hash} to the names of the damaged files."""
    for seed in (0, 1, 2):
        files, promised, right = _arrived(seed)
        names, wrong = hints.call(function, dict(files), dict(promised))
        if not wrong and isinstance(names, dict):
            names = list(names)
        names, wrong = (None, wrong) if wrong else _texts(names, may_be_empty=True)
        wrong = wrong or _wrong_files(set(names), set(right), set(files))
        if wrong:
            return wrong
    return None


def forgotten(answer):
    """A prediction: what becomes of two seconds with all three settings forgotten."""
    return hints.choice(
        answer,
        "1 s",
        ("1 s", "2 s", "fails"),
        {
            "2 s": "something has to say how long it is. Run the next cell and compare.",
            "fails": "the settings of the training still fit each other. Run the next cell.",
        },
    )


def faults(named):
    """{violin: its fault} of the three that the notebook plays."""
    return hints.choices(
        named,
        {
            "A": "weights not loaded",
            "B": "a bit flipped in the gin file",
            "C": "n_samples forgotten",
        },
        (
            "n_samples forgotten",
            "time_steps forgotten",
            "a bit flipped in the gin file",
            "weights not loaded",
        ),
        {
            "n_samples forgotten": "then the tune would be twice as fast.",
            "time_steps forgotten": "then the tempo and the tone would be nearly right.",
            "a bit flipped in the gin file": "then the violin would play its tune in loud noise.",
            "weights not loaded": "then nothing in it would sound like a violin.",
        },
    )


def _arrived(seed):
    """Return ({name: bytes}, {name: md5Hash}, names of the damaged) of files from a bucket."""
    rng = np.random.default_rng(seed)
    sent = {f"{name}.gin": rng.bytes(50) for name in ("flute", "oboe", "cello", "horn", "harp")}
    promised = {
        name: base64.b64encode(hashlib.md5(data).digest()).decode() for name, data in sent.items()
    }
    bad = list(rng.permutation(list(sent))[: 2 - seed % 2 * 2])  # two, none, two
    files = dict(sent)
    for name in bad:
        data = bytearray(sent[name])
        data[rng.integers(len(data))] ^= 1
        files[name] = bytes(data)
    return files, promised, bad


def _wrong_files(names, right, every):
    if names == right:
        return None
    foreign = sorted(names - every)
    if foreign:
        return f"{foreign[0]!r} is none of the files."
    if names == every:
        return (
            "all of them differ: md5Hash is the 16 bytes themselves in base64 (`digest()`), as "
            "text, and not their hexadecimal digits (`hexdigest()`)."
        )
    if right and names == every - right:
        return "these are the whole ones, and the damaged are asked for."
    whole = sorted(names - right)
    if whole:
        return f"{whole[0]} is as the bucket has it."
    return f"{len(right - names)} damaged files would be kept: they are as long as they should be."


def called(names):
    """The functions that the pickle would import, as "module.name"."""
    names, wrong = _texts(names)
    if wrong:
        return wrong
    names = {name.replace(" ", ".") for name in names}
    if "os.system" in names:
        return "os.system is a value in it, as a comment: no STACK_GLOBAL follows upon it."
    if any("." not in name for name in names):
        return 'a name is asked for with its module, such as "os.getcwd".'
    if any(name.endswith(".getcwd") and name != "os.getcwd" for name in names):
        return (
            "the module of getcwd does not stand before it: BINGET takes a string out of the memo, "
            "the one of its number."
        )
    if names < set(_CALLED):
        return f"{len(names)} of the {len(_CALLED)} functions are found."
    extra = sorted(names - set(_CALLED))
    if extra:
        return f"{extra[0]} is not called in it."
    return None


def length(lines):
    """Gin lines that fit the instrument to the recording, as a text or a list of lines."""
    if isinstance(lines, str):
        lines = [lines]
    lines, wrong = _texts(lines)
    if wrong:
        return wrong
    found, wrong = _parsed("\n".join(lines))
    if wrong:
        return wrong
    sines = found.get("Harmonic.n_samples", _N_SAMPLES)
    noise = found.get("FilteredNoise.n_samples", _N_SAMPLES)
    frames = found.get("F0LoudnessPreprocessor.time_steps", _TIME_STEPS)
    for value in (sines, noise, frames):
        if not isinstance(value, int):
            return f"{value!r} is no whole number: samples and frames are counted."
    if sines != noise:
        return (
            f"the sines have {sines} samples and the noise has {noise}, and they cannot be added."
        )
    if frames == _TIME_STEPS:
        return (
            f"the curves still become {_TIME_STEPS} frames, whatever their length: "
            "time_steps has to change as well."
        )
    if sines == _N_SAMPLES:
        return "it still lasts 4 s: n_samples has to change as well."
    if frames == _N_RECORDED // 64:
        return "64 is the violin's hop. This instrument's is 96000 / 1000 samples."
    if sines % frames:
        return (
            f"{sines} samples are no whole number of hops in {frames} frames, and ddsp refuses "
            "them: leave out what does not fill a frame."
        )
    if sines // frames != _HOP_SIZE:
        return f"a frame would have {sines // frames} samples, and the network learned {_HOP_SIZE}."
    if sines > _N_RECORDED:
        return f"it plays {sines} samples, and {_N_RECORDED} were recorded: round down."
    if frames != _N_RECORDED // _HOP_SIZE:
        return f"{_N_RECORDED - sines} samples of the recording are left out, more than a frame."
    return None


def settings(answer):
    """Four numbers: ch, rnn_channels, layers_per_stack and the number of harmonics."""
    wrong = hints.numbers(answer) or hints.shape(answer, (4,), ("settings",))
    if wrong:
        return wrong
    ch, rnn_channels, layers, harmonics = np.asarray(answer, float)
    if rnn_channels == 384:
        return "384 is three gates of the GRU side by side: rnn_channels is one of them."
    if ch in (384, 512):
        return (
            f"{ch:.0f} is what a layer behind the stacks reads, both stacks together: ch is what one "
            "layer gives."
        )
    if layers == 2:
        return "the layers of a stack are counted from 0."
    if harmonics == 76:
        return "one number too many for the harmonics: a frame also has one overall amplitude."
    if harmonics in (141, 140):
        return "the last layer gives the bands of noise as well: take away 65."
    values = (ch, rnn_channels, layers, harmonics)
    for (name, right), given in zip(_SETTINGS.items(), values, strict=True):
        if given != right:
            return f"{name} is {given:g}, and the shapes say another number."
    return None


def _texts(answer, may_be_empty=False):
    """Return ([text, ...], None), or (None, a hint) where an answer is no list of texts."""
    if isinstance(answer, set | tuple) or (isinstance(answer, np.ndarray) and answer.ndim):
        answer = list(answer)
    if not isinstance(answer, list) or not all(isinstance(one, str) for one in answer):
        return None, "a list of texts is asked for."
    if not answer and not may_be_empty:
        return None, "the list is empty."
    return [str(one) for one in answer], None


def _parsed(text):
    """Return ({"function.argument": value}, None) or (None, a hint)."""
    gin = _gin.of_its_own()

    def harmonic(n_samples=_N_SAMPLES, sample_rate=None, use_angular_cumsum=None):
        return {"Harmonic.n_samples": n_samples}

    def filtered_noise(n_samples=_N_SAMPLES):
        return {"FilteredNoise.n_samples": n_samples}

    def preprocessor(time_steps=_TIME_STEPS, sample_rate=None, compute_loudness=None):
        return {"F0LoudnessPreprocessor.time_steps": time_steps}

    def oscillator_bank(use_angular_cumsum=False):
        return {}

    made = [
        gin.external_configurable(function, name, module=f"ddsp.{module}")
        for name, module, function in (
            ("Harmonic", "synths", harmonic),
            ("FilteredNoise", "synths", filtered_noise),
            ("F0LoudnessPreprocessor", "training.preprocessing", preprocessor),
            # Magenta's notebooks set it along with the length.
            ("oscillator_bank", "core", oscillator_bank),
        )
    ]
    try:
        gin.parse_config(text)
        found = {}
        for one in made:
            found.update(one())
        return found, None
    # A learner's text runs here: what it sets off is of any kind, and is told.
    except Exception as error:  # noqa: BLE001
        return None, f"gin says: {_gin.first_line(error)}"
