"""Locate the course's files and the cache for downloads."""

import os
from pathlib import Path

# The package runs from a clone of the course (installed with `pip install -e .`, or put on the
# path by a notebook's first cell), so its audio and weights lie beside it, not inside it.
ASSETS = Path(__file__).resolve().parent.parent / "assets"
# The command that sets the course up, in messages: Windows has no make.
SET_UP = "py course.py lab" if os.name == "nt" else "make lab"


def cache() -> Path:
    """Return the cache folder for downloads, which `DDSP_COURSE_CACHE` can override."""
    import pooch

    return Path(os.environ.get("DDSP_COURSE_CACHE") or pooch.os_cache("ddsp_course"))
