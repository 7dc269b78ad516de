"""A gin for answers: what a learner writes neither sees nor changes the notebook's settings."""

import importlib.util


def of_its_own():
    """Return gin's module once more, with a table and a list of functions of its own."""
    spec = importlib.util.find_spec("gin.config")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def first_line(error):
    """Return what gin or ddsp says, without gin's account of the calls that led there."""
    return str(error).splitlines()[0]
