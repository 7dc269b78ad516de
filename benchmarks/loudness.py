"""Time loudness beside ddsp's own call, in turn, and compare the answers.

.venv/bin/python benchmarks/loudness.py

The course calls ddsp's function, too, 20 s at a time, so that a long recording's spectra are never
in memory as a whole.
"""

import functools
import sys

import numpy as np
from side_by_side import child, compare, phrase, print_added, show

from ddsp_course import features
from ddsp_course._tensorflow import ddsp

SECONDS = 60


def published(sound):
    """Return (n_frames,) in dB, as the official notebook does."""
    return np.asarray(ddsp.spectral_ops.compute_loudness(sound, 16000, 250))


WAYS = {"plain": published, "course": features.loudness_db}


def rows():
    """Return the row of loudness."""
    sound = phrase(SECONDS)
    ours = features.loudness_db(sound)
    off = np.abs(published(sound)[: len(ours)] - ours).max()
    memory = {way: child(__file__, way) for way in WAYS}
    told = (
        f"differs by {off:.1g} dB at most; a minute takes {memory['course']:.0f} MB; "
        f"plain: {memory['plain']:.0f} MB"
    )
    ways = {name: functools.partial(way, sound) for name, way in WAYS.items()}
    return [compare("loudness", ways, SECONDS, told)]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print_added(WAYS[sys.argv[1]])
    else:
        show(rows())
