"""Exercises of notebooks/02_timbre_transfer/06_loading_a_model.ipynb."""

import base64
import hashlib

import numpy as np

from ddsp_course.exercises import _gin, hints

_CALLED = ("os.listdir", "os.getcwd")
# An instrument trained at 24 000 Hz, and the length of a recording for it.
_HOP_SIZE, _N_SAMPLES, _TIME_STEPS, _N_RECORDED = 96, 96000, 1000, 83333
_SETTINGS = {"ch": 192, "rnn_channels": 128, "layers_per_stack": 3, "harmonics": 75}


def damaged(function):
    """A function of {name: bytes} and {name: md5Hash} that returns the names of damaged files."""
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
    """A prediction: how long four seconds become if all three settings are forgotten."""
    return hints.choice(
        answer,
        "2 s",
        ("2 s", "4 s", "fails"),
        {
            "4 s": "one of the settings has to give its length. Run the next cell and compare.",
            "fails": "the settings from the training still fit each other. Run the next cell.",
        },
    )


def faults(named):
    """{violin: its fault} of the three violins that the notebook plays."""
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
            "time_steps forgotten": "then the tempo and the timbre would be nearly right.",
            "a bit flipped in the gin file": "then loud noise would cover the violin's tune.",
            "weights not loaded": "then nothing in it would sound like a violin.",
        },
    )


def _arrived(seed):
    """Return ({name: bytes}, {name: md5Hash}, damaged names) of files from a bucket."""
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
            "all of them differ: md5Hash is the base64 of the 16 bytes (`digest()`), as text, not "
            "of their hexadecimal digits (`hexdigest()`)."
        )
    if right and names == every - right:
        return "these are the intact files: return the damaged ones."
    whole = sorted(names - right)
    if whole:
        return f"{whole[0]} matches the bucket's checksum."
    return (
        f"{len(right - names)} damaged files would be kept: their lengths are right, so compare "
        "their contents."
    )


def called(names):
    """The functions that the pickle would call, as "module.name"."""
    names, wrong = _texts(names)
    if wrong:
        return wrong
    names = {name.replace(" ", ".") for name in names}
    if "os.system" in names:
        return "os.system is only a value in it, a comment: no STACK_GLOBAL follows it."
    if any("." not in name for name in names):
        return 'write each name with its module, such as "os.getcwd".'
    if any(name.endswith(".getcwd") and name != "os.getcwd" for name in names):
        return (
            "the module of getcwd is not the string just before it: BINGET takes a string out of "
            "the memo by its number."
        )
    if names < set(_CALLED):
        return (
            f"you have found {len(names)} of the {len(_CALLED)} functions: look at what stands before "
            "each STACK_GLOBAL."
        )
    extra = sorted(names - set(_CALLED))
    if extra:
        return f"{extra[0]} is not called in it: no STACK_GLOBAL follows that pair of strings."
    return None


def length(lines):
    """Gin lines that fit the instrument to the recording, as a string or a list of lines."""
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
            return f"{value!r} is not a whole number: samples and frames are counted."
    if sines != noise:
        return f"the sines have {sines} samples and the noise has {noise}, so they cannot be added."
    if frames == _TIME_STEPS:
        return (
            f"the curves are still resampled to {_TIME_STEPS} frames, whatever their length: "
            "time_steps has to change as well."
        )
    if sines == _N_SAMPLES:
        return "it still lasts 4 s: n_samples has to change as well."
    if frames == _N_RECORDED // 64:
        return "64 is the violin's hop size. This instrument's is 96000 / 1000 samples."
    if sines % frames:
        return (
            f"{sines} samples do not divide evenly into {frames} frames, and ddsp rejects them: "
            "leave out the samples that do not fill a frame."
        )
    if sines // frames != _HOP_SIZE:
        return (
            f"a frame would have {sines // frames} samples, but the network was trained with "
            f"{_HOP_SIZE}."
        )
    if sines > _N_RECORDED:
        return f"it plays {sines} samples, but the recording has {_N_RECORDED}: round down."
    if frames != _N_RECORDED // _HOP_SIZE:
        return (
            f"it leaves out {_N_RECORDED - sines} samples of the recording, more than a frame: a "
            f"frame has {_HOP_SIZE}."
        )
    return None


def settings(answer):
    """Four numbers: ch, rnn_channels, layers_per_stack and the number of harmonics."""
    where = {
        "ch": "it is the width of one dense layer in a stack",
        "rnn_channels": "it is a third of the width of the GRU's weights",
        "layers_per_stack": "it is how many dense layers a stack has",
        "harmonics": "it is the last layer's width without the noise bands and the amplitude",
    }
    wrong = hints.numbers(answer) or hints.shape(answer, (4,), ("settings",))
    if wrong:
        return wrong
    ch, rnn_channels, layers, harmonics = np.asarray(answer, float)
    if rnn_channels == 384:
        return "384 is three gates of the GRU side by side: rnn_channels is one of them."
    if ch in (384, 512):
        return (
            f"{ch:.0f} is the input width of a layer after the stacks, which reads both of them: ch is "
            "the output width of one layer."
        )
    if layers == 2:
        return "the layers of a stack are counted from 0."
    if harmonics == 76:
        return "that is one too many harmonics: each frame also has one overall amplitude."
    if harmonics in (141, 140):
        return "the last layer's outputs include the noise bands: subtract 65."
    values = (ch, rnn_channels, layers, harmonics)
    for (name, right), given in zip(_SETTINGS.items(), values, strict=True):
        if given != right:
            return f"{name} is not {given:g}: {where[name]}."
    return None


def _texts(answer, may_be_empty=False):
    """Return ([text, ...], None), or (None, a hint) if an answer is not a list of strings."""
    if isinstance(answer, set | tuple) or (isinstance(answer, np.ndarray) and answer.ndim):
        answer = list(answer)
    if not isinstance(answer, list) or not all(isinstance(one, str) for one in answer):
        return None, "the answer should be a list of strings."
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
            # Magenta's notebooks set it together with the length.
            ("oscillator_bank", "core", oscillator_bank),
        )
    ]
    try:
        gin.parse_config(text)
        found = {}
        for one in made:
            found.update(one())
        return found, None
    # This runs a learner's text, which may raise anything.
    except Exception as error:  # noqa: BLE001
        return None, f"gin says: {_gin.first_line(error)}"
