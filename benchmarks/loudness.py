"""Time the course's loudness and ddsp's own in turn, and compare the results.

.venv/bin/python benchmarks/loudness.py

The course calls ddsp's function too, but 20 s at a time, so the spectra of a long recording are
never all in memory.
"""

import functools
import sys

import numpy as np
from side_by_side import child, compare, phrase, print_added, show

from ddsp_course import features
from ddsp_course._tensorflow import ddsp

SECONDS = 60


def published(sound):
    """Return loudness (n_frames,) in dB, computed as in Magenta's notebook."""
    return np.asarray(ddsp.spectral_ops.compute_loudness(sound, 16000, 250))


WAYS = {"plain": published, "course": features.loudness_db}


def rows():
    """Return the table's row for loudness."""
    sound = phrase(SECONDS)
    ours = features.loudness_db(sound)
    off = np.abs(published(sound)[: len(ours)] - ours).max()
    memory = {way: child(__file__, way) for way in WAYS}
    told = (
        f"differs by at most {off:.1g} dB; a minute of audio adds {memory['course']:.0f} MB; "
        f"ddsp: {memory['plain']:.0f} MB"
    )
    ways = {name: functools.partial(way, sound) for name, way in WAYS.items()}
    return [compare("loudness", ways, SECONDS, told)]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print_added(WAYS[sys.argv[1]])
    else:
        show(rows())
