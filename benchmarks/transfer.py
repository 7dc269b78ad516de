"""Time each step of timbre transfer beside the plain way of doing it, on the bundled recording.

.venv/bin/python benchmarks/transfer.py
"""

import time

import numpy as np
from hmmlearn.hmm import CategoricalHMM

from ddsp_course import _paths, audio, conditioning, crepe, features, instruments


def seconds(function, *arguments):
    """Return the shortest of three runs, after one that compiles."""
    function(*arguments)
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        function(*arguments)
        taken.append(time.perf_counter() - started)
    return min(taken)


def hmmlearn_viterbi(observed):
    """Follow the same model by the package that `crepe` calls."""
    weight = np.maximum(12 - np.abs(np.subtract.outer(np.arange(360), np.arange(360))), 0)
    model = CategoricalHMM(360)
    model.startprob_, model.transmat_ = np.ones(360) / 360, weight / weight.sum(1)[:, None]
    model.emissionprob_, model.n_features = np.eye(360) * 0.1 + 0.9 / 360, 360
    return model.predict(observed[:, None])


def main():
    sound = audio.load(_paths.ASSETS / "audio" / "phrase.ogg")
    length = len(sound) / audio.SAMPLE_RATE
    violin = instruments.load("violin")
    heard = features.extract(sound)
    adjusted = conditioning.adjust(heard, violin.statistics)
    model = crepe.load("course")
    observed = crepe.activation(sound, model).argmax(axis=1)
    given = {
        "f0_hz": np.resize(adjusted.f0_hz, (1, 2000)),
        "loudness_db": np.resize(adjusted.loudness_db, (1, 2000)),
    }

    def eager():
        violin.model(given, training=False)

    rows = [
        ("CREPE network", seconds(crepe.activation, sound, model) / length),
        ("Viterbi, banded", seconds(crepe._viterbi, observed) / length),
        ("Viterbi, hmmlearn", seconds(hmmlearn_viterbi, observed) / length),
        ("violin, compiled windows", seconds(violin.play, adjusted) / length),
        ("violin, called eagerly (8 s)", seconds(eager) / 8),
    ]
    for name, each in rows:
        print(f"{name:<30} {each:.3f} s a second of sound")


if __name__ == "__main__":
    main()
