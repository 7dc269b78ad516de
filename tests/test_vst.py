"""DDSP-VST: a file that the plugin accepts, and that plays what was exported."""

import io
import json
import struct
import warnings
import zipfile

import gin
import numpy as np
import pytest
from conftest import ROOT, assert_sentence, left_in, write_dataset
from test_training_run import example

from ddsp_course import instruments, vst
from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.cli import main
from ddsp_course.errors import InstrumentError
from ddsp_course.training import run

pytestmark = pytest.mark.tensorflow

# A model and a loss that compile in seconds.
SMALL = (
    "RnnFcDecoder.rnn_channels = 8",
    "RnnFcDecoder.ch = 8",
    "FilteredNoiseReverb.reverb_length = 1000",
    "FilteredNoiseReverb.n_frames = 10",
    "SpectralLoss.fft_sizes = (256,)",
    "train.batch_size = 2",
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    write_dataset(folder, example, seed=6, train=8, held_out=2)
    return folder


@pytest.fixture(scope="module")
def exported(dataset, tmp_path_factory):
    """An instrument of random weights as a folder, and the file that was made of it."""
    work = tmp_path_factory.mktemp("vst")
    run.configure([run.VST_SETTINGS])
    # Keras draws its weights' seeds from Python's own generator, which this sets as well.
    tf.keras.utils.set_random_seed(8)
    model = ddsp.training.models.Autoencoder()
    model(next(iter(run._examples(dataset, 1))), training=False)
    # Else all controls are small, and alike.
    model.decoder.dense_out.kernel.assign(4 * model.decoder.dense_out.kernel)
    (work / "run").mkdir()
    (work / "run" / "operative_config-0.gin").write_text(gin.operative_config_str())
    tf.train.Checkpoint(model=model).save(str(work / "run" / "ckpt"))
    assert main(["export", str(dataset), str(work / "run"), str(work / "tones")]) == 0
    assert main(["export", str(work / "tones"), "--to", "vst", str(work / "tones.tflite")]) == 0
    return work / "tones", work / "tones.tflite"


def ten_seconds():
    """Return pitch and power of 500 frames that wander over their whole range."""
    rng = np.random.default_rng(7)
    f0_hz = 300 * 2 ** np.cumsum(rng.normal(0, 0.05, 500)).clip(-2, 2)
    power_db = (-30 + np.cumsum(rng.normal(0, 2, 500))).clip(-80, 0)
    return f0_hz.astype(np.float32), power_db.astype(np.float32)


def test_an_example_is_what_the_plugin_hears_of_its_second():
    t = np.arange(16000) / 16000
    # The power falls by 40 dB a second, and the pitch says when.
    second = {
        "audio": (np.sin(2 * np.pi * 500 * t) * 10 ** (-2 * t)).astype(np.float32),
        "f0_hz": np.arange(250, dtype=np.float32) / 250,
        "f0_confidence": np.ones(250, np.float32),
    }
    heard = vst.example(second)
    assert heard["audio"].shape == (14720,) and heard["f0_hz"].shape == (47,)
    power_db = ddsp.spectral_ops.compute_power(
        heard["audio_16k"], frame_rate=50, frame_size=1024, padding="valid"
    ).numpy()
    # 1024 samples are 32 turns, whose mean power is that of their middle, and a little more.
    np.testing.assert_allclose(power_db, -3.0 - 40 * heard["f0_hz"], atol=0.1)
    np.testing.assert_array_equal(heard["audio"], second["audio"][512 : 512 + 46 * 320])


def test_the_model_is_ddsps_for_the_plugin_at_50_frames_per_second():
    run.configure([run.VST_SETTINGS])
    assert gin.query_parameter("%frame_rate") == 50
    assert gin.query_parameter("RnnFcDecoder.rnn_channels") == 512
    assert tuple(gin.query_parameter("RnnFcDecoder.input_keys")) == ("pw_scaled", "f0_scaled")
    assert gin.query_parameter("%n_samples") == (46 + 1) * vst.HOP_SIZE
    assert instruments.reads_power()
    run.configure()
    assert not instruments.reads_power()


def test_the_plugin_accepts_the_file(exported):
    """The checks of ModelLibrary::validateModel, in magenta/ddsp-vst."""
    with warnings.catch_warnings():  # of a package that this interpreter will move to
        warnings.simplefilter("ignore", UserWarning)
        interpreter = tf.lite.Interpreter(str(exported[1]))
    interpreter.allocate_tensors()
    for details, wanted in (
        (
            interpreter.get_input_details(),
            {"call_f0_scaled:0": (1,), "call_pw_scaled:0": (1,), "call_state:0": (512,)},
        ),
        (
            interpreter.get_output_details(),
            {
                "StatefulPartitionedCall:0": (1,),
                "StatefulPartitionedCall:1": (60,),
                "StatefulPartitionedCall:2": (65,),
                "StatefulPartitionedCall:3": (512,),
            },
        ),
    ):
        assert {one["name"]: tuple(one["shape"]) for one in details} == wanted
        assert all(one["dtype"] is np.float32 for one in details)


def test_the_file_needs_built_in_operations_alone(exported):
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(exported[1].read_bytes(), 0))
    codes = [code.builtinCode for code in model.operatorCodes]
    assert codes and schema.BuiltinOperator.CUSTOM not in codes


def test_metadata_is_a_zip_at_the_end_whose_places_count_from_the_files_beginning(exported):
    data = exported[1].read_bytes()
    assert data[4:8] == b"TFL3"
    end = data.rindex(b"PK\5\6")
    (directory,) = struct.unpack_from("<I", data, end + 16)
    assert data[directory : directory + 4] == b"PK\1\2"
    (local,) = struct.unpack_from("<I", data, directory + 42)
    assert data[local : local + 4] == b"PK\3\4"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["metadata.json"] and archive.testzip() is None
        said = json.loads(archive.read("metadata.json"))
    assert said == vst.metadata(exported[1])
    # The tones are between 200 and 600 Hz and swell from nothing to at most -7 dB.
    assert 190 < said["mean_min_pitch_note_hz"] <= said["mean_max_pitch_note_hz"] < 610
    assert -80 <= said["mean_min_power_note"] < said["mean_max_power_note"] < 0
    assert said["version"] == ddsp.version.__version__


def test_the_file_plays_ten_seconds_as_the_model_does(exported):
    f0_hz, power_db = ten_seconds()
    played = vst.controls(exported[1], f0_hz, power_db)
    with instruments.opened(exported[0]) as (label, prefix, gin_text):
        vst._configure(gin_text, label)
        model = ddsp.training.models.Autoencoder()
        inputs = {
            "f0_scaled": ddsp.training.preprocessing.scale_f0_hz(f0_hz[None, :, None]),
            "pw_scaled": ddsp.training.preprocessing.scale_db(power_db[None, :, None]),
        }
        model.decoder(inputs, training=False)
        instruments.restore(model, prefix, label)
        # All frames in one call: the network hands its state on itself.
        raw = model.decoder(inputs, training=False)
    synths = model.processor_group
    harmonic = synths.harmonic.get_controls(
        raw["amps"], raw["harmonic_distribution"], f0_hz[None, :, None]
    )
    noise = synths.filtered_noise.get_controls(raw["noise_magnitudes"])
    wanted = (harmonic["amplitudes"], harmonic["harmonic_distribution"], noise["magnitudes"])
    for ours, theirs in zip(played, wanted, strict=True):
        # float32 in another order, handed on 500 times.
        np.testing.assert_allclose(ours, theirs[0], atol=1e-4)
        assert np.ptp(ours, axis=0).max() > 1e-3


def test_what_the_plugin_would_play_can_be_heard_and_measured(exported, dataset, heard, capsys):
    sound = vst.Plugin(exported[1]).play(heard)
    assert sound.shape == heard.audio.shape and np.isfinite(sound).all()
    assert np.abs(sound).max() > 1e-3
    assert main(["score", str(exported[1]), str(dataset)]) == 0
    assert "seconds: 2\n" in capsys.readouterr().out


def test_the_course_says_how_to_export_what_it_cannot_play(exported, capsys):
    with pytest.raises(InstrumentError) as error:
        instruments.load(exported[0])
    assert_sentence(error.value, "DDSP-VST", "50", "export", "--to vst", longest=400)


def test_an_instrument_of_the_course_is_refused(tmp_path, capsys):
    folder = ROOT / "assets" / "instruments" / "flute"
    for name in ("violin", folder, "official_flute"):
        with pytest.raises(InstrumentError) as error:
            vst.to_vst(name, tmp_path / "one.tflite")
        assert_sentence(error.value, "250", "50", "--for vst", longest=300)
    assert main(["export", "violin", "--to", "vst", str(tmp_path / "one.tflite")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert left_in(tmp_path) == []


def test_training_for_the_plugin_makes_an_instrument_for_it_and_no_other_size(
    dataset, tmp_path, capsys
):
    work, folder = str(tmp_path / "run"), str(tmp_path / "small")
    gin_lines = [word for line in SMALL for word in ("--gin", line)]
    # Compiling the step takes longer than all other tests here.
    tf.config.run_functions_eagerly(True)
    try:
        assert main(["train", str(dataset), work, "--for", "vst", "--steps", "2", *gin_lines]) == 0
    finally:
        tf.config.run_functions_eagerly(False)
    assert "Step 2: loss" in capsys.readouterr().out
    assert main(["export", str(dataset), work, folder]) == 0
    assert f"export {folder} --to vst" in capsys.readouterr().out
    with pytest.raises(InstrumentError) as error:
        vst.to_vst(folder, tmp_path / "small.tflite")
    assert_sentence(error.value, "512", "8", longest=400)
    assert left_in(tmp_path) == ["run", "small"]


def test_a_file_that_was_cut_off_or_is_another_kind_is_refused(exported, tmp_path):
    whole = exported[1].read_bytes()
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("metadata.json", "{}")
    other = (tmp_path / "other.zip").read_bytes()
    for data in (whole[:-100], whole[: len(whole) // 2], other, b"no model", b""):
        (tmp_path / "cut.tflite").write_bytes(data)
        with pytest.raises(InstrumentError) as error:
            vst.check(tmp_path / "cut.tflite")
        assert_sentence(error.value, "cut.tflite", longest=500)
    with pytest.raises(InstrumentError):
        vst.check(tmp_path / "none.tflite")


def test_commands_ask_for_what_is_missing(tmp_path, capsys):
    for arguments in (
        ["violin", "--to", "vst", f"{tmp_path}/one.wav"],
        ["violin", "--to", "vst3", f"{tmp_path}/one.tflite"],
        ["DATASET", "RUN", "INSTRUMENT", "--to", "vst", f"{tmp_path}/one.tflite"],
        ["DATASET", "RUN"],
    ):
        assert main(["export", *arguments]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert left_in(tmp_path) == []


def test_a_second_export_is_quiet_has_its_own_time_and_leaves_other_instruments_alone(
    exported, violin, heard, tmp_path, capfd
):
    before = violin.play(heard)
    capfd.readouterr()
    assert main(["export", str(exported[0]), "--to", "vst", str(tmp_path / "again.tflite")]) == 0
    said = capfd.readouterr()
    assert said.err == "" and "again.tflite" in said.out
    again, first = vst.metadata(tmp_path / "again.tflite"), vst.metadata(exported[1])
    assert again.pop("export_time") != first.pop("export_time")
    assert again == first
    assert not gin.query_parameter("RnnFcDecoder.stateless")
    np.testing.assert_array_equal(violin.play(heard), before)
    np.testing.assert_array_equal(instruments.load("violin").play(heard), before)
