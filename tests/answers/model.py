import numpy as np

FRAMES = 250


def _rows(order):
    """PyTorch's rows in another order."""
    return lambda a: np.concatenate([np.split(np.asarray(a), 3)[i] for i in order])


def converted(order=(1, 0, 2), biases=None, turn=False):
    """A function from PyTorch's arrays to Keras's, perhaps a wrong one."""

    def convert(weight_ih, weight_hh, bias_ih, bias_hh):
        rows = _rows(order)
        W, U, b = (
            rows(weight_ih).T,
            rows(weight_hh).T,
            np.stack([rows(bias_ih), rows(bias_hh)]),
        )
        if biases == "swapped":
            b = b[::-1]
        if biases == "added":
            b = b.sum(axis=0)
        if biases == "halved":
            b = np.tile(b.sum(axis=0) / 2, (2, 1))
        if biases == "as they were":
            b = np.stack([bias_ih, bias_hh])
        if turn:
            units = len(U)
            for array in (W, U, b):
                array[:, :units] *= -1
        return W, U, b

    return convert


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    tf = _tensorflow.load()

    def by_keras(n_in, units):
        layer = tf.keras.layers.LSTM(units)
        layer.build((None, None, n_in))
        return layer.count_params()

    def by_tensors(weight_ih, weight_hh, bias_ih, bias_hh):
        return [tf.constant(a) for a in converted()(weight_ih, weight_hh, bias_ih, bias_hh)]

    def gates_joined(weight_ih, weight_hh, bias_ih, bias_hh):
        """Of z and r only the sum of the biases counts."""
        W, U, b = converted()(weight_ih, weight_hh, bias_ih, bias_hh)
        both = 2 * len(U)
        b[0, :both] += b[1, :both]
        b[1, :both] = 0
        return W.astype(np.float32).tolist(), U.astype(np.float32).tolist(), b

    return {
        "untrained": [" The tune with another timbre", "the_tune_with_another_timbre"],
        "erased": ["the accents", "The_accents"],
        "lstm": [
            by_keras,
            lambda n_in, units: 4 * units * (n_in + units + 1),
            lambda n_in, units: np.array([4.0 * units * (n_in + units + 1)]),
        ],
        "gate": [
            lambda seconds: 10 ** (-0.004 / seconds),
            lambda seconds: np.exp(np.log(0.1) / (FRAMES * seconds)),
            lambda seconds: round(0.1 ** (1 / (FRAMES * seconds)), 4),
            lambda seconds: 0.1 ** (1 / round(FRAMES * seconds)),
            lambda seconds: tf.constant([0.1 ** (1 / (FRAMES * seconds))]),
        ],
        "to_keras": [converted(), by_tensors, gates_joined],
        "faults": [
            {
                "A": "Memory erased once",
                "B": "weights_not_restored",
                "C": "memory erased in each frame",
            }
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    named = {
        "A": "memory erased once",
        "B": "weights not restored",
        "C": "memory erased in each frame",
    }
    return {
        "untrained": [
            ("noise without pitch", "follow f0_hz"),
            ("nothing", "random controls"),
            ("a violin", "not among the words"),
        ],
        "erased": [
            ("the pitch", "does not go through the memory"),
            ("the dynamics", "bypasses the memory"),
            (3, "one of the words"),
        ],
        "lstm": [
            (lambda n, u: 3 * (n * u + u * u + 2 * u), "that is a GRU"),
            (lambda n, u: 3 * (n * u + u * u + u), "counts three computations"),
            (lambda n, u: 4 * (n * u + u * u + 2 * u), "two biases"),
            (lambda n, u: 4 * (n * u + u * u), "biases are missing"),
            (lambda n, u: 4 * (n * u + u * u) + u, "needs its own"),
            (lambda n, u: n * u + u * u + u, "one of the four"),
            (lambda n, u: 4 * (n * u + u), "a second matrix"),
            (lambda n, u: 4 * (n * u + n * n + u), "units by units"),
            (lambda n, u: 4 * (n * u + u * u + 1), "not a single one"),
            (lambda n, u: 787456, "n_in = 3"),
            (lambda n, u: 7, "two matrices and a bias"),
            (787456, "should be a function"),
            (lambda n, u: None, "returns nothing"),
            (lambda n: n, "stops with TypeError"),
        ],
        "gate": [
            (lambda s: 0.1 ** (1 / s), "per second"),
            (lambda s: 0.1 ** (1 / (16000 * s)), "per sample"),
            (lambda s: np.exp(-1 / (250 * s)), "leaves 1 / e"),
            (lambda s: 0.5 ** (1 / (250 * s)), "leaves a half"),
            (lambda s: 0.9 ** (1 / (250 * s)), "nine tenths are left"),
            (lambda s: 1 - 0.1 ** (1 / (250 * s)), "share that it keeps"),
            (lambda s: 1 - 0.9 / (250 * s), "straight line"),
            (lambda s: 0.01 ** (1 / (250 * s)), "leaves a hundredth"),
            (lambda s: 0.1 ** (250 * s), "a tenth is left after 3.2e-05 s"),
            (lambda s: np.log(0.1) / np.log(0.99) / 250, "a tenth is left after"),
            (lambda s: 0.1 ** (1 / 125), "for 0.08 s"),
            (lambda s: -s, "lies between 0 and 1"),
            (0.99, "should be a function"),
            (lambda s: "0.99", "this is text"),
        ],
        "to_keras": [
            (converted((0, 1, 2)), "still in PyTorch's order"),
            (converted(biases="swapped"), "changed places"),
            (converted(biases="added"), "two are needed"),
            (converted(biases="halved"), "keep the two biases apart"),
            (converted(biases="as they were"), "biases are still in PyTorch's order"),
            (converted(turn=True), "inverted"),
            (converted((2, 1, 0)), "h, z, r"),
            (lambda a, b, c, d: (a, b, np.stack([c, d])), "W has the shape"),
            (lambda a, b, c, d: (a.T, b.T, c, d), "three arrays"),
            (lambda a, b, c, d: a.T, "three arrays"),
        ],
        "faults": [
            (named | {"A": "memory erased in each frame"}, "'A': then hiss would"),
            (named | {"B": "loudness forgotten"}, "'B': then the note would go on"),
            (named | {"C": "noise forgotten"}, "'C': then there would be no hiss"),
            (named | {"C": "memory erased once"}, "where none begins"),
            (named | {"C": "weights not restored"}, "no dynamics"),
            ({"A": "memory erased once"}, "nothing about 'B'"),
            ("memory erased once", "a dictionary such as"),
        ],
    }
