"""Train the course's violin: FluidR3 violin phrases -> a ddsp Autoencoder in Magenta's format.

    python scripts/train_violin.py            # from scratch, or on from the last checkpoint
    python scripts/train_violin.py --export   # export what the last checkpoint holds

The model is ddsp's own `RnnFcDecoder` autoencoder (Engel et al., ICLR 2020) at a size that a
CPU trains in less than an hour. The settings are the gin text below.
"""

import argparse
import os
import pickle
import shutil
import time
from pathlib import Path

import numpy as np
import sounds

from ddsp_course import _paths, _tensorflow

tf = _tensorflow.load()
ddsp = _tensorflow.load_ddsp()
import gin

SAMPLE_RATE = 16000
FRAME_RATE = 250
HOP_SIZE = 64
VIOLIN = 40
PHRASE_S = 10
CROP_S = 1
GIN = """
Autoencoder.preprocessor = @preprocessing.F0LoudnessPreprocessor()
Autoencoder.encoder = None
Autoencoder.decoder = @decoders.RnnFcDecoder()
Autoencoder.processor_group = @processors.ProcessorGroup()
Autoencoder.losses = [@losses.SpectralLoss()]

F0LoudnessPreprocessor.time_steps = 250
F0LoudnessPreprocessor.frame_rate = 250
F0LoudnessPreprocessor.sample_rate = 16000
F0LoudnessPreprocessor.compute_loudness = False

RnnFcDecoder.rnn_channels = 256
RnnFcDecoder.rnn_type = 'gru'
RnnFcDecoder.ch = 256
RnnFcDecoder.layers_per_stack = 2
RnnFcDecoder.input_keys = ('ld_scaled', 'f0_scaled')
RnnFcDecoder.output_splits = (('amps', 1), ('harmonic_distribution', 60), ('noise_magnitudes', 65))

ProcessorGroup.dag = [
  (@synths.Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz']),
  (@synths.FilteredNoise(), ['noise_magnitudes']),
  (@processors.Add(), ['filtered_noise/signal', 'harmonic/signal']),
]
Harmonic.name = 'harmonic'
Harmonic.n_samples = 16000
Harmonic.sample_rate = 16000
Harmonic.scale_fn = @core.exp_sigmoid
Harmonic.normalize_below_nyquist = True
FilteredNoise.name = 'filtered_noise'
FilteredNoise.n_samples = 16000
FilteredNoise.window_size = 0
FilteredNoise.initial_bias = -5.0
FilteredNoise.scale_fn = @core.exp_sigmoid
processors.Add.name = 'add'

SpectralLoss.loss_type = 'L1'
SpectralLoss.mag_weight = 1.0
SpectralLoss.logmag_weight = 1.0
"""


def phrase(seed):
    """Compose and play one phrase of varied violin.

    Returns:
      audio: float32 (160000,) at 16 kHz.
      f0_hz: float32 (2500,) at 250 Hz, from the score, the pitch wheel included.
    """
    rng = np.random.default_rng(seed)
    low = rng.integers(55, 82)
    high = min(low + rng.integers(7, 20), 96)
    speed = np.exp(rng.uniform(np.log(0.09), np.log(1.2)))
    loud, spread = rng.uniform(30, 120), rng.uniform(0, 25)
    times, pitch, t, notes = [], rng.integers(low, high), rng.uniform(0, 0.3), []
    while t < PHRASE_S - 0.3:
        length = min(speed * np.exp(rng.normal(0, 0.4)), PHRASE_S - 0.1 - t)
        gap = rng.choice([0.0, 0.02, 0.1, 0.6], p=[0.5, 0.2, 0.2, 0.1])
        pitch = int(np.clip(pitch + rng.integers(-5, 6), low, high))
        velocity = np.clip(rng.normal(loud, spread), 8, 127)
        notes.append((t, t + max(0.05, length - 0.3 * min(gap, length)), pitch, velocity))
        times.append(t)
        t += max(length, 0.06) + gap
    bend_t = np.arange(0, PHRASE_S, 0.01)
    depth = rng.choice([0.0, rng.uniform(0.1, 0.6)])
    rate = rng.uniform(4.5, 6.5)
    since = bend_t - np.array(times)[np.maximum(np.searchsorted(times, bend_t, "right") - 1, 0)]
    vibrato = depth * np.clip((since - 0.15) / 0.3, 0, 1) * np.sin(2 * np.pi * rate * bend_t)
    slide = rng.choice([0.0, rng.uniform(-1.5, 1.5)], p=[0.7, 0.3]) * np.exp(-since / 0.06)
    bend = vibrato + slide
    audio = sounds.render(sounds.score(VIOLIN, notes, bend), PHRASE_S * SAMPLE_RATE)
    frame_t = np.arange(PHRASE_S * FRAME_RATE) / FRAME_RATE
    playing = np.maximum(np.searchsorted(times, frame_t, "right") - 1, 0)
    midi = np.array([note[2] for note in notes])[playing] + np.interp(frame_t, bend_t, bend)
    return audio, (440.0 * 2 ** ((midi - 69) / 12)).astype(np.float32)


def refine_f0(audio, f0_hz):
    """Follow the vibrato inside the soundfont's samples: YIN where it is near the score."""
    import librosa

    found = librosa.yin(
        audio, fmin=150, fmax=2500, sr=SAMPLE_RATE, frame_length=1024, hop_length=HOP_SIZE
    )[: len(f0_hz)]
    near = np.abs(1200 * np.log2(found / f0_hz)) < 60
    return np.where(near, found, f0_hz).astype(np.float32)


def dataset(seeds, path):
    """Phrases with their features, made once and kept in `path` (npz)."""
    if not path.exists():
        rows = {"audio": [], "f0_hz": [], "loudness_db": [], "f0_confidence": []}
        for seed in seeds:
            audio, f0_hz = phrase(seed)
            loudness_db = ddsp.spectral_ops.compute_loudness(audio, SAMPLE_RATE, FRAME_RATE)
            loudness_db = np.asarray(loudness_db)[: len(f0_hz)]
            rows["audio"].append(audio)
            rows["f0_hz"].append(refine_f0(audio, f0_hz))
            rows["loudness_db"].append(loudness_db)
            # Known pitch: certain wherever something sounds.
            rows["f0_confidence"].append((loudness_db > -70).astype(np.float32))
        temporary = path.with_suffix(".tmp.npz")
        np.savez(temporary, **{key: np.stack(value) for key, value in rows.items()})
        os.replace(temporary, path)
    with np.load(path) as held:
        return {key: held[key].astype(np.float32) for key in held}


def batches(data, seed, batch_size=4):
    """Random one-second crops, at random gains with the loudness to match, without end."""
    rng = np.random.default_rng(seed)
    n_phrases, n_frames = data["f0_hz"].shape
    size = CROP_S * FRAME_RATE
    while True:
        rows = rng.integers(n_phrases, size=batch_size)
        starts = rng.integers(n_frames - size, size=batch_size)
        gain_db = rng.uniform(-9, 3, batch_size).astype(np.float32)[:, None]
        cut = {
            key: np.stack([data[key][r, s : s + size] for r, s in zip(rows, starts, strict=True)])
            for key in ("f0_hz", "loudness_db", "f0_confidence")
        }
        audio = np.stack(
            [
                data["audio"][r, s * HOP_SIZE : (s + size) * HOP_SIZE]
                for r, s in zip(rows, starts, strict=True)
            ]
        )
        cut["loudness_db"] = np.maximum(cut["loudness_db"] + gain_db, -80)
        yield {**cut, "audio": audio * 10 ** (gain_db / 20)}


def build():
    """A fresh Autoencoder from the gin text."""
    gin.clear_config()
    gin.parse_config(GIN)
    return ddsp.training.models.Autoencoder()


def train(data, work, steps):
    model = build()
    schedule = tf.keras.optimizers.schedules.ExponentialDecay(2e-3, 1000, 0.75)
    optimizer = tf.keras.optimizers.legacy.Adam(schedule)
    counter = tf.Variable(0, dtype=tf.int64)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer, step=counter)
    manager = tf.train.CheckpointManager(checkpoint, str(work / "checkpoints"), 2)

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            _, losses = model(batch, return_losses=True, training=True)
            loss = losses["total_loss"]
        weights = model.trainable_variables
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, weights), 3.0)
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return loss

    model(next(batches(data, 0)), training=False)
    if manager.latest_checkpoint:
        checkpoint.restore(manager.latest_checkpoint)
        print(f"Going on from step {int(counter)}.", flush=True)
    stream = batches(data, seed=1000 + int(counter))
    recent, started = [], time.time()
    while int(counter) < steps:
        recent.append(float(step(next(stream))))
        counter.assign_add(1)
        done = int(counter)
        if done % 100 == 0 or done == steps:
            each = (time.time() - started) / len(recent)
            print(
                f"step {done}/{steps}: loss {np.mean(recent):.3f}, {each:.2f} s a step", flush=True
            )
            manager.save()
            recent, started = [], time.time()
    return model, int(counter)


class _Phrases:
    """The part of a ddsp DataProvider that `compute_dataset_statistics` uses."""

    def __init__(self, data):
        self.data = data

    def get_batch(self, batch_size, repeats=1):
        # ddsp counts n_samples // hop_size + 1 frames of power, one more than of the rest.
        data = {**self.data, "audio": self.data["audio"][:, :-HOP_SIZE]}
        return tf.data.Dataset.from_tensor_slices(data).batch(batch_size)


def scores(model, data):
    """Spectral loss, loudness L1 (dB) and f0 L1 (semitones) on phrases not trained on.

    The output's f0 is YIN's, on frames where the input sounds, as is the input's.
    """
    loss_fn = ddsp.losses.SpectralLoss(logmag_weight=1.0)
    size = CROP_S * FRAME_RATE
    losses, loudness, f0 = [], [], []
    for start in range(0, data["f0_hz"].shape[1] - size + 1, size):
        batch = {k: v[:, start : start + size] for k, v in data.items() if k != "audio"}
        batch["audio"] = data["audio"][:, start * HOP_SIZE : (start + size) * HOP_SIZE]
        out = model(batch, training=False)["audio_synth"]
        losses.append(float(loss_fn(batch["audio"], out)))
        ld = np.asarray(ddsp.spectral_ops.compute_loudness(out, SAMPLE_RATE, FRAME_RATE))
        loudness.append(np.abs(ld[:, :size] - batch["loudness_db"]).mean())
        for row, true, sounding in zip(
            np.asarray(out), batch["f0_hz"], batch["f0_confidence"] > 0.5, strict=True
        ):
            if sounding.any():
                cents = 12 * np.log2(refine_f0_free(row)[:size] / true)
                f0.append(np.abs(cents[sounding]))
    f0 = np.concatenate(f0)
    return {
        "spectral_loss": np.mean(losses),
        "loudness_l1_db": np.mean(loudness),
        "f0_l1_semitones": np.mean(f0[f0 < 1]),
        "f0_beyond_1_semitone": np.mean(f0 >= 1),
    }


def refine_f0_free(audio):
    """YIN alone, with no score to lean on."""
    import librosa

    return librosa.yin(
        audio, fmin=150, fmax=2500, sr=SAMPLE_RATE, frame_length=1024, hop_length=HOP_SIZE
    )


def export(model, step, data, held_out, folder):
    """Write the instrument in Magenta's format, whole or not at all."""
    temporary = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    tf.train.Checkpoint(model=model).write(str(temporary / f"ckpt-{step}"))
    (temporary / "operative_config-0.gin").write_text(gin.operative_config_str())
    statistics = ddsp.training.postprocessing.compute_dataset_statistics(
        _Phrases(data), power_frame_rate=FRAME_RATE
    )
    with open(temporary / "dataset_statistics.pkl", "wb") as file:
        pickle.dump(statistics, file, protocol=4)
    measured = scores(model, held_out)
    lines = [f"{key}: {value:.4f}" for key, value in measured.items()]
    n_weights = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    (temporary / "scores.txt").write_text(
        "\n".join([f"step: {step}", f"weights: {n_weights}", *lines]) + "\n"
    )
    print("\n".join(lines), flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(temporary, folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("build/violin"))
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--phrases", type=int, default=60)
    parser.add_argument("--export", action="store_true", help="export the last checkpoint only")
    parser.add_argument("--to", type=Path, default=_paths.ASSETS / "instruments" / "violin")
    arguments = parser.parse_args()
    sounds.require_fluidsynth()
    arguments.work.mkdir(parents=True, exist_ok=True)
    data = dataset(range(arguments.phrases), arguments.work / "train.npz")
    held_out = dataset(range(9000, 9006), arguments.work / "held_out.npz")
    if arguments.export:
        arguments.steps = 0
    model, step = train(data, arguments.work, arguments.steps)
    export(model, step, data, held_out, arguments.to)


if __name__ == "__main__":
    main()
