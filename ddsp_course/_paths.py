"""Where the course keeps its files, and where downloads go."""

import os
from pathlib import Path

# The package is used from a clone of the course (installed with `pip install -e .`, or put on
# the path by a notebook's first cell): its sounds and weights lie beside it, not inside it.
ASSETS = Path(__file__).resolve().parent.parent / "assets"


def cache() -> Path:
    """Return the user's cache folder for downloads; `DDSP_COURSE_CACHE` names another."""
    import pooch

    return Path(os.environ.get("DDSP_COURSE_CACHE") or pooch.os_cache("ddsp_course"))
