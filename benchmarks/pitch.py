"""Time pitch tracking beside crepe's own way, in turn, and compare the answers.

.venv/bin/python benchmarks/pitch.py

Both hear the bundled recording with the same weights (CREPE's official `tiny` where it lies beside
the project, else the course's), every 4 ms, with Viterbi. crepe's way is that of crepe 0.0.16,
written out from its `core.py`: all frames cut and normalised at once, `model.predict`, hmmlearn's
Viterbi over 360 x 360 steps, then a loop over the frames.
"""

import functools
import sys
from pathlib import Path

import numpy as np
from hmmlearn.hmm import CategoricalHMM
from side_by_side import SECONDS_OF_PHRASE, child, compare, phrase, print_added, show

from ddsp_course import crepe
from ddsp_course._tensorflow import tf
from ddsp_course.units import HOP_SIZE

OFFICIAL = Path(__file__).parents[2] / "shared" / "weights" / "crepe-model-tiny.h5.bz2"
WEIGHTS = OFFICIAL if OFFICIAL.exists() else "course"
RUNS = 15  # `model.predict` takes 0.15 to 0.31 s a second of sound, from run to run


def published_activation(sound, model):
    """Return (n_frames, 360) as `crepe.get_activation` does."""
    sound = np.pad(sound, 512)
    n_frames = 1 + (len(sound) - 1024) // HOP_SIZE
    frames = np.lib.stride_tricks.as_strided(
        sound, shape=(1024, n_frames), strides=(sound.itemsize, HOP_SIZE * sound.itemsize)
    )
    frames = frames.transpose().copy()
    frames -= np.mean(frames, axis=1)[:, np.newaxis]
    frames /= np.clip(np.std(frames, axis=1)[:, np.newaxis], 1e-8, None)
    return model.network.predict(frames, verbose=0)


def published_f0(activation):
    """Return (n_frames,) in Hz as `crepe.predict` does with Viterbi."""
    bins = np.arange(360)
    weight = np.maximum(12 - np.abs(np.subtract.outer(bins, bins)), 0)
    hidden = CategoricalHMM(360)
    hidden.startprob_, hidden.transmat_ = np.ones(360) / 360, weight / weight.sum(1)[:, None]
    hidden.emissionprob_, hidden.n_features = np.eye(360) * 0.1 + 0.9 / 360, 360
    path = hidden.predict(activation.argmax(axis=1).reshape(-1, 1), [len(activation)])

    def average(salience, centre):
        near = slice(max(0, centre - 4), min(360, centre + 5))
        return np.sum(salience[near] * crepe.CENTS[near]) / np.sum(salience[near])

    cents = np.array([average(activation[i], path[i]) for i in range(len(path))])
    return 10 * 2 ** (cents / 1200)


def plain_f0(sound, weights=WEIGHTS):
    """Return f0_hz and confidence (n_frames,), as `crepe.predict` does with Viterbi."""
    activation = published_activation(sound, crepe.load(weights))
    return published_f0(activation), activation.max(axis=1)


WAYS = {
    "plain": (published_activation, published_f0),
    "course": (
        lambda sound, model: crepe.activation(sound, model, HOP_SIZE),
        lambda activation: crepe.to_f0(activation, viterbi=True)[0],
    ),
}
BOTH = {
    "plain": lambda sound, model: published_f0(published_activation(sound, model)),
    "course": crepe.pitch,
}


def added_mb(way):
    """Return what a minute of sound adds to the memory of a process of its own."""
    return child(__file__, way)


def rows():
    """Return the rows of the network, of Viterbi, and of both."""
    sound = phrase(SECONDS_OF_PHRASE)
    model = crepe.load(WEIGHTS)
    activations = {way: network(sound, model) for way, (network, _) in WAYS.items()}
    f0_hz = {way: follow(activations[way]) for way, (_, follow) in WAYS.items()}
    cents = np.abs(1200 * np.log2(f0_hz["course"] / f0_hz["plain"]))
    off = np.abs(activations["course"] - activations["plain"]).max()
    memory = {way: added_mb(way) for way in WAYS}
    told = {
        "CREPE's network, tiny": f"activation differs by {off:.0e} at most",
        "Viterbi": f"f0 by {cents.max():.4f} cents at most, of {len(cents)} frames",
        "pitch, both": f"a minute takes {memory['course']:.0f} MB; plain: {memory['plain']:.0f} MB",
    }
    ways = {
        "CREPE's network, tiny": lambda way: WAYS[way][0](sound, model),
        "Viterbi": lambda way: WAYS[way][1](activations[way]),
        "pitch, both": lambda way: BOTH[way](sound, model),
    }
    found = []
    for stage, run in ways.items():
        both = {way: functools.partial(run, way) for way in WAYS}
        row = compare(stage, both, SECONDS_OF_PHRASE, told[stage], RUNS)
        row["difference"] += f"; by the shortest runs {row['fastest']:.1f} times as fast"
        found.append(row)
    return [*found, full()]


def full():
    """Return the row of CREPE's largest network, which the official notebook takes.

    Its weights are random: the time does not depend on them, and the official ones must be fetched.
    """
    tf.keras.utils.set_random_seed(0)
    model = crepe.Crepe("full", crepe.build("full"))
    sound = phrase(SECONDS_OF_PHRASE)
    networks = {way: functools.partial(network, sound, model) for way, (network, _) in WAYS.items()}
    off = np.abs(networks["course"]() - networks["plain"]()).max()
    stage = "CREPE's network, full (random weights)"
    told = f"activation differs by {off:.0e} at most"
    return compare(stage, networks, SECONDS_OF_PHRASE, told, runs=3)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print_added(functools.partial(BOTH[sys.argv[1]], model=crepe.load(WEIGHTS)))
    else:
        show(rows())
