"""Download files from the internet: whole and checked, or not at all.

pooch does the transfer. This module adds what pooch lacks: git blob ids as checksums, the only
ones published for CREPE's weights; a size limit; a check for a login page instead of the file;
retries for failures that may pass; and a sentence for each failure.
"""

import contextlib
import hashlib
import io
import os
import sys
import time
from urllib.parse import urlsplit

from ddsp_course import files
from ddsp_course.errors import FetchError, one_line

# Some hosts reject requests that do not look like a browser's. A compressed response would differ
# from the file in length and checksum.
_HEADERS = {"User-Agent": "Mozilla/5.0 (ddsp-course)", "Accept-Encoding": "identity"}
_TIMEOUT = (10, 30)  # seconds to connect, and to wait for more data
_WAITS = (0.5, 1.5)  # seconds before the second and third attempts
_LARGEST = 500_000_000
_CHUNK = 1 << 14


def fetch(address, path, digest, title):
    """Download `address` to `path` unless that file is already there.

    Args:
      address: http(s).
      path: Path of the file; its folder is created.
      digest: the checksum that the file must have: "md5:..." or "git:...", a git blob id (the
        SHA-1 of "blob <size>\\0" and the content).
      title: its name for the progress bar and messages.

    Raises:
      FetchError: the download failed; an older file at `path` is left alone.
    """
    try:
        if matches(path, digest):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.whole_file(path) as part:
            with open(part, "xb") as file:
                _download(address, file, _LARGEST, title)
            if not matches(part, digest):
                raise FetchError(
                    f"{_called(address, title)} failed its checksum: try again, on a different "
                    "network if you can."
                )
    except OSError as error:
        raise FetchError(
            f"{path} could not be written ({error.strerror or error}): free some disk space, or "
            "set DDSP_COURSE_CACHE to another folder."
        ) from error


def read(address, largest, title=None):
    """Download a small file and return its bytes.

    Args:
      address: http(s).
      largest: the largest size allowed, in bytes.
      title: its name for messages; None uses the address.

    Raises:
      FetchError: the download failed, is a web page, or is too large.
    """
    file = io.BytesIO()
    _download(address, file, largest, title)
    return file.getvalue()


def matches(path, digest):
    """Return whether a file exists and has the given digest; see `fetch`."""
    kind, _, wanted = digest.partition(":")
    try:
        with open(path, "rb") as file:
            found = hashlib.new("sha1" if kind == "git" else kind, usedforsecurity=False)
            if kind == "git":
                found.update(b"blob %d\0" % os.fstat(file.fileno()).st_size)
            while chunk := file.read(1 << 20):
                found.update(chunk)
    except FileNotFoundError:
        return False
    return found.hexdigest() == wanted


def is_web_page(head):
    """Return whether a file's first bytes look like a web page."""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return head.startswith(b"<") and (b"<html" in head or b"<!doctype html" in head)


def _called(address, title):
    """Return a download's name for messages: its title and host, because addresses are long."""
    if title is None:
        return address
    with contextlib.suppress(ValueError):
        return f"{title} from {urlsplit(address).netloc}"
    return title


def _download(address, file, largest, title=None):
    """Download an address to an open file, in up to three attempts."""
    import requests
    from pooch import HTTPDownloader
    from tqdm import tqdm

    called = _called(address, title)
    for wait in (*_WAITS, None):
        hidden = title is None or not _someone_looks()
        # pooch sets the bar's total to the file's size.
        with tqdm(total=1, desc=title, unit="B", unit_scale=True, disable=hidden) as bar:
            transfer = HTTPDownloader(bar, _CHUNK, headers=_HEADERS, timeout=_TIMEOUT)
            try:
                return transfer(address, _Bounded(file, called, largest), pooch=None)
            # ValueError: a bad address or length
            except (requests.RequestException, ValueError) as error:
                if wait is None or not _may_pass(error):
                    raise FetchError(
                        f"{called} could not be downloaded ({_reason(error)}): check the network "
                        f"{'and the address, ' * (title is None)}and try again."
                    ) from error
        time.sleep(wait)
        file.seek(0)
        file.truncate()


def _someone_looks():
    """Return whether stderr is a terminal or a notebook; in a log, a progress bar is noise."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return sys.stderr.isatty() or hasattr(shell, "kernel")


class _Bounded:
    """A file that refuses web pages and more than `largest` bytes."""

    def __init__(self, file, called, largest):
        self.file, self.called, self.largest = file, called, largest

    def write(self, chunk):
        if self.file.tell() == 0 and is_web_page(chunk[:1000]):
            raise FetchError(
                f"A web page came instead of {self.called}: log in if this network has a login "
                "page; otherwise check the address."
            )
        if self.file.tell() + len(chunk) > self.largest:
            raise FetchError(
                f"{self.called} is larger than {self.largest // 1_000_000} MB: check the address."
            )
        self.file.write(chunk)

    def flush(self):
        self.file.flush()


def _may_pass(error):
    """Return whether another attempt may succeed."""
    import requests

    if getattr(error, "response", None) is not None:
        return error.response.status_code in (408, 429) or error.response.status_code >= 500
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
    return one_line(error)
