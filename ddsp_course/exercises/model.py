"""Exercises of notebooks/02_timbre_transfer/07_understanding_the_model.ipynb."""

import numpy as np

from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.exercises import hints
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE


def untrained(answer):
    """A prediction: what a violin with random weights plays from two curves."""
    look = "run the next two cells and listen."
    return hints.choice(
        answer,
        "the tune with another timbre",
        ("the tune with another timbre", "noise without pitch", "nothing"),
        {
            "noise without pitch": f"follow f0_hz through the four steps above; then {look}",
            "nothing": f"random weights give random controls, which are unlikely to be all zero: {look}",
        },
    )


def erased(answer):
    """A prediction: what is lost if the memory is put back to a rest before each frame."""
    look = "run the next cell and listen."
    return hints.choice(
        answer,
        "the accents",
        ("the pitch", "the dynamics", "the accents"),
        {
            "the pitch": f"the pitch does not go through the memory: {look}",
            "the dynamics": f"the loudness also bypasses the memory to reach the last stack: {look}",
        },
    )


def lstm(function):
    """A function (n_in, units) -> the number of an LSTM's weights, as Keras counts them."""
    for n_in, units in ((512, 256), (3, 7), (20, 1)):
        count, wrong = hints.call(function, n_in, units)
        wrong = wrong or hints.one_number(count)
        if wrong:
            return wrong
        square, bias = n_in * units + units * units, units
        if np.isclose(float(np.squeeze(count)), 4 * (square + bias), rtol=1e-9):
            continue
        known = {
            "that is a GRU: an LSTM has one more computation.": 3 * (square + 2 * bias),
            "that counts three computations, but an LSTM has four.": 3 * (square + bias),
            "that has two biases for each of the four, as in PyTorch's LSTM: Keras's has one.": 4
            * (square + 2 * bias),
            "the biases are missing: one for each unit, four times.": 4 * square,
            "that has one bias for each unit, but each of the four needs its own.": 4 * square
            + bias,
            "that counts only one of the four.": square + bias,
            "an LSTM also reads its own state: each of the four has a second matrix.": 4
            * (n_in * units + bias),
            "that is a matrix of n_in by n_in: the state has `units` numbers, so its matrix is "
            "units by units.": 4 * (n_in * units + n_in * n_in + bias),
            "each of the four has a bias for every unit, not a single one.": 4 * (square + 1),
        }
        return hints.mistake(count, known, rtol=1e-9) or (
            f"for n_in = {n_in} and units = {units}, Keras's LSTM has another number of weights. "
            "Count one of the four first: two matrices and a bias."
        )
    return None


def gate(function):
    """A function from seconds to the update gate that leaves a tenth of the state after that time."""
    for seconds in (0.5, 0.08, 3.0):
        z, wrong = hints.call(function, seconds)
        wrong = wrong or hints.one_number(z) or _wrong_gate(float(np.squeeze(z)), seconds)
        if wrong:
            return f"for {seconds:g} s: {wrong}"
    return None


def to_keras(function):
    """A function that converts the four arrays of PyTorch's GRU to the three of Keras's."""
    for n_in, units, seed in ((3, 4, 0), (5, 5, 1)):
        rng = np.random.default_rng(seed)
        arrays = [
            rng.normal(size=shape)
            for shape in ((3 * units, n_in), (3 * units, units), (3 * units,), (3 * units,))
        ]
        made, wrong = hints.call(function, *arrays)
        wrong = wrong or _wrong_weights(made, arrays, n_in, units)
        if wrong:
            return wrong
    return None


def faults(named):
    """{sound: its fault} for the three sounds of `faulty_sounds`."""
    return hints.choices(
        named,
        {
            "A": "memory erased once",
            "B": "weights not restored",
            "C": "memory erased in each frame",
        },
        (
            "weights not restored",
            "memory erased in each frame",
            "memory erased once",
            "loudness forgotten",
            "noise forgotten",
        ),
        {
            "weights not restored": "an untrained network has learned no dynamics: the note would "
            "go on through the pause.",
            "memory erased in each frame": "then hiss would cover each note, from its first frame to "
            "its last.",
            "memory erased once": "then the violin would start a note afresh where none begins, and "
            "the rest would be right.",
            "loudness forgotten": "then the note would go on through the pause, with the violin's "
            "own timbre and noise.",
            "noise forgotten": "then there would be no hiss, and the pause would be silent.",
        },
    )


def faulty_sounds(violin):
    """Return {name: sound} of the three sounds that `faults` asks about, (32000,) each.

    Args:
      violin: `instruments.Instrument`.
    """
    n_frames, rest = 500, FRAME_RATE // 2
    frame = np.arange(n_frames)
    f0_hz = np.where(frame < 240, 880.0, 587.3)
    loudness_db = np.where((frame >= 225) & (frame < 250), -80.0, -6.0)
    scaled = [(69 + 12 * np.log2(f0_hz / 440)) / 127, loudness_db / 80 + 1]
    f0, loudness = (
        np.float32(np.pad(x, (rest, 0), constant_values=first))
        for x, first in zip(scaled, (scaled[0][0], 0), strict=True)
    )
    trained = violin.model.decoder
    tf.keras.utils.set_random_seed(3)
    fresh = ddsp.training.decoders.RnnFcDecoder(
        rnn_channels=256,
        ch=256,
        layers_per_stack=2,
        input_keys=trained.input_keys,
        output_splits=trained.output_splits,
    )

    def decode(decoder, *parts):
        """Decode each part, (rows, frames), from an empty memory, and join them."""
        outputs = [
            decoder({"f0_scaled": f0[part][..., None], "ld_scaled": loudness[part][..., None]})
            for part in parts
        ]
        return {
            name: np.concatenate([np.reshape(one[name], (-1, size)) for one in outputs])[rest:]
            for name, size in trained.output_splits
        }

    every = np.arange(len(f0))
    cut = rest + 110  # in the middle of the first note
    return {
        "A": _played(decode(trained, every[None, :cut], every[None, cut:]), f0_hz),
        "B": _played(decode(fresh, every[None]), f0_hz),
        "C": _played(decode(trained, every[:, None]), f0_hz),
    }


def _played(raw, f0_hz):
    """Play raw outputs, (frames, channels) each, at a common level."""
    n_samples = len(f0_hz) * HOP_SIZE
    oscillators = ddsp.synths.Harmonic(n_samples=n_samples)
    breath = ddsp.synths.FilteredNoise(n_samples=n_samples, window_size=0)
    f0 = np.float32(f0_hz)[None, :, None]
    tf.random.set_seed(0)
    sound = oscillators(raw["amps"][None], raw["harmonic_distribution"][None], f0)
    sound = np.array(sound + breath(raw["noise_magnitudes"][None]))[0]
    sound[-400:] *= np.linspace(1, 0, 400)
    return 0.4 * sound / np.abs(sound).max()


def _wrong_gate(z, seconds):
    frames = seconds * FRAME_RATE
    if not 0 < z < 1:
        return f"the gate is {z:.4g}, but a gate lies between 0 and 1."
    # Rounding a gate to four digits changes the time by as much as this.
    if abs(np.log(0.1) / np.log(z) / frames - 1) < 0.03:
        return None
    known = {
        "that is per second: the gate acts in each frame, 250 times a second.": 0.1
        ** (1 / seconds),
        "that is per sample: the gate acts once per frame.": 0.1 ** (1 / (SAMPLE_RATE * seconds)),
        "that leaves 1 / e, and a tenth should remain.": np.exp(-1 / frames),
        "that leaves a half, and a tenth should remain.": 0.5 ** (1 / frames),
        "that removes a tenth, so nine tenths are left.": 0.9 ** (1 / frames),
        "that is the share that the state loses in a frame: the gate is the share that it keeps.": 1
        - 0.1 ** (1 / frames),
        "a memory does not fade along a straight line: each frame keeps the same share of the "
        "frame before.": 1 - 0.9 / frames,
        "that leaves a hundredth: a tenth of the state should remain, not of its square.": 0.01
        ** (1 / frames),
    }
    for sentence, other in known.items():
        # Memories that are 1 % longer or shorter count as the same.
        if abs(np.log(z) / np.log(other) - 1) < 0.01:
            return sentence
    after = np.log(0.1) / np.log(z) / FRAME_RATE
    return f"with a gate of {z:.5g}, a tenth is left after {after:.3g} s."


def _wrong_weights(made, arrays, n_in, units):
    if not isinstance(made, (list, tuple)) or len(made) != 3:
        return "return three arrays in a list: W, U and b."
    made = [np.asarray(hints.read(one)) for one in made]
    shapes = [(n_in, 3 * units), (units, 3 * units), (2, 3 * units)]
    for name, array, shape in zip("WUb", made, shapes, strict=True):
        wrong = hints.numbers(array)
        if name == "b" and array.shape == (3 * units,):
            wrong = (
                "b has one bias, but two are needed: the reset gate multiplies the state's bias and "
                "not the input's."
            )
        if not wrong and array.shape != shape:
            wrong = f"{name} has the shape {array.shape}, but Keras needs {shape}."
        if wrong:
            return wrong
    x = np.random.default_rng(9).normal(size=(20, n_in))
    right = _keras(arrays)
    states = _states(x, *right)
    if np.allclose(_states(x, *made), states, atol=1e-3):
        return None
    W, U, b = right

    def in_order(order):
        return [np.concatenate([np.split(a, 3, -1)[i] for i in order], -1) for a in right]

    swapped = W, U, b[::-1]
    turned = [np.concatenate([-a[..., :units], a[..., units:]], -1) for a in right]
    shuffled = {
        "the gates are still in PyTorch's order, so the reset gate acts as the update gate: Keras's "
        "order is z, r, h.": in_order((1, 0, 2)),
        "the two biases have changed places: the input's comes first.": swapped,
        "the update gate is inverted, which makes long memories short: both libraries keep the old "
        "state where z is 1.": turned,
        "the biases are still in PyTorch's order.": (W, U, in_order((1, 0, 2))[2]),
        "keep the two biases apart instead of adding them: the reset gate multiplies the state's "
        "alone.": (
            W,
            U,
            np.tile(b.mean(axis=0), (2, 1)),
        ),
        "U is still in PyTorch's order.": (W, in_order((1, 0, 2))[1], b),
        "the order is reversed: r, z, h should become z, r, h, not h, z, r.": in_order((2, 0, 1)),
    }
    for sentence, other in shuffled.items():
        if np.allclose(_states(x, *made), _states(x, *other), atol=1e-3):
            return sentence
    if np.allclose(np.sort(made[0], None), np.sort(W, None), atol=1e-3):
        return "all the numbers are there, but some are in the wrong place: transpose, then check the order."
    return (
        "the states differ from PyTorch's: reorder and transpose the numbers without changing them."
    )


def _keras(arrays):
    """Convert the arrays of PyTorch's GRU to Keras's."""
    W, U, b_x, b_h = (
        np.concatenate([np.split(a, 3)[i] for i in (1, 0, 2)]) for a in map(np.asarray, arrays)
    )
    return W.T, U.T, np.stack([b_x, b_h])


def _states(x, W, U, b):
    """The hidden states of Keras's GRU, (frames, units)."""
    h = np.zeros(len(U))
    states = []
    for x_t in x:
        x_z, x_r, x_h = np.split(x_t @ W + b[0], 3)
        h_z, h_r, h_h = np.split(h @ U + b[1], 3)
        z, r = _sigmoid(x_z + h_z), _sigmoid(x_r + h_r)
        h = z * h + (1 - z) * np.tanh(x_h + r * h_h)
        states.append(h)
    return np.array(states)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _fading(function):
    """A tone that fades like a state whose gate leaves a tenth after half a second."""
    n = np.arange(SAMPLE_RATE)
    z = float(np.squeeze(hints.read(function(0.5))))
    return 0.4 * z ** (n / HOP_SIZE) * np.sin(2 * np.pi * 440 / SAMPLE_RATE * n)


HEARD = {"gate": _fading}
