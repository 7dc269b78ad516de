"""Install the packages that Colab lacks, from the first cell of a notebook.

Colab has most of the course's dependencies in versions that fit each other, but drops some from
month to month. So existing packages stay, and only missing ones are installed, without their
dependencies and in the versions of requirements/. Explained in
notebooks/02_timbre_transfer/01_install_and_gin.ipynb.
"""

import importlib
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from ddsp_course.errors import SetupError, one_line

_LOCKS = Path(__file__).resolve().parent.parent / "requirements"
LOCKS = (_LOCKS / "play.txt", _LOCKS / "train.txt")
# What the course and ddsp import, and the dependencies of those that few other packages share.
# TensorFlow, NumPy and the like are not listed, because Colab will always have them.
NEEDED = (
    "absl-py", "audioop-lts", "av", "bokeh", "cloudml-hypertune", "ddsp", "dm-tree", "future",
    "gin-config", "google-cloud-storage", "h5py", "hmmlearn", "lazy-loader", "librosa", "mido",
    "mir-eval", "note-seq", "pooch", "pretty-midi", "pydub", "pyyaml", "requests", "six",
    "soundfile", "soxr", "tensorboard", "tensorflow-datasets", "tensorflow-probability",
    "tf-keras", "tqdm",
)  # fmt: skip
# Apache Beam, and those of its dependencies that Colab may lack.
NEEDED_FOR_TRAINING = (
    "apache-beam", "fastavro", "fasteners", "objsize", "pymongo", "sortedcontainers",
)  # fmt: skip


def missing(training=False):
    """Return `name==version` for each package that this Python lacks.

    Args:
      training: include what `ddsp_course.training` needs.
    """
    names = NEEDED + NEEDED_FOR_TRAINING * training
    locked = versions()
    return [locked[name] for name in names if name in locked and not _is_installed(name)]


def versions():
    """Return {name: `name==version`} from requirements/, for this version of Python."""
    from packaging.requirements import Requirement

    found = {}
    for line in (line for lock in LOCKS for line in lock.read_text("utf-8").splitlines()):
        one = Requirement(line)
        if one.marker is None or one.marker.evaluate():
            found[one.name] = f"{one.name}{one.specifier}"
    if _is_installed("tensorflow"):
        # Each tf-keras works only with the TensorFlow of the same version.
        major, minor = metadata.version("tensorflow").split(".")[:2]
        found["tf-keras"] = f"tf-keras=={major}.{minor}.*"
    return found


def install(training=False):
    """Install missing packages, and nothing else.

    Args:
      training: include what `ddsp_course.training` needs.

    Raises:
      SetupError: pip failed.
    """
    packages = missing(training)
    if not packages:
        return
    print("Installing", *packages)
    # Without dependencies, because those would replace Colab's own packages.
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "-q"]
    done = subprocess.run([*pip, *packages], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it gave no reason"]
        errors = [line for line in said if line.startswith("ERROR")]
        raise SetupError(
            f"pip could not install {', '.join(packages)} ({one_line((errors or said)[-1])}): run "
            "this cell again; if that fails, choose Runtime > Disconnect and delete runtime first."
        )
    importlib.invalidate_caches()


def _is_installed(name):
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
