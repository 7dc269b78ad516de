"""Time loudness beside ddsp's own call, in turn, and compare the answers.

.venv/bin/python benchmarks/loudness.py

The course calls ddsp's function, too, 20 s at a time, so that a long recording's spectra are never
in memory as a whole.
"""

import json
import sys

import numpy as np
from side_by_side import child, in_turn, peak_mb, phrase, show

from ddsp_course import _tensorflow, features

SECONDS = 60


def published(sound):
    """Return (n_frames,) in dB, as the official notebook does."""
    ddsp = _tensorflow.load_ddsp()
    return np.asarray(ddsp.spectral_ops.compute_loudness(sound, 16000, 250))


WAYS = {"plain": published, "course": features.loudness_db}


def print_added(way):
    """Print what a minute of sound adds to this process's memory, in MB."""
    WAYS[way](phrase(1))
    before = peak_mb()
    WAYS[way](phrase(SECONDS))
    print(json.dumps(peak_mb() - before))


def rows():
    """Return the row of loudness."""
    sound = phrase(SECONDS)
    ours = features.loudness_db(sound)
    off = np.abs(published(sound)[: len(ours)] - ours).max()
    memory = {way: child(__file__, way) for way in WAYS}
    medians, fastest = in_turn({name: lambda way=way: way(sound) for name, way in WAYS.items()})
    row = {way: medians[way] / SECONDS for way in WAYS}
    row |= {"stage": "loudness", "fastest": fastest["plain"] / fastest["course"]}
    row["difference"] = (
        f"differs by {off:.1g} dB at most; a minute takes {memory['course']:.0f} MB; "
        f"plain: {memory['plain']:.0f} MB"
    )
    return [row]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print_added(sys.argv[1])
    else:
        show(rows())
