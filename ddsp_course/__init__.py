"""Helpers for the DDSP course: turn any recording into a violin, one idea per module.

The data flow is one line:

    audio.load -> features.extract -> conditioning.adjust -> instrument.play -> audio.write

Importing the package is cheap and silent: each module is loaded when you first name it, and
TensorFlow when something first needs it.
"""

import importlib

from ddsp_course import _tensorflow, crepe_package

__version__ = "0.1.0"

_MODULES = (
    "audio",
    "chapters",
    "cli",
    "colab",
    "conditioning",
    "crepe",
    "crepe_package",
    "decoding",
    "doctor",
    "download",
    "errors",
    "exercises",
    "explore",
    "fast",
    "features",
    "files",
    "instruments",
    "live",
    "plots",
    "record",
    "sources",
    "synthesis",
    "training",
    "transfer",
    "units",
    "untrusted",
    "viterbi",
    "widgets",
)
__all__ = list(_MODULES)

_tensorflow.prepare()
crepe_package.install()


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_MODULES])
