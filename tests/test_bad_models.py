"""An instrument from a stranger runs nothing, writes nothing outside its folder, and is refused
in a sentence that names the file and the fault."""

import copyreg
import gzip
import io
import logging
import os
import pickle
import random
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile

import gin
import numpy as np
import pytest
from conftest import assert_sentence

from ddsp_course import _paths, instruments, untrusted
from ddsp_course.errors import InstrumentError

BUNDLED = _paths.ASSETS / "instruments" / "violin"
GIN_TEXT = (BUNDLED / "operative_config-0.gin").read_text()
CHECKPOINT = next(BUNDLED.glob("*.index")).stem


def snapshot(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A folder that must look afterwards as it did: working folder, home and place for temporaries."""
    folder = tmp_path / "room"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert snapshot(folder) == []


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(BUNDLED, tmp_path / "mine")


def assert_refused(path, *words, load=instruments.load):
    with pytest.raises(InstrumentError) as caught:
        load(path)
    assert_sentence(caught.value, *words, longest=800)


# Pickles.

TOUCH = "touch exploited"
CODE = "__import__('os').system('touch exploited')"


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Built:
    """Pickles as an object whose state is set."""

    def __init__(self, state):
        self.state = state

    def __reduce__(self):
        return os.path.join, ("a", "b"), self.state


def text(value):
    """Opcodes that push a text, up to 255 bytes."""
    data = value.encode()
    return b"\x8c" + bytes([len(data)]) + data


def stack_global(module, name):
    return text(module) + text(name) + b"\x93"


def call(module, name, *arguments):
    """A pickle of protocol 4 that calls, written opcode by opcode."""
    return (b"\x80\x04" + stack_global(module, name) + b"(" + b"".join(map(text, arguments))
            + b"tR.")  # fmt: skip


DTYPE_O = (stack_global("numpy", "dtype") + text("O8") + b"\x89\x88\x87R"
           + b"(K\x03\x8c\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb")  # fmt: skip
EMPTY_ARRAY = (stack_global("numpy._core.multiarray", "_reconstruct")
               + stack_global("numpy", "ndarray") + b"K\x00\x85C\x01b\x87R")  # fmt: skip
FORGED_ARRAY = (b"\x80\x04" + EMPTY_ARRAY + b"(K\x01K\x01\x85" + DTYPE_O + b"\x89C\x08"
                + b"\x41" * 8 + b"tb.")  # fmt: skip

PICKLES = {
    **{f"os.system, protocol {protocol}": pickle.dumps(Calls(os.system, TOUCH), protocol)
       for protocol in range(6)},
    "eval": pickle.dumps(Calls(eval, CODE)),
    "exec": pickle.dumps(Calls(exec, CODE)),
    "eval, by name": b"cbuiltins\neval\n(V" + CODE.encode() + b"\ntR.",
    "eval, Python 2's name": b"c__builtin__\neval\n(V" + CODE.encode() + b"\ntR.",
    "os, Python's name": b"cos\nsystem\n(V" + TOUCH.encode() + b"\ntR.",
    "Popen": call("subprocess", "getoutput", TOUCH),
    "STACK_GLOBAL": call("posix", "system", TOUCH),
    "STACK_GLOBAL of memoized names": b"\x80\x04" + text("posix") + b"\x94" + text("system")
        + b"\x9400h\x00h\x01\x93" + text(TOUCH) + b"\x85R.",
    "getattr chain": pickle.dumps(Calls(getattr, Calls(__import__, "os"), "system")),
    "getattr chain, called": b"\x80\x04" + stack_global("builtins", "getattr")
        + stack_global("builtins", "__import__") + text("os") + b"\x85R" + text("system")
        + b"\x86R" + text(TOUCH) + b"\x85R.",
    "attrgetter": call("operator", "attrgetter", "system"),
    "partial": b"\x80\x04" + stack_global("functools", "partial") + stack_global("os", "system")
        + text(TOUCH) + b"\x86R.",
    "import_module": call("importlib", "import_module", "antigravity"),
    "runpy": call("runpy", "run_path", "exploit.py"),
    "shutil.rmtree": call("shutil", "rmtree", "."),
    "pickle in a pickle": call("pickle", "loads", "cos\nsystem\n"),
    "INST": b"(V" + TOUCH.encode() + b"\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nV" + TOUCH.encode() + b"\no.",
    "NEWOBJ": b"\x80\x02csubprocess\nPopen\nV" + TOUCH.encode() + b"\n\x85\x81.",
    "NEWOBJ_EX": b"\x80\x04" + stack_global("subprocess", "Popen") + text(TOUCH) + b"\x85}\x92.",
    "BUILD": pickle.dumps(Built({"a": Calls(os.system, TOUCH)})),
    "BUILD of __setstate__": b"\x80\x04" + stack_global("ddsp.colab.colab_utils",
        "QuantileTransformer") + b")\x81}" + text("__setstate__") + stack_global("os", "system")
        + b"sb" + text(TOUCH) + b"b.",
    "persistent id": b"P" + TOUCH.encode() + b"\n.",
    "binary persistent id": b"\x80\x04" + text(TOUCH) + b"Q.",
    "extension registry, 1 byte": b"\x80\x02\x82\xf0(V" + TOUCH.encode() + b"\ntR.",
    "extension registry, 2 bytes": b"\x80\x02\x83\xf0\x00(V" + TOUCH.encode() + b"\ntR.",
    "extension registry, 4 bytes": b"\x80\x02\x84\xf0\0\0\0(V" + TOUCH.encode() + b"\ntR.",
    "out of band": b"\x80\x05\x97.",
    "in an object array": pickle.dumps(np.array([Calls(os.system, TOUCH)], object)),
    "object array made of bytes": FORGED_ARRAY,
    "a method of an admitted class": call("numpy", "ndarray.tofile", "exploited"),
    "a module behind an admitted one": call("ddsp.training.postprocessing", "np.os.system", TOUCH),
    "NumPy's runstring": call("numpy.testing._private.utils", "runstring", CODE),
    "NumPy's fromfile": call("numpy._core.multiarray", "fromfile", "/etc/passwd"),
    "NumPy's load": call("numpy", "load", "/etc/passwd"),
    "scikit-learn's own": call("sklearn.preprocessing._data", "QuantileTransformer"),
}  # fmt: skip


@pytest.fixture
def registry():
    copyreg.add_extension("os", "system", 240)
    yield
    copyreg.remove_extension("os", "system", 240)


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_that_calls_anything_is_refused_and_calls_nothing(name, room, tmp_path, registry):
    path = tmp_path / "dataset_statistics.pkl"
    path.write_bytes(PICKLES[name])
    assert_refused(path, str(path), load=instruments.read_statistics)


def test_the_corpus_is_dangerous(tmp_path, monkeypatch, registry):
    # Without this, the test above would pass for pickles that do nothing anywhere.
    monkeypatch.chdir(tmp_path)
    dangerous = 0
    for name, data in PICKLES.items():
        if "exploited" in str(data) and name not in ("BUILD", "in an object array"):
            try:
                pickle.loads(data)
            except Exception:  # noqa: BLE001, S110, some call only what Python 2 had
                pass
            dangerous += (tmp_path / "exploited").exists()
            (tmp_path / "exploited").unlink(missing_ok=True)
    assert dangerous >= 15


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "EOFError"),
        (b"no pickle", "Error"),
        (pickle.dumps([1, 2]), "mean_pitch"),
        (pickle.dumps({"mean_pitch": 60.0}), "quantile_transform"),
        # A memo of 2 ** 31 places would take 16 GB.
        (b"\x80\x04}r\xff\xff\xff\x7f.", "mean_pitch"),
        # A bytearray of 2 ** 40 bytes.
        (b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b".", "Error"),
        # Tuples in tuples, 100 deep and twice each: to hash them takes 2 ** 100 steps.
        (b"\x80\x04}N\x85" + b"".join(b"q%c0h%ch%c\x86" % (i, i, i) for i in range(100)) + b"Ns.",
         "TypeError"),
        (b"\x80\x04" + b"]" * 1_000_000 + b"a" * 999_999 + b".", "Error"),
        (bytes(6_000_000), "5 MB"),
    ],
    ids=["empty", "text", "list", "incomplete", "memo", "bytearray", "hash", "deep", "large"],
)  # fmt: skip
def test_statistics_that_are_none_are_refused(data, said, tmp_path):
    path = tmp_path / "dataset_statistics.pkl"
    path.write_bytes(data)
    assert_refused(path, str(path), said, load=instruments.read_statistics)


def statistics(**changed):
    transformer = type("QuantileTransformer", (), {"__module__": "ddsp.training.postprocessing"})()
    transformer.quantiles_ = np.linspace(-50, -10, 7)[:, None]
    transformer.feature_names_in_ = np.array(["a"], object)
    transformer.random_state = np.random.RandomState(0)
    held = {"mean_pitch": np.float32(60), "mean_loudness": -40.0, "mean_max_loudness": -20.0}
    return held | {"quantile_transform": transformer} | changed


@pytest.fixture
def as_ddsp_writes(monkeypatch, ddsp):
    """Pickle as ddsp does, without its class in the way."""

    def dumps(held, protocol):
        transformer = held["quantile_transform"]
        monkeypatch.setattr(ddsp.training.postprocessing, "QuantileTransformer", type(transformer))
        return pickle.dumps(held, protocol)

    return dumps


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("kind", ["<f8", ">f4", "<f2"])
def test_honest_statistics_of_any_protocol_are_read(protocol, kind, as_ddsp_writes, tmp_path):
    held = statistics()
    held["quantile_transform"].quantiles_ = held["quantile_transform"].quantiles_.astype(kind)
    (tmp_path / "a.pkl").write_bytes(as_ddsp_writes(held, protocol))
    found = instruments.read_statistics(tmp_path / "a.pkl")
    assert (found.mean_pitch, found.mean_loudness, found.mean_max_loudness) == (60, -40, -20)
    wanted = np.linspace(-50, -10, 7).astype(kind)
    np.testing.assert_array_equal(found.loudness_quantiles_db, wanted)


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"mean_pitch": float("nan")}, "NaN"), ({"mean_pitch": "60"}, "Error"),
     ({"mean_pitch": np.array(["x"], object)}, " O8")],
)  # fmt: skip
def test_statistics_that_are_not_numbers_are_refused(changed, said, as_ddsp_writes, tmp_path):
    path = tmp_path / "dataset_statistics.pkl"
    path.write_bytes(as_ddsp_writes(statistics(**changed), 4))
    assert_refused(path, str(path), said, load=instruments.read_statistics)


def test_damaged_statistics_are_read_or_refused(tmp_path):
    rng = random.Random(0)
    whole = (BUNDLED / "dataset_statistics.pkl").read_bytes()
    path = tmp_path / "a.pkl"
    refused = 0
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 5)):
            data[rng.randrange(min(len(data), 600))] = rng.randrange(256)
        path.write_bytes(data)
        try:
            instruments.read_statistics(path)
        except InstrumentError:
            refused += 1
    assert refused > 250


# Settings.


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "import\tos",
        "import \\\n  os",
        "import os as ddsp",
        "  import subprocess",
        "import ddsp_evil",
        "from os import path",
        "from __gin__ import dynamic_registration",
        "include 'other.gin'",
        "include'other.gin'",
        "include \\\n'other.gin'",
        "include '/etc/passwd'",
        "Autoencoder.losses = [@train_util.train()]",
        "Autoencoder.losses = [@data.TFRecordProvider()]",
        "Autoencoder.losses = {@train_util.train(): 1}",
        "Autoencoder.losses = [@a/b/train_util.train]",
        "Autoencoder:\n  losses = [(1, @trainers.Trainer())]",
        "elsewhere = @train_util.train()\nAutoencoder.losses = [%elsewhere]",
        "here = @train_util.train()\nthere = %here\nAutoencoder.losses = [%there]",
        "gin.singleton.constructor = @train_util.train",
        "Autoencoder.losses = [@tf.keras.layers.StringLookup()]",
        "Autoencoder.losses = [@os.system()]",
    ],
)
def test_settings_that_reach_for_other_code_are_refused(line, room, tmp_path, ddsp):
    other = tmp_path / "room" / "other.gin"
    other.write_text("Autoencoder.decoder = None\n")
    try:
        for settings in (f"{line}\n{GIN_TEXT}", f"{GIN_TEXT}\n{line}\n", line):
            assert_refused(settings, "code", "operative_config-0.gin", load=instruments.configure)
    finally:
        other.unlink()


def test_settings_of_the_training_are_left_out(ddsp):
    # As in every operative config that ddsp's own training writes.
    instruments.configure(
        GIN_TEXT
        + "\nimport ddsp.training.data\nTFRecordProvider.file_pattern = '/secret*'\n"
        + "train.data_provider = @data.TFRecordProvider()\ntrain.save_dir = '/tmp/elsewhere'\n"
        + "get_model.model = @models.Autoencoder()\nevaluate.evaluator_classes = [@BasicEvaluator]\n"
    )
    assert gin.query_parameter("RnnFcDecoder.ch") == 256
    for name in ("TFRecordProvider.file_pattern", "train.data_provider", "train.save_dir"):
        with pytest.raises(ValueError, match="no bound|no value|No configurable"):
            gin.query_parameter(name)


def test_settings_may_use_macros_of_their_own(ddsp):
    settings = GIN_TEXT.replace("Harmonic.sample_rate = 16000", "Harmonic.sample_rate = %rate")
    instruments.configure(settings + "\nrate = 16000\n")
    assert_refused(settings + "\nrate = 48000\n", "48000 Hz", load=instruments.configure)


def test_settings_that_ddsp_has_dropped_are_left_out_with_a_warning(copy, caplog, violin):
    (copy / "operative_config-0.gin").write_text(
        GIN_TEXT + "\nRnnFcDecoder.z_dims_of_2020 = 16\nAdditiveOf2019.n_samples = 64000\n"
    )
    with caplog.at_level(logging.WARNING, "ddsp_course"):
        loaded = instruments.load(copy)
    (said,) = [record.getMessage() for record in caplog.records if "ddsp_course" in record.name]
    assert_sentence(said, str(copy), "RnnFcDecoder.z_dims_of_2020", longest=len(str(copy)) + 200)
    for a, b in zip(violin.model.get_weights(), loaded.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "settings",
    ["Harmonic.n_samples = (((", "Harmonic.n_samples = 0", "Harmonic.n_samples = 'many'", "\0", "=",
     "Harmonic.n_samples = " + "[" * 3000 + "]" * 3000, "Harmonic.n_samples = " + "9" * 5000,
     "Harmonic.n_samples = {[]: 1}", "Harmonic.sample_rate = %nowhere", "a.b.c:\n x", "\ufeff$"],
)  # fmt: skip
def test_settings_that_cannot_be_read_are_refused(settings, ddsp):
    assert_refused(settings, "operative_config-0.gin", load=instruments.configure)


@pytest.mark.tensorflow
def test_settings_that_build_nothing_are_refused(copy):
    (copy / "operative_config-0.gin").write_text("Autoencoder.decoder = 3\n")
    assert_refused(copy, str(copy), "operative_config-0.gin")
    (copy / "operative_config-0.gin").write_bytes(b"#" * 6_000_000)
    assert_refused(copy, "operative_config-0.gin", "5 MB")


# Checkpoints.


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garble(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)


@pytest.mark.tensorflow
@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("harm", [cut, garble, lambda path: path.write_bytes(b"")])
def test_damaged_checkpoint_is_refused(copy, part, harm):
    harm(copy / f"{CHECKPOINT}.{part}")
    assert_refused(copy, str(copy), CHECKPOINT)


@pytest.mark.tensorflow
def test_parts_of_two_instruments_are_refused(copy):
    other = next((BUNDLED.parent / "flute").glob("*.data-*"))
    shutil.copy(other, copy / f"{CHECKPOINT}.data-00000-of-00001")
    assert_refused(copy, str(copy), CHECKPOINT)


@pytest.mark.tensorflow
def test_checkpoint_of_another_architecture_is_refused(copy):
    path = copy / "operative_config-0.gin"
    path.write_text(GIN_TEXT.replace("layers_per_stack = 2", "layers_per_stack = 3"))
    assert_refused(copy, str(copy), CHECKPOINT, "operative_config-0.gin")


@pytest.mark.tensorflow
def test_missing_shard_is_refused(copy):
    (copy / f"{CHECKPOINT}.data-00000-of-00001").rename(copy / f"{CHECKPOINT}.data-00000-of-00002")
    assert_refused(copy, str(copy), CHECKPOINT)


# Folders.


def test_nested_folder_with_macs_leavings_is_found(tmp_path, violin):
    nested = shutil.copytree(BUNDLED, tmp_path / "download" / "mine" / "inside")
    leavings = tmp_path / "download" / "__MACOSX" / "mine"
    leavings.mkdir(parents=True)
    (leavings / "operative_config-0.gin").write_bytes(b"\0\5\x16\7")
    for file in list(nested.iterdir()):
        (nested / f"._{file.name}").write_bytes(b"\0\5\x16\7")
    (nested / "._ckpt-99999.index").write_bytes(b"\0\5\x16\7")
    loaded = instruments.load(tmp_path / "download")
    assert loaded.statistics is not None
    np.testing.assert_array_equal(loaded.model.get_weights()[0], violin.model.get_weights()[0])


def test_folder_of_several_instruments_is_refused_by_their_names(tmp_path):
    assert_refused(BUNDLED.parent, str(BUNDLED.parent), "flute", "violin")
    assert_refused(tmp_path, str(tmp_path), "operative_config-0.gin")


def test_newest_of_several_checkpoints_must_be_whole(copy):
    shutil.copy(copy / f"{CHECKPOINT}.index", copy / "ckpt-999999.index")
    assert_refused(copy, "ckpt-999999.data-")


@pytest.mark.parametrize(
    ("name", "said"),
    [("operative_config-0.gin", "operative_config-0.gin"), (f"{CHECKPOINT}.index", "ckpt-N.index"),
     (f"{CHECKPOINT}.data-00000-of-00001", f"{CHECKPOINT}.data-")],
)  # fmt: skip
def test_pipe_in_place_of_a_file_is_not_waited_for(copy, name, said):
    (copy / name).unlink()
    os.mkfifo(copy / name)
    assert_refused(copy, said)


# Zips.


def members():
    return {path.name: path.read_bytes() for path in BUNDLED.iterdir()}


def zipped(path, named, compression=zipfile.ZIP_DEFLATED):
    """Write a zip of [(name or ZipInfo, content)]."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in named:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "prefix",
    [
        "../",
        "../../../",
        "/",
        "/tmp/",
        "//server/",
        "C:\\",
        "..\\..\\",
        "a/../../",
        "./.././",
        "~/",
    ],
)
def test_zip_writes_nothing_outside_its_room(prefix, room, tmp_path):
    path = zipped(tmp_path / "a.zip", [(prefix + name, b"x") for name in members()])
    before = snapshot(tmp_path)
    assert_refused(path, str(path))
    assert snapshot(tmp_path) == before
    assert not (tmp_path.parent / "operative_config-0.gin").exists()


def test_zip_with_other_files_leaves_them_in_it(room, tmp_path, violin):
    others = [
        ("../evil.txt", b"x"),
        ("/evil.sh", b"x"),
        ("sitecustomize.py", CODE),
        ("a.pth", CODE),
    ]
    path = zipped(tmp_path / "a.zip", [*others, *members().items()])
    assert instruments.load(path).statistics is not None
    assert snapshot(tmp_path) == ["a.zip", "room"]


def link(name):
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize("name", sorted(filter(untrusted.WANTED.fullmatch, members())))
def test_link_in_a_zip_is_refused(name, room, tmp_path):
    others = [item for item in members().items() if item[0] != name]
    path = zipped(tmp_path / "a.zip", [(link(name), "/etc/passwd"), *others])
    assert_refused(path, "a.zip", "link", name)


def test_link_to_a_folder_in_a_zip_is_not_followed(room, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    path = zipped(tmp_path / "a.zip", [(link("sub"), str(target)), ("sub/ckpt-1.index", b"x")])
    assert_refused(path, "operative_config-0.gin")
    assert snapshot(target) == []


def test_bomb_by_ratio_is_refused_before_it_is_unpacked(room, tmp_path):
    content = members() | {f"{CHECKPOINT}.data-00000-of-00001": bytes(100_000_000)}
    path = zipped(tmp_path / "a.zip", content.items())
    assert path.stat().st_size < 200_000
    assert_refused(path, "a.zip", "0.1 MB", "100 MB")


def forged(path, name, size):
    """Write into a zip's directory that a member has this size."""
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\1\2")
    while data[at + 46 : at + 46 + len(name)] != name.encode():
        at = data.rindex(b"PK\1\2", 0, at)
    struct.pack_into("<I", data, at + 24, size)
    path.write_bytes(data)


def test_bomb_by_size_is_refused_before_it_is_unpacked(room, tmp_path):
    name = f"{CHECKPOINT}.data-00000-of-00001"
    path = zipped(tmp_path / "a.zip", members().items(), zipfile.ZIP_STORED)
    forged(path, name, 600_000_000)
    assert_refused(path, "a.zip", "60", "MB")


def test_bomb_that_understates_its_size_stops_there(room, tmp_path):
    name = f"{CHECKPOINT}.data-00000-of-00001"
    path = zipped(tmp_path / "a.zip", (members() | {name: bytes(100_000_000)}).items())
    forged(path, name, 1_000_000)
    assert_refused(path, "a.zip", name)


def test_many_small_checkpoints_are_counted_together(room, tmp_path):
    path = zipped(
        tmp_path / "a.zip",
        [(f"ckpt-{i}.index", bytes(2_000_000)) for i in range(30)],
    )
    assert_refused(path, "a.zip", "60 MB")


def test_zip_in_a_zip_is_not_unpacked(room, tmp_path):
    inner = io.BytesIO()
    zipped(inner, members().items())
    path = zipped(tmp_path / "a.zip", [("mine.zip", inner.getvalue())])
    assert_refused(path, "a.zip", "operative_config-0.gin")


def test_two_instruments_in_a_zip_are_refused(room, tmp_path):
    named = [(f"{folder}/{name}", data) for folder in "ab" for name, data in members().items()]
    assert_refused(zipped(tmp_path / "a.zip", named), "a.zip", "twice")


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_damaged_zip_is_refused(method, room, tmp_path):
    path = zipped(tmp_path / "a.zip", members().items(), method)
    whole = path.read_bytes()
    # In the middle lie the weights, where only unpacking finds the damage.
    path.write_bytes(whole[: len(whole) // 2] + bytes(2000) + whole[len(whole) // 2 + 2000 :])
    assert_refused(path, "a.zip")
    path.write_bytes(whole[: len(whole) // 2])
    assert_refused(path, "a.zip")


def test_zip_with_backslashes_is_read(room, tmp_path, violin):
    named = [(f"my violin\\{name}", data) for name, data in members().items()]
    assert instruments.load(zipped(tmp_path / "a.zip", named)).statistics is not None


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("a.tflite", b"\x1c\0\0\0TFL3" + bytes(1000), "TensorFlow Lite"),
     ("a.zip", b"\x1c\0\0\0TFL3" + bytes(1000), "TensorFlow Lite"),
     ("a.tar.gz", gzip.compress(b"x" * 1000, mtime=0), "archive"),
     ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(100), "archive"),
     ("a.json", b"{}", "zip")],
)  # fmt: skip
def test_file_of_another_kind_is_named_for_what_it_is(name, content, said, room, tmp_path):
    (tmp_path / name).write_bytes(content)
    assert_refused(tmp_path / name, name, said)


def test_tar_is_named_for_what_it_is(room, tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(BUNDLED, "violin")
    assert_refused(tmp_path / "a.tar", "a.tar", "archive")


@pytest.mark.parametrize("name", ["violin [v2]", "violin?", "v*", "{a,b}", "violin (1)"])
def test_name_of_a_folder_is_no_pattern(name, tmp_path, violin):
    loaded = instruments.load(shutil.copytree(BUNDLED, tmp_path / name))
    for a, b in zip(violin.model.get_weights(), loaded.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_locked_zip_is_refused(room, tmp_path):
    path = zipped(tmp_path / "a.zip", members().items(), zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(mark, at + 1)
    path.write_bytes(data)
    assert_refused(path, "a.zip", "encrypted")


def test_full_disk_is_named(small_disk, tmp_path, monkeypatch):
    path = zipped(tmp_path / "a.zip", members().items())
    with small_disk("300k") as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        assert_refused(path, "a.zip", "No space left")
        assert snapshot(disk) == []
