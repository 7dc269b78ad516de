"""Write files and folders so that they appear whole or not at all.

Output is written beside its final place, on the same disk. Once complete, it is renamed, which is
atomic.
"""

import contextlib
import os
import secrets
import shutil
from pathlib import Path


def user_path(name):
    """Return a name as a Path, expanding `~` unless a file of that exact name exists."""
    path = Path(name)
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # impossible name; no home
        if not path.exists():
            return path.expanduser()
    return path


@contextlib.contextmanager
def whole_file(path):
    """Yield a path to write to; if the block succeeds, that file becomes `path`.

    Args:
      path: the final place. An existing file is replaced.

    Yields:
      Path in the same folder with the same suffix, short however long the name is.

    Raises:
      OSError: the file could not be renamed. This, like any error in the block, leaves `path`
        unchanged.
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
    """Yield a new folder to fill; if the block succeeds, it becomes `path`.

    Args:
      path: the final place. Missing parent folders are created; an existing folder is replaced.

    Raises:
      OSError: the folder could not be created or renamed. This, like any error in the block, leaves
        `path` unchanged.
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
