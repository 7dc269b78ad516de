"""What is downloaded is whole or not there, whatever the server and the network do."""

import hashlib
import http.server
import os
import random
import subprocess
import sys
import threading
import time
import types

import IPython
import pytest
from conftest import ROOT, left_in

from ddsp_course import audio, crepe, download, instruments, sources
from ddsp_course.errors import AudioError, CourseError, FetchError

CONTENT = random.Random(0).randbytes(300_000)
DIGEST = "md5:" + hashlib.md5(CONTENT).hexdigest()
CUT = 6 * download._CHUNK
PORTAL = b"<!DOCTYPE html><html><body>Accept our terms to use this network.</body></html>"


class Misbehaving(http.server.BaseHTTPRequestHandler):
    """Does what the last word of the path says."""

    def do_GET(self):
        server = self.server
        server.asked.append(self.path)
        first = server.asked.count(self.path) == 1
        match self.path.rpartition("/")[2]:
            case "good":
                self.send(CONTENT, 200)
            case "large":
                self.send(server.large, 200)
            case "cut_once":
                self.send(CONTENT, 200, stop=CUT if first else None)
            case "cut_always":
                self.send(CONTENT, 200, stop=CUT // 2)
            case "other_version_later":
                self.send(CONTENT if first else bytes(len(CONTENT)), 200, CUT if first else None)
            case "cut_silently":  # no length, so that nobody is told
                self.send(CONTENT, 200, stop=CUT, length=None)
            case "wrong":
                self.send(bytes(1000), 200)
            case "shorter":
                self.send(CONTENT[:-1], 200)
            case "portal":
                self.send(PORTAL, 200, kind="text/html; charset=utf-8")
            case "portal_without_type":
                self.send(PORTAL, 200)
            case "503_once":
                self.send(b"busy", 503) if first else self.send(CONTENT, 200)
            case "silent":
                time.sleep(1.5)
            case "stalls":
                self.send(CONTENT, 200, stop=CUT, rest=1.5)
            case "slow":
                self.send(CONTENT, 200, slow=0.05)
            case "endless":
                self.send(bytes(1 << 16), 200, length=None, endless=True)
            case "odd_length":
                self.send(CONTENT, 200, length="many")
            case "loop":
                self.send_response(302)
                self.send_header("Location", self.path)
                self.end_headers()
            case code:
                self.send(b"<html>sorry</html>", int(code), kind="text/html")

    def send(self, body, status, stop=None, length=0, kind="application/octet-stream", rest=0,
             slow=0, endless=False):  # fmt: skip
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        try:
            for i in range(0, len(body[:stop]), 20_000):
                self.wfile.write(body[:stop][i : i + 20_000])
                time.sleep(slow)
            while endless:
                self.wfile.write(body)
        except OSError:  # the other side has had enough
            pass
        time.sleep(rest)
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download, "_TIMEOUT", (1, 0.5))
    monkeypatch.setattr(download, "_WAITS", (0.01, 0.01))
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    running.asked = []
    running.address = f"http://127.0.0.1:{running.server_port}"
    threading.Thread(target=running.serve_forever, args=[0.01], daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def assert_one_sentence(error):
    said = str(error.value)
    what_is_wrong, _, what_to_do = said.rpartition(": ")
    assert what_is_wrong and what_to_do.endswith(".") and len(what_to_do) > 8, said
    assert "\n" not in said and said.count(". ") == 0 and len(said) < 500, said


GOOD = ["good", "cut_once", "503_once"]


@pytest.mark.parametrize("way", GOOD)
def test_a_file_arrives_whole_in_the_end(way, server, tmp_path):
    path = tmp_path / "new" / "file"
    download.fetch(f"{server.address}/{way}", path, DIGEST, "a file")
    assert path.read_bytes() == CONTENT
    assert left_in(path.parent) == ["file"]


def test_a_cut_connection_is_tried_again(server, tmp_path):
    download.fetch(f"{server.address}/cut_once", tmp_path / "file", DIGEST, "a file")
    assert len(server.asked) == 2


BAD = {
    "404": "404",
    "403": "403",
    "500": "500",
    "wrong": "checksum",
    "shorter": "checksum",
    "other_version_later": "checksum",
    "cut_silently": "checksum",
    "cut_always": "cut|connection",
    "portal": "login",
    "portal_without_type": "login",
    "odd_length": "many",
    "silent": "answer",
    "stalls": "connection|answer",
    "loop": "302",
}


@pytest.mark.parametrize("before", [None, b"an older file"])
@pytest.mark.parametrize("way", BAD)
def test_failure_is_one_sentence_and_the_cache_is_as_it_was(way, before, server, tmp_path):
    path = tmp_path / "file"
    if before:
        path.write_bytes(before)
    with pytest.raises(FetchError, match=BAD[way]) as error:
        download.fetch(f"{server.address}/{way}", path, DIGEST, "a file")
    assert_one_sentence(error)
    # The host alone: an address may have a hundred letters.
    assert server.address.removeprefix("http://") in str(error.value)
    assert server.address not in str(error.value)
    assert (path.read_bytes() if before else path.exists()) == (before or False)
    assert left_in(tmp_path) == (["file"] if before else [])


def test_what_cannot_get_better_is_asked_once_and_what_can_three_times(server, tmp_path):
    for way, times in (("404", 1), ("500", 3), ("portal", 1), ("wrong", 1), ("cut_always", 3)):
        server.asked.clear()
        with pytest.raises(FetchError):
            download.fetch(f"{server.address}/{way}", tmp_path / "file", DIGEST, "a file")
        assert len(server.asked) == times, way


def test_endless_file_is_stopped(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_LARGEST", 2_000_000)
    with pytest.raises(FetchError, match=r"\b2 MB") as error:
        download.fetch(f"{server.address}/endless", tmp_path / "file", DIGEST, "a file")
    assert_one_sentence(error)
    assert left_in(tmp_path) == []
    with pytest.raises(FetchError, match=r"\b1 MB"):
        download.read(f"{server.address}/endless", 1_000_000)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/x", "http://", "http://[", "http://.x", "http://no.invalid/x"]
)
def test_no_network_and_no_address_are_one_sentence(address, server, tmp_path):
    with pytest.raises(FetchError, match="a file") as error:
        download.fetch(address, tmp_path / "file", DIGEST, "a file")
    assert_one_sentence(error)
    assert not (tmp_path / "file").exists()


def test_a_file_that_is_there_needs_no_network(server, tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    download.fetch(f"{server.address}/404", tmp_path / "file", DIGEST, "a file")
    assert server.asked == []


def test_full_disk_is_named_and_freed(server, small_disk):
    with small_disk("200k") as disk:
        with pytest.raises(FetchError, match="No space left") as error:
            download.fetch(f"{server.address}/good", disk / "file", DIGEST, "a file")
        assert_one_sentence(error)
        assert left_in(disk) == []


def test_cache_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / "cache").write_bytes(b"a file where the folder should be")
    with pytest.raises(FetchError, match="DDSP_COURSE_CACHE") as error:
        download.fetch(f"{server.address}/good", tmp_path / "cache" / "file", DIGEST, "a file")
    assert_one_sentence(error)


def test_interruption_leaves_nothing(server, tmp_path, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_may_pass", interrupted)
    with pytest.raises(KeyboardInterrupt):
        download.fetch(f"{server.address}/cut_always", tmp_path / "file", DIGEST, "a file")
    assert left_in(tmp_path) == []


def test_two_processes_at_once_do_not_spoil_each_other(server, tmp_path):
    program = (
        "import sys; from pathlib import Path; from ddsp_course import download\n"
        "download.fetch(sys.argv[1], Path(sys.argv[2]), sys.argv[3], 'a file')"
    )
    arguments = [f"{server.address}/slow", str(tmp_path / "file"), DIGEST]
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments], stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        for _ in range(2)
    ]  # fmt: skip
    for process in both:
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 0 and stderr == b""
    assert len(server.asked) == 2  # neither waited for the other
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert left_in(tmp_path) == ["file"]


@pytest.mark.parametrize("place", ["terminal", "notebook"])
def test_progress_is_shown_to_eyes_alone(place, server, tmp_path, monkeypatch, capsys):
    download.fetch(f"{server.address}/good", tmp_path / "a", DIGEST, "a file")
    assert capsys.readouterr().err == ""
    if place == "terminal":
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    else:
        monkeypatch.setattr(IPython, "get_ipython", lambda: types.SimpleNamespace(kernel=None))
    download.fetch(f"{server.address}/good", tmp_path / "b", DIGEST, "a file")
    shown = capsys.readouterr().err
    assert "a file: 100%" in shown and "300k/300k" in shown


def test_official_instrument_s_weights_are_not_too_large(server, tmp_path, monkeypatch, capsys):
    # Three numbers for each of 4,849,150: Adam's running means are kept beside the weights.
    content = bytes(3 * 4 * 4_849_150)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    server.large = content
    digest = "md5:" + hashlib.md5(content).hexdigest()
    download.fetch(f"{server.address}/large", tmp_path / "file", digest, "ckpt-1.data")
    assert (tmp_path / "file").stat().st_size == len(content)
    assert "58.2M/58.2M" in capsys.readouterr().err


@pytest.mark.parametrize("way", ["404", "portal", "cut_always", "silent"])
def test_recording_from_an_address_is_refused_in_a_sentence(way, server):
    with pytest.raises(AudioError, match=BAD[way]) as error:
        audio.load(f"{server.address}/{way}")
    assert_one_sentence(error)


def test_endless_recording_is_stopped(server, monkeypatch):
    monkeypatch.setattr(sources, "_LARGEST_FETCH", 1_000_000)
    with pytest.raises(AudioError, match=r"\b1 MB"):
        audio.load(f"{server.address}/endless")


@pytest.fixture
def weights(server, tmp_path, monkeypatch):
    """CREPE's weights, of which the server has these; asked for in a way that can be set."""
    monkeypatch.setenv("DDSP_COURSE_CACHE", str(tmp_path))
    blob = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    monkeypatch.setitem(crepe._BLOB_IDS, "tiny", blob)

    def fetched(way):
        monkeypatch.setattr(crepe, "_URL", f"{server.address}/{{size}}/{way}")
        return crepe._fetch("tiny")

    return fetched


@pytest.mark.parametrize("way", GOOD)
def test_crepe_s_weights_arrive_whole_and_stay(way, weights, server):
    path = weights(way)
    assert path.read_bytes() == CONTENT
    server.asked.clear()
    assert weights("404") == path and server.asked == []


@pytest.mark.parametrize("way", BAD)
def test_crepe_s_weights_are_refused_where_they_are_others(way, weights, server):
    with pytest.raises(FetchError, match=BAD[way]):
        weights(way)


@pytest.mark.parametrize("way", ["404", "500", "wrong", "portal", "cut_always", "silent"])
def test_official_instrument_is_refused_in_a_sentence(way, server, tmp_path, monkeypatch):
    monkeypatch.setenv("DDSP_COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(instruments, "_BUCKET", f"{server.address}/{way}")
    # The bucket's list is asked for with the model's folder behind a question mark.
    monkeypatch.setattr(instruments, "_OFFICIAL", f"{{}}/{way}")
    with pytest.raises(CourseError) as error:
        instruments.load("official_violin")
    assert_one_sentence(error)
    assert not (tmp_path / "cache").exists()
