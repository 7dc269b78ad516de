"""Instruments: what is loaded, and what is refused before it can do harm."""

import base64
import hashlib
import http.server
import json
import pickle
import re
import shutil
import sys
import threading
import types
import urllib.parse
import zipfile

import numpy as np
import pytest
from conftest import assert_sentence

from ddsp_course import _paths, instruments
from ddsp_course.errors import FetchError, InstrumentError

pytestmark = pytest.mark.tensorflow

BUNDLED = _paths.ASSETS / "instruments" / "violin"


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(BUNDLED, tmp_path / "mine")


def test_bundled_violin_is_a_real_autoencoder(violin):
    import ddsp

    assert isinstance(violin.model, ddsp.training.models.Autoencoder)
    assert violin.loudness_definition == "ddsp2"
    # A violin goes from G3 (55) to about E7 (100).
    assert 55 < violin.statistics.mean_pitch < 100
    quantiles = violin.statistics.loudness_quantiles_db
    assert len(quantiles) > 100 and (np.diff(quantiles) >= 0).all()


def test_restored_weights_are_the_checkpoints(violin):
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(BUNDLED / next(BUNDLED.glob("*.index")).stem))
    stored = [
        reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if name.startswith("model/") and name.endswith("VARIABLE_VALUE")
    ]
    for weight in violin.model.trainable_variables:
        assert any(s.shape == weight.shape and (s == weight.numpy()).all() for s in stored)


def test_zip_with_a_folder_in_it_plays_the_same(violin, heard, tmp_path):
    path = tmp_path / "mine.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in BUNDLED.iterdir():
            archive.write(file, f"deep/down/{file.name}")
            archive.writestr(f"__MACOSX/deep/._{file.name}", b"")
    zipped = instruments.load(path)
    for a, b in zip(violin.model.get_weights(), zipped.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_newest_checkpoint_is_taken(copy):
    for part in ("index", "data-00000-of-00001"):
        old = next(copy.glob(f"ckpt-*.{part}"))
        (copy / f"ckpt-999.{part}").write_bytes(b"damaged")
        assert old.exists()
    # 5000 is newer than 999, as a number.
    instruments.load(copy)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("*.gin", "operative_config-0.gin"), ("*.index", r"ckpt-N\.index"), ("*.data-*", "data-")],
)
def test_missing_part_is_named(copy, pattern, message):
    next(copy.glob(pattern)).unlink()
    with pytest.raises(InstrumentError, match=message):
        instruments.load(copy)


def test_instrument_without_statistics_loads(copy):
    (copy / "dataset_statistics.pkl").unlink()
    assert instruments.load(copy).statistics is None


def test_settings_that_do_not_fit_the_weights_are_named(copy):
    gin_file = copy / "operative_config-0.gin"
    gin_file.write_text(gin_file.read_text().replace("rnn_channels = 256", "rnn_channels = 128"))
    with pytest.raises(InstrumentError, match=r"ckpt-\d+ .*operative_config-0\.gin"):
        instruments.load(copy)


def test_settings_without_compute_loudness_mean_ddsp_1(copy):
    gin_file = copy / "operative_config-0.gin"
    lines = gin_file.read_text().splitlines()
    gin_file.write_text("\n".join(line for line in lines if "compute_loudness" not in line))
    loaded = instruments.load(copy)
    assert loaded.loudness_definition == loaded.statistics.loudness_definition == "ddsp1"


@pytest.mark.parametrize(
    "line", ["import os", "include 'other.gin'", "from os import path", "  import subprocess"]
)
def test_settings_that_load_other_code_are_refused(copy, line):
    gin_file = copy / "operative_config-0.gin"
    gin_file.write_text(f"{line}\n{gin_file.read_text()}")
    with pytest.raises(InstrumentError, match=re.escape(line.strip())):
        instruments.load(copy)


def test_broken_settings_are_named(copy):
    (copy / "operative_config-0.gin").write_text("Harmonic.n_samples = (((")
    with pytest.raises(InstrumentError, match=r"operative_config-0\.gin"):
        instruments.load(copy)


def test_other_frame_rate_is_named(copy):
    gin_file = copy / "operative_config-0.gin"
    gin_file.write_text(
        gin_file.read_text().replace("Harmonic.n_samples = 32000", "Harmonic.n_samples = 64000")
    )
    with pytest.raises(InstrumentError, match=r"\b125\b.*\b250\b"):
        instruments.load(copy)


class Exploit:
    def __reduce__(self):
        import os

        return os.system, ("touch exploited",)


def test_pickle_that_runs_a_program_is_refused_by_name(copy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (copy / "dataset_statistics.pkl").write_bytes(pickle.dumps(Exploit()))
    with pytest.raises(InstrumentError, match=r"(posix|nt)\.system"):
        instruments.load(copy)
    assert not (tmp_path / "exploited").exists()


def test_statistics_of_the_old_colab_module_are_read(tmp_path, monkeypatch):
    # The module itself imports google.colab, and so cannot be had outside Colab.
    name = "ddsp.colab.colab_utils"
    transformer = type("QuantileTransformer", (), {"__module__": name})
    module = types.ModuleType(name)
    module.QuantileTransformer = transformer
    monkeypatch.setitem(sys.modules, name, module)
    held = transformer()
    held.quantiles_ = np.linspace(-50, -10, 7)[:, None]
    held.random_state = np.random.RandomState(0)
    path = tmp_path / "dataset_statistics.pkl"
    numbers = {"mean_pitch": 70.0, "mean_loudness": np.float32(-40), "mean_max_loudness": -20.0}
    path.write_bytes(pickle.dumps({**numbers, "quantile_transform": held}))
    found = instruments.read_statistics(path)
    assert (found.mean_pitch, found.mean_loudness, found.mean_max_loudness) == (70, -40, -20)
    np.testing.assert_array_equal(found.loudness_quantiles_db, np.linspace(-50, -10, 7))


def test_damaged_statistics_are_named(copy):
    path = copy / "dataset_statistics.pkl"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InstrumentError, match=r"dataset_statistics\.pkl"):
        instruments.load(copy)


def test_zip_cannot_write_outside_its_room(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../ckpt-1.index", b"x")
        archive.writestr("../evil.txt", b"x")
    with pytest.raises(InstrumentError, match="operative_config-0.gin"):
        instruments.load(path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def test_broken_zip_and_unknown_name_are_named(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(InstrumentError, match=r"a\.zip"):
        instruments.load(tmp_path / "a.zip")
    with pytest.raises(InstrumentError, match=r"kazoo.*violin"):
        instruments.load("kazoo")


def test_catalogue_has_the_violin_and_the_official_models():
    entries = instruments.catalogue()
    assert entries["violin"].bundled
    official = {name for name, entry in entries.items() if not entry.bundled}
    assert official == {
        f"official_{name}" for name in ("violin", "flute", "flute2", "trumpet", "tenor_saxophone")
    }


def test_violinist_and_licence_are_in_the_title_and_in_the_folder():
    entry = instruments.catalogue()["violin"]
    assert "John Garner, CC BY 3.0" in entry.title
    text = (entry.location / instruments.ATTRIBUTION_FILE).read_text("utf-8")
    assert "https://creativecommons.org/licenses/by/3.0/" in text and "Bach Violin Dataset" in text


def test_title_is_in_words():
    assert instruments.catalogue()["tenor_saxophone"].title == (
        "tenor saxophone (trained by the course)"
    )


@pytest.fixture
def bucket(monkeypatch, tmp_path):
    """Magenta's bucket on this machine, with the bundled violin in the official one's place."""
    files = {path.name: path.read_bytes() for path in BUNDLED.iterdir()}
    asked = []

    class Bucket(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            parts = urllib.parse.urlsplit(self.path)
            if parts.path == "/storage/v1/b/ddsp/o":
                prefix = urllib.parse.parse_qs(parts.query)["prefix"][0]
                items = [
                    {"name": prefix + name, "mediaLink": f"{address}/media/{name}?alt=media",
                     "md5Hash": base64.b64encode(hashlib.md5(data).digest()).decode()}
                    for name, data in files.items()
                ]  # fmt: skip
                body = json.dumps({"items": items}).encode()
            else:
                body = files[parts.path.rsplit("/", 1)[1]]
            if damaged and body in damaged:
                body = b"damaged"
            elif damaged and "prefix" in self.path and damaged[0] not in files.values():
                body = damaged[0]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    damaged = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(instruments, "_BUCKET", f"{address}/storage/v1/b/ddsp/o")
    monkeypatch.setenv("DDSP_COURSE_CACHE", str(tmp_path / "cache"))
    yield files, damaged, asked
    server.shutdown()
    server.server_close()


def test_official_model_is_fetched_once_and_checked(bucket):
    _, _, asked = bucket
    first = instruments.load("official_violin")
    assert first.statistics is not None
    n_asked = len(asked)
    # The list, and each of the four files that make an instrument.
    assert n_asked == 5
    instruments.load("official_violin")
    assert len(asked) == n_asked


def test_damaged_file_in_the_cache_is_fetched_again_and_no_other(bucket):
    _, _, asked = bucket
    folder = instruments._fetch(instruments.catalogue()["official_violin"].location)
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "dataset_statistics.pkl").write_bytes(b"damaged")
    asked.clear()
    instruments._fetch(instruments.catalogue()["official_violin"].location)
    assert [path for path in asked if "/media/" in path] == [
        "/media/dataset_statistics.pkl?alt=media"
    ]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole


@pytest.mark.parametrize("listing", [b"", b"[]", b"{}", b'{"items": []}', b'{"items": [{}]}', b"3"])
def test_what_is_not_the_bucket_s_list_is_refused(bucket, listing, tmp_path):
    _, damaged, _ = bucket
    damaged.append(listing)
    with pytest.raises(FetchError, match="solo_violin_ckpt"):
        instruments.load("official_violin")
    assert not (tmp_path / "cache").exists()


def test_damaged_download_is_refused_and_not_kept(bucket):
    files, damaged, _ = bucket
    damaged.append(files["dataset_statistics.pkl"])
    with pytest.raises(FetchError, match=r"dataset_statistics\.pkl.*checksum"):
        instruments.load("official_violin")
    damaged.clear()
    instruments.load("official_violin")


def test_no_network_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("DDSP_COURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(instruments, "_BUCKET", "http://127.0.0.1:9/storage/v1/b/ddsp/o")
    with pytest.raises(FetchError, match="solo_flute_ckpt") as error:
        instruments.load("official_flute")
    assert_sentence(error.value, "network", longest=300)
