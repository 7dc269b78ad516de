"""Exercises of notebooks/01_ddsp_library/02_processors.ipynb."""

import numpy as np

from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.exercises import hints
from ddsp_course.units import FRAME_RATE, SAMPLE_RATE

BANDS = 65


def folded(hz):
    """A prediction: where harmonic 20 of 600 Hz appears at 16 000 samples a second: 4000 Hz."""
    wrong = hints.one_number(hz)
    if wrong:
        return wrong
    hz = float(np.squeeze(hz))
    if abs(hz - 4000) <= 100:
        return None
    if abs(hz - 4) < 0.1:
        return "this is in kilohertz: convert it to hertz."
    if abs(hz - 12_000) < 100:
        return "nothing above 8 kHz exists in samples at 16 kHz. Run the next cell and look."
    if abs(hz - 8000) < 100:
        return "it does not stop at the limit: it turns back there. Run the next cell and look."
    return "it appears as far below 8 kHz as it should be above. Run the next cell and look."


def raw_numbers(function):
    """A function from amplitudes, (n,), to the raw numbers that exp_sigmoid maps to them."""
    amplitudes = np.r_[
        0.25, np.geomspace(0.001, 1.9, 7), np.random.default_rng(0).uniform(0.1, 1, 4)
    ]
    raw, wrong = hints.call(function, amplitudes)
    if wrong:
        return wrong
    wrong = hints.numbers(raw) or hints.shape(np.squeeze(raw), amplitudes.shape, ("amplitudes",))
    if wrong:
        return wrong
    raw = np.squeeze(np.asarray(raw, float))
    made = 2 * (1 / (1 + np.exp(-np.clip(raw, -300, 300)))) ** np.log(10) + 1e-7
    db = 20 * np.log10(made / amplitudes)
    if np.abs(db).max() <= 0.1:
        return None
    known = {
        "these are amplitudes still: exp_sigmoid would turn them into other amplitudes.": amplitudes,
        "the factor of 2 before the sigmoid is missing.": _logit(
            np.clip(amplitudes, 0, 0.999) ** (1 / np.log(10))
        ),
        "the sign is wrong: negative raw numbers are soft.": -_logit(
            (amplitudes / 2) ** (1 / np.log(10))
        ),
        "that undoes the sigmoid, but not its power of ln 10.": _logit(amplitudes / 2),
        "the exponent to undo is the natural logarithm of 10, 2.303; log10(10) is 1.": _logit(
            (amplitudes / 2) ** (1 / np.log(2))
        ),
        "this applies the power again: to undo it, use the exponent 1 / ln 10.": _logit(
            (amplitudes / 2) ** np.log(10)
        ),
    }
    soft = amplitudes < 0.9  # the range in which every mistake gives a number
    for sentence, other in known.items():
        if np.allclose(raw[soft], other[soft], rtol=1e-2, atol=1e-2):
            return sentence
    off = np.argmax(np.abs(db))
    return (
        f"through exp_sigmoid, the amplitude {amplitudes[off]:.3g} comes out "
        f"{hints.too_loud(db[off])}."
    )


def noise_band(magnitudes):
    """Magnitudes of 0.1 from 2 to 4 kHz, (250, 65); each edge may be off by a band."""
    wrong = hints.numbers(magnitudes) or hints.shape(
        magnitudes, (FRAME_RATE, BANDS), ("frames", "bands")
    )
    if wrong:
        return wrong
    magnitudes = np.asarray(magnitudes, float)
    if magnitudes.min() < -1e-6:
        return (
            "some magnitudes are negative: these are controls, which the synthesizer uses as they "
            "are, not raw numbers."
        )
    heard = magnitudes > 1e-6
    if not heard.any():
        return (
            "it is silent: all magnitudes are 0. Did you use a frequency in Hz as the number of a "
            "band? There are 65 bands."
        )
    if (heard != heard[0]).any():
        if (heard.all(axis=1) | ~heard.any(axis=1)).all():
            first, last = np.flatnonzero(heard.any(axis=1))[[0, -1]]
            return (
                f"that is a burst of all frequencies from frame {first} to frame {last}: the band "
                "runs along the wrong axis, time."
            )
        return "the band changes over time, but it should be the same in each frame."
    bands = np.flatnonzero(heard[0])
    low, high = bands[[0, -1]]
    edges = f"it sounds from {_hz(low)} to {_hz(high)}"
    if len(bands) != high - low + 1:
        if heard[0, :14].all() and heard[0, 35:].all():
            return "it is the wrong way round: you hear everything except the band from 2 to 4 kHz."
        return f"{edges}, with gaps in between."
    for octaves, sentence in (
        (-1, "an octave too low: how many Hz lie between two of the 65 bands from 0 to 8 kHz?"),
        (1, "an octave too high: 65 bands go from 0 to 8 kHz, not to 16."),
    ):
        if abs(low - 16 * 2.0**octaves) <= 1 and abs(high - 32 * 2.0**octaves) <= 1:
            return f"{edges}, {sentence}"
    if abs(low - 16) > 1:
        return f"{edges}: its lower edge should be at 2 kHz."
    if abs(high - 32) > 1:
        return f"{edges}: its upper edge should be at 4 kHz."
    inside = magnitudes[:, bands]
    if not np.allclose(inside, inside[0, 0], rtol=1e-3):
        return "some bands or frames are louder than others: they should all be equal."
    return _level(inside[0, 0], 0.1)


def echo(ir):
    """The impulse response with 1 at sample 0 and 0.5 at sample 4000, (8000,)."""
    wrong = hints.numbers(ir) or hints.shape(ir, (8000,), ("samples",))
    if wrong:
        return wrong
    ir = np.asarray(ir, float)
    taps = {int(i): ir[i] for i in np.flatnonzero(np.abs(ir) > 1e-6)}
    if not taps:
        return "it is silent: all samples are 0."
    if 0 not in taps:
        return "the dry sound is missing: sample 0 is 0."
    if len(taps) > 2:
        return f"it has {len(taps) - 1} echoes instead of one."
    if len(taps) == 1:
        return "there is no echo: all samples but the first are 0."
    at = max(taps)
    ms = 1000 * at / SAMPLE_RATE
    if at == 250:
        return f"250 ms are not 250 samples: this echo comes after {ms:.1f} ms."
    if at in (3999, 4001):
        return f"the echo comes one sample too {'early' if at < 4000 else 'late'}: the first is sample 0."
    if at != 4000:
        return f"the echo comes after {ms:.4g} ms, at sample {at} instead of 4000."
    if taps[at] <= -3:
        return (
            "the echo's amplitude seems to be in decibels: half the amplitude is a factor of 0.5."
        )
    if taps[at] < 0:
        return "the echo has the wrong sign: it goes down where the sound goes up."
    if np.isclose(taps[0], 0.5) and np.isclose(taps[at], 1):
        return "the wrong one of the two is softer: the sound comes first and its echo second."
    wrong = _level(taps[0], 1.0) if taps[0] > 0 else "it has the wrong sign."
    if wrong:
        return f"the dry sound should stay as it is, but {wrong}"
    wrong = _level(taps[at], 0.5)
    return wrong and f"the echo's level is wrong: {wrong}"


def wires(dag):
    """A ProcessorGroup's dag that plays reverb(harmonic + noise), judged by its audio."""
    if not isinstance(dag, (list, tuple)):
        return "the answer should be a list of nodes: [[name, [its inputs, ...]], ...]."
    for node in dag:
        if not isinstance(node, (list, tuple)) or len(node) < 2:
            return f"a node is a name and a list of its inputs, but this one is {node!r}."
        if isinstance(node[1], str):
            return f"a node's inputs are a list, even if there is only one: [{node[1]!r}]."
    modules = {
        "harmonic": ddsp.synths.Harmonic(n_samples=1600),
        "noise": ddsp.synths.FilteredNoise(n_samples=1600),
        "add": ddsp.processors.Add(),
        "reverb": ddsp.effects.Reverb(),
    }
    inputs = {
        name: tf.constant(np.random.default_rng(i).uniform(0.1, 1, shape), tf.float32)
        for i, (name, shape) in enumerate(_INPUTS.items())
    }
    inputs["f0_hz"] *= 300
    # A node may hold a processor instead of a name; others then refer to it by its own name.
    role = {name: name for name in modules}
    for node in dag:
        if not isinstance(node[0], str):
            same = [name for name, module in modules.items() if type(module) is type(node[0])]
            if not same:
                return f"there is no {type(node[0]).__name__} in this group."
            role[node[0].name] = same[0]
    dag = [[node[0] if isinstance(node[0], str) else node[0].name, list(node[1])] for node in dag]
    wrong = _wrong_name(dag, role)
    if wrong:
        return wrong
    group = ddsp.processors.ProcessorGroup(
        dag=dag, **{name: modules[role[name]] for name, _ in dag}
    )
    try:
        made = group.get_controls(inputs)
    except (AttributeError, KeyError, TypeError, ValueError, tf.errors.InvalidArgumentError):
        return "it does not run: a node gets inputs of the wrong shape, or in another order."
    return _plays_something_else({role[name]: made[name] for name, _ in dag}, modules, inputs)


_INPUTS = {
    "amps": (1, 10, 1),
    "harmonic_distribution": (1, 10, 8),
    "f0_hz": (1, 10, 1),
    "noise_magnitudes": (1, 10, 5),
    "ir": (1, 200),
}
_TAKES = {
    "harmonic": ["amplitudes", "harmonic_distribution", "f0_hz"],
    "noise": ["magnitudes"],
    "add": ["signal_one", "signal_two"],
    "reverb": ["audio", "ir"],
}


def _wrong_name(dag, role):
    """Say which name is wrong, missing, or used too early."""
    all_names, there = {name for name, _ in dag}, set()
    for name, keys in dag:
        if name not in role:
            return f"there is no processor called {name!r}: they are {', '.join(_TAKES)}."
        takes = _TAKES[role[name]]
        if len(keys) != len(takes):
            fault = "is missing" if len(keys) < len(takes) else "is one too many"
            return (
                f"{name} needs {', '.join(takes)}: {len(takes)} in all, but it gets {len(keys)}. An "
                f"input {fault}."
            )
        for key in keys:
            if not isinstance(key, str):
                return f"{name} takes names, such as 'f0_hz', but here it gets {key!r}."
            first, _, rest = key.removeprefix("inputs/").partition("/")
            if first in _INPUTS and not rest:
                continue
            if first not in all_names:
                return f"{name} takes {key!r}, but nothing has that name."
            if first not in there:
                return (
                    f"the order is wrong: {name} takes {key!r} before {first} has run. A node can use "
                    "only the outputs of nodes above it."
                )
            if not rest:
                return (
                    f"{name} takes {key!r}, which is all of {first}'s outputs, controls included: its "
                    f"audio is called {first + '/signal'!r}."
                )
        there.add(name)
    roles = [role[name] for name, _ in dag]
    for name in _TAKES:
        if name not in roles:
            return f"no node plays {name}, so you would not hear it."
    if roles[-1] != "reverb":
        return f"you hear the last node, and here that is {dag[-1][0]} instead of the reverb."
    return None


def _plays_something_else(made, modules, inputs):
    """Say what a group plays instead of reverb(harmonic + noise); made is {role: outputs}."""
    for name, keys in (
        ("harmonic", ["amps", "harmonic_distribution", "f0_hz"]),
        ("noise", ["noise_magnitudes"]),
    ):
        right = modules[name].get_controls(*(inputs[key] for key in keys))
        if not all(_same(made[name]["controls"][key], right[key]) for key in right):
            return f"{name} has the wrong inputs or another order: it needs {', '.join(keys)}."
    if not _same(made["reverb"]["controls"]["ir"], inputs["ir"]):
        return "the reverb takes a sound first and then 'ir'."
    harmonic, noise = made["harmonic"]["signal"], made["noise"]["signal"]
    into_room = made["reverb"]["controls"]["audio"]
    if _same(into_room, harmonic + noise):
        return None
    if _same(into_room, harmonic) or _same(into_room, 2 * harmonic):
        return "only the harmonics go into the reverb: the noise is missing."
    if _same(into_room, noise) or _same(into_room, 2 * noise):
        return "only the noise goes into the reverb: the harmonics are missing."
    return "the sum of harmonics and noise should go into the reverb, but another sound does."


def _same(one, other):
    return np.shape(one) == np.shape(other) and np.allclose(one, other, rtol=1e-4, atol=1e-5)


def _logit(share):
    return np.log(share / (1 - share))


def _level(value, right):
    """Say by how many dB an amplitude is wrong."""
    db = 20 * np.log10(value / right)
    if abs(db) <= 0.1:
        return None
    return f"it is {hints.too_loud(db)}: {value:.3g} instead of {right}."


def _hz(band):
    return f"{band * SAMPLE_RATE / 2 / (BANDS - 1):.0f} Hz"


def faulty_sounds():
    """Return {name: sound} of the three sounds that `faults` asks about, (24000,) each."""
    time = np.arange(24_000) / SAMPLE_RATE
    fade = np.clip(np.minimum(time, 1.5 - time) / 0.02, 0, 1)
    glide = np.cumsum(700 * 2 ** (0.4 * time)) / SAMPLE_RATE
    bright = sum(np.sin(2 * np.pi * k * glide) / k for k in range(1, 24))
    k = np.arange(1, 9)
    note = (np.sin(2 * np.pi * 220 * np.outer(time, k)) / k**2).sum(axis=1)
    pluck = note * np.exp(-12 * time) * np.clip(time / 0.005, 0, 1)
    room = 0.1 * np.random.default_rng(0).normal(size=8000)  # it ends without decaying
    reverberant = pluck + np.convolve(pluck, room)[: len(time)]
    gated = note * fade * (time % 0.25 > 0.125)
    return {"A": 0.1 * reverberant, "B": 0.2 * fade * bright, "C": 0.3 * gated}


def faults(named):
    """{sound: its fault} for the three sounds of `faulty_sounds`."""
    return hints.choices(
        named,
        {"A": "cut-off reverb", "B": "aliasing", "C": "clicks"},
        ("aliasing", "clicks", "cut-off reverb", "no dry sound", "out of tune"),
        {
            "aliasing": "then some tones would fall while the pitch rises.",
            "clicks": "then each jump would draw a line through all frequencies.",
            "cut-off reverb": "then a room would ring on and stop abruptly.",
            "no dry sound": "then the note itself would be missing, leaving only the room.",
            "out of tune": "then the harmonics would not be multiples of one frequency.",
        },
    )


def _hear_noise(magnitudes):
    return ddsp.synths.FilteredNoise(SAMPLE_RATE).get_signal(
        tf.cast(np.squeeze(magnitudes)[None], tf.float32)
    )


def _hear_echo(ir):
    dry = faulty_sounds()["A"][:2000] * np.linspace(1, 0, 2000)
    return np.convolve(np.pad(dry, (0, 10_000)), ir)[:12_000]


HEARD = {"noise_band": _hear_noise, "echo": _hear_echo}
