"""An instrument as one file for the browser, which `engine.js` plays.

The file has the format safetensors: the length of a header in 8 bytes, the header in JSON, and the
numbers, those of the network in 16 bits. Nothing in it can run, and any program can read it.
Explained in notebooks/02_timbre_transfer/09_play_it_live.ipynb.
"""

import json
import math
from pathlib import Path

import numpy as np

from ddsp_course import files, instruments
from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.errors import CourseError, InstrumentError
from ddsp_course.fast import gru
from ddsp_course.features import floor_db
from ddsp_course.units import HOP_SIZE

FORMAT_VERSION = 1
_KEY = "ddsp-course"  # of the settings in the header's `__metadata__`
_DTYPES = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4")}


def to_web(instrument, path):
    """Write an instrument as one file for the browser, and compare what can be read back.

    Args:
      instrument: `instruments.Instrument`. gin's global settings are this instrument's afterwards.
      path: the file to write, which appears whole or not at all.

    Raises:
      InstrumentError: it has a part that the browser's engine does not play.
      CourseError: the file cannot be written.
    """
    settings, tensors = settings_of(instrument), tensors_of(instrument)
    try:
        with files.whole_file(path) as part:
            part.write_bytes(pack(settings, tensors))
            settings_read, tensors_read = unpack(part.read_bytes())
            same = settings_read == json.loads(json.dumps(settings)) and all(
                np.array_equal(tensors_read[name], tensor) for name, tensor in tensors.items()
            )
            if not same:
                raise CourseError(
                    f"What was written to {path} is not what is read back: check the disk, and "
                    "export it again."
                )
    except OSError as error:
        raise CourseError(
            f"{path} could not be written ({error.strerror or error}): free some disk space or "
            "choose another place."
        ) from error


def settings_of(instrument):
    """Return what the engine and a page need to know of an instrument besides its weights.

    Args:
      instrument: `instruments.Instrument`.

    Returns:
      dict, as JSON has it:
        format_version: 1.
        name, title: those of the catalogue, or the name of the instrument's folder or zip.
        sample_rate, hop_size: 16000 and 64, which it learned with.
        loudness_definition: "ddsp1" or "ddsp2", see `features.loudness_db`.
        floor_db: the loudness of silence by that definition.
        statistics: {"mean_pitch" (MIDI number), "mean_loudness", "mean_max_loudness" (dB, or null),
          "loudness_quantiles_db" (list)}, or null; see `instruments.Statistics`.
        inputs: what the stacks of `input_stacks` read, "ld_scaled" and "f0_scaled" in some order.
        outputs: [name, size] of what the network says, in order.
        n_harmonics, n_bands: sizes of two of them.
        noise_initial_bias: is added to the noise's before they are scaled.
        layer_norm_epsilon, leaky_relu_slope: of the layers.

    Raises:
      InstrumentError: it has a part that the browser's engine does not play.
    """
    harmonic, noise, slope = _parts(instrument)
    decoder, statistics = instrument.model.decoder, instrument.statistics
    sizes = dict(decoder.output_splits)
    entry = instruments.catalogue().get(instrument.name)
    name = Path(instrument.name).name  # where it lay is nobody else's business
    if statistics is not None:
        statistics = {
            "mean_pitch": statistics.mean_pitch,
            "mean_loudness": statistics.mean_loudness,
            "mean_max_loudness": statistics.mean_max_loudness,
            "loudness_quantiles_db": np.round(statistics.loudness_quantiles_db, 3).tolist(),
        }
    normalization = decoder.out_stack.layers[0].layers[1]
    return {
        "format_version": FORMAT_VERSION,
        "name": name,
        "title": entry.title if entry else name,
        "sample_rate": harmonic.sample_rate,
        "hop_size": HOP_SIZE,
        "loudness_definition": instrument.loudness_definition,
        "floor_db": floor_db(instrument.loudness_definition),
        "statistics": statistics,
        "inputs": list(decoder.input_keys),
        "outputs": [list(split) for split in decoder.output_splits],
        "n_harmonics": sizes["harmonic_distribution"],
        "n_bands": sizes["noise_magnitudes"],
        "noise_initial_bias": noise.initial_bias,
        "layer_norm_epsilon": normalization.epsilon,
        "leaky_relu_slope": slope,
    }


def tensors_of(instrument):
    """Return {name: array} of an instrument's weights: kernels in float16, with a row for each output."""
    decoder = instrument.model.decoder
    tensors = {}

    def add(name, kernel, bias):
        # Of 1,022,078 numbers 1,015,808 are the kernels'. Rounding the others too would cost 15 dB.
        tensors[f"{name}.kernel"] = kernel.numpy().T.astype(np.float16)
        tensors[f"{name}.bias"] = bias.numpy()

    def add_stack(name, stack):
        for i, (dense, normalization, _) in enumerate(one.layers for one in stack.layers):
            add(f"{name}.{i}", dense.kernel, dense.bias)
            tensors[f"{name}.{i}.gain"] = normalization.gamma.numpy()
            tensors[f"{name}.{i}.offset"] = normalization.beta.numpy()

    for i, stack in enumerate(decoder.input_stacks):
        add_stack(f"input_stacks.{i}", stack)
    cell = decoder.rnn.rnn.cell
    bias, recurrent_bias = tf.unstack(cell.bias)
    add("gru.input", cell.kernel, bias)
    add("gru.recurrent", cell.recurrent_kernel, recurrent_bias)
    add_stack("out_stack", decoder.out_stack)
    add("dense_out", decoder.dense_out.kernel, decoder.dense_out.bias)
    if instrument.player.impulse_response is not None:
        tensors["reverb.impulse_response"] = instrument.player.impulse_response
    return tensors


def pack(settings, tensors):
    """Return settings and {name: array}, float16 or float32, as the bytes of a safetensors file."""
    header, start = {"__metadata__": {_KEY: json.dumps(settings)}}, 0
    for name, tensor in tensors.items():
        dtype = {2: "F16", 4: "F32"}[tensor.itemsize]
        offsets = [start, start + tensor.nbytes]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": offsets}
        start += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers begin at a multiple of 8
    data = [tensor.astype(tensor.dtype.newbyteorder("<")).tobytes() for tensor in tensors.values()]
    return b"".join([len(text).to_bytes(8, "little"), text, *data])


def unpack(data):
    """Return (settings, {name: array}) of the bytes of a file that `pack` made."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    settings = json.loads(header.pop("__metadata__")[_KEY])
    tensors = {}
    for name, entry in header.items():
        n, start = math.prod(entry["shape"]), end + entry["data_offsets"][0]
        tensor = np.frombuffer(data, _DTYPES[entry["dtype"]], n, start)
        tensors[name] = tensor.reshape(entry["shape"])
    return settings, tensors


def _parts(instrument):
    """Return an instrument's synthesizers, and check that the engine plays all that it has.

    Returns:
      harmonic, noise: `ddsp.synths.Harmonic`, `ddsp.synths.FilteredNoise`.
      slope: of the network's rectifiers below zero.

    Raises:
      InstrumentError: it has a part that the engine does not play.
    """

    def require(is_played, part):
        if not is_played:
            raise InstrumentError(
                f"{instrument.name} has {part}, which the browser's engine does not play: use "
                "instrument.play or `ddsp-course transfer`."
            )

    # Functions that scale read gin's settings whenever they are called.
    instruments.configure(instrument.gin_text, instrument.name)
    decoder = instrument.model.decoder
    require(type(decoder) is ddsp.training.decoders.RnnFcDecoder, "another decoder")
    require(sorted(decoder.input_keys) == ["f0_scaled", "ld_scaled"], "inputs of its own")
    sizes = dict(decoder.output_splits)
    require(set(sizes) == {"amps", "harmonic_distribution", "noise_magnitudes"}, "other outputs")
    require(decoder.rnn.rnn in gru.grus(instrument.model), "another recurrent layer than a GRU")
    rectified = np.array(decoder.out_stack.layers[0].layers[2](tf.constant([-2.0, -1.0, 2.0])))
    slope = -float(rectified[1])
    require(np.allclose(rectified, [-2 * slope, -slope, 2]), "layers that are not rectified")

    group = instrument.model.processor_group
    parts = {type(one): one for one in group.processors}
    harmonic = parts.get(ddsp.synths.Harmonic)
    noise = parts.get(ddsp.synths.FilteredNoise)
    add, reverb = parts.get(ddsp.processors.Add), parts.get(ddsp.effects.Reverb)
    require(harmonic and noise and add, "other synthesizers than harmonics and filtered noise")
    route = {
        harmonic.name: ["amps", "harmonic_distribution", "f0_hz"],
        noise.name: ["noise_magnitudes"],
        add.name: sorted([f"{harmonic.name}/signal", f"{noise.name}/signal"]),
    }
    if reverb:
        route[reverb.name] = [f"{add.name}/signal"]
        require(reverb.trainable and reverb._add_dry, "a reverb of another kind")
    its_route = {name: list(inputs) for name, inputs, *_ in group.dag}
    if add.name in its_route:
        its_route[add.name].sort()
    require(its_route == route, "parts that are connected in another way")
    is_usual = harmonic.normalize_below_nyquist and harmonic.amp_resample_method == "window"
    require(is_usual, "harmonics of another kind")
    filter_size = 2 * (sizes["noise_magnitudes"] - 1)
    require(not 0 < noise.window_size < filter_size, "shorter filters of its noise")
    x = np.linspace(-9, 9, 19, dtype=np.float32)
    expected = 2 / (1 + np.exp(-x)) ** np.log(10) + 1e-7
    for one in (harmonic, noise):
        is_usual = one.scale_fn is not None and np.allclose(one.scale_fn(x), expected, 1e-4)
        require(is_usual, "outputs that are scaled in another way")
    return harmonic, noise, slope
