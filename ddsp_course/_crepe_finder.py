"""`import crepe`, which `import ddsp` does, finds the course's CREPE when there is no other."""

import importlib.abc
import importlib.util
import sys


class _CourseCrepe(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands last on `sys.meta_path`, so that an installed `crepe` always goes first."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname == "crepe":
            return importlib.util.spec_from_loader(fullname, self)
        return None

    def create_module(self, spec):
        from ddsp_course import crepe

        return crepe

    def exec_module(self, module):
        """The module has run already, under its own name."""


def install():
    """Add the finder to `sys.meta_path`, once."""
    if not any(isinstance(finder, _CourseCrepe) for finder in sys.meta_path):
        sys.meta_path.append(_CourseCrepe())
