"""Load TensorFlow and ddsp on first use, quietly and with legacy Keras.

    from ddsp_course._tensorflow import ddsp, tf

gives both names at no cost; each package is imported when you first use one of its attributes.
A plain `import ddsp` or `import tensorflow`, as in the notebooks, is just as quiet.

ddsp is written for Keras 2. In TensorFlow 2.16 and later, `tf.keras` is Keras 3 unless
`TF_USE_LEGACY_KERAS` is set before `tf.keras` is first used; then it is `tf_keras`.
Explained in notebooks/02_timbre_transfer/01_install_and_gin.ipynb.
"""

import contextlib
import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import logging
import os
import sys
import warnings

from ddsp_course import _paths
from ddsp_course.errors import SetupError


def prepare():
    """Set the environment variables that TensorFlow reads at start-up, without loading it."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # oneDNN announces itself at every log level. Without it CREPE took 0.28 s instead of 0.36 s
    # per second of audio on 2 cores.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    if not any(isinstance(finder, _QuietFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietFinder())


@contextlib.contextmanager
def quiet():
    """Suppress warnings, and log messages up to and including errors, while a block runs.

    Packages announce their own future changes when loaded, and complain about each other's versions
    and about missing programs. A learner cannot act on any of that.
    """
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


class _QuietFinder(importlib.abc.MetaPathFinder):
    """Loads TensorFlow, ddsp and pydub as usual, but quietly; comes first on `sys.meta_path`.

    pydub warns when ffmpeg is missing.
    """

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "tensorflow" and fullname.partition(".")[0] not in ("ddsp", "pydub"):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = quiet()(spec.loader.exec_module)
        return spec


@functools.cache
def load():
    """Return the `tensorflow` module, with legacy Keras behind `tf.keras`.

    Raises:
      SetupError: TensorFlow is missing, or was used with Keras 3 before `ddsp_course` was imported.
    """
    prepare()
    try:
        import tensorflow
    except ImportError as error:
        raise SetupError(
            f"TensorFlow could not be imported ({error}): install the course with `{_paths.SET_UP}`, "
            "or run the first cell of the notebook in Colab."
        ) from error
    if not tensorflow.keras.layers.Layer.__module__.startswith("tf_keras"):
        raise SetupError(
            "TensorFlow was used with Keras 3 before ddsp_course was imported, and ddsp needs "
            "Keras 2: restart the kernel and `import ddsp_course` before `import tensorflow`, "
            "or set the environment variable TF_USE_LEGACY_KERAS=1."
        )
    tensorflow.get_logger().setLevel("ERROR")
    return tensorflow


# The parts an instrument is built from. Importing the whole package would also import note_seq,
# mir_eval, bokeh and tensorflow_datasets, which only training and evaluation need, and would take
# 2 s of the 14 s until the first audio.
_PARTS = ("decoders", "encoders", "models", "nn", "postprocessing", "preprocessing")


@functools.cache
def load_ddsp():
    """Return the real `ddsp` package with `ddsp.training`, whose other parts load on first use.

    Raises:
      SetupError: something that ddsp needs is missing.
    """
    load()
    if "ddsp.training" in sys.modules:
        return sys.modules["ddsp"]
    try:
        package = importlib.import_module("ddsp")
        package.training = _without_its_imports("ddsp.training")
        for part in _PARTS:
            importlib.import_module(f"ddsp.training.{part}")
    except ImportError as error:
        sys.modules.pop("ddsp.training", None)
        raise SetupError(
            f"ddsp could not be imported ({error}): run `ddsp-course doctor` to see what is "
            "missing and how to install it."
        ) from error
    return package


class _Lazy:
    """Stands in for a package until one of its attributes is used."""

    def __init__(self, load_package):
        self._load_package = load_package

    def __getattr__(self, name):
        return getattr(self._load_package(), name)


tf, ddsp = _Lazy(load), _Lazy(load_ddsp)


def _without_its_imports(name):
    """Return a package without running its __init__; its modules are imported on first use."""
    package = importlib.util.module_from_spec(importlib.util.find_spec(name))

    def part(module):
        try:
            return importlib.import_module(f"{name}.{module}")
        except ModuleNotFoundError as error:
            if error.name != f"{name}.{module}":
                raise
            raise AttributeError(f"There is no {name}.{module}.") from None

    package.__getattr__ = part
    sys.modules[name] = package
    return package


@contextlib.contextmanager
def without_remarks():
    """Suppress what compiled code writes to stderr while a block runs.

    TensorFlow 2.20 (Colab's version) announces XLA whatever TF_CPP_MIN_LOG_LEVEL says.
    """
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
