"""Files from the internet: whole and checked, or not at all.

What was fetched before is checked and used without the network. A file arrives under a name of
its own and is renamed when it is whole, so that nobody meets half a file; what a cut connection
leaves is kept beside it, and the next attempt goes on from there.
"""

import contextlib
import hashlib
import io
import os
import secrets
import sys
import time

from ddsp_course.errors import FetchError

# Some hosts turn away a request without a browser's name. A compressed answer would have another
# length and checksum than the file.
_HEADERS = {"User-Agent": "Mozilla/5.0 (ddsp-course)", "Accept-Encoding": "identity"}
_TIMEOUT = (10, 30)  # seconds to connect, and to wait for more
_WAITS = (0.5, 1.5)  # seconds before the second and the third attempt
_LARGEST = 500_000_000
_CHUNK = 1 << 14  # of which a cut connection loses the last


def fetch(address, path, digest, title):
    """Have a file at `path`: at once where it is there already, else from the internet.

    Args:
      address: where it lies, http(s).
      path: Path to put it; its folder is made.
      digest: what it must be: "md5:..." or "git:...", git's name of a blob (the SHA-1 of
        "blob <size>\\0" and the content).
      title: what the progress bar says.

    Raises:
      FetchError: it could not be had; what lay at `path` before is still there.
    """
    waiting = path.with_name(f"{path.name}.part")
    own = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        if matches(path, digest):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # A rename succeeds for one process alone; another begins anew, under a name of its own.
        with contextlib.suppress(FileNotFoundError):
            os.replace(waiting, own)
        for _ in range(2):  # the second time without what an earlier attempt left
            with open(own, "ab") as file:
                _download(address, file, _LARGEST, title)
            if matches(own, digest):
                os.replace(own, path)
                return
            own.unlink()
        raise FetchError(
            f"What arrived from {address} is not the right file (its checksum is another): try "
            "again, on another network if there is one."
        )
    except OSError as error:
        with contextlib.suppress(OSError):
            own.unlink()
        raise FetchError(
            f"{path} could not be written ({error.strerror or error}): free some disk space, or "
            "name another folder by DDSP_COURSE_CACHE."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            if own.stat().st_size:
                os.replace(own, waiting)
            else:
                own.unlink()


def read(address, largest):
    """Return what lies at an address, as bytes.

    Args:
      address: http(s).
      largest: how many bytes it may have.

    Raises:
      FetchError: it could not be had, is a web page, or is larger.
    """
    file = io.BytesIO()
    _download(address, file, largest)
    return file.getvalue()


def matches(path, digest):
    """Return whether there is a file that has a digest, see `fetch`."""
    kind, _, wanted = digest.partition(":")
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            found = hashlib.new("sha1" if kind == "git" else kind, usedforsecurity=False)
            if kind == "git":
                found.update(b"blob %d\0" % size)
            while chunk := file.read(1 << 20):
                found.update(chunk)
    except FileNotFoundError:
        return False
    return found.hexdigest() == wanted


def _download(address, file, largest, title=None):
    """Append to a file what it does not have yet of an address, in up to three attempts."""
    import requests

    for wait in (*_WAITS, None):
        try:
            return _attempt(address, file, largest, title)
        except (requests.RequestException, UnicodeError) as error:
            if wait is None or not _may_pass(error):
                raise FetchError(
                    f"{address} could not be fetched ({_reason(error)}): check the network and "
                    "the address, and try again."
                ) from error
            time.sleep(wait)


def _attempt(address, file, largest, title):
    import requests
    from tqdm import tqdm

    size = file.seek(0, os.SEEK_END)
    headers = _HEADERS | ({"Range": f"bytes={size}-"} if size else {})
    with requests.get(address, headers=headers, stream=True, timeout=_TIMEOUT) as reply:
        if reply.status_code in (200, 416):  # all of it; or there is no such part
            size = 0
            file.seek(0)
            file.truncate()
        reply.raise_for_status()
        is_text = reply.headers.get("Content-Type", "").startswith("text/html")
        length = reply.headers.get("Content-Length", "")
        total = size + int(length) if length.isdecimal() else None
        # A bar is for eyes: in a file or a pipe it would be noise.
        hidden = title is None or not sys.stderr.isatty()
        with tqdm(
            desc=title, initial=size, total=total, unit="B", unit_scale=True, disable=hidden
        ) as bar:
            for chunk in reply.iter_content(_CHUNK):
                if is_text and chunk.lstrip().startswith(b"<"):
                    raise FetchError(
                        f"A web page came from {address} in place of the file: where this network "
                        "has a login page, log in to it; else check the address."
                    )
                size += len(chunk)
                if size > largest:
                    file.truncate(0)
                    raise FetchError(
                        f"{address} has more than {largest // 1_000_000} MB: check the address."
                    )
                is_text = False
                file.write(chunk)
                bar.update(len(chunk))


def _may_pass(error):
    """Return whether a failure may be gone at the next attempt."""
    import requests

    if getattr(error, "response", None) is not None:
        return error.response.status_code in (408, 416, 429) or error.response.status_code >= 500
    return isinstance(
        error,
        requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError,
    )


def _reason(error):
    import requests

    if getattr(error, "response", None) is not None:
        return f"{error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not valid"
    if isinstance(error, requests.Timeout):
        return "no answer"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was cut"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return " ".join(str(error).split())[:200]
