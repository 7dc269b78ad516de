"""The engine in JavaScript plays what Python plays, in Node and in Chromium; its files are checked."""

import base64
import dataclasses
import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, assert_sentence, left_in, served
from scipy.signal import resample, welch
from test_synthesis import compiled, level_db, rebuilt, steady

from ddsp_course import conditioning, instruments, synthesis, web_export
from ddsp_course.errors import CourseError, InstrumentError

pytestmark = pytest.mark.tensorflow

IN_NODE = """
import { readFileSync, writeFileSync } from "node:fs";
import { play } from "./engine_play.mjs";
const read = (name) => Uint8Array.from(readFileSync(name)).buffer;
const options = JSON.parse(readFileSync("options.json", "utf-8"));
const audio = play(read("instrument"), new Float32Array(read("curves")), options);
writeFileSync("audio", new Uint8Array(audio.buffer));
"""
IN_PAGE = """async (options) => {
  const { play } = await import("/engine_play.mjs");
  const read = async (name) => (await fetch(name)).arrayBuffer();
  const audio = play(await read("instrument"), new Float32Array(await read("curves")), options);
  const bytes = new Uint8Array(audio.buffer);
  let letters = "";
  for (let i = 0; i < bytes.length; i += 4096) {
    letters += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return btoa(letters);
}"""
IN_WORKLET = """async ([options, nSamples]) => {
  const read = async (name) => (await fetch(name)).arrayBuffer();
  const context = new OfflineAudioContext(1, nSamples, options.sampleRate);
  await context.audioWorklet.addModule("/worklet.mjs");
  const [file, curves] = [await read("instrument"), await read("curves")];
  const processorOptions = { file, curves: new Float32Array(curves), options };
  const node = new AudioWorkletNode(context, "player", { processorOptions });
  node.connect(context.destination);
  return Array.from((await context.startRendering()).getChannelData(0));
}"""
WORKLET = """
import { play } from "./engine_play.mjs";
registerProcessor("player", class extends AudioWorkletProcessor {
  constructor({ processorOptions: { file, curves, options } }) {
    super();
    this.audio = play(file, curves, options);
    this.at = 0;
  }
  process(_, [[out]]) {
    out.set(this.audio.subarray(this.at, this.at + out.length));
    this.at += out.length;
    return true;
  }
});"""


def node():
    """Return the path of Node, which comes with Playwright, or skip the test."""
    playwright = importlib.util.find_spec("playwright")
    if playwright:
        carried = Path(playwright.origin).parent / "driver" / "node"
        if carried.exists():
            return str(carried)
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is not installed, and neither is Playwright, which brings it")
    return found


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "engine"
    folder.mkdir()
    shutil.copy(ROOT / "ddsp_course" / "engine.js", folder / "engine.mjs")
    shutil.copy(ROOT / "tests" / "engine_play.mjs", folder)
    (folder / "worklet.mjs").write_text(WORKLET)
    return folder


def put(folder, file, f0_hz, loudness_db):
    """Put an instrument's file and curves into a folder, with silence behind, as in Python."""
    f0_hz = np.pad(f0_hz, (0, 4), mode="edge")
    floor_db = web_export.unpack(file)[0]["floor_db"]
    loudness_db = np.pad(loudness_db, (0, 4), constant_values=floor_db)
    (folder / "instrument").write_bytes(file)
    (folder / "curves").write_bytes(np.float32([f0_hz, loudness_db]).tobytes())


@pytest.fixture
def in_node(folder):
    """A way to have curves played in Node: (n,) float32."""

    def played(file, f0_hz, loudness_db, **options):
        put(folder, file, f0_hz, loudness_db)
        (folder / "options.json").write_text(json.dumps(options))
        command = [node(), "--input-type=module", "--eval", IN_NODE]
        run = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return np.fromfile(folder / "audio", np.float32)

    return played


@pytest.fixture
def window(folder, page):
    """A page of Chromium that can import what lies in the folder."""
    (folder / "index.html").touch()
    with served(folder) as address:
        window = page()
        window.goto(address)
        yield window


@pytest.fixture
def in_chromium(folder, window):
    """A way to have curves played in Chromium, as `in_node`."""

    def played(file, f0_hz, loudness_db, **options):
        put(folder, file, f0_hz, loudness_db)
        return np.frombuffer(base64.b64decode(window.evaluate(IN_PAGE, options)), np.float32)

    return played


@pytest.fixture(scope="module")
def exported(violin):
    """The violin without its room; rooms are tested on their own."""
    tensors = web_export.tensors_of(violin)
    del tensors["reverb.impulse_response"]
    return web_export.pack(web_export.settings_of(violin), tensors)


@pytest.fixture(scope="module")
def given(violin, heard):
    adjusted = conditioning.adjust(heard, violin.statistics)
    # A cycle a frame in the rest before it, so that both begin in the same phase.
    adjusted.f0_hz[0] = 250
    return adjusted


@pytest.fixture(scope="module")
def curves(given):
    return given.f0_hz, given.loudness_db


@pytest.fixture(scope="module")
def harmonic(violin, given):
    return violin.play_parts(given)[0]


def below_db(sound, expected):
    """The level of the difference below that of what was expected, in dB."""
    n = min(len(sound), len(expected))
    difference = level_db(sound[:n] - expected[:n]) - level_db(expected[:n])
    print(f"{difference:.1f} dB")  # pytest shows it where a test fails
    return difference


def at_16k(audio, sample_rate):
    """All but the last tenth of a second at 16 kHz, by a Fourier transform, which keeps all below
    8 kHz. The end fades out, since it would ring into the beginning."""
    unit = sample_rate // 50
    audio = audio[: len(audio) - len(audio) % unit].astype(np.float64)
    fading = sample_rate // 10
    audio[-fading:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(fading) / fading)
    return resample(audio, len(audio) // unit * 320)[:-1600]


def random_numbers(seed, n):
    """The engine's (the generator mulberry32), (n,) in -1..1."""
    seeds = (seed + 0x6D2B79F5 * np.arange(1, n + 1, dtype=np.uint64)).astype(np.uint32)
    t = (seeds ^ (seeds >> 15)) * (seeds | 1)
    t ^= t + (t ^ (t >> 7)) * (t | 61)
    return (t ^ (t >> 14)) / 2**31 - 1


@pytest.mark.parametrize("where", ["in_node", "in_chromium"])
def test_harmonics_are_pythons(where, request, exported, curves, harmonic):
    # Measured: -74 dB, all of it from weights in 16 bits.
    played = request.getfixturevalue(where)(exported, *curves, levels={"noise": 0})
    assert len(played) >= len(harmonic)
    assert below_db(played, harmonic) < -60


def test_sixteen_bits_are_all_that_harmonics_differ_by(in_node, exported, violin, given):
    rounded = with_kernels_in_16_bits(violin)
    played = in_node(exported, given.f0_hz, given.loudness_db, levels={"noise": 0})
    # Measured: -94 dB. The engine's own steps of a 32767th of a row's largest weight are the rest.
    assert below_db(played, rounded.play_parts(given)[0]) < -90


def with_kernels_in_16_bits(instrument):
    """Return the instrument with a player of rounded weights; its model stays as it is."""
    instruments.configure(instrument.gin_text)
    weights = [one for one in instrument.model.trainable_variables if len(one.shape) == 2]
    kernels = {one.ref(): one.numpy() for one in weights if one.shape[0] != 2}  # 2: a GRU's biases
    try:
        for kernel, values in kernels.items():
            kernel.deref().assign(values.astype(np.float16).astype(np.float32))
        return compiled(instrument)
    finally:
        for kernel, values in kernels.items():
            kernel.deref().assign(values)


@pytest.mark.parametrize("sample_rate", [22050, 44100, 48000, 96000])
def test_harmonics_are_the_same_at_any_sample_rate(
    sample_rate, in_node, exported, curves, harmonic
):
    played = in_node(exported, *curves, levels={"noise": 0}, sampleRate=sample_rate)
    frequency, power = welch(played, sample_rate, nperseg=4096)
    # Amplitudes that change spread a harmonic a little.
    assert power[frequency > 8200].sum() < 1e-8 * power.sum()
    assert below_db(at_16k(played, sample_rate), harmonic) < -60


def test_noise_is_pythons_where_the_random_numbers_are(in_node, exported, curves, violin):
    # At multiples of 16 kHz the engine draws as many numbers a second.
    before, n = synthesis.REST + synthesis.MARGIN, len(curves[0])
    f0_hz, loudness_db = (np.pad(curve, (before, synthesis.WINDOW), "edge") for curve in curves)
    loudness_db[:before] = -80
    drawn = np.float32(random_numbers(5, 64 * synthesis.WINDOW))
    drawn = np.r_[np.zeros(64 * before, np.float32), drawn]
    window, samples = slice(0, synthesis.WINDOW), slice(0, 64 * synthesis.WINDOW)
    curves_of_window = f0_hz[window], loudness_db[window], drawn[samples]
    rows, _ = violin.player.play(*curves_of_window, violin.player.state)
    # The last frame's filter is not that of the silence behind.
    expected = (rows[0] - rows[1])[64 * before :][: 64 * (n - 1)]
    options = {"levels": {"harmonic": 0}, "seed": 5}
    assert below_db(in_node(exported, *curves, **options), expected) < -60
    for sample_rate in (48000, 96000):
        played = at_16k(in_node(exported, *curves, **options, sampleRate=sample_rate), sample_rate)
        assert below_db(played, expected) < -60


def band_levels_db(sound, sample_rate=16000):
    """The power of 16 bands of 500 Hz, in dB."""
    _, power = welch(sound.astype(np.float64), sample_rate, nperseg=sample_rate // 50)
    return 10 * np.log10(power[: 10 * 16].reshape(16, 10).sum(1))


@pytest.mark.parametrize("sample_rate", [16000, 22050, 44100])
def test_noise_has_pythons_level_in_each_band(sample_rate, in_node, exported, violin):
    held = steady(20)
    options = {"levels": {"harmonic": 0}, "sampleRate": sample_rate, "seed": 3}
    played = in_node(exported, held.f0_hz, held.loudness_db, **options)[sample_rate:]
    if sample_rate != 16000:
        played = at_16k(played, sample_rate)
    expected = violin.play_parts(held)[1][16000:]
    # Two noises of 19 s differ by chance, in a band of 500 Hz by about 0.06 dB.
    difference_db = band_levels_db(played) - band_levels_db(expected)
    assert np.abs(difference_db).max() < 0.5


@pytest.mark.parametrize("sample_rate", [16000, 44100])
def test_blocks_sound_as_the_whole(sample_rate, in_node, exported, curves):
    room = in_a_room(exported, 9000)
    whole = in_node(room, *curves, sampleRate=sample_rate)
    for blocks in ([128], [1, 37, 1000, 300]):
        played = in_node(room, *curves, sampleRate=sample_rate, blocks=blocks)
        np.testing.assert_array_equal(played, whole)


def test_reset_begins_anew(in_node, exported, curves):
    room = in_a_room(exported, 9000)
    once = in_node(room, *curves)
    np.testing.assert_array_equal(in_node(room, *curves, rounds=2), once)


def impulse_response(n):
    rng = np.random.default_rng(0)
    return (rng.normal(size=n) * np.exp(-np.arange(n) / (n / 5)) / 20).astype(np.float32)


def in_a_room(file, n):
    """An exported instrument with a reverb of n samples."""
    settings, tensors = web_export.unpack(file)
    return web_export.pack(settings, tensors | {"reverb.impulse_response": impulse_response(n)})


@pytest.mark.parametrize("n", [1, 100, 129, 4000, 24000])
def test_room_is_pythons(n, in_node, exported, curves, harmonic):
    expected = synthesis.mix(harmonic, np.zeros_like(harmonic), impulse_response(n))
    played = in_node(in_a_room(exported, n), *curves, levels={"noise": 0}, blocks=[128])
    assert below_db(played, expected) < -60


def test_violin_plays_in_its_own_room(in_node, violin, given, harmonic):
    file = web_export.pack(web_export.settings_of(violin), web_export.tensors_of(violin))
    expected = synthesis.mix(harmonic, 0 * harmonic, violin.player.impulse_response)
    played = in_node(file, given.f0_hz, given.loudness_db, levels={"noise": 0}, blocks=[128])
    assert below_db(played, expected) < -60


@pytest.mark.parametrize(("sample_rate", "lead"), [(44100, 8), (48000, 0), (96000, 0)])
def test_room_is_the_same_at_any_sample_rate(
    sample_rate, lead, in_node, exported, curves, harmonic
):
    expected = synthesis.mix(harmonic, np.zeros_like(harmonic), impulse_response(24000))
    room = in_a_room(exported, 24000)
    played = in_node(room, *curves, levels={"noise": 0}, sampleRate=sample_rate, blocks=[128])
    assert below_db(at_16k(played[lead:], sample_rate), expected) < -60


def test_room_can_be_left(in_node, exported, curves):
    dry = in_node(exported, *curves)
    room = in_a_room(exported, 4000)
    np.testing.assert_array_equal(in_node(room, *curves, room=False), dry)
    np.testing.assert_array_equal(in_node(room, *curves, levels={"room": 0}), dry)


def test_webassembly_multiplies_as_javascript_does(in_node, exported, curves):
    plain = in_node(exported, *curves, simd=False)
    # WebAssembly adds up in float32. Measured: -126 dB.
    assert below_db(in_node(exported, *curves, simd=True), plain) < -95


def test_instrument_of_ddsp_1_reads_its_own_loudness(in_node, violin, curves):
    old = dataclasses.replace(violin, loudness_definition="ddsp1")
    file = web_export.pack(web_export.settings_of(old), web_export.tensors_of(old))
    f0_hz, loudness_db = curves
    loudness_db = loudness_db - 20
    expected, _ = synthesis.synthesize(
        old.player, f0_hz, synthesis.model_loudness(loudness_db, "ddsp1"), 64 * len(f0_hz)
    )
    played = in_node(file, f0_hz, loudness_db, levels={"noise": 0}, room=False)
    assert web_export.unpack(file)[0]["floor_db"] == -120
    assert below_db(played, expected) < -60


def test_instrument_of_other_sizes_and_order_plays(in_node, ddsp, violin):
    small = (
        "\nRnnFcDecoder.rnn_channels = 24\nRnnFcDecoder.ch = 20\nRnnFcDecoder.layers_per_stack = 3\n"
        "RnnFcDecoder.input_keys = ('f0_scaled', 'ld_scaled')\n"
        "RnnFcDecoder.output_splits = \\\n"
        "    (('noise_magnitudes', 17), ('harmonic_distribution', 7), ('amps', 1))\n"
        "ProcessorGroup.dag = [(@synths.FilteredNoise(), ['noise_magnitudes']), "
        "(@synths.Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz']), "
        "(@processors.Add(), ['harmonic/signal', 'filtered_noise/signal']), "
        "(@effects.Reverb(), ['add/signal'])]\n"
        "Reverb.name = 'reverb'\nReverb.trainable = True\nReverb.reverb_length = 800\n"
    )
    instrument = compiled(rebuilt(ddsp, violin, small))
    rng = np.random.default_rng(0)
    f0_hz = np.float32(2 ** rng.uniform(7, 9, 500))
    f0_hz[0] = 250
    loudness_db = np.float32(rng.uniform(-60, 0, 500))
    expected, _ = synthesis.synthesize(instrument.player, f0_hz, loudness_db, 64 * 500)
    expected = synthesis.mix(expected, 0 * expected, instrument.player.impulse_response)
    file = web_export.pack(web_export.settings_of(instrument), web_export.tensors_of(instrument))
    assert below_db(in_node(file, f0_hz, loudness_db, levels={"noise": 0}), expected) < -60


def test_engine_runs_in_an_audio_worklet(folder, window, in_chromium, exported, curves):
    options = {"sampleRate": 48000, "blocks": [128]}
    expected = in_chromium(exported, *curves, **options)
    played = window.evaluate(IN_WORKLET, [options, len(expected)])
    np.testing.assert_array_equal(np.float32(played), expected)


def test_every_bundled_instrument_fits_in_a_small_file(tmp_path):
    for name in (name for name, entry in instruments.catalogue().items() if entry.bundled):
        path = tmp_path / f"{name}.safetensors"
        instrument = instruments.load(name)
        web_export.to_web(instrument, path)
        assert path.stat().st_size <= 2_200_000
        settings, tensors = web_export.unpack(path.read_bytes())
        assert settings["name"] == name
        assert settings["statistics"]["mean_pitch"] == instrument.statistics.mean_pitch
        # Half of a number's last place of 11 bits.
        for name, weights in web_export.tensors_of(instrument).items():
            np.testing.assert_array_equal(tensors[name], weights)
        kernel = instrument.model.decoder.dense_out.kernel.numpy().T
        np.testing.assert_allclose(tensors["dense_out.kernel"], kernel, rtol=2**-11, atol=2**-25)


def test_export_that_cannot_be_read_back_leaves_nothing(violin, tmp_path, monkeypatch):
    monkeypatch.setattr(web_export, "unpack", lambda data: ({}, {}))
    with pytest.raises(CourseError) as raised:
        web_export.to_web(violin, tmp_path / "violin.safetensors")
    assert_sentence(raised.value, "violin.safetensors", longest=300)
    assert left_in(tmp_path) == []


DRY = (
    "(@synths.Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz']), "
    "(@synths.FilteredNoise(), ['noise_magnitudes']), "
    "(@processors.Add(), ['filtered_noise/signal', 'harmonic/signal'])"
)
WET = f"ProcessorGroup.dag = [{DRY}, (@effects.Reverb(), ['add/signal'])]"
TWICE = DRY.replace("filtered_noise/signal", "harmonic/signal")


@pytest.mark.parametrize(
    "lines",
    [
        "RnnFcDecoder.rnn_type = 'lstm'",
        "Harmonic.amp_resample_method = 'linear'",
        "Harmonic.normalize_below_nyquist = False",
        "FilteredNoise.window_size = 33",
        "exp_sigmoid.exponent = 5.0",
        f"{WET}\nReverb.name = 'reverb'\nReverb.trainable = True\nReverb.add_dry = False",
        f"ProcessorGroup.dag = [{TWICE}]",
        f"ProcessorGroup.dag = [{DRY.partition(', (@synths.Filtered')[0]}]",
    ],
)
def test_instrument_that_the_engine_cannot_play_is_refused(lines, ddsp, violin):
    instrument = rebuilt(ddsp, violin, f"\n{lines}\n")
    with pytest.raises(InstrumentError) as raised:
        web_export.settings_of(instrument)
    assert_sentence(raised.value, "violin", longest=250)


def damaged(exported):
    """{what is wrong: a file}."""
    settings, tensors = web_export.unpack(exported)
    nan = tensors["dense_out.bias"].copy()
    nan[3] = np.nan
    wide = np.zeros((61, 256), np.float16)
    without = {name: tensor for name, tensor in tensors.items() if name != "gru.input.bias"}
    return {
        "empty": b"",
        "a sound": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(100),
        "another's weights": web_export.pack(settings, tensors).replace(b"ddsp-course", b"other-thing"),
        "cut off in the header": exported[:500],
        "cut off in the numbers": exported[:-1],
        "a later version": web_export.pack(settings | {"format_version": 2}, tensors),
        "not a number": web_export.pack(settings, tensors | {"dense_out.bias": nan}),
        "another shape": web_export.pack(settings, tensors | {"dense_out.kernel": wide}),
        "a part is missing": web_export.pack(settings, without),
        "no loudness of silence": web_export.pack(settings | {"floor_db": None}, tensors),
    }  # fmt: skip


def test_files_that_are_not_an_instrument_get_a_sentence(folder, exported):
    files = damaged(exported)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    script = """
        import { readFileSync } from "node:fs";
        import { parse, Network, Synth } from "./engine.mjs";
        const read = (name) => Uint8Array.from(readFileSync(name)).buffer;
        const said = (act) => { try { act(); return null; } catch (error) { return error.message; } };
        const names = JSON.parse(process.argv[1]);
        const sentences = names.map((name) => said(() => parse(read(name))));
        const instrument = parse(read("instrument"));
        const network = new Network(instrument);
        const before = network.step(440, -20).amplitude;
        sentences.push(said(() => network.step(NaN, -20)), said(() => new Synth(instrument, 8000)));
        console.log(JSON.stringify([sentences, before, network.step(440, -20).amplitude]));
    """
    (folder / "instrument").write_bytes(exported)
    command = [node(), "--input-type=module", "--eval", script, json.dumps(list(files))]
    run = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    sentences, before, after = json.loads(run.stdout)
    for sentence in sentences:
        assert_sentence(sentence, longest=250)
    # What is not a number has not reached the state.
    assert after == pytest.approx(before, rel=0.5)
    versions = dict(zip(files, sentences, strict=False))
    assert (
        "version" in versions["a later version"] and "cut off" in versions["cut off in the numbers"]
    )
