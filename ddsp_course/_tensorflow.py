"""TensorFlow and ddsp, loaded when first needed, quietly and with legacy Keras.

ddsp is written for Keras 2. TensorFlow 2.16 and later hands out Keras 3 as `tf.keras` unless
`TF_USE_LEGACY_KERAS` is set before `tf.keras` is first touched; it then hands out `tf_keras`.
"""

import contextlib
import importlib
import importlib.util
import logging
import os
import sys
import warnings

from ddsp_course.errors import SetupError


def prepare():
    """Set what TensorFlow reads while it starts. Costs nothing and loads nothing."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # oneDNN announces itself at any log level; without it CREPE took 0.28 s and not 0.36 s for a
    # second of sound on 2 cores.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


def load():
    """Return the `tensorflow` module, with legacy Keras behind `tf.keras`.

    Raises:
      SetupError: TensorFlow is missing, or was used with Keras 3 before `ddsp_course` came.
    """
    prepare()
    try:
        import tensorflow as tf
    except ImportError as error:
        raise SetupError(
            f"TensorFlow could not be imported ({error}): install the course with `make lab`, "
            "or run the first cell of the notebook in Colab."
        ) from error
    if not tf.keras.layers.Layer.__module__.startswith("tf_keras"):
        raise SetupError(
            "TensorFlow was used with Keras 3 before ddsp_course was imported, and ddsp needs "
            "Keras 2: restart the kernel and `import ddsp_course` before `import tensorflow`, "
            "or set the environment variable TF_USE_LEGACY_KERAS=1."
        )
    tf.get_logger().setLevel("ERROR")
    return tf


# What an instrument is built of. Importing the package as a whole takes note_seq, mir_eval, bokeh
# and tensorflow_datasets with it, which measure and train, and 2 s of the 14 until the first sound.
_PARTS = ("decoders", "encoders", "models", "nn", "postprocessing", "preprocessing")


def load_ddsp():
    """Return the real `ddsp` package, with `ddsp.training`, whose other parts come when asked for.

    Raises:
      SetupError: a part that ddsp needs is missing.
    """
    load()
    if "ddsp.training" in sys.modules:
        return sys.modules["ddsp"]
    try:
        with warnings.catch_warnings():
            # Deprecations inside ddsp's own requirements, and remarks on each other's versions
            # (tensorflow_datasets on Colab's protobuf); a learner cannot act on them.
            warnings.simplefilter("ignore")
            logging.disable(logging.ERROR)
            ddsp = importlib.import_module("ddsp")
            ddsp.training = _without_its_imports("ddsp.training")
            for part in _PARTS:
                importlib.import_module(f"ddsp.training.{part}")
    except ImportError as error:
        sys.modules.pop("ddsp.training", None)
        raise SetupError(
            f"ddsp could not be imported ({error}): run `ddsp-course doctor` to see what is "
            "missing and how to install it."
        ) from error
    finally:
        logging.disable(logging.NOTSET)
    return ddsp


def _without_its_imports(name):
    """Return a package whose __init__ imports nothing; modules in it are imported when asked for."""
    package = importlib.util.module_from_spec(importlib.util.find_spec(name))

    def part(module):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
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
    """Keep away what TensorFlow's compiled parts write to stderr themselves while a block runs.

    TensorFlow 2.20 (Colab's) tells that it uses XLA, whatever TF_CPP_MIN_LOG_LEVEL says.
    """
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
