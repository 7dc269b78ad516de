"""Train a model on a dataset, with one device, several GPUs, or several machines.

The model, the optimizer and the distribution are ddsp's own (`ddsp.training.trainers.Trainer`
with a `tf.distribute` strategy); every setting is in solo_instrument.gin. Checkpoints, settings,
and TensorBoard's curves and audio go to one folder. A run that was interrupted resumes from its
last checkpoint.
Explained in notebooks/03_train_your_own/00_train.ipynb.
"""

import contextlib
import io
import itertools
import os
import pickle
import tempfile
from pathlib import Path

import gin
import numpy as np

from ddsp_course import files, instruments, vst
from ddsp_course._tensorflow import ddsp, tf, without_remarks
from ddsp_course.errors import TrainingError, one_line
from ddsp_course.fast import training as fast_training
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE
from ddsp_course.untrusted import GIN_FILE, STATISTICS_FILE

SETTINGS = Path(__file__).with_name("solo_instrument.gin")
# What overrides them for an instrument that DDSP-VST plays.
VST_SETTINGS = SETTINGS.with_name("vst.gin")
# Steps in which the noise is silent, to let the harmonics settle first.
HARMONICS_FIRST = 100
STRATEGIES = ("one", "mirrored", "multiworker")


def configure(gin_files=(), gin_lines=()):
    """Set gin's current settings to solo_instrument.gin, with overrides.

    Args:
      gin_files: further gin files.
      gin_lines: settings such as "train.batch_size = 8".

    Raises:
      TrainingError: a file is missing or unreadable, or a setting is unknown.
    """
    # gin knows only imported modules.
    for part in ("data", "trainers", "train_util"):
        getattr(ddsp.training, part)
    label = ", ".join(map(str, [*gin_files, *gin_lines])) or SETTINGS.name
    try:
        with gin.unlock_config():
            gin.clear_config()
            gin.parse_config_files_and_bindings(
                [str(SETTINGS), *map(str, gin_files)],
                list(gin_lines),
                print_includes_and_imports=False,
            )
    except Exception as error:  # gin may raise anything
        raise TrainingError(
            f"The settings {label} cannot be used ({one_line(error, 300)}): correct "
            f"them; valid names are those in {SETTINGS.name} and in ddsp."
        ) from error


def train(dataset, work, strategy="one", steps=None, gin_files=(), gin_lines=(), progress=True):
    """Train a model, or resume the last run in `work`.

    Args:
      dataset: folder from `data.prepare_recordings` or `data.prepare_program`.
      work: folder for checkpoints, settings and TensorBoard's summaries.
      strategy: "one" device; "mirrored" across this machine's GPUs; "multiworker" across the
        machines in the environment variable TF_CONFIG.
      steps: step at which to stop; None reads `train.num_steps` from the settings.
      gin_files, gin_lines: see `configure`.
      progress: show a progress bar with the loss and the remaining time.

    Returns:
      losses: {step: mean loss since the previous entry} for this run.

    Raises:
      TrainingError: the dataset or a setting is missing or wrong, or the disk is full. Earlier
        checkpoints are kept.
    """
    configure(gin_files, gin_lines)
    work = Path(work)
    _check_dataset(dataset)
    try:
        work.mkdir(parents=True, exist_ok=True)
        return _loop(dataset, work, get_strategy(strategy), steps, progress)
    except (OSError, tf.errors.OpError) as error:
        raise TrainingError(
            f"Training stopped ({one_line(error, 300)}): fix this and start again; it resumes "
            f"from the last checkpoint in {work}, if there is one."
        ) from error
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise TrainingError(
            f"The model cannot be built or trained with these settings "
            f"({one_line(error, 300)}): correct them and start again."
        ) from error


def _check_dataset(dataset):
    """Raise TrainingError if a dataset has no examples, or if their length differs from gin's."""
    paths = sorted(str(path) for path in Path(dataset).glob("train*.tfrecord*"))
    # Not with tf.data, which would start TensorFlow before a strategy's machines have connected.
    records = itertools.chain.from_iterable(map(tf.compat.v1.io.tf_record_iterator, paths))
    try:
        record = next(records, None)
    except tf.errors.OpError as error:
        raise TrainingError(f"{dataset} is damaged ({one_line(error)}): make it again.") from error
    if record is None:
        raise TrainingError(
            f"{dataset} contains no training examples (train*.tfrecord): make it with `ddsp-course "
            "prepare`."
        )
    example = tf.train.Example.FromString(record)
    seconds = len(example.features.feature["audio"].float_list.value) / SAMPLE_RATE
    wanted = gin.query_parameter("TFRecordProvider.example_secs")
    if seconds != wanted:
        raise TrainingError(
            f"{dataset} has examples of {seconds:g} s, but TFRecordProvider.example_secs is "
            f"{wanted:g}: make the dataset again, or change the setting."
        )


def get_strategy(name):
    """Return the `tf.distribute` strategy with a name from `STRATEGIES`.

    Raises:
      TrainingError: the name is unknown, or "multiworker" lacks a valid TF_CONFIG.
    """
    if name == "one":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        return ddsp.training.train_util.get_strategy()
    if name == "multiworker":
        config = os.environ.get("TF_CONFIG")
        if not config:
            raise TrainingError(
                "The strategy multiworker needs the environment variable TF_CONFIG, which lists "
                "the machines and says which one this is: see lesson 03, or use one or mirrored."
            )
        try:
            return ddsp.training.train_util.get_strategy(cluster_config=config)
        except (KeyError, TypeError, ValueError) as error:
            raise TrainingError(
                f"TF_CONFIG is not valid ({error}): it should look like "
                '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", '
                '"index": 0}}.'
            ) from error
    raise TrainingError(f"There is no strategy {name}: choose one of {', '.join(STRATEGIES)}.")


def provider(dataset, part="train"):
    """Return ddsp's `TFRecordProvider` for a dataset's part, "train" or "held_out"."""
    # gin's settings apply only if the class is looked up through gin.
    configured = gin.get_configurable("TFRecordProvider")
    return configured(str(Path(dataset) / f"{part}*.tfrecord*"))


def export(dataset, work, folder, step=None):
    """Write a trained model as an instrument in Magenta's format.

    The folder contains the training's settings, the weights of one checkpoint without the
    optimizer's, and the dataset's statistics. `instruments.load` and Magenta's own notebooks can
    read it.

    Args:
      dataset: dataset that the model was trained on.
      work: folder of the training run.
      folder: folder of the instrument; it appears whole or not at all, and replaces an older one.
      step: step of the checkpoint; None is the last.

    Returns:
      step of the checkpoint.

    Raises:
      TrainingError: nothing was trained in `work`, it has no checkpoint of that step, or the folder
        cannot be written.
    """
    saved = tf.train.get_checkpoint_state(str(work))
    if saved is None:
        raise TrainingError(f"There is no checkpoint in {work}: train first.")
    paths = {int(path.rsplit("-", 1)[1]): path for path in saved.all_model_checkpoint_paths}
    step = max(paths) if step is None else step
    if step not in paths:
        raise TrainingError(
            f"{work} has no checkpoint of step {step}: choose one of {', '.join(map(str, paths))}."
        )
    configure([Path(work) / GIN_FILE])
    _check_dataset(dataset)
    folder = Path(folder)
    with contextlib.redirect_stdout(io.StringIO()):  # ddsp prints its progress
        model = ddsp.training.models.Autoencoder()
        model(_first(dataset, 1), training=False)
        tf.train.Checkpoint(model=model).restore(paths[step]).expect_partial()
        statistics = ddsp.training.postprocessing.compute_dataset_statistics(
            _Statistics(dataset), power_frame_rate=FRAME_RATE
        )
    try:
        with files.whole_folder(folder) as part:
            tf.train.Checkpoint(model=model).write(str(part / f"ckpt-{step}"))
            (part / GIN_FILE).write_text(gin.operative_config_str())
            with open(part / STATISTICS_FILE, "wb") as file:
                pickle.dump(statistics, file, protocol=4)
    except (OSError, tf.errors.OpError) as error:
        raise TrainingError(
            f"{folder} could not be written ({one_line(error)}): free some space, or choose a "
            "different folder."
        ) from error
    return step


class _Statistics:
    """The part of a DataProvider that ddsp's `compute_dataset_statistics` uses."""

    def __init__(self, dataset):
        self.dataset = dataset

    def get_batch(self, batch_size, repeats=1):
        pieces = [
            {
                **{key: batch[key] for key in ("f0_hz", "f0_confidence", "loudness_db")},
                # ddsp computes n_samples // hop_size + 1 frames of power, one too many.
                "audio": batch["audio"][:, :-HOP_SIZE],
            }
            for batch in provider(self.dataset)
            .get_batch(batch_size, shuffle=False, repeats=repeats)
            .as_numpy_iterator()
        ]
        # In an example without notes ddsp counts every frame as a note. Rests would then make
        # silence the instrument's softest level, and a melody matched to it would have gaps.
        while True:
            sounding = [piece for piece, notes in zip(pieces, _notes(pieces), strict=True) if notes]
            if len(sounding) in (0, len(pieces)):
                return pieces
            pieces = sounding


def _notes(pieces):
    """Return whether ddsp finds a note in each example, given all of them together."""
    mask, _ = ddsp.training.postprocessing.detect_notes(
        *(
            # ddsp also ignores the last frames.
            np.concatenate([piece[key] for piece in pieces])[:, :-20]
            for key in ("loudness_db", "f0_confidence")
        )
    )
    return mask.any(axis=1)


def _loop(dataset, work, strategy, steps, progress):
    """Train until `steps`; see `train`."""
    from tqdm.auto import tqdm

    steps = steps or gin.query_parameter("train.num_steps")
    save_every = gin.query_parameter("train.steps_per_save")
    summary_every = gin.query_parameter("train.steps_per_summary")
    trainer, batches = _begin(dataset, work, strategy)
    first = saved = _step(trainer)
    # Only one of several machines writes. The others save to a temporary folder, because saving
    # may need all of them.
    chief = strategy.cluster_resolver is None or strategy.cluster_resolver.task_id in (0, None)
    losses, recent = {}, []
    with contextlib.ExitStack() as closing:
        save_dir = str(work) if chief else closing.enter_context(tempfile.TemporaryDirectory())
        writer = tf.summary.create_file_writer(os.path.join(save_dir, "summaries"))
        closing.enter_context(contextlib.closing(writer))
        closing.enter_context(writer.as_default())
        bar = tqdm(total=steps, initial=first, unit="step", disable=not (progress and chief))
        closing.enter_context(bar)
        if chief:
            (work / GIN_FILE).write_text(gin.operative_config_str())
        try:
            for step in range(first + 1, steps + 1):
                # The oscillator starts much too loud, so the first steps turn it down. Noise would
                # then mask it, and a masked oscillator gets almost no gradient.
                trainer.noise_gain.assign(float(step > HARMONICS_FIRST))
                # The first step compiles.
                with without_remarks() if step == first + 1 else contextlib.nullcontext():
                    recent.append(float(trainer.train_step(batches)["total_loss"]))
                bar.update()
                if step % summary_every == 0 or step == steps:
                    losses[step] = float(np.mean(recent))
                    bar.set_postfix(loss=f"{losses[step]:.2f}")
                    tf.summary.scalar("losses/total_loss", losses[step], step)
                    recent = []
                if step % save_every == 0 or step == steps:
                    trainer.save(save_dir)
                    saved = step
                    if chief and (step % (10 * save_every) == 0 or step == steps):
                        _summarise_sound(trainer.model, dataset, step)
                    writer.flush()
        except KeyboardInterrupt:
            if _step(trainer) > saved:
                trainer.save(save_dir)
            raise
    return losses


def _begin(dataset, work, strategy):
    """Return a trainer, restored from the last run in `work`, and its batches."""
    batch_size = gin.query_parameter("train.batch_size")
    with contextlib.redirect_stdout(io.StringIO()):  # ddsp prints each layer that it builds
        trainer = _trainer(strategy)
        batches = iter(trainer.distribute_dataset(_examples(dataset, batch_size)))
        # One example makes the weights in an eighth of the time that ddsp's `Trainer.build` takes,
        # which compiles a whole batch.
        with strategy.scope():
            trainer.model(_first(dataset, 1), training=False)
    if tf.train.latest_checkpoint(str(work)):
        trainer.restore(str(work))
    trainer.speed_up()
    return trainer, batches


def _step(trainer):
    return int(trainer.step.numpy())


def _trainer(strategy):
    """Return ddsp's own Trainer with a faster, compiled step."""

    class Trainer(ddsp.training.trainers.Trainer):
        def speed_up(self):
            self.call, self.noise_gain = fast_training.speed_up(self.model)

        @tf.function
        def step_fn(self, batch):
            with tf.GradientTape() as tape:
                _, losses = self.call(batch)
            weights = self.model.trainable_variables
            gradients = tape.gradient(losses["total_loss"], weights)
            gradients, _ = tf.clip_by_global_norm(gradients, self.grad_clip_norm)
            self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
            return losses

    with strategy.scope():
        return Trainer(ddsp.training.models.Autoencoder(), strategy)


def _examples(dataset, batch_size):
    """Return endless batches, reshuffled in each epoch, and from memory after the first."""
    examples = _for_model(provider(dataset).get_dataset(shuffle=True))
    examples = examples.cache().shuffle(4000, reshuffle_each_iteration=True).repeat()
    # Machines divide the examples, not the files, because there may be fewer files than machines.
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    batches = examples.batch(batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    return batches.with_options(options)


def _first(dataset, n, part="train"):
    """Return a dataset's first n examples as one batch, without reading the others."""
    return next(iter(_for_model(provider(dataset, part).get_dataset(shuffle=False)).batch(n)))


def _for_model(examples):
    """Return a dataset's examples as gin's current model reads them."""
    if instruments.reads_power():
        return examples.map(vst.example)
    # At 16 kHz ddsp's pipeline stores the audio twice.
    return examples.map(lambda e: {k: v for k, v in e.items() if k != "audio_16k"})


def _summarise_sound(model, dataset, step):
    """Write the model's output and its target as audio for TensorBoard."""
    part = "held_out" if list(Path(dataset).glob("held_out*.tfrecord*")) else "train"
    batch = _first(dataset, 4, part)
    played = model(batch, training=False)["audio_synth"]
    tf.summary.audio("played", played[..., None], SAMPLE_RATE, step, max_outputs=4)
    tf.summary.audio("wanted", batch["audio"][..., None], SAMPLE_RATE, step, max_outputs=4)
