"""What several tests share: markers, the bundled recording's opening, its features, the violin."""

import ast
import contextlib
import functools
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SECONDS = 180_000  # playwright counts in milliseconds; a busy machine is slow to start a kernel
_MAIN = (
    # Tests that run in the background have Ctrl-C ignored, and their children, too.
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from ddsp_course.cli import main; raise SystemExit(main())"
)
# `ddsp-course` in a process of its own.
COURSE = [sys.executable, "-c", _MAIN]


# `make test` tries the first, `make test-all` the second: the same examples at each run.
FUZZ = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}
settings.register_profile("quick", max_examples=300, **FUZZ)
settings.register_profile("long", max_examples=5000, **FUZZ)
settings.load_profile("quick")

# What loads TensorFlow wherever it is used, and what needs a browser.
NEEDS = {
    "tensorflow": {"tf", "ddsp", "violin", "heard", "written_out", "page", "app"},
    "browser": {"page"},
}


def pytest_configure(config):
    if "not tensorflow" in config.option.markexpr:
        sys.meta_path.insert(0, _NoTensorFlow())


def pytest_collection_modifyitems(items):
    for item in items:
        for marker, fixtures in NEEDS.items():
            if fixtures & set(getattr(item, "fixturenames", ())):
                item.add_marker(marker)


class _NoTensorFlow:
    """Proves in `make quick` that a test without the marker `tensorflow` does not load it."""

    def find_spec(self, name, path=None, target=None):
        if name == "tensorflow":
            raise ImportError("a test without the marker `tensorflow` imports TensorFlow")


def free_port():
    """Return the number of a port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(port):
    """Wait until a server listens at a port, two minutes at most."""
    for _ in range(240):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        time.sleep(0.5)
    raise TimeoutError(f"Nothing listens at port {port} after two minutes.")


@contextlib.contextmanager
def served(folder):
    """Serve a folder quietly while a block runs; gives its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def write_dataset(folder, example, seed, **parts):
    """Write TFRecords as `prepare` does.

    Args:
      folder: where they go.
      example: function of a random generator that returns {name: (n,) float32}.
      seed: the generator's.
      **parts: how many examples each part has, such as train=12.
    """
    from ddsp_course._tensorflow import tf

    rng = np.random.default_rng(seed)
    for part, n in parts.items():
        with tf.io.TFRecordWriter(str(folder / f"{part}.tfrecord-00000-of-00001")) as file:
            for _ in range(n):
                floats = {
                    key: tf.train.Feature(float_list=tf.train.FloatList(value=value))
                    for key, value in example(rng).items()
                }
                row = tf.train.Example(features=tf.train.Features(feature=floats))
                file.write(row.SerializeToString())


def left_in(folder):
    """Return the sorted names of all that lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def is_root():
    return hasattr(os, "geteuid") and os.geteuid() == 0


def assert_sentence(error, *words, longest):
    """An error is one sentence, with these words in it, of what is wrong and what to do."""
    said = str(error)
    for word in words:
        assert word in said
    what_is_wrong, _, what_to_do = said.rpartition(": ")
    assert what_is_wrong and what_to_do.endswith(".") and len(what_to_do) > 8, said
    assert "\n" not in said and len(said) < longest, said


@pytest.fixture(scope="session")
def reference():
    """What crepe 0.0.16, ddsp 1.6.5 and ddsp 3.7.0 say about two clips."""
    path = SHARED / "reference" / "features.npz"
    if not path.exists():
        pytest.skip(f"{path} lies beside the project, not in it")
    with np.load(path) as held:
        return dict(held)


@pytest.fixture(scope="session")
def official_tiny():
    path = SHARED / "weights" / "crepe-model-tiny.h5.bz2"
    if not path.exists():
        pytest.skip(f"{path} lies beside the project, not in it")
    return path


@pytest.fixture(scope="session")
def violin():
    from ddsp_course import instruments

    return instruments.load("violin")


@pytest.fixture(scope="session")
def phrase():
    """Three seconds of the bundled flute, (48000,) at 16 kHz."""
    from ddsp_course import audio

    return audio.load(ROOT / "assets" / "audio" / "phrase.ogg")[:48000]


@pytest.fixture(scope="session")
def heard(phrase):
    from ddsp_course import features

    return features.extract(phrase)


@pytest.fixture(scope="session")
def tf():
    from ddsp_course import _tensorflow

    return _tensorflow.load()


@pytest.fixture(scope="session")
def ddsp():
    from ddsp_course import _tensorflow

    return _tensorflow.load_ddsp()


@pytest.fixture(scope="session")
def written_out(tf, ddsp):
    """A way to have the functions that a notebook writes out by hand, by name."""

    def functions(notebook, *names):
        (path,) = (ROOT / "notebooks").glob(f"*/{notebook}.ipynb")
        room = {"np": np, "tf": tf, "ddsp": ddsp}
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                for node in ast.parse(cell.source).body:
                    if isinstance(node, ast.FunctionDef) and node.name in names:
                        exec(ast.unparse(node), room)  # noqa: S102, it is the course's own
        missing = [name for name in names if name not in room]
        assert not missing, f"{path.name} does not write out {missing}"
        return [room[name] for name in names]

    return functions


@pytest.fixture
def small_disk(tmp_path):
    """A way to have a disk of a given size, such as "300k", at a Path while a block runs."""

    @contextlib.contextmanager
    def mounted(size):
        disk = tmp_path / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("a small disk to fill cannot be mounted here (needs root)")
        try:
            yield disk
        finally:
            subprocess.run(["umount", str(disk)], check=True)

    return mounted


@pytest.fixture(scope="session")
def tone(tmp_path_factory):
    """Three seconds of 440 Hz that Chromium takes for its microphone."""
    path = tmp_path_factory.mktemp("microphone") / "tone.wav"
    t = np.arange(3 * 48000) / 48000
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * t), 48000, subtype="PCM_16")
    return path


@pytest.fixture
def page(tone):
    """A way to have a page of Chromium, with its microphone allowed or refused."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api")
    with contextlib.ExitStack() as stack:

        def opened(allowed=True):
            arguments = ["--no-sandbox", "--use-fake-device-for-media-stream"]
            arguments.append(f"--use-file-for-fake-audio-capture={tone}")
            if allowed:
                arguments.append("--use-fake-ui-for-media-stream")
            playwright = stack.enter_context(sync_api.sync_playwright())
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
            stack.callback(browser.close)
            context = browser.new_context(permissions=["microphone"] if allowed else [])
            context.set_default_timeout(SECONDS)
            page = context.new_page()
            # pytest shows it where a test failed.
            stack.callback(lambda: print(page.inner_text("body")))
            return page

        yield opened
