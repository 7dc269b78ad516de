"""Files and folders that appear whole or not at all.

What is written stands beside its final place, on the same disk, until it is complete, and is then
renamed, which no other program can see half done.
"""

import contextlib
import os
import secrets
import shutil
from pathlib import Path


def user_path(name):
    """Return a name as a Path, in which `~` is the user's home unless a file is called so."""
    path = Path(name)
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # no such name; no home
        if not path.exists():
            return path.expanduser()
    return path


@contextlib.contextmanager
def whole_file(path):
    """Yield a path to write to; when the block ends without an error, that file becomes `path`.

    Args:
      path: the final place. A file that is there already is replaced.

    Yields:
      Path in the same folder with the same suffix, short however long the name is.

    Raises:
      OSError: the file could not be renamed; like any error in the block, it leaves `path` as it was.
    """
    path = Path(path)
    part = _beside(path, path.suffix)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path):
    """Yield a new folder to fill; when the block ends without an error, it becomes `path`.

    Args:
      path: the final place; missing folders above it are made. A folder that is there already is
        replaced.

    Raises:
      OSError: the folder cannot be made or renamed; like any error in the block, it leaves `path`
        as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(path)
    part.mkdir()
    try:
        yield part
        if path.exists():
            old = _beside(path)
            path.rename(old)
            part.rename(path)
            shutil.rmtree(old)
        else:
            part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _beside(path, suffix=""):
    return path.with_name(f".part-{secrets.token_hex(4)}{suffix}")
