"""Draw the losses of train_instruments.py's second run: assets/pictures/rooms_loss.png.

    python scripts/picture_instruments.py [--work FOLDER]

The losses come from the summaries in the training's folder of work.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import picture_violin
import train_instruments

from ddsp_course import plots

STYLES = ((plots.BEFORE, "-"), (plots.AFTER, "--"), ("#009e73", "-."))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("build/instruments"))
    arguments = parser.parse_args()
    figure, ax = plt.subplots(figsize=(8, 3), layout="constrained", facecolor="white")
    for name, (colour, style) in zip(train_instruments.INSTRUMENTS, STYLES, strict=True):
        line = picture_violin.logged_losses(arguments.work / name / "run_rooms" / "summaries")
        ax.plot(*line, style, color=colour, label=name.replace("_", " "))
    ax.set(
        xlabel="step",
        ylabel="loss (mean of 50 steps)",
        title="The second run: two thirds of the phrases in rooms",
    )
    ax.grid(alpha=0.3)
    ax.legend()
    picture_violin.save(figure, picture_violin.PICTURES / "rooms_loss.png")


if __name__ == "__main__":
    main()
