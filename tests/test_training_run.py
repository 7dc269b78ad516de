"""Training: the fast step is ddsp's, runs go on after a kill, and what comes out plays anywhere."""

import json
import os
import pickle
import re
import signal
import socket
import subprocess
import time

import numpy as np
import pytest
from conftest import COURSE, ROOT, write_dataset

from ddsp_course import features, instruments
from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.errors import TrainingError
from ddsp_course.fast import training as fast_training
from ddsp_course.training import data, run, scores

pytestmark = pytest.mark.tensorflow

# A model small enough to build and compile in seconds.
SMALL = (
    "RnnFcDecoder.rnn_channels = 8",
    "RnnFcDecoder.ch = 8",
    "RnnFcDecoder.layers_per_stack = 1",
    "RnnFcDecoder.output_splits = (('amps', 1), ('harmonic_distribution', 8), ('noise_magnitudes', 9))",
    "SpectralLoss.fft_sizes = (512, 64)",
    "train.batch_size = 2",
    "train.steps_per_save = 10",
    "train.steps_per_summary = 10",
)


def example(rng):
    """Return a second of a tone that swells, as a dataset's pieces are."""
    t = np.arange(16000) / 16000
    f0_hz = rng.uniform(200, 600)
    k = np.arange(1, 6)[:, None]
    sound = (np.sin(2 * np.pi * f0_hz * k * t) / k**2).sum(axis=0) * rng.uniform(0.05, 0.3)
    sound = (sound * np.hanning(16000)).astype(np.float32)
    loudness_db = features.loudness_db(sound)
    return {
        "audio": sound,
        "audio_16k": sound,
        "f0_hz": np.full(250, f0_hz, np.float32),
        "f0_confidence": data.confidence_of_known_pitch(loudness_db),
        "loudness_db": loudness_db,
    }


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    write_dataset(folder, example, seed=4, train=12, held_out=3)
    return folder


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory):
    """A run of 20 steps, and the instrument that was exported from it."""
    work = tmp_path_factory.mktemp("run")
    losses = run.train(dataset, work, steps=20, gin_lines=SMALL, progress=False)
    run.export(dataset, work, work / "instrument")
    return work, losses


def trainer(work, dataset, *more, **environment):
    """Start `ddsp-course train` in a process of its own."""
    gin = [word for line in SMALL for word in ("--gin", line)]
    return subprocess.Popen(
        [*COURSE, "train", str(dataset), str(work), *gin, *more], cwd=ROOT,
        env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def saved_step(work):
    latest = tf.train.latest_checkpoint(str(work))
    return int(latest.rsplit("-", 1)[1]) if latest else 0


def test_fast_model_has_the_loss_and_gradients_of_ddsps(dataset):
    # A tenth of a second, in which ddsp's float32 phases do not drift yet, and without noise,
    # which is drawn anew in each call.
    short = (
        "Harmonic.n_samples = 1600",
        "FilteredNoise.n_samples = 1600",
        "F0LoudnessPreprocessor.time_steps = 25",
        "FilteredNoise.initial_bias = -50.0",
        # The logarithm of next to nothing makes gradients of rounding errors.
        "SpectralLoss.logmag_weight = 0.0",
    )
    run.configure(gin_lines=[*SMALL, *short])
    model = ddsp.training.models.Autoencoder()
    batch = next(iter(run._examples(dataset, 2)))
    batch = {
        key: value[:, 8000:9600] if key == "audio" else value[:, 125:150]
        for key, value in batch.items()
    }
    results = []
    for build in (lambda: lambda b: model(b, training=True, return_losses=True),
                  lambda: fast_training.speed_up(model)[0]):  # fmt: skip
        call = build()
        call(batch)
        with tf.GradientTape() as tape:
            _, losses = call(batch)
        gradients = tape.gradient(losses["total_loss"], model.trainable_variables)
        results.append((float(losses["total_loss"]), [g.numpy() for g in gradients]))
    (loss, gradients), (fast_loss, fast_gradients) = results
    # float32 sums in another order.
    assert abs(fast_loss / loss - 1) < 1e-3
    for plain, quick in zip(gradients, fast_gradients, strict=True):
        # The loss is a sum of absolute values, whose slopes flip where float32 rounds past zero.
        assert np.linalg.norm(quick - plain) <= 0.1 * np.linalg.norm(plain) + 1e-4


def test_training_lowers_the_loss_and_is_seen_in_tensorboard(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    work, losses = trained
    assert list(losses) == [10, 20]
    assert losses[20] < losses[10]
    events = EventAccumulator(str(work / "summaries"), {"tensors": 0})
    events.Reload()
    assert set(events.Tags()["tensors"]) == {"losses/total_loss", "played", "wanted"}


def test_killed_run_goes_on_from_its_last_checkpoint(dataset, tmp_path):
    first = trainer(tmp_path, dataset, "--steps", "100000")
    until = time.monotonic() + 240
    while saved_step(tmp_path) < 10 and first.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    step = saved_step(tmp_path)
    assert step >= 10
    losses = run.train(dataset, tmp_path, steps=step + 10, gin_lines=SMALL, progress=False)
    # The first mean is of the next ten steps: none was done again.
    assert list(losses) == [step + 10]
    assert run.train(dataset, tmp_path, steps=step, gin_lines=SMALL, progress=False) == {}


def test_ctrl_c_saves_what_was_learned(dataset, tmp_path):
    process = trainer(tmp_path, dataset, "--steps", "100000", "--gin",
                      "train.steps_per_save = 1000000", "--gin", "train.steps_per_summary = 1")  # fmt: skip
    until = time.monotonic() + 240
    # TensorBoard's file begins with some 100 bytes, and grows when ten steps are done.
    while time.monotonic() < until:
        if any(path.stat().st_size > 500 for path in tmp_path.glob("summaries/*")):
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130 and "stopped" in stderr
    assert saved_step(tmp_path) > 0


@pytest.mark.slow
def test_two_workers_train_one_model_together(dataset, tmp_path):
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    workers = [
        trainer(tmp_path, dataset, "--strategy", "multiworker", "--steps", "20",
                TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": i}}))
        for i in range(2)
    ]  # fmt: skip
    results = [worker.communicate(timeout=300) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], results
    # Both saw the mean loss of both.
    said = [stdout.splitlines()[0] for stdout, _ in results]
    assert re.search(r"\b20\b.*\d\.\d", said[0]) and said[0] == said[1]
    assert saved_step(tmp_path) == 20
    run.export(dataset, tmp_path, tmp_path / "instrument")
    assert instruments.load(tmp_path / "instrument").statistics is not None


def test_mirrored_strategy_trains(dataset, tmp_path):
    losses = run.train(dataset, tmp_path, "mirrored", steps=10, gin_lines=SMALL, progress=False)
    assert list(losses) == [10]


def test_exported_instrument_plays_in_the_course(trained, heard):
    work, _ = trained
    instrument = instruments.load(work / "instrument")
    assert instrument.loudness_definition == "ddsp2"
    # The tones were between 200 and 600 Hz.
    assert 55 < instrument.statistics.mean_pitch < 75
    sound = instrument.play(heard)
    assert sound.shape == heard.audio.shape and np.isfinite(sound).all()


def test_rests_do_not_count_as_soft_playing_in_an_instruments_statistics(monkeypatch):
    frames, rests, notes = 250, 4, 6
    loudness_db = np.full((rests + notes, frames), -80, np.float32)
    loudness_db[rests:] = np.linspace(-30, 0, frames)
    examples = tf.data.Dataset.from_tensor_slices(
        {
            "f0_hz": np.full_like(loudness_db, 220),
            # Of a soundfont's phrase the pitch is known in rests, too.
            "f0_confidence": np.ones_like(loudness_db),
            "loudness_db": loudness_db,
            "audio": np.zeros((rests + notes, 16000), np.float32),
        }
    )

    class Provider:
        def get_batch(self, batch_size, shuffle, repeats):
            return examples.batch(batch_size)

    monkeypatch.setattr(run, "provider", lambda dataset: Provider())
    statistics = ddsp.training.postprocessing.compute_dataset_statistics(
        run._Statistics("any"), power_frame_rate=250
    )
    assert statistics["quantile_transform"].quantiles_.min() >= -30


def test_exported_instrument_plays_in_magentas_own_way(trained):
    """The steps of the official timbre transfer notebook."""
    import gin

    folder = trained[0] / "instrument"
    with open(folder / "dataset_statistics.pkl", "rb") as file:
        statistics = pickle.load(file)
    assert type(statistics["quantile_transform"]).__name__ == "QuantileTransformer"
    with gin.unlock_config():
        gin.clear_config()
        gin.parse_config_file(str(folder / "operative_config-0.gin"), skip_unknown=True)
    checkpoints = [p.name.split(".")[0] for p in folder.iterdir() if p.name.startswith("ckpt")]
    model = ddsp.training.models.Autoencoder()
    model.restore(str(folder / checkpoints[0]))
    batch = {
        "f0_hz": np.full((1, 250), 300, np.float32),
        "loudness_db": np.full((1, 250), -20, np.float32),
    }
    sound = model.get_audio_from_outputs(model(batch, training=False))
    assert sound.shape == (1, 16000)


def test_export_holds_weights_and_no_optimizer(trained):
    folder = trained[0] / "instrument"
    assert sorted(path.name for path in folder.iterdir()) == [
        "ckpt-20.data-00000-of-00001",
        "ckpt-20.index",
        "dataset_statistics.pkl",
        "operative_config-0.gin",
    ]
    names = [name for name, _ in tf.train.list_variables(str(folder / "ckpt-20"))]
    assert not any("optimizer" in name or "OPTIMIZER_SLOT" in name for name in names)


def test_commands_export_and_score(trained, dataset, tmp_path, capsys):
    from ddsp_course.cli import main

    folder = tmp_path / "instrument"
    assert main(["export", str(dataset), str(trained[0]), str(folder)]) == 0
    assert re.search(r"\b20\b", capsys.readouterr().out)
    assert main(["score", str(folder), str(dataset)]) == 0
    said = capsys.readouterr().out
    # Three examples of a second are held out.
    assert "seconds: 3\n" in said and "f0_outliers: " in said


def test_commands_say_in_a_sentence_what_is_wrong(tmp_path, capsys):
    from ddsp_course.cli import main

    folder = str(tmp_path)
    for arguments, says in (
        (["prepare", folder, f"{folder}/d"], folder),
        (["train", folder, f"{folder}/run", "--gin", "train.num_step = 3"], "num_step"),
        (["export", folder, folder, f"{folder}/i"], "checkpoint"),
        (["score", "violin", folder], "held_out"),
    ):
        assert main(arguments) == 2
        stderr = capsys.readouterr().err
        assert stderr.count("\n") == 1 and says in stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Trainer.learning_rat = 0.1", "learning_rat"),
        ("Harmonics.n_samples = 1", "Harmonics"),
        ("Trainer.learning_rate = ", r"Trainer\.learning_rate"),
        ("RnnFcDecoder.rnn_type = 'lstm2'", "settings"),
        ("TFRecordProvider.example_secs = 4", r"\b1 s.*\b4\b"),
    ],
)
def test_wrong_setting_is_named_before_training(line, says, dataset, tmp_path):
    with pytest.raises(TrainingError, match=says):
        run.train(dataset, tmp_path / "run", gin_lines=[*SMALL, line], progress=False)
    assert saved_step(tmp_path / "run") == 0


def test_damaged_dataset_is_named(dataset, tmp_path):
    (path,) = dataset.glob("train*")
    (tmp_path / path.name).write_bytes(path.read_bytes()[:20] + bytes(200))
    with pytest.raises(TrainingError, match=f"{tmp_path} .*damaged"):
        run.train(tmp_path, tmp_path / "run", gin_lines=SMALL, progress=False)


def test_earlier_checkpoint_is_exported_by_its_step(dataset, tmp_path):
    often = [*SMALL, "train.steps_per_save = 2"]
    run.train(dataset, tmp_path, steps=4, gin_lines=often, progress=False)
    early, last = tmp_path / "early", tmp_path / "last"
    assert run.export(dataset, tmp_path, early, step=2) == 2
    assert run.export(dataset, tmp_path, last) == 4
    assert (early / "ckpt-2.index").exists()
    weights = [instruments.load(one).model.trainable_weights for one in (early, last)]
    assert any(np.any(a != b) for a, b in zip(*weights, strict=True))
    with pytest.raises(TrainingError, match="no checkpoint of step 3: choose one of 2, 4"):
        run.export(dataset, tmp_path, tmp_path / "none", step=3)
    assert not (tmp_path / "none").exists()


def test_missing_gin_file_and_dataset_and_checkpoint_are_named(dataset, tmp_path):
    with pytest.raises(TrainingError, match=r"none\.gin"):
        run.train(dataset, tmp_path / "run", gin_files=[tmp_path / "none.gin"])
    with pytest.raises(TrainingError, match=f"{tmp_path} "):
        run.train(tmp_path, tmp_path / "run")
    with pytest.raises(TrainingError, match=f"{tmp_path}: "):
        run.export(dataset, tmp_path, tmp_path / "instrument")


def test_strategies_are_named(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(TrainingError, match="TF_CONFIG"):
        run.get_strategy("multiworker")
    monkeypatch.setenv("TF_CONFIG", "{broken")
    with pytest.raises(TrainingError, match="TF_CONFIG"):
        run.get_strategy("multiworker")
    with pytest.raises(TrainingError, match="one, mirrored, multiworker"):
        run.get_strategy("many")


def test_full_disk_keeps_what_was_saved(dataset, small_disk):
    with small_disk("3m") as disk:
        run.train(dataset, disk / "run", steps=10, gin_lines=SMALL, progress=False)
        with open(disk / "filler", "wb") as file, pytest.raises(OSError):
            while True:
                file.write(bytes(1 << 16))
                file.flush()
        with pytest.raises(TrainingError, match=f"{disk}/run"):
            run.train(dataset, disk / "run", steps=30, gin_lines=SMALL, progress=False)
        (disk / "filler").unlink()
        losses = run.train(dataset, disk / "run", steps=20, gin_lines=SMALL, progress=False)
        assert list(losses) == [20]


class Player:
    """Stands for an instrument, and plays what it is told to."""

    def __init__(self, play):
        self.play = play


def phrase_of_a_tone(seconds=4):
    t = np.arange(seconds * 16000) / 16000
    # A second of rest in the middle.
    sounds = (t < 1.5) | (t > 2.5)
    k = np.arange(1, 8)[:, None]
    tone = (0.2 * np.sin(2 * np.pi * 330 * k * t) / k).sum(axis=0)
    sound = (tone * sounds).astype(np.float32)
    loudness_db = features.loudness_db(sound)
    return features.Features(
        sound,
        np.full(seconds * 250, 330, np.float32),
        data.confidence_of_known_pitch(loudness_db),
        loudness_db,
    )


def test_perfect_player_scores_perfectly():
    said = scores.measure(Player(lambda heard: heard.audio), [phrase_of_a_tone()])
    assert said["seconds"] == 4
    assert said["spectral_loss"] == said["loudness_l1_db"] == said["f0_outliers"] == 0
    # CREPE's own error, and its frames across the rest.
    assert said["f0_l1"] < 0.3
    assert said["rest_peak_db"] < -100


def test_wrong_pitch_loudness_and_hum_are_measured():
    phrase = phrase_of_a_tone()
    t = np.arange(len(phrase.audio)) / 16000
    k = np.arange(1, 8)[:, None]
    low = (0.2 * np.sin(2 * np.pi * 330 / 2.5 * k * t) / k).sum(axis=0).astype(np.float32)
    said = scores.measure(Player(lambda heard: low), [phrase])
    # 16 semitones below: more than an octave, and so an outlier in every second.
    assert said["f0_outliers"] == 1 and said["f0_off"] > 0.95
    # It sounds on where the phrase rests.
    assert said["rest_peak_db"] > -30
    said = scores.measure(Player(lambda heard: 0.5 * heard.audio), [phrase])
    # Half the amplitude is 6 dB, for all frames but those of the rest.
    assert 3.5 < said["loudness_l1_db"] < 6.1


def test_scores_are_written_whole(tmp_path):
    scores.write(tmp_path, {"spectral_loss": 1.5})
    assert json.loads((tmp_path / "scores.json").read_text()) == {"spectral_loss": 1.5}
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]
