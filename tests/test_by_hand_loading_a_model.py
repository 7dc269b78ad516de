"""What notebook 06_loading_a_model writes out by hand is what Python, ddsp and the course do."""

import base64
import hashlib
import io
import pickle
import pickletools
import re
import shutil
import subprocess
import urllib.parse
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from ddsp_course import download, instruments

NOTEBOOK = "06_loading_a_model"
FOLDER = instruments.catalogue()["violin"].location
PREFIX = str(FOLDER / "ckpt-4100")


@pytest.fixture(scope="module")
def by_hand(written_out):
    """The notebook's functions by name, with what its cells import around them."""

    def functions(*names):
        found = written_out(NOTEBOOK, *names)
        found[0].__globals__.update(
            base64=base64, hashlib=hashlib, pickletools=pickletools, urllib=urllib, Path=Path
        )
        return found if len(found) > 1 else found[0]

    return functions


@pytest.mark.parametrize("n_bytes", [0, 1, 65535, 65536, 200_000])
def test_md5_is_what_the_download_checks(n_bytes, by_hand, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(np.random.default_rng(n_bytes).bytes(n_bytes))
    in_hex = base64.b64decode(by_hand("md5_base64")(path)).hex()
    assert download.matches(path, f"md5:{in_hex}")


def test_md5_is_what_the_systems_md5sum_says(by_hand):
    tool = shutil.which("md5sum")
    if tool is None:
        pytest.skip("there is no md5sum here")
    path = FOLDER / "operative_config-0.gin"
    said = subprocess.run([tool, path], check=True, capture_output=True, text=True).stdout
    assert base64.b64decode(by_hand("md5_base64")(path)).hex() == said.split()[0].lstrip("\\")


def test_list_is_one_that_the_course_can_read(by_hand, tmp_path):
    (tmp_path / "ckpt-3.index").write_bytes(b"index")
    list_like_a_bucket, _ = by_hand("list_like_a_bucket", "md5_base64")
    (item,) = list_like_a_bucket(tmp_path)["items"]
    assert item["size"] == "5"
    assert base64.b64decode(item["md5Hash"]) == hashlib.md5(b"index").digest()


@pytest.mark.parametrize("name", ["models/solo violin/ckpt-1.index", "a/ü&b?c#d.gin", "plain"])
def test_addresses_lead_back_to_the_object(name, by_hand):
    listing, file = by_hand("addresses")(f"gs://bucket/{name}")
    assert urllib.parse.unquote(urllib.parse.urlsplit(file).path) == f"/bucket/{name}"
    parts = urllib.parse.urlsplit(listing)
    assert parts.path.endswith("/b/bucket/o")
    assert urllib.parse.parse_qs(parts.query) == {"prefix": [name]}


def test_fetch_keeps_whole_files_and_refuses_others(by_hand, tmp_path):
    fetch = by_hand("fetch")
    data = {"a.gin": b"a = 1\n", "b.gin": b"b = 2\n"}
    digests = {
        name: base64.b64encode(hashlib.md5(one).digest()).decode() for name, one in data.items()
    }
    listing = {"items": [{"name": name, "size": "6", "md5Hash": digests[name]} for name in digests]}
    fetch(listing, tmp_path / "whole", data.get)
    assert {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()} == data
    with pytest.raises(ValueError, match=r"b\.gin.*\b5\b.*\b6\b"):
        fetch(listing, tmp_path / "cut", lambda name: data[name][: 6 - (name == "b.gin")])
    assert not (tmp_path / "cut" / "b.gin").exists()


@pytest.mark.parametrize("steps", [[3], [9000, 14000], [99, 100, 5]])
def test_newest_checkpoint_is_the_one_that_ddsp_takes(steps, by_hand, ddsp, tmp_path):
    for step in steps:
        for ending in ("index", "data-00000-of-00001"):
            (tmp_path / f"ckpt-{step}.{ending}").touch()
    (tmp_path / "operative_config-0.gin").touch()
    ours = by_hand("newest_checkpoint")(str(tmp_path))
    assert Path(ours) == Path(ddsp.training.train_util.get_latest_checkpoint(str(tmp_path)))


class Listening(pickle.Unpickler):
    def __init__(self, data):
        super().__init__(io.BytesIO(data))
        self.asked = []

    def find_class(self, module, name):
        self.asked.append(f"{module}.{name}")
        return super().find_class(module, name)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("seed", [1, 2])
def test_names_are_those_that_the_unpickler_asks_for(protocol, seed, by_hand):
    rng = np.random.default_rng(seed)
    several = [
        rng.normal(size=5),
        Fraction(int(rng.integers(1, 9)), 10),
        Path("folder"),
        Fraction(1, 3),
        re.compile("a+"),
        {"os system": "os.system", "set": {1, 2}},
        np.float32(rng.normal()),
    ]
    held = [several[i] for i in rng.permutation(len(several))]
    data = pickle.dumps(held, protocol=protocol)
    listening = Listening(data)
    listening.load()
    # Python's find_class is asked by the names of Python 2 in old protocols, and translates them.
    assert by_hand("names_in_pickle")(data) == listening.asked


def test_weights_read_by_hand_are_tensorflows(by_hand, tf):
    read_by_hand = by_hand("read_by_hand")
    reader = tf.train.load_checkpoint(PREFIX)
    data = Path(f"{PREFIX}.data-00000-of-00001").read_bytes()
    for name, shape in reader.get_variable_to_shape_map().items():
        if name.endswith("kernel/.ATTRIBUTES/VARIABLE_VALUE"):
            values = reader.get_tensor(name)
            at = data.find(values.tobytes())
            assert at >= 0
            np.testing.assert_array_equal(read_by_hand(data, at, shape), values)


@pytest.mark.parametrize("seed", range(5))
def test_lines_are_those_of_the_official_notebook(seed, by_hand):
    rng = np.random.default_rng(seed)
    hop_size, trained_steps = int(rng.integers(32, 200)), int(rng.integers(100, 2000))
    n_recorded = int(rng.integers(hop_size, 400_000))
    n_samples_train, time_steps_train = hop_size * trained_steps, trained_steps
    # As the official notebook has it.
    official_hop = int(n_samples_train / time_steps_train)
    time_steps = int(n_recorded / official_hop)
    n_samples = time_steps * official_hop
    assert by_hand("lines_for")(n_recorded, n_samples_train, time_steps_train) == [
        f"Harmonic.n_samples = {n_samples}",
        f"FilteredNoise.n_samples = {n_samples}",
        f"F0LoudnessPreprocessor.time_steps = {time_steps}",
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_sines_are_ddsps(seed, by_hand, ddsp, tf):
    rng = np.random.default_rng(seed)
    f0_hz = (300 + 40 * rng.normal(size=100).cumsum() / 10).astype(np.float32)
    amplitudes = rng.uniform(0, 0.02, (100, 30)).astype(np.float32)
    total = amplitudes.sum(axis=1, keepdims=True)
    theirs = ddsp.core.harmonic_synthesis(
        tf.constant(f0_hz[None, :, None]),
        tf.constant(total[None]),
        harmonic_distribution=tf.constant((amplitudes / total)[None]),
        n_samples=6400,
        use_angular_cumsum=True,
    )[0]
    # ddsp adds up phases in single precision: up to some hundredths of a radian in the highest.
    np.testing.assert_allclose(by_hand("sines")(f0_hz, amplitudes), theirs, atol=0.02)
