"""Time the course's training step and ddsp's own in turn, and print both loss curves.

.venv/bin/python benchmarks/training.py

Both train the model of solo_instrument.gin (GRU 256, 60 harmonics) on the same batches of 4 x 1 s
of the bundled clarinet, from the same weights. The plain way is ddsp's unchanged `Trainer`; the rows
in between add one part of the fast step at a time. Each curve runs twice, because the synthesizer
draws new noise each time and so even two runs of ddsp differ. Prints Markdown tables.
"""

import contextlib
import functools
import io
import time
from unittest import mock

import numpy as np

from ddsp_course import _paths, audio, crepe, features
from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.fast import gru
from ddsp_course.training import run

TIMED = 15  # steps of each trainer, after one that compiles
CURVE = 200  # steps of the two curves
AT = (1, 10, 25, 50, 100, 200)
SEED = 5


def pieces():
    """Return a function that yields endless batches of one-second examples, the same each time."""
    rows = []
    model = crepe.load("course")
    for path in sorted((_paths.ASSETS / "audio" / "clarinet").glob("*.ogg"))[:3]:
        sound = audio.load(path)
        f0_hz, _ = crepe.to_f0(crepe.activation(sound, model))
        loudness_db = features.loudness_db(sound)
        for start in range(0, len(sound) // 64 - 250, 125):
            frames = slice(start, start + 250)
            samples = sound[start * 64 : (start + 250) * 64]
            rows.append((samples, f0_hz[frames].astype(np.float32), loudness_db[frames]))
    keys = ("audio", "f0_hz", "loudness_db")

    def batches():
        rng = np.random.default_rng(SEED)
        while True:
            chosen = [rows[i] for i in rng.integers(len(rows), size=4)]
            yield {
                key: tf.constant(np.stack(column))
                for key, column in zip(keys, zip(*chosen, strict=True), strict=True)
            }

    return batches


def trainers(batch):
    """Return {name: trainer}, all with the same reproducible weights."""
    tf.keras.utils.set_random_seed(SEED)
    made, weights = {}, None
    for name, is_fast, has_gru, compiled in (
        ("ddsp's Trainer", False, False, False),
        ("with the fast oscillator", True, False, False),
        ("and the fast GRU", True, True, False),
        ("and compiled by XLA: this course", True, True, True),
    ):
        with contextlib.redirect_stdout(io.StringIO()):
            run.configure()
            if not is_fast:
                model = ddsp.training.models.Autoencoder()
                trainer = ddsp.training.trainers.Trainer(model, tf.distribute.get_strategy())
                trainer.build(batch)
            else:
                trainer = run._trainer(tf.distribute.get_strategy())
                trainer.build(batch)
                found = gru.grus if has_gru else lambda model: []
                with mock.patch.object(gru, "grus", found):
                    trainer.speed_up()
                if not compiled:
                    trainer.call = functools.partial(
                        trainer.model, return_losses=True, training=True
                    )
        weights = weights or trainer.model.get_weights()
        trainer.model.set_weights(weights)
        made[name] = trainer
    return made


def main():
    batches = pieces()
    source = batches()
    made = trainers(next(source))
    taken = {name: [] for name in made}
    for trainer in made.values():
        trainer.train_step(next(source))
    for _ in range(TIMED):
        batch = next(source)
        for name, trainer in made.items():
            started = time.perf_counter()
            float(trainer.train_step(batch)["total_loss"])
            taken[name].append(time.perf_counter() - started)
    plain = np.median(taken["ddsp's Trainer"])
    print("| a step with a batch of 4 x 1 s | seconds | speed-up |\n|---|---|---|")
    for name, times in taken.items():
        print(f"| {name} | {np.median(times):.3f} | {plain / np.median(times):.1f} |")

    curves = {}
    for number in (1, 2):
        fresh = trainers(next(batches()))
        for name in (next(iter(made)), list(made)[-1]):
            tf.keras.utils.set_random_seed(number)
            source = batches()
            curves[f"{name}, run {number}"] = [
                float(fresh[name].train_step(next(source))["total_loss"]) for _ in range(CURVE)
            ]
    print("\n| step | " + " | ".join(curves) + " |\n|" + "---|" * (len(curves) + 1))
    for step in AT:
        # The mean of up to ten steps, because the loss differs between batches.
        means = [np.mean(curve[max(0, step - 10) : step]) for curve in curves.values()]
        print(f"| {step} | " + " | ".join(f"{mean:.2f}" for mean in means) + " |")


if __name__ == "__main__":
    main()
