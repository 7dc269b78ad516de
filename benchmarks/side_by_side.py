"""Shared by the benchmarks: run two ways of doing the same work in turn, and make tables."""

import json
import statistics
import subprocess
import sys
import time

from ddsp_course import _paths, audio

SECONDS_OF_PHRASE = 9
RUNS = 5


def phrase(seconds):
    """Return the bundled recording (n_samples,), repeated to last `seconds`."""
    import numpy as np

    return np.resize(audio.load(_paths.ASSETS / "audio" / "phrase.ogg"), seconds * 16000)


def in_turn(ways, runs=RUNS):
    """Run each way once to warm up, then all of them in turn, `runs` times.

    Args:
      ways: {name: function}.

    Returns:
      medians, fastest: {name: seconds}.
    """
    for way in ways.values():
        way()
    taken = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - began)
    return (
        {name: statistics.median(each) for name, each in taken.items()},
        {name: min(each) for name, each in taken.items()},
    )


def compare(stage, ways, seconds, difference, runs=RUNS):
    """Run ways in turn; return a table's row.

    Args:
      stage: the row's name.
      ways: {"plain": function, "course": function}.
      seconds: length of the audio.
      difference: remark on how the two results differ.
      runs: see `in_turn`.
    """
    medians, fastest = in_turn(ways, runs)
    row = {way: medians[way] / seconds for way in ways}
    row |= {"stage": stage, "difference": difference}
    row |= {"fastest": fastest["plain"] / fastest["course"]}
    return row


def print_added(run):
    """Print as JSON the memory in MB that a minute of audio adds to this process.

    Args:
      run: function of a sound; it is called with a short one first, to allocate what any length needs.
    """
    run(phrase(1))
    before = peak_mb()
    run(phrase(60))
    print(json.dumps(peak_mb() - before))


def child(file, *arguments):
    """Run a benchmark's file in a separate process; return the JSON that it prints last."""
    done = subprocess.run(
        [sys.executable, file, *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def peak_mb():
    """Return this process's peak memory in MB (Linux)."""
    with open("/proc/self/status") as status:
        return int(status.read().split("VmHWM:")[1].split()[0]) / 1024


def table(rows):
    """Return rows (dicts) as a Markdown table: seconds per second of audio, and remarks."""
    lines = ["| | ddsp | this course | speed-up | remarks |", "|---|---|---|---|---|"]
    for row in rows:
        plain, course = row.get("plain"), row["course"]
        times = f"{plain / course:.1f}" if plain else ""
        lines.append(
            f"| {row['stage']} | {number(plain)} | {number(course)} | {times} | "
            f"{row.get('difference', '')} |"
        )
    return "\n".join(lines)


def number(value):
    """Return seconds with three decimals, or with one from 1 s on; "" for None."""
    return "" if value is None else f"{value:.3f}" if value < 1 else f"{value:.1f}"


def show(rows):
    print(table(rows))
