# /// script
# requires-python = ">=3.11,<3.14"
# ///
"""Use the course on Windows, macOS or Linux: each command sets up what it needs first.

    python course.py lab [JupyterLab's options]     open JupyterLab at the start page
    python course.py app [Voila's options]          open timbre transfer as a page of its own
    python course.py live [--port PORT]             open an instrument to be played live in a page
    python course.py quick                          run the checks that take under two minutes
    python course.py test                           run the checks that CI runs
    python course.py lint                           run ruff alone
    python course.py setup [GROUP ...]              set up play, and train, test or site, if named

`make lab` and the like run these, and so does `uv run course.py lab`, which fetches a Python where
there is none. The set-up is scripts/setup.py.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "scripts"))
import setup

PYTHON = str(setup.program("python"))
RUFF = [PYTHON, "-m", "ruff"]
# Two at a time: most of a test's time is one core's, importing TensorFlow. A file stays with one
# of the two, since its tests share what takes long to make.
PYTEST = [PYTHON, "-m", "pytest", "-n", "2", "--dist", "loadfile"]


def lab(*options):
    """Set up what the notebooks need, and become JupyterLab on copies of them in my_course/."""
    setup.set_up("train")
    become([PYTHON, "scripts/lab.py", *options])


def app(*options):
    """Set up what playing needs, and become the page of timbre transfer."""
    setup.set_up()
    # With voila.json, where a closed page's kernel ends in a minute, and assets/jupyter's template.
    become(*app_command(*options))


def live(*options):
    """Set up what playing needs, and become the page that plays the instruments live."""
    setup.set_up()
    become([PYTHON, "scripts/live.py", *options])


def app_command(*options):
    """Return what starts the page of timbre transfer, and its environment."""
    places = [str(ROOT / "assets" / "jupyter"), os.environ.get("JUPYTER_PATH")]
    environment = {"JUPYTER_PATH": os.pathsep.join(filter(None, places))}
    words = [PYTHON, "-m", "voila", "--template=course", "notebooks/app.ipynb", *options]
    return words, {**os.environ, **environment}


def lint():
    """Check the code's style and layout."""
    setup.set_up("train", "test", "site")
    run(*RUFF, "check", ".")
    run(*RUFF, "format", "--check", ".")


def quick():
    """Run the checks that take under two minutes: no TensorFlow, no browser."""
    lint()
    run(*PYTEST, "-q", "-m", "not tensorflow and not browser and not slow", "tests")


def test():
    """Run the checks that CI runs."""
    lint()
    run(*PYTEST, "-rs", "-m", "not slow and not browser", "tests")
    # Training, the longest, begins first.
    notebooks = sorted(path for path in (ROOT / "notebooks").iterdir() if path.suffix != ".md")
    notebooks.sort(key=lambda path: path.name != "03_train_your_own")
    os.environ["DDSP_COURSE_TURN_KNOBS"] = "1"
    run(*PYTEST, "--no-loadscope-reorder", "--nbval", "--nbval-sanitize-with", "tests/nbval.cfg",
        *map(str, notebooks))  # fmt: skip
    del os.environ["DDSP_COURSE_TURN_KNOBS"]
    # Each test by itself, but those of one `xdist_group`, which share a site that takes long to build.
    run(*PYTEST[:-1], "loadgroup", "-rs", "-m", "browser and not slow", "tests")


def run(*words):
    """Run a program in the course's folder, and end with its status unless it succeeds."""
    print(" ".join(words), flush=True)
    status = subprocess.call(words, cwd=ROOT)
    if status:
        sys.exit(status)


def become(words, environment=None):
    """Run a program in the course's folder in place of this one."""
    os.chdir(ROOT)
    environment = environment or dict(os.environ)
    if os.name != "nt":
        os.execve(words[0], words, environment)
    # There the new program would go on in the background.
    sys.exit(subprocess.call(words, env=environment))


def main():
    """Run the command that is named."""
    commands = {"lab": lab, "app": app, "live": live, "quick": quick, "test": test, "lint": lint,
                "setup": setup.set_up}  # fmt: skip
    name, *options = sys.argv[1:] or ["help"]
    if name not in commands or (options and name in ("quick", "test", "lint")):
        sys.exit(__doc__)
    try:
        commands[name](*options)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
