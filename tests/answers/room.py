import re

import numpy as np
from scipy import stats

RATE = 16000


def _decay_db(response):
    energy = np.cumsum(np.asarray(response)[::-1] ** 2)[::-1]
    return 10 * np.log10(energy / energy[0])


def _between(response, high=-5, low=-25, decay_db=None):
    decay_db = _decay_db(response) if decay_db is None else decay_db
    at = [int(np.argmax(decay_db <= level)) for level in (high, low)]
    return (at[1] - at[0]) / RATE


def _by_regression(response):
    decay_db = _decay_db(response)
    used = (decay_db <= -5) & (decay_db >= -25)
    line = stats.linregress(np.flatnonzero(used) / RATE, decay_db[used])
    return [-60 / line.slope]


def _whole(names):
    steps = []
    for name in names:
        if found := re.fullmatch(r"ckpt-(\d+)\.index", name):
            step = found[1]
            parts = [one for one in names if one.startswith(f"ckpt-{step}.data-")]
            if parts and len(parts) == int(parts[0].rpartition("-of-")[2]):
                steps.append(int(step))
    return steps


def _with_sets(names):
    have, best = set(names), 0
    for name in sorted(have):
        if ".data-00000-of-" not in name:
            continue
        prefix, _, n = name.partition(".data-00000-of-")
        wanted = {f"{prefix}.index"} | {f"{prefix}.data-{i:05d}-of-{n}" for i in range(int(n))}
        if wanted <= have:
            best = max(best, int(prefix[5:]))
    return best


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    return {
        "decay_time": [
            lambda response: 3 * _between(response),
            lambda response: 6 * _between(response, -5, -15),
            _by_regression,
        ],
        "longer_examples": ["About a quarter is left", "about_a_quarter_is_left"],
        "faults": [
            {"A": "Its end is missing", "B": "the_room_twice", "C": " the rests are filled"},
        ],
        "resume_from": [
            lambda names: max(_whole(names)) if _whole(names) else 0,
            _with_sets,
            lambda names: np.array([max(_whole(names), default=0)]),
        ],
        "all_reduce": [
            lambda gradients, n: np.average(gradients, axis=0, weights=n),
            lambda gradients, n: sum(g * k for g, k in zip(gradients, n, strict=True)) / sum(n),
            lambda gradients, n: (gradients.T @ (n / n.sum())).tolist(),
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    named = right()["faults"][0]
    steps = re.compile(r"ckpt-(\d+)")

    def crossing(response):
        return int(np.argmax(_decay_db(response) < -60)) / RATE

    def half(response):
        return 3 * _between(response, decay_db=2 * _decay_db(response))

    def twice(response):
        return 3 * _between(response, decay_db=_decay_db(response) / 2)

    return {
        "decay_time": [
            (lambda response: 3 * RATE * _between(response), "in samples"),
            (lambda response: 3000 * _between(response), "in milliseconds"),
            (_between, "fall by 20 dB"),
            (half, "half of the right time"),
            (twice, "twice the right time"),
            (lambda response: len(response) / RATE, "not its decay"),
            (crossing, "cut off"),
            (lambda response: -3 * _between(response), "negative"),
            (lambda response: 17.0, "should be"),
            (lambda response: _decay_db(response), "shape"),
            (0.4, "should be a function"),
        ],
        "longer_examples": [
            ("it stays the same", "only its beginning"),
            ("about half is left", "four times as long"),
            ("nothing is left", "not among the words"),
            (0.25, "of type float"),
        ],
        "faults": [
            ({**named, "A": "no room"}, "from the first moment"),
            ({**named, "A": "the room twice"}, "louder and longer"),
            ({**named, "B": "the rests are filled"}, "steady noise"),
            ({**named, "B": "its end is missing"}, "break off"),
            ({**named, "C": "out of tune"}, "moves no harmonic"),
            ({**named, "C": "the room twice"}, "louder and longer"),
            ({"A": "no room"}, "from the first moment"),
            ({"A": "its end is missing"}, "says nothing about 'B'"),
            ("no room", "a dictionary"),
        ],
        "resume_from": [
            (
                lambda names: max(int(steps.match(n)[1]) for n in names if steps.match(n)),
                "not whole",
            ),
            (
                lambda names: int(max((str(one) for one in _whole(names)), default="0")),
                "by the alphabet",
            ),
            (lambda names: min(_whole(names), default=0), "is newer"),
            (lambda names: max(_whole(names), default=999), "nothing to go on from"),
            (lambda names: 1000, "no checkpoint 1000"),
            (
                lambda names: max((int(n[5:-6]) for n in names if n.endswith(".index")), default=0),
                "not whole",
            ),
            (lambda names: max(_whole(names)), "ValueError"),
            (lambda names: max(_whole(names), default=None), "returns nothing"),
            (lambda names: "ckpt-1000", "text"),
            (1000, "should be a function"),
        ],
        "all_reduce": [
            (lambda gradients, n: gradients.sum(axis=0), "get longer"),
            (lambda gradients, n: gradients.mean(axis=0), "should count less"),
            (lambda gradients, n: n @ gradients, "do not add up to 1"),
            (lambda gradients, n: n @ gradients / len(n), "number of devices"),
            (lambda gradients, n: gradients[0], "one device alone"),
            (lambda gradients, n: gradients.mean(axis=1), "weights"),
            (lambda gradients, n: gradients.mean(), "shape"),
            (lambda gradients, n: -np.average(gradients, axis=0, weights=n), "wrong"),
            (lambda gradients: gradients, "TypeError"),
        ],
    }
