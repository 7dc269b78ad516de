"""Draw what train_violin.py did: assets/pictures/violin_held_out.png and violin_loss.png.

    python scripts/picture_violin.py [--recordings FOLDER]

Four excerpts of the movement that the violin never heard, beside what the violin plays with their
pitch and loudness; and the training's loss, from the summaries in its folder of work.
"""

import argparse
import io
from pathlib import Path

import build_site
import matplotlib.pyplot as plt
import train_violin

from ddsp_course import _paths, audio, features, files, instruments, plots
from ddsp_course._tensorflow import tf
from ddsp_course.units import SAMPLE_RATE

PICTURES = _paths.ASSETS / "pictures"
STARTS_S, EXCERPT_S = (10, 40, 70, 95), 6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=Path, help="a folder that has the three movements")
    parser.add_argument("--work", type=Path, default=Path("build/violin"))
    arguments = parser.parse_args()
    folder = arguments.recordings or train_violin.fetch(arguments.work / "recordings")
    (name,) = train_violin.HELD_OUT
    save(held_out(audio.load(folder / name)), PICTURES / "violin_held_out.png")
    save(losses(arguments.work / "run" / "summaries"), PICTURES / "violin_loss.png")


def held_out(recording):
    """Return a figure: excerpts of a recording (n_samples,), and the violin with their curves."""
    violin = instruments.load("violin")
    figure, axes = plt.subplots(
        len(STARTS_S), 2, figsize=(11, 11), layout="constrained", facecolor="white"
    )
    for (left, right), start_s in zip(axes, STARTS_S, strict=True):
        excerpt = recording[start_s * SAMPLE_RATE : (start_s + EXCERPT_S) * SAMPLE_RATE]
        title = f"seconds {start_s} to {start_s + EXCERPT_S}"
        plots.spectrogram(excerpt, left, f"John Garner, {title}")
        plots.spectrogram(violin.play(features.extract(excerpt)), right, f"the violin, {title}")
    return figure


def logged_losses(folder):
    """Return steps and losses, from the summaries that a training wrote for TensorBoard."""
    found = {}
    for path in sorted(folder.glob("events*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                if value.tag == "losses/total_loss":
                    found[event.step] = float(tf.make_ndarray(value.tensor))
    return zip(*sorted(found.items()), strict=True)


def losses(folder):
    """Return a figure: the loss over the steps."""
    figure, ax = plt.subplots(figsize=(8, 3), layout="constrained", facecolor="white")
    ax.plot(*logged_losses(folder), color=plots.AFTER)
    for step, _ in train_violin.STAGES[:-1]:
        ax.axvline(step, color="black", ls=":", lw=1)
    ax.set(xlabel="step", ylabel="loss", title="The violin's training (dotted: a new stage begins)")
    ax.grid(alpha=0.3)
    return figure


def save(figure, path):
    """Write a figure as a PNG of 256 colours."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=80)
    with files.whole_file(path) as part:
        part.write_bytes(build_site.fewer_colours(drawn.getvalue()))


if __name__ == "__main__":
    main()
