"""Check each part of the installation, and say how to fix any that fails.

`ddsp-course doctor` prints the report. Explained in
notebooks/02_timbre_transfer/01_install_and_gin.ipynb.
"""

import contextlib
import importlib.metadata
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from typing import NamedTuple

from ddsp_course import _paths
from ddsp_course.errors import SetupError, one_line

OFFICIAL_MODELS = (
    "https://storage.googleapis.com/ddsp/models/timbre_transfer_colab/2021-07-08/"
    "solo_violin_ckpt.zip"
)
REINSTALL = f"reinstall the course with `{_paths.SET_UP}`"
# On Linux TensorFlow may be installed under either name.
_TWINS = {"tensorflow": "tensorflow-cpu", "tensorflow-cpu": "tensorflow"}


class Check(NamedTuple):
    """A check of one part of the installation.

    Attributes:
      title: the name of the part.
      run: function that returns a description of the part, or raises any exception.
      remedy: what to do if it raises.
      required: whether the course needs the part.
    """

    title: str
    run: Callable[[], str]
    remedy: str
    required: bool = True


def examine() -> int:
    """Run all checks; print a line for each, and a remedy for each that fails.

    Returns:
      0 if everything that the course needs works, else 1.
    """
    failed = 0
    for check in checks():
        try:
            detail = check.run()
            mark = "ok"
        # Whatever is broken, the remaining checks must still run.
        except Exception as error:  # noqa: BLE001
            detail = one_line(error, longest=1000) or type(error).__name__
            mark = "FAILED" if check.required else "absent"
            failed += check.required
        print(f"{mark:<7} {check.title}: {detail}", flush=True)
        if mark != "ok":
            print(f"        -> {check.remedy}")
    if failed:
        print(f"Failed checks: {failed}. Under each line marked FAILED is the way to fix it.")
        return 1
    print("Everything that the course needs works.")
    return 0


def checks():
    """Return the list of checks for this machine."""
    in_colab = "COLAB_RELEASE_TAG" in os.environ
    weights = "restore assets/crepe with `git checkout assets`"
    violin = "restore assets/instruments with `git checkout assets`"
    folder = "set the environment variable DDSP_COURSE_CACHE to a folder that you can write to"
    official = "you need this only for instruments that do not come with the course"
    soundfonts = "install fluidsynth and fluid-soundfont-gm to regenerate the course's audio"
    return [
        Check("Python", _python, f"install Python 3.11, 3.12 or 3.13, then run `{_paths.SET_UP}`"),
        *_packages(),
        Check("TensorFlow with Keras 2", _tensorflow, REINSTALL),
        Check("ddsp and ddsp.training", _ddsp, REINSTALL),
        Check("import crepe", _crepe_package, REINSTALL),
        Check("pitch weights", _crepe_weights, weights),
        Check("violin", _violin, violin),
        Check("one second as a violin", _one_second, "fix the first part that failed above"),
        Check("audio files", _soundfile, REINSTALL),
        Check("video, WebM and M4A", _pyav, "run `pip install av`", not in_colab),
        Check("JupyterLab", _version_of("jupyterlab"), REINSTALL, not in_colab),
        Check("ipywidgets", _version_of("ipywidgets"), REINSTALL),
        Check("cache for downloads", _cache, folder),
        Check("official models online", _network, official, required=False),
        Check("FluidSynth", _fluidsynth, soundfonts, required=False),
    ]


def _python():
    version = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise SetupError(f"{version}, but the course needs 3.11 to 3.13")
    return version


def _packages():
    """Return a check for each package in pyproject.toml, with the version it requires."""
    import tomllib

    try:
        settings = tomllib.loads((_paths.ASSETS.parent / "pyproject.toml").read_text("utf-8"))
        from packaging.requirements import Requirement
    except (OSError, ImportError) as error:
        message = f"the list could not be read ({error})"

        def lost():
            raise SetupError(message)

        return [Check("packages", lost, f"clone the course again and run `{_paths.SET_UP}`")]

    lines = list(settings["project"]["dependencies"])
    for patched in settings["tool"]["uv"]["dependency-metadata"]:
        lines += patched["requires-dist"]
    found = {}
    for requirement in map(Requirement, lines):
        # PyAV has its own check, because it is optional in Colab.
        if requirement.name == "av" or requirement.name in found:
            continue
        if requirement.marker is None or requirement.marker.evaluate():
            found[requirement.name] = Check(
                requirement.name,
                _version_of(requirement.name, requirement.specifier),
                f"run `pip install '{requirement.name}{requirement.specifier}'` or {REINSTALL}",
            )
    return [found[name] for name in sorted(found)]


def _version_of(package, specifier=None):
    """Return a function for `Check.run` that returns a package's version if it fits."""

    def run():
        for name in (package, _TWINS.get(package, package)):
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                version = importlib.metadata.version(name)
                if specifier and not specifier.contains(version, prereleases=True):
                    raise SetupError(f"{version}, but the course needs {specifier}")
                return version
        raise SetupError("not installed")

    return run


def _tensorflow():
    from ddsp_course._tensorflow import tf

    return f"{tf.__version__}, {tf.keras.layers.Layer.__module__.split('.')[0]}"


def _ddsp():
    from ddsp_course._tensorflow import ddsp

    return ddsp.__version__


def _crepe_package():
    import crepe

    if not callable(getattr(crepe, "predict", None)):
        raise SetupError(f"{crepe.__name__} has no function `predict`")
    own = crepe.__name__ == "ddsp_course.crepe_package"
    return "the course's own" if own else "the original package"


def _crepe_weights():
    from ddsp_course import crepe

    crepe.load("course")
    return "they load"


def _violin():
    from ddsp_course import instruments, units

    instruments.load("violin")
    return f"it loads, {units.SAMPLE_RATE} Hz"


def _one_second():
    import numpy as np

    from ddsp_course import transfer, units

    seconds = np.arange(units.SAMPLE_RATE) / units.SAMPLE_RATE
    tone = sum(0.3 / n * np.sin(2 * np.pi * 440 * n * seconds) for n in range(1, 6))
    started = time.perf_counter()
    played = transfer.timbre_transfer(tone.astype(np.float32), "violin")[0]
    if not (np.isfinite(played).all() and np.abs(played).max() > 1e-3):
        raise SetupError("the violin is silent")
    return f"took {time.perf_counter() - started:.1f} s"


def _soundfile():
    from ddsp_course import audio

    recording = audio.load(_paths.ASSETS / "audio" / "phrase.ogg")
    return f"the bundled flute lasts {len(recording) / audio.SAMPLE_RATE:.1f} s"


def _pyav():
    import av

    for name in ("opus", "aac"):
        av.codec.Codec(name, "r")
    return f"PyAV {av.__version__}"


def _cache():
    folder = _paths.cache()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return str(folder)


def _network():
    import requests

    requests.head(OFFICIAL_MODELS, timeout=5, allow_redirects=True).raise_for_status()
    return "reachable"


def _fluidsynth():
    from ddsp_course.training import soundfonts

    program = shutil.which("fluidsynth")
    if not program:
        raise SetupError("not installed")
    path = soundfonts.SOUNDFONTS["fluidr3"]
    if not path.exists():
        raise SetupError(f"no soundfont at {path}")
    return program
