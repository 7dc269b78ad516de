"""What the benchmarks share: two ways of the same work in turn, and tables of what came out."""

import json
import statistics
import subprocess
import sys
import time

from ddsp_course import _paths, audio

SECONDS_OF_PHRASE = 9
RUNS = 5


def phrase(seconds):
    """Return the bundled recording (n_samples,), as often as it fits into so many seconds."""
    import numpy as np

    return np.resize(audio.load(_paths.ASSETS / "audio" / "phrase.ogg"), seconds * 16000)


def in_turn(ways, runs=RUNS):
    """Run each way once to warm up, and then all of them in turn, several times.

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
      stage: what the row is called.
      ways: {"plain": function, "course": function}.
      seconds: of sound that each works on.
      difference: what to say of the two answers.
      runs: see `in_turn`.
    """
    medians, fastest = in_turn(ways, runs)
    row = {way: medians[way] / seconds for way in ways}
    row |= {"stage": stage, "difference": difference}
    row |= {"fastest": fastest["plain"] / fastest["course"]}
    return row


def print_added(run):
    """Print as JSON what a minute of sound adds to this process's memory, in MB.

    Args:
      run: function of a sound, which goes first through what it needs at any length.
    """
    run(phrase(1))
    before = peak_mb()
    run(phrase(60))
    print(json.dumps(peak_mb() - before))


def child(file, *arguments):
    """Run a benchmark's file in a process of its own; return the JSON that it prints last."""
    done = subprocess.run(
        [sys.executable, file, *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def peak_mb():
    """Return this process's peak memory in MB (Linux)."""
    with open("/proc/self/status") as status:
        return int(status.read().split("VmHWM:")[1].split()[0]) / 1024


def table(rows):
    """Return rows (dicts) as a Markdown table, seconds a second of sound and what they mean."""
    lines = ["| | plain | here | times as fast | |", "|---|---|---|---|---|"]
    for row in rows:
        plain, course = row.get("plain"), row["course"]
        times = f"{plain / course:.1f}" if plain else ""
        lines.append(
            f"| {row['stage']} | {number(plain)} | {number(course)} | {times} | "
            f"{row.get('difference', '')} |"
        )
    return "\n".join(lines)


def number(value):
    """Return seconds with two digits that count, or nothing."""
    return "" if value is None else f"{value:.3f}" if value < 1 else f"{value:.1f}"


def show(rows):
    print(table(rows))
