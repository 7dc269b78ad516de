"""Time the course's pitch tracking and crepe's own in turn, and compare the results.

.venv/bin/python benchmarks/pitch.py

Both track the bundled recording every 4 ms with Viterbi and the same weights: CREPE's official `tiny`
if it lies beside the project, otherwise the course's. crepe's way is that of crepe 0.0.16, rewritten
from its `core.py`: cut and normalise all frames at once, call `model.predict`, run hmmlearn's Viterbi
over 360 x 360 transitions, then loop over the frames.
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
RUNS = 15  # `model.predict` varies between runs: 0.15 to 0.31 s per second of audio


def published_activation(sound, model):
    """Return the activation (n_frames, 360), computed as in `crepe.get_activation`."""
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
    """Return f0 (n_frames,) in Hz, computed as in `crepe.predict` with Viterbi."""
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
    """Return f0_hz and confidence (n_frames,), computed as in `crepe.predict` with Viterbi."""
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
    """Return the memory in MB that a minute of audio adds, measured in a separate process."""
    return child(__file__, way)


def rows():
    """Return the table's rows for the network, for Viterbi and for both."""
    sound = phrase(SECONDS_OF_PHRASE)
    model = crepe.load(WEIGHTS)
    activations = {way: network(sound, model) for way, (network, _) in WAYS.items()}
    f0_hz = {way: follow(activations[way]) for way, (_, follow) in WAYS.items()}
    cents = np.abs(1200 * np.log2(f0_hz["course"] / f0_hz["plain"]))
    off = np.abs(activations["course"] - activations["plain"]).max()
    memory = {way: added_mb(way) for way in WAYS}
    told = {
        "CREPE's network, tiny": f"activations differ by at most {off:.0e}",
        "Viterbi": f"f0 differs by at most {cents.max():.4f} cents in {len(cents)} frames",
        "pitch: network and Viterbi": (
            f"a minute of audio adds {memory['course']:.0f} MB; ddsp: {memory['plain']:.0f} MB"
        ),
    }
    ways = {
        "CREPE's network, tiny": lambda way: WAYS[way][0](sound, model),
        "Viterbi": lambda way: WAYS[way][1](activations[way]),
        "pitch: network and Viterbi": lambda way: BOTH[way](sound, model),
    }
    found = []
    for stage, run in ways.items():
        both = {way: functools.partial(run, way) for way in WAYS}
        row = compare(stage, both, SECONDS_OF_PHRASE, told[stage], RUNS)
        row["difference"] += f"; shortest runs: {row['fastest']:.1f} times as fast"
        found.append(row)
    return [*found, full()]


def full():
    """Return the table's row for CREPE's largest network, which Magenta's notebook uses.

    Its weights are random, because the time does not depend on them and the official ones would
    have to be downloaded.
    """
    tf.keras.utils.set_random_seed(0)
    model = crepe.Crepe("full", crepe.build("full"))
    sound = phrase(SECONDS_OF_PHRASE)
    networks = {way: functools.partial(network, sound, model) for way, (network, _) in WAYS.items()}
    off = np.abs(networks["course"]() - networks["plain"]()).max()
    stage = "CREPE's network, full (random weights)"
    told = f"activations differ by at most {off:.0e}"
    return compare(stage, networks, SECONDS_OF_PHRASE, told, runs=3)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print_added(functools.partial(BOTH[sys.argv[1]], model=crepe.load(WEIGHTS)))
    else:
        show(rows())
