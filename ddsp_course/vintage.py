"""Instruments of 2020: what their settings and variables are called today.

Magenta's first instruments (`gs://ddsp/models/tf2/solo_violin_ckpt` and its like) were trained with
ddsp 0.0 and 0.1. Version 1.0 renamed some classes and moved some layers; from then on names have
stayed. Read in the packages of ddsp 0.0.10 to 1.0.1 on PyPI:

  - `synths.Additive` became `Harmonic` and `training/preprocessing.DefaultPreprocessor` became
    `F0LoudnessPreprocessor`. `Add` stood for ddsp's processor alone, as no Keras layer was known to
    gin. `training/decoders.ZRnnFcDecoder` became `RnnFcDecoder` in 0.2.
  - `RnnFcDecoder` had `f_stack` for pitch and `l_stack` for loudness, in this order, and read no
    `input_keys`. From 0.2 on it had `input_stacks` in the order of `input_keys`, and gave the first
    two the old names as well.
  - Its `rnn` was the Keras layer itself, and from 0.14 on a layer that holds it.
  - `ProcessorGroup` kept its parts in the list `processors`, and now keeps each by its name.

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
# Settings that the ddsp of 2020 could not write down, as it knew nothing else.
UNWRITTEN = [(("", "RnnFcDecoder", "input_keys"), ("f0_scaled", "ld_scaled"))]


def is_vintage(gin_text):
    """Return whether a `operative_config-0.gin` was written by a ddsp before 1.0."""
    return bool(re.search(r"\bDefaultPreprocessor\b", gin_text))


def name_today(selector):
    """Return what gin calls today a class that it called `selector`, such as "synths.Additive".

    Names that have not changed come back as they are.
    """
    if selector == "Add":
        return "processors.Add"
    module, dot, name = selector.rpartition(".")
    return module + dot + _RENAMED.get(name, name)


def checkpoint(model, prefix):
    """Return a model's layers under the names that a checkpoint before ddsp 1.0 has for them.

    Args:
      model: `ddsp.training.models.Autoencoder`, built.
      prefix: the checkpoint's path, without ".index".

    Returns:
      `tf.train.Checkpoint`, to read it into.

    Raises:
      ValueError: the model reads other inputs than pitch and loudness.
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
