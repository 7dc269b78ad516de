"""What the first cell of a notebook installs in Colab, once it has fetched the course.

Colab has most of what the course needs, in versions that fit each other, and leaves this and that
out by the month. So what is there stays, and only what is missing is installed, by itself, in the
version of requirements.txt. Explained in notebooks/02_timbre_transfer/01_install_and_gin.ipynb.
"""

import importlib
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from ddsp_course.errors import SetupError, one_line

LOCK = Path(__file__).resolve().parent.parent / "requirements.txt"
# What the course and ddsp import, and what that needs in turn and few others do. TensorFlow, NumPy
# and the like are not here: without them, Colab would not be Colab.
NEEDED = (
    "absl-py", "audioop-lts", "av", "bokeh", "cloudml-hypertune", "ddsp", "dm-tree", "future",
    "gin-config", "google-cloud-storage", "h5py", "hmmlearn", "lazy-loader", "librosa", "mido",
    "mir-eval", "note-seq", "pooch", "pretty-midi", "pydub", "pyyaml", "requests", "six",
    "soundfile", "soxr", "tensorboard", "tensorflow-datasets", "tensorflow-probability",
    "tf-keras", "tqdm",
)  # fmt: skip
# What Apache Beam needs of the rest.
NEEDED_FOR_TRAINING = (
    "apache-beam", "fastavro", "fasteners", "objsize", "pymongo", "sortedcontainers",
)  # fmt: skip


def missing(training=False):
    """Return `name==version` of each package that this Python lacks.

    Args:
      training: with what `ddsp_course.training` needs besides.
    """
    names = NEEDED + NEEDED_FOR_TRAINING * training
    locked = versions()
    return [locked[name] for name in names if name in locked and not _is_installed(name)]


def versions():
    """Return {name: `name==version`} of requirements.txt, as it reads for this Python."""
    from packaging.requirements import Requirement

    found = {}
    for line in LOCK.read_text("utf-8").splitlines():
        if line.strip() and not line.lstrip().startswith(("#", "-")):
            one = Requirement(line)
            if one.marker is None or one.marker.evaluate():
                found[one.name] = f"{one.name}{one.specifier}"
    if _is_installed("tensorflow"):
        # Keras 2 fits the TensorFlow of its own number alone.
        major, minor = metadata.version("tensorflow").split(".")[:2]
        found["tf-keras"] = f"tf-keras=={major}.{minor}.*"
    return found


def install(training=False):
    """Install what is missing, and nothing else.

    Args:
      training: with what `ddsp_course.training` needs besides.

    Raises:
      SetupError: pip failed.
    """
    packages = missing(training)
    if not packages:
        return
    print("Installing", *packages)
    # Without dependencies, which would replace what Colab has.
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "-q"]
    done = subprocess.run([*pip, *packages], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it says nothing"]
        errors = [line for line in said if line.startswith("ERROR")]
        raise SetupError(
            f"pip could not install {', '.join(packages)} ({one_line((errors or said)[-1])}): run "
            "this cell again, or choose Runtime > Disconnect and delete runtime, and then run it."
        )
    importlib.invalidate_caches()


def _is_installed(name):
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
