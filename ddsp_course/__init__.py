"""Helpers of the DDSP course: from any recording to a violin, one module an idea.

The way of the data is one line: `audio.load` -> `features.extract` -> `conditioning.adjust`
-> `instrument.play` -> `audio.play`. Importing the package is cheap and silent: each module
is loaded when it is first named, and TensorFlow when it is first needed.
"""

import importlib

from ddsp_course import _crepe_finder, _tensorflow

__version__ = "0.1.0"

_MODULES = (
    "audio",
    "chapters",
    "cli",
    "conditioning",
    "crepe",
    "errors",
    "exercises",
    "explore",
    "features",
    "instruments",
    "plots",
    "record",
    "transfer",
    "widgets",
)
__all__ = list(_MODULES)

_tensorflow.prepare()
_crepe_finder.install()


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_MODULES])
