"""Exercises of notebooks/02_timbre_transfer/06_loading_a_model.ipynb."""

import numpy as np

from ddsp_course.exercises import _gin, hints

_FILES = ("flute.gin", "oboe.gin", "cello.gin", "horn.gin")
_DAMAGED = {"oboe.gin", "horn.gin"}
_CALLED = ("os.listdir", "os.getcwd")
# An instrument at 24 000 Hz, and a recording for it.
_HOP_SIZE, _N_SAMPLES, _TIME_STEPS, _N_RECORDED = 96, 96000, 1000, 83333
_SETTINGS = {"ch": 192, "rnn_channels": 128, "layers_per_stack": 3, "harmonics": 75}


def damaged(names):
    """The names of the files whose MD5 is not what the bucket promised."""
    names, wrong = _texts(names)
    if wrong:
        return wrong
    foreign = [name for name in names if name not in _FILES]
    if foreign:
        return f"{foreign[0]!r} is none of the four files."
    names = set(names)
    if names == set(_FILES):
        return (
            "all four differ: the bucket's md5Hash is the 16 bytes themselves in base64 "
            "(`digest()`), and not their hexadecimal digits (`hexdigest()`)."
        )
    if names == set(_FILES) - _DAMAGED:
        return "these two are whole, and the two others are damaged."
    whole = sorted(names - _DAMAGED)
    if whole:
        return f"{whole[0]} is as the bucket has it."
    if names != _DAMAGED:
        heard = "would hiss" if "horn.gin" not in names else "would end too early"
        return f"{len(_DAMAGED - names)} of the damaged files would be kept: an instrument {heard}."
    return None


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


def _texts(answer):
    """Return ([text, ...], None), or (None, a hint) where an answer is no list of texts."""
    if isinstance(answer, np.ndarray | set | tuple):
        answer = list(answer)
    if not isinstance(answer, list) or not all(isinstance(one, str) for one in answer):
        return None, "a list of texts is asked for."
    if not answer:
        return None, "the list is empty."
    return [str(one) for one in answer], None


def _parsed(text):
    """Return ({"function.argument": value}, None) or (None, a hint)."""
    gin = _gin.of_its_own()

    def harmonic(n_samples=_N_SAMPLES, sample_rate=None):
        return {"Harmonic.n_samples": n_samples}

    def filtered_noise(n_samples=_N_SAMPLES):
        return {"FilteredNoise.n_samples": n_samples}

    def preprocessor(time_steps=_TIME_STEPS, sample_rate=None):
        return {"F0LoudnessPreprocessor.time_steps": time_steps}

    names = {
        "Harmonic": harmonic,
        "FilteredNoise": filtered_noise,
        "F0LoudnessPreprocessor": preprocessor,
    }
    made = [gin.external_configurable(function, name) for name, function in names.items()]
    try:
        gin.parse_config(text)
        found = {}
        for one in made:
            found.update(one())
        return found, None
    # A learner's text runs here: what it sets off is of any kind, and is told.
    except Exception as error:  # noqa: BLE001
        return None, f"gin says: {_gin.first_line(error)}"
