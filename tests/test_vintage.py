"""Instruments as ddsp wrote them in 2020 load and play what they played then.

The tests build the networks of 2020 out of Keras layers, with the names that they had in ddsp 0.1,
0.2 and 0.14, and save them as ddsp did.
"""

import pickle
import shutil
import sys
import types
import zipfile
from collections import namedtuple

import numpy as np
import pytest
from conftest import assert_sentence

from ddsp_course import instruments, synthesis
from ddsp_course.errors import InstrumentError

pytestmark = pytest.mark.tensorflow

Size = namedtuple("Size", "units n_layers n_harmonics n_bands reverb")
SMALL = Size(units=8, n_layers=2, n_harmonics=5, n_bands=9, reverb=800)
MAGENTAS = Size(units=512, n_layers=3, n_harmonics=60, n_bands=65, reverb=48000)

# {0}: the size; {1}: further lines of the decoder.
SETTINGS = """
import ddsp
import ddsp.training as training

Add.name = 'add'
Additive.n_samples = 64000
Additive.name = 'additive'
Additive.normalize_below_nyquist = True
Additive.sample_rate = 16000
Additive.scale_fn = @core.exp_sigmoid
Autoencoder.decoder = @decoders.RnnFcDecoder()
Autoencoder.encoder = None
Autoencoder.losses = [@losses.SpectralLoss()]
Autoencoder.name = 'autoencoder'
Autoencoder.preprocessor = @preprocessing.DefaultPreprocessor()
Autoencoder.processor_group = @processors.ProcessorGroup()
DefaultPreprocessor.time_steps = 1000
exp_sigmoid.exponent = 10.0
FilteredNoise.initial_bias = -5.0
FilteredNoise.n_samples = 64000
FilteredNoise.name = 'filtered_noise'
FilteredNoise.scale_fn = @core.exp_sigmoid
FilteredNoise.window_size = 0
get_model.model = @models.Autoencoder()
ProcessorGroup.dag = \\
    [(@synths.Additive(), ['amps', 'harmonic_distribution', 'f0_hz']),
     (@synths.FilteredNoise(), ['noise_magnitudes']),
     (@processors.Add(), ['filtered_noise/signal', 'additive/signal']),
     (@effects.Reverb(), ['add/signal'])]
ProcessorGroup.name = 'processor_group'
Reverb.add_dry = True
Reverb.name = 'reverb'
Reverb.reverb_length = {0.reverb}
Reverb.trainable = True
RnnFcDecoder.ch = {0.units}
RnnFcDecoder.layers_per_stack = {0.n_layers}
RnnFcDecoder.output_splits = \\
    (('amps', 1), ('harmonic_distribution', {0.n_harmonics}), ('noise_magnitudes', {0.n_bands}))
RnnFcDecoder.rnn_channels = {0.units}
RnnFcDecoder.rnn_type = 'gru'
{1}
SpectralLoss.logmag_weight = 1.0
train.num_steps = 30000
"""
INPUT_KEYS = "RnnFcDecoder.input_keys = ('ld_scaled', 'f0_scaled')"


class Network:
    """The network of 2020: its layers as `model`, its pass as `outputs`, in plain Keras.

    Attributes:
      model: what was saved as `model`.
      reads: which input comes first, "f0" or "ld".
    """

    def __init__(self, tf, version, size):
        keras = tf.keras

        def stack():
            layers = (
                [
                    keras.layers.Dense(size.units),
                    keras.layers.LayerNormalization(),
                    keras.layers.Activation(tf.nn.leaky_relu),
                ]
                for _ in range(size.n_layers)
            )
            return keras.Sequential([keras.Sequential(three) for three in layers])

        self.tf, self.size, self.reads = tf, size, "f0" if version == "0.1" else "ld"
        self.first, self.second, self.out_stack = stack(), stack(), stack()
        self.gru = keras.layers.GRU(size.units, return_sequences=True)
        self.dense_out = keras.layers.Dense(1 + size.n_harmonics + size.n_bands)
        decoder = keras.layers.Layer()
        if version != "0.1":
            decoder.input_stacks = [self.first, self.second]
        decoder.f_stack, decoder.l_stack = self.first, self.second
        decoder.rnn = self.gru
        if version == "0.14":
            decoder.rnn = keras.layers.Layer()
            decoder.rnn.rnn = self.gru
        decoder.out_stack, decoder.dense_out = self.out_stack, self.dense_out
        reverb = keras.layers.Layer()
        reverb._ir = reverb.add_weight(name="ir", shape=[size.reverb])
        group = keras.layers.Layer()
        group.processors = [*(keras.layers.Layer() for _ in range(3)), reverb]
        self.model = keras.Model()
        self.model.decoder, self.model.processor_group = decoder, group
        self.decoder, self.reverb = decoder, reverb
        self.outputs(np.full(3, 440.0), np.full(3, -60.0))  # builds it
        rng = np.random.default_rng(0)
        for weight in self.weights():
            # Biases and normalizations begin as zeros and ones, by which they could not be told apart.
            noise = rng.normal(0, 0.1, weight.shape).astype(np.float32)
            weight.assign(weight + (noise if weight is not reverb._ir else 1e-2 * noise))

    def weights(self):
        return [*self.decoder.trainable_variables, self.reverb._ir]

    def outputs(self, f0_hz, loudness_db):
        """Return {name: (n_frames, n)} that the network gave for pitch and ddsp 1's loudness."""
        tf, size = self.tf, self.size
        f0 = tf.constant((12 * np.log2(f0_hz / 440) + 69)[None, :, None] / 127, tf.float32)
        ld = tf.constant(loudness_db[None, :, None] / 120 + 1, tf.float32)
        outputs = tf.function(self._outputs)(*((f0, ld) if self.reads == "f0" else (ld, f0)))
        parts = np.split(outputs.numpy()[0], [1, 1 + size.n_harmonics], axis=1)
        names = ("amps", "harmonic_distribution", "noise_magnitudes")
        return dict(zip(names, parts, strict=True))

    def _outputs(self, first, second):
        tf = self.tf
        read = [self.first(first), self.second(second)]
        states = self.gru(tf.concat(read, -1))
        return self.dense_out(self.out_stack(tf.concat([*read, states], -1)))


@pytest.fixture(scope="module")
def write(tf):
    """A way to write an instrument of 2020: (folder, version, size) -> its `Network`."""

    def written(folder, version="0.1", size=SMALL, settings=SETTINGS):
        folder.mkdir()
        network = Network(tf, version, size)
        optimizer = tf.keras.optimizers.legacy.Adam()
        weights = network.weights()
        gradients = [tf.random.stateless_normal(weight.shape, [0, 0]) for weight in weights]
        before = [weight.numpy() for weight in weights]
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        for weight, value in zip(weights, before, strict=True):
            weight.assign(value)
        tf.train.Checkpoint(model=network.model, optimizer=optimizer).save(str(folder / "ckpt"))
        further = "RnnFcDecoder.name = None" + ("\n" + INPUT_KEYS if version != "0.1" else "")
        (folder / "operative_config-0.gin").write_text(settings.format(size, further))
        (folder / "dataset_statistics.pkl").write_bytes(statistics())
        return network

    return written


def statistics(module="sklearn.preprocessing.data"):
    """Return the pickle of what was known in 2020 of the audio that an instrument had learned."""
    transformer = type("QuantileTransformer", (), {"__module__": module})
    names = [module[: i if i >= 0 else None] for i in (module.find("."), module.rfind("."), -1)]
    modules = {name: types.ModuleType(name) for name in (*names[:2], module)}
    modules[module].QuantileTransformer = transformer
    held = transformer()
    held.n_quantiles, held.output_distribution, held.copy = 1000, "uniform", True
    held.references_ = np.linspace(0, 1, 7)
    held.quantiles_ = np.linspace(-90, -35, 7)[:, None]
    with pytest.MonkeyPatch.context() as patched:
        for name, stand_in in modules.items():
            patched.setitem(sys.modules, name, stand_in)
        return pickle.dumps({"mean_pitch": np.float64(73), "quantile_transform": held}, 3)


@pytest.fixture(scope="module")
def of_2020(write, tmp_path_factory):
    """An `Instrument` of ddsp 0.1, and the `Network` that it was written from."""
    folder = tmp_path_factory.mktemp("room") / "solo_violin_ckpt"
    network = write(folder)
    return instruments.load(folder), network


def curves(n_frames):
    """Return pitch in Hz and ddsp 1's loudness in dB, which wander."""
    t = np.linspace(0, 1, n_frames)
    return 440 * 2 ** np.sin(7 * t), -60 + 30 * np.sin(11 * t)


def assert_the_same(tf, instrument, network):
    """The instrument's network gives what its original gave, for each frame of a window."""
    f0_hz, loudness_db = curves(synthesis.WINDOW)
    heard = {
        "f0_hz": f0_hz[None].astype(np.float32),
        "loudness_db": synthesis.model_loudness(loudness_db, "ddsp1")[None].astype(np.float32),
    }
    model = instrument.model
    found = tf.function(lambda: model.decoder(model.encode(dict(heard), training=False)))()
    for name, wanted in network.outputs(f0_hz, loudness_db).items():
        # Numbers about 1 in float32, after some thousand additions each.
        np.testing.assert_allclose(found[name][0], wanted, atol=1e-5, rtol=0)


def test_what_ddsp_0_1_wrote_loads(of_2020, tf):
    instrument, network = of_2020
    assert_the_same(tf, instrument, network)
    np.testing.assert_array_equal(instrument.player.impulse_response, network.reverb._ir)
    assert instrument.loudness_definition == "ddsp1"
    assert instrument.statistics.mean_pitch == 73
    assert instrument.statistics.mean_loudness is None
    quantiles = instrument.statistics.loudness_quantiles_db
    np.testing.assert_array_equal(quantiles, np.linspace(-90, -35, 7))


def test_it_plays_the_harmonics_of_its_network(of_2020, ddsp):
    instrument, network = of_2020
    f0_hz, loudness_db = curves(500)
    played, noise = synthesis.synthesize(
        instrument.player, f0_hz, synthesis.model_loudness(loudness_db, "ddsp1"), 64 * 500
    )
    # The instrument begins in silence, and holds the last frame.
    around = (synthesis.REST + synthesis.MARGIN, synthesis.MARGIN)
    f0_hz = np.pad(f0_hz, around, mode="edge")
    raw = network.outputs(f0_hz, np.pad(loudness_db, around, constant_values=-120))
    amplitudes, shares = (
        2 / (1 + np.exp(-raw[name].astype(np.float64))) ** np.log(10) + 1e-7
        for name in ("amps", "harmonic_distribution")
    )
    # Hann windows that overlap by half are ddsp's way from frames to samples.
    amplitudes = (amplitudes * shares / shares.sum(1, keepdims=True))[None].astype(np.float32)
    amplitudes = ddsp.core.upsample_with_windows(amplitudes, 64 * len(f0_hz))[0].numpy()
    at = np.arange(64 * len(f0_hz)) / 64
    phase = 2 * np.pi * np.cumsum(np.interp(at, np.arange(len(f0_hz)), f0_hz)) / 16000
    harmonics = np.arange(1, 1 + SMALL.n_harmonics)
    wanted = (amplitudes * np.sin(phase[:, None] * harmonics)).sum(1)
    wanted = wanted[64 * around[0] :][: len(played)]
    assert np.abs(wanted).max() > 1e-2 and np.abs(noise).max() > 0
    np.testing.assert_allclose(played, wanted, atol=1e-4)


@pytest.fixture
def uncompiled(monkeypatch):
    """Instruments load in a third of the time, and cannot play."""
    monkeypatch.setattr(synthesis, "compile_player", lambda model: None)


@pytest.mark.parametrize("version", ["0.2", "0.14"])
def test_what_later_versions_wrote_loads(version, write, tmp_path, uncompiled, tf):
    network = write(tmp_path / "mine", version)
    instrument = instruments.load(tmp_path / "mine")
    assert_the_same(tf, instrument, network)
    np.testing.assert_array_equal(
        instrument.model.processor_group.processors[-1]._ir, network.reverb._ir
    )


@pytest.mark.slow
def test_an_instrument_of_magenta_s_size_loads_from_a_zip(write, tmp_path, tf):
    network = write(tmp_path / "solo_violin_ckpt", size=MAGENTAS)
    assert sum(weight.numpy().size for weight in network.weights()) == 4_849_150
    with zipfile.ZipFile(tmp_path / "solo_violin_ckpt.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in (tmp_path / "solo_violin_ckpt").iterdir():
            archive.write(file, f"solo_violin_ckpt/{file.name}")
    size = sum(file.stat().st_size for file in (tmp_path / "solo_violin_ckpt").iterdir())
    assert size == pytest.approx(58e6, rel=0.01)  # with Adam's running means
    shutil.rmtree(tmp_path / "solo_violin_ckpt")
    instrument = instruments.load(tmp_path / "solo_violin_ckpt.zip")
    assert_the_same(tf, instrument, network)
    assert instrument.player.seamless
    np.testing.assert_array_equal(instrument.player.impulse_response, network.reverb._ir)


@pytest.mark.parametrize(
    ("rename", "words"),
    [
        ({"l_stack": "elsewhere"}, "not bound"),  # missing
        ({"f_stack": "out_stack", "out_stack": "f_stack"}, "shape"),  # swapped
    ],
    ids=["missing", "swapped"],
)
def test_weights_that_do_not_fit_are_refused(rename, words, write, tmp_path, uncompiled, tf):
    network = write(tmp_path / "mine")
    parts = {name: getattr(network.decoder, name)
             for name in ("f_stack", "l_stack", "rnn", "out_stack", "dense_out")}  # fmt: skip
    wrong = tf.train.Checkpoint(**{rename.get(name, name): part for name, part in parts.items()})
    model = tf.train.Checkpoint(decoder=wrong, processor_group=network.model.processor_group)
    tf.train.Checkpoint(model=model).write(str(tmp_path / "mine" / "ckpt-2"))
    with pytest.raises(InstrumentError) as caught:
        instruments.load(tmp_path / "mine")
    assert_sentence(caught.value, "ckpt-2", "operative_config-0.gin", words, longest=800)


@pytest.mark.parametrize("decoder", ["ZRnnFcDecoder", "RnnFcDecoder"])
def test_an_instrument_with_an_encoder_is_refused(decoder, write, tmp_path, uncompiled):
    settings = SETTINGS.replace("RnnFcDecoder", decoder).replace(
        "Autoencoder.encoder = None",
        "Autoencoder.encoder = @encoders.MfccTimeDistributedRnnEncoder()\n"
        "MfccTimeDistributedRnnEncoder.z_dims = 16\n"
        "MfccTimeDistributedRnnEncoder.z_time_steps = 125",
    )
    write(tmp_path / "mine", settings=settings)
    with pytest.raises(InstrumentError, match="mine.*encoder"):
        instruments.load(tmp_path / "mine")


@pytest.mark.parametrize(
    "module",
    ["sklearn.preprocessing.data", "sklearn.preprocessing._data", "ddsp.colab.colab_utils"],
)
def test_statistics_of_2020_are_read_and_not_run(module, tmp_path):
    (tmp_path / "dataset_statistics.pkl").write_bytes(statistics(module))
    found = instruments.read_statistics(tmp_path / "dataset_statistics.pkl", "ddsp1")
    assert (found.mean_pitch, found.mean_loudness, found.mean_max_loudness) == (73, None, None)
    np.testing.assert_array_equal(found.loudness_quantiles_db, np.linspace(-90, -35, 7))
    assert "sklearn" not in found.loudness_quantiles_db.__class__.__module__
