"""Translate the settings and variables of instruments of 2020 to today's names.

Magenta's first instruments (such as `gs://ddsp/models/tf2/solo_violin_ckpt`) were trained with ddsp
0.0 and 0.1. Version 1.0 renamed some classes and moved some layers; the names have not changed
since. According to the source of ddsp 0.0.10 to 1.0.1 on PyPI:

  - `synths.Additive` became `Harmonic` and `training/preprocessing.DefaultPreprocessor` became
    `F0LoudnessPreprocessor`. `Add` meant only ddsp's processor, because gin knew no Keras layers.
    `training/decoders.ZRnnFcDecoder` became `RnnFcDecoder` in 0.2.
  - `RnnFcDecoder` had `f_stack` for pitch and `l_stack` for loudness, in this order, and no
    `input_keys`. From 0.2 on it had `input_stacks` in the order of `input_keys`, and the first two
    kept their old names as well.
  - Its `rnn` was the Keras layer itself; from 0.14 on it is a layer that contains it.
  - `ProcessorGroup` kept its parts in the list `processors`; now it keeps each under its name.

Kernels, biases and normalizations have the same shapes and order inside these layers.
Explained in notebooks/02_timbre_transfer/06_loading_a_model.ipynb.
"""

import re

from ddsp_course._tensorflow import ddsp, tf

_RENAMED = {
    "Additive": "Harmonic",
    "DefaultPreprocessor": "F0LoudnessPreprocessor",
    "ZRnnFcDecoder": "RnnFcDecoder",
}
# Settings that ddsp in 2020 did not write, because it had no alternative to them.
UNWRITTEN = [(("", "RnnFcDecoder", "input_keys"), ("f0_scaled", "ld_scaled"))]


def is_vintage(gin_text):
    """Return whether an `operative_config-0.gin` was written by ddsp before version 1.0."""
    return bool(re.search(r"\bDefaultPreprocessor\b", gin_text))


def name_today(selector):
    """Return today's name of a class, given its gin name in 2020, such as "synths.Additive".

    Names that have not changed are returned unchanged.
    """
    if selector == "Add":
        return "processors.Add"
    module, dot, name = selector.rpartition(".")
    return module + dot + _RENAMED.get(name, name)


def checkpoint(model, prefix):
    """Arrange a model's layers under the names that checkpoints before ddsp 1.0 use.

    Args:
      model: `ddsp.training.models.Autoencoder`, already built.
      prefix: path of the checkpoint, without ".index".

    Returns:
      `tf.train.Checkpoint` to read it into.

    Raises:
      ValueError: the model has inputs other than pitch and loudness.
      tf.errors.OpError: the checkpoint cannot be read.
    """
    decoder = model.decoder
    if isinstance(decoder, ddsp.training.decoders.RnnFcDecoder):
        names = [name for name, _ in tf.train.list_variables(str(prefix))]
        is_bare = any(name.startswith("model/decoder/rnn/cell/") for name in names)
        stacks = dict(zip(("f_stack", "l_stack"), decoder.input_stacks, strict=True))
        decoder = tf.train.Checkpoint(
            **stacks,
            rnn=decoder.rnn.rnn if is_bare else decoder.rnn,
            out_stack=decoder.out_stack,
            dense_out=decoder.dense_out,
        )
    group = tf.train.Checkpoint(processors=model.processor_group.processors)
    return tf.train.Checkpoint(
        model=tf.train.Checkpoint(decoder=decoder, processor_group=group),
    )
