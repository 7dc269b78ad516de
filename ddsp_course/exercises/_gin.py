"""A separate gin for answers, which neither see nor change the notebook's settings."""

import importlib.util


def of_its_own():
    """Return a second copy of gin's module, with its own table and its own list of functions."""
    spec = importlib.util.find_spec("gin.config")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def first_line(error):
    """Return the error message of gin or ddsp without the list of calls that gin adds to it."""
    return str(error).splitlines()[0]
