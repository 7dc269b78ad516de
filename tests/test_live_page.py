"""The live instrument's page: its modules with known signals, and the page in Chromium.

The microphone is a file that Chromium plays; what the page plays is what it records. With
DDSP_COURSE_PHOTOGRAPHS=1 the page is photographed: build/photographs/live-*.png are there to be
looked at.
"""

import base64
import io
import types

import nbformat
import numpy as np
import pytest
import soundfile
import soxr
import test_access
import test_browser
from conftest import CHROMIUM, ROOT, SECONDS, served

from ddsp_course import _paths, audio, features, live, live_page, record
from ddsp_course.units import FRAME_RATE, hz_to_midi

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow]

lab = test_browser.lab
CEILING = 10 ** (-1 / 20)  # -1 dBFS
# What the microphone sings, over and over: (MIDI number, seconds), with rests between.
SONG = [(62, 0.7), (64, 0.7), (66, 0.7), (69, 0.7)]
REST_S = 0.3


def sung(midi, rate=48000, level=0.2):
    """A voice-like tone with 12 harmonics and soft ends at pitches (n_samples,), as MIDI numbers."""
    hz = 440 * 2 ** ((np.asarray(midi) - 69) / 12)
    phase = 2 * np.pi * np.cumsum(hz) / rate
    tone = sum(np.sin(k * phase) / k for k in range(1, 13))
    ends = np.minimum(
        1, np.minimum(np.arange(len(tone)), np.arange(len(tone))[::-1]) / (0.03 * rate)
    )
    return level * tone * ends


def song(rate=48000):
    rest = np.zeros(int(REST_S * rate))
    notes = [np.r_[sung(np.full(int(s * rate), pitch), rate), rest] for pitch, s in SONG]
    # A room is never silent.
    hiss = np.random.default_rng(0).normal(0, 1e-4, sum(map(len, notes)))
    return np.concatenate(notes) + hiss


@pytest.fixture(scope="module")
def exported(violin):
    return live_page.content_of(violin)


@pytest.fixture(scope="module")
def address(tmp_path_factory, exported):
    """The address of the page by itself, beside its modules."""
    folder = tmp_path_factory.mktemp("live")
    (folder / "violin.safetensors").write_bytes(exported)
    live_page.write(folder, {"violin": folder / "violin.safetensors"})
    for path in live_page.HERE.glob("*.js"):
        (folder / path.name).symlink_to(path)

    with served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    microphone = tmp_path_factory.mktemp("microphone") / "song.wav"
    soundfile.write(microphone, song(), 48000, subtype="PCM_16")
    arguments = [
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
    ]
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)


# The modules by themselves -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def modules(browser, address):
    """A page in which the modules can be imported; gives a way to call JavaScript on arrays."""
    page = browser.new_context().new_page()
    page.set_default_timeout(SECONDS)
    page.goto(f"{address}engine.js")
    page.evaluate(
        """() => {
          globalThis.unpack = (text) =>
            new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
          globalThis.fetchViolin = async () => (await fetch("/violin.safetensors")).arrayBuffer();
        }"""
    )

    def call(script, *arguments):
        packed = [
            base64.b64encode(one.astype("<f4").tobytes()).decode()
            if isinstance(one, np.ndarray)
            else one
            for one in arguments
        ]
        return page.evaluate(script, packed)

    return call


LISTEN = """async ([packed, rate, block]) => {
  const { Listener } = await import("/analysis.js");
  const samples = unpack(packed);
  const listener = new Listener(rate);
  const frames = [];
  for (let i = 0; i < samples.length; i += block)
    for (const one of listener.push(samples.subarray(i, i + block)))
      frames.push([one.f0_hz, one.clarity, one.loudness_db]);
  return frames;
}"""


def listen(modules, sound, rate=48000, block=128):
    """Return f0_hz, clarity and loudness_db, (n_frames,) each, as the page hears a sound."""
    return np.array(modules(LISTEN, sound, rate, block)).T


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_pitch_of_a_tone_is_heard_within_five_cents_at_each_rate(modules, rate):
    # From the lowest note of a cello to the top of CREPE's range.
    pitches = [36, 45, 55, 69, 81, 93]
    tones = [sung(np.full(rate // 4, pitch), rate) for pitch in pitches]
    f0_hz, clarity, _ = listen(modules, np.concatenate(tones), rate)
    for i, pitch in enumerate(pitches):
        steady = slice(int((i + 0.3) * FRAME_RATE / 4), int((i + 0.8) * FRAME_RATE / 4))
        assert np.abs(hz_to_midi(f0_hz[steady]) - pitch).max() < 0.05, pitch
        assert clarity[steady].min() > 0.9, pitch


def test_new_pitch_is_heard_within_twenty_milliseconds(modules):
    midi = np.r_[np.full(24000, 57.0), np.full(24000, 64.0)]
    f0_hz, _, _ = listen(modules, sung(midi))
    midi = hz_to_midi(f0_hz)
    # Half of the window of 20 ms, and the converter's millisecond.
    late = np.flatnonzero(np.abs(midi[FRAME_RATE // 2 :] - 64) < 0.3)[0] / FRAME_RATE
    assert late <= 0.02


def test_noise_and_silence_are_not_clear(modules):
    noise = np.random.default_rng(1).normal(0, 0.1, 48000)
    _, clarity, _ = listen(modules, np.r_[noise, np.zeros(24000)])
    assert np.quantile(clarity[:200], 0.95) < 0.7
    assert clarity[-50:].max() < 0.1


@pytest.mark.parametrize("name", ["voice", "phrase", "hum", "whistle"])
def test_pitch_and_loudness_agree_with_the_course_on_a_recording(modules, name):
    recording = audio.load(_paths.ASSETS / "audio" / f"{name}.ogg")[: 4 * 16000]
    heard = features.extract(recording)
    f0_hz, clarity, loudness_db = listen(modules, soxr.resample(recording, 16000, 48000))
    late = 3  # frames: the page's window ends where the course's has its middle
    n = len(f0_hz) - late
    loud = heard.loudness_db[:n] > heard.loudness_db.max() - 35
    sure = loud & (heard.f0_confidence[:n] > 0.6)
    cents = 1200 * np.abs(np.log2(f0_hz[late:][sure] / heard.f0_hz[:n][sure]))
    assert (cents < 50).mean() > 0.97
    assert (clarity[late:][sure] > 0.8).mean() > 0.9
    # The middles of the windows are up to a frame apart.
    assert np.median(np.abs(loudness_db[late:] - heard.loudness_db[:n])[loud]) < 0.3


def test_sound_is_heard_alike_in_blocks_of_any_length(modules):
    sound = sung(np.linspace(50, 70, 24000))
    whole = listen(modules, sound, block=24000)
    np.testing.assert_array_equal(listen(modules, sound, block=128), whole)
    np.testing.assert_array_equal(listen(modules, sound, block=777), whole)


CONDITION = """async ([packed, rate, range]) => {
  const { Listener } = await import("/analysis.js");
  const { Conditioning } = await import("/conditioning.js");
  const conditioning = new Conditioning(range);
  return new Listener(rate).push(unpack(packed)).map((one) => {
    const { f0_hz, loudness_db } = conditioning.next(one);
    return [f0_hz, loudness_db, conditioning.isOpen];
  });
}"""


@pytest.fixture(scope="module")
def ranges(violin):
    statistics = violin.statistics
    return {
        "meanPitch": statistics.mean_pitch,
        "quantilesDb": statistics.loudness_quantiles_db.tolist(),
        "floorDb": -80,
    }


def condition(modules, sound, ranges):
    f0_hz, loudness_db, is_open = np.array(modules(CONDITION, sound, 48000, ranges)).T
    return f0_hz, loudness_db, is_open.astype(bool)


@pytest.mark.parametrize("gain", [1, 0.05])
def test_register_and_loudness_come_to_the_instruments(modules, ranges, violin, gain):
    sound = gain * np.tile(song(), 3)
    f0_hz, loudness_db, is_open = condition(modules, sound, ranges)
    late = is_open & (np.arange(len(is_open)) > 6 * FRAME_RATE)
    # Whole octaves, to the one that is nearest to the violin's middle.
    shift = (np.median(hz_to_midi(f0_hz[late])) - 65) / 12
    assert abs(shift - round((violin.statistics.mean_pitch - 65) / 12)) < 0.2
    # The mean of all its quantiles; 3 dB, for what is learned goes on.
    wanted = violin.statistics.loudness_quantiles_db
    assert abs(loudness_db[late].mean() - wanted.mean()) < 3
    assert loudness_db.max() <= wanted[-1]


def test_first_note_is_in_the_register_although_another_ones_end_was_heard(modules, ranges):
    # The end of an A4, which the violin plays as it is, and then D4, which it plays an octave higher.
    rest = np.random.default_rng(3).normal(0, 1e-4, 14400)
    sound = [sung(np.full(n, pitch)) for pitch, n in ((69, 7200), (62, 33600))]
    f0_hz, _, is_open = condition(modules, np.r_[rest, sound[0], rest, sound[1]], ranges)
    middle = slice(int(0.9 * FRAME_RATE), int(1.3 * FRAME_RATE))
    assert is_open[middle].all()
    np.testing.assert_allclose(hz_to_midi(f0_hz[middle]), 74, atol=0.2)  # as `near` allows


def test_gate_is_open_for_notes_and_shut_for_a_rooms_noise(modules, ranges):
    noise = np.random.default_rng(2).normal(0, 0.003, 2 * 48000)  # -50 dBFS
    _, loudness_db, is_open = condition(modules, np.r_[noise, song()], ranges)
    assert not is_open[: 2 * FRAME_RATE].any()
    assert loudness_db[: 2 * FRAME_RATE].max() == -80
    time = np.arange(len(is_open)) / FRAME_RATE - 2
    for i in range(len(SONG)):
        here = time - i
        # Open within 60 ms of a note's soft beginning, and shut as soon after its end.
        assert is_open[(here > 0.06) & (here < 0.66)].mean() > 0.99
        assert not is_open[(here > 0.76) & (here < 1)].any()


def test_steady_tone_stays_steady(modules, ranges):
    _, loudness_db, _ = condition(modules, sung(np.full(4 * 48000, 60)), ranges)
    steady = loudness_db[FRAME_RATE : 3 * FRAME_RATE]
    # conditioning.STEEPEST and the drift of what is learned.
    assert np.ptp(steady) < 3 and np.abs(np.diff(steady)).max() < 0.1


FEEDBACK = """async ([packed, delay, gain]) => {
  const { Player } = await import("/live_worker.js");
  const told = [];
  const player = new Player(await fetchViolin(), 48000, (message) => told.push(message));
  player.listen();
  const voice = unpack(packed);
  const played = new Float32Array(voice.length + 48000);
  let off = null;
  for (let at = 0; at + 128 <= voice.length; at += 128) {
    const heard = voice.slice(at, at + 128);
    for (let i = 0; i < 128; i++) heard[i] += gain * (played[at + i - delay] ?? 0);
    player.hear(heard);
    played.set(player.render(128, heard), at);
    if (off === null && told.some((one) => one.isFeedback)) off = at / 48000;
  }
  const loudness = [...played.subarray(voice.length - 48000, voice.length)].map(Math.abs);
  return [off, Math.max(...loudness)];
}"""


def test_microphone_that_hears_the_loudspeaker_is_switched_off_and_a_singer_is_not(modules):
    rng = np.random.default_rng(3)
    hiss = rng.normal(0, 1e-4, 9 * 48000)
    called = hiss.copy()
    called[: 48000 // 2] += sung(np.full(24000, 64))
    off, loudest = modules(FEEDBACK, called, 6000, 1.0)
    # The test begins after four seconds of one note, and takes one.
    assert off is not None and off < 8
    assert loudest < 1e-3
    long_note = hiss + sung(64 + 0.2 * np.sin(np.arange(9 * 48000) / 1400))
    off, loudest = modules(FEEDBACK, long_note, 6000, 0.0)
    assert off is None and loudest > 0.01


HAND = """async ([range, events, n]) => {
  const { Hand } = await import("/gestures.js");
  const hand = new Hand(range);
  return Array.from({ length: n }, (_, i) => {
    for (const [at, does, ...rest] of events) if (at === i) hand[does](...rest);
    const { f0_hz, loudness_db } = hand.next();
    return [f0_hz, loudness_db];
  });
}"""


def test_keys_play_the_curves_that_they_play_in_python(modules, ranges, violin, monkeypatch):
    curves = []
    catches = types.SimpleNamespace(n_frames=1, play=lambda *frame: curves.append(np.ravel(frame)))
    monkeypatch.setattr(live, "Live", lambda *_: catches)
    keys = live.Keys(violin)
    # Frame, key, and its velocity, or 0 where it is let go.
    events = [(0, 69, 80), (300, 72, 127), (310, 69, 0), (600, 72, 0), (900, 60, 1)]
    for i in range(1000):
        for frame, key, velocity in events:
            if frame == i:
                keys.press(key, velocity) if velocity else keys.release(key)
        keys.play()
    told = [
        [frame, *(("press", key, key, velocity / 127) if velocity else ("release", key))]
        for frame, key, velocity in events
    ]
    # Python's f0_hz and the page's are both of 64 bits; the quantiles go as decimals.
    np.testing.assert_allclose(modules(HAND, ranges, told, 1000), curves, rtol=1e-6, atol=1e-4)


def test_pedal_keeps_notes_and_all_notes_off_forgets_them(modules, ranges):
    def loudness(*events):
        return np.array(modules(HAND, ranges, list(events), 500))[-1, 1]

    press, release = [0, "press", "a", 60, 0.5], [10, "release", "a"]
    assert loudness(press, release) < -79
    assert loudness(press, [5, "pedal", True], release) > -40
    assert loudness(press, [5, "pedal", True], release, [100, "pedal", False]) < -79
    assert loudness(press, [5, "pedal", True], release, [100, "allNotesOff"]) < -79


# The audio thread's processor, with a worker that answers at once, unless it is late.
PROCESS = """async ([packed, rate, late]) => {
  const text = await (await fetch("/live_worklet.js")).text();
  let Processor;
  const room = {
    AudioWorkletProcessor: class { port = { postMessage() {} }; },
    registerProcessor: (_, made) => { Processor = made; },
    sampleRate: rate,
  };
  globalThis.currentTime = 0;
  new Function(...Object.keys(room), text)(...Object.values(room));
  const samples = unpack(packed);
  const processor = new Processor();
  let sent = 0;
  let now = 0;
  const waiting = [];
  const worker = {
    postMessage({ n }) {
      if (n) waiting.push([now + late[Math.min(now, late.length - 1)], samples.slice(sent, (sent += n))]);
    },
  };
  processor.command({ worker });
  const played = [];
  const stocks = [];
  for (; sent < samples.length; now++) {
    while (waiting.length && waiting[0][0] <= now) worker.onmessage({ data: waiting.shift()[1] });
    const output = new Float32Array(128);
    processor.process([[]], [[output]]);
    played.push(...output);
    stocks.push(processor.stock + processor.ordered);
    currentTime += 128 / rate;
  }
  const bytes = new Uint8Array(Float32Array.from(played).buffer);
  let text_ = "";
  for (let i = 0; i < bytes.length; i += 8192)
    text_ += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return [btoa(text_), processor.underruns, stocks];
}"""


def process(modules, sound, late=(0,), rate=48000):
    played, underruns, stocks = modules(PROCESS, sound, rate, list(late))
    return np.frombuffer(base64.b64decode(played), "<f4"), underruns, np.array(stocks)


def test_nothing_is_louder_than_the_ceiling_and_what_is_soft_stays_as_it_is(modules):
    rng = np.random.default_rng(4)
    bursts = rng.normal(0, 1, 48000) * np.repeat(10 ** rng.uniform(-3, 2, 480), 100)
    square = 30 * np.sign(np.sin(np.arange(48000) / 50))
    soft = sung(np.full(48000, 60), level=0.3)
    played, _, _ = process(modules, np.r_[bursts, square])
    # 32 bits
    assert np.abs(played).max() <= CEILING * (1 + 1e-6)
    assert np.sqrt(np.mean(played[-10000:] ** 2)) > 0.8 * CEILING
    played, _, _ = process(modules, soft)
    np.testing.assert_allclose(played[:40000], soft[:40000], atol=1e-6)


def test_what_is_no_number_is_silent_and_gone_with_its_block(modules):
    sound = sung(np.full(48000, 60))
    sound[20000] = np.nan
    played, _, _ = process(modules, sound)
    assert np.isfinite(played).all()
    np.testing.assert_allclose(played[21000:40000], sound[21000:40000], atol=1e-6)


def test_stock_grows_when_the_worker_is_late_and_shrinks_when_it_is_not(modules):
    # Blocks: a second in time, one that is 20 blocks late, and then 62 seconds in time.
    late = [0] * 375 + [20] * 40 + [0] * 23250
    _, underruns, stocks = process(modules, np.zeros(63 * 48000), late)
    assert 0 < underruns < 40
    assert 1024 - 256 <= stocks[374] <= 1024  # the 20 ms that it begins with, but for one message
    assert 20 * 128 <= stocks[450] < 30 * 128
    # It remembers for half a minute, and in the next one loses half of what was too much.
    assert stocks[59 * 375] > 0.9 * stocks[450]
    assert stocks[-1] < 0.7 * stocks[450]


# The page ----------------------------------------------------------------------------------------

PLAYED = """async () => {
  const sound = await (await fetch(document.querySelector(".take a").href)).arrayBuffer();
  let text = "";
  for (const byte of new Uint8Array(sound)) text += String.fromCharCode(byte);
  return btoa(text);
}"""


@pytest.fixture
def opened(browser, address):
    """A way to have the page, ready to play: `opened(script to run before, ...)`."""
    contexts = []

    def open_page(before="", ready=True, **settings):
        settings = {
            "permissions": ["microphone"],
            "viewport": {"width": 1280, "height": 1000},
        } | settings
        context = browser.new_context(**settings)
        contexts.append(context)
        context.set_default_timeout(SECONDS)
        page = context.new_page()
        page.errors, page.asked = [], []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.add_init_script(before)
        page.goto(address)
        if ready:
            page.wait_for_selector("[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()


def says(page, words):
    return page.wait_for_selector(f'.said:has-text("{words}")').inner_text()


def record_while(page, plays):
    """Return what the page plays meanwhile, (n_samples,), and its sample rate."""
    page.click(".record")
    plays()
    page.click(".record")
    page.wait_for_selector(".record:text-is('● Record')")
    page.wait_for_selector(".take a:visible")
    sound, rate = soundfile.read(io.BytesIO(base64.b64decode(page.evaluate(PLAYED))))
    assert np.abs(sound).max() <= CEILING
    return sound, rate


def wait_until_recorded(page, seconds):
    """Wait for seconds of sound, which a busy machine is slower to make."""
    page.wait_for_function(
        "(seconds) => document.querySelector('.record').textContent.match(/\\d+/)?.[0] >= seconds",
        arg=seconds,
    )


def pitches(sound, rate):
    """Return the MIDI numbers of a sound's loud frames, (n,), with the course's own pitch tracker."""
    heard = features.extract(soxr.resample(sound, rate, 16000).astype(np.float32))
    sure = (heard.f0_confidence > 0.7) & (heard.loudness_db > heard.loudness_db.max() - 25)
    return hz_to_midi(heard.f0_hz[sure])


def near(midi, pitch):
    """Whether a tenth of the frames, their middle within 20 cents, lie about a pitch."""
    here = midi[np.abs(midi - pitch) < 0.6]
    return len(here) > 0.1 * len(midi) and abs(np.median(here) - pitch) < 0.2


# Stands for a sound card of another rate.
SOUND_CARD = """
globalThis.AudioContext = class extends AudioContext {
  constructor(options) { super({ ...options, sampleRate: %d }); }
};
"""


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_microphone_is_played_by_the_violin_in_tune(opened, violin, rate):
    page = opened(SOUND_CARD % rate)
    page.click(".microphone")
    says(page, "The microphone is on")
    # Three songs, because a busy machine may lose a part of a note.
    sound, recorded_rate = record_while(page, lambda: wait_until_recorded(page, 12))
    assert recorded_rate == rate
    midi = pitches(sound, rate)
    octaves = 12 * round((violin.statistics.mean_pitch - np.mean([p for p, _ in SONG])) / 12)
    for pitch, _ in SONG:
        assert near(midi, pitch + octaves), (pitch + octaves, np.unique(midi.round(1)))
    page.click(".microphone")
    assert page.get_attribute(".microphone", "aria-pressed") == "false"
    assert page.errors == []


def test_computers_keys_play_and_all_notes_go_off(opened):
    page = opened()
    page.focus(".surface")

    def plays():
        page.focus(".surface")
        page.keyboard.down("KeyZ")
        wait_until_recorded(page, 1)
        page.keyboard.down("KeyC")
        wait_until_recorded(page, 2)
        page.keyboard.press("Escape")
        wait_until_recorded(page, 4)

    sound, rate = record_while(page, plays)
    midi = pitches(sound, rate)
    base = 12 * round((np.median(midi) - 2) / 12)
    assert near(midi, base) and near(midi, base + 4)
    # The note is over; its room may still ring.
    assert np.abs(sound[-rate // 4 :]).max() < 0.1 * np.abs(sound).max()
    assert page.errors == []


def test_finger_plays_pitch_and_loudness(opened):
    page = opened()
    box = page.locator(".surface").bounding_box()

    def plays():
        for share, height in ((0.3, 0.1), (0.7, 0.9)):
            page.mouse.move(box["x"] + share * box["width"], box["y"] + height * box["height"])
            page.mouse.down()
            wait_until_recorded(page, 2 if share < 0.5 else 4)
            page.mouse.up()

    sound, rate = record_while(page, plays)
    parts = [sound[int(at * rate) :][:rate] for at in (1, 3)]
    loud, soft = (np.sqrt(np.mean(part[: rate // 2] ** 2)) for part in parts)
    assert loud > 2 * soft
    # The field is 37 semitones wide, and notes begin in tune.
    low, high = (np.median(pitches(part, rate)) for part in parts)
    assert high - low == pytest.approx(0.4 * 37, abs=1)
    assert low == pytest.approx(round(low), abs=0.2)


def test_drawn_melody_and_a_sound_file_play(opened, tmp_path):
    page = opened()
    page.click("summary")
    example, rate = record_while(
        page, lambda: (page.click(".play-curve"), page.wait_for_selector(".play-curve:text('▶')"))
    )
    midi = pitches(example, rate)
    base = round(np.quantile(midi, 0.05))
    assert all(near(midi, base + step) for step in (0, 2, 4))
    # By keyboard, an octave up at the beginning.
    page.focus(".curve")
    for _ in range(5):
        page.keyboard.press("ArrowUp")
    soundfile.write(tmp_path / "song.flac", np.tile(song(44100), 1), 44100)
    page.set_input_files(".file", tmp_path / "song.flac")
    says(page, "is here")
    sound, rate = record_while(
        page,
        lambda: (
            page.click(".play"),
            says(page, "Playing"),
            page.wait_for_selector(".play:text('▶')"),
        ),
    )
    midi = pitches(sound, rate)
    base = round(np.quantile(midi, 0.02))
    assert all(near(midi, base + pitch - SONG[0][0]) for pitch, _ in SONG)
    assert page.errors == []


MIDI = """
globalThis.port = { name: "Piano", type: "input", state: "connected" };
globalThis.midi = { inputs: new Map([["a", port]]) };
navigator.requestMIDIAccess = async () => midi;
"""


def test_midi_plays_bends_and_stops_when_it_is_unplugged(opened):
    page = opened(MIDI)
    page.click(".midi")
    says(page, "Piano")

    def sends(*data):
        page.evaluate("(data) => port.onmidimessage({ data })", list(data))

    def plays():
        sends(0x90, 69, 100)
        wait_until_recorded(page, 1)
        sends(0xE0, 127, 127)  # two semitones up
        wait_until_recorded(page, 2)
        page.evaluate("() => { port.state = 'disconnected'; midi.onstatechange({ port }); }")
        says(page, "Piano")
        wait_until_recorded(page, 4)

    sound, rate = record_while(page, plays)
    midi = pitches(sound, rate)
    assert near(midi, 69) and near(midi, 71)
    assert np.abs(sound[-rate // 4 :]).max() < 0.1 * np.abs(sound).max()


FAILS = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', '%s'); };"


@pytest.mark.parametrize(
    ("before", "button"),
    [
        (FAILS % "NotFoundError", ".microphone"),
        (FAILS % "NotAllowedError", ".microphone"),
        (FAILS % "NotReadableError", ".microphone"),
        ("delete Navigator.prototype.requestMIDIAccess;", ".midi"),
        ("navigator.requestMIDIAccess = async () => { throw new Error(); };", ".midi"),
        ("navigator.requestMIDIAccess = async () => ({ inputs: new Map() });", ".midi"),
    ],
)
def test_what_is_missing_or_refused_is_a_sentence_and_the_keys_play_on(opened, before, button):
    page = opened(before)
    ready = page.inner_text(".said")
    page.click(button)
    page.wait_for_function(
        "(ready) => document.querySelector('.said').textContent !== ready", arg=ready
    )
    said = page.inner_text(".said")
    assert ": " in said and said.endswith(".")
    page.focus(".surface")
    page.keyboard.press("KeyZ")
    assert page.errors == []


DROP = """([name, text]) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name));
  document.querySelector(".ddsp-live").dispatchEvent(new DragEvent("drop", { dataTransfer }));
}"""


def test_dropped_files_are_opened_or_told_what_is_wrong_with_them(opened, exported):
    page = opened()
    for name, content, words in (
        ("cut.safetensors", exported[:100_000], "cut off"),
        ("notes.safetensors", b"Tuesday, clarinet", "not an instrument"),
        ("notes.txt", b"Tuesday, clarinet", "not a sound"),
        ("violin.safetensors", exported, "Ready"),
    ):
        page.evaluate(DROP, [name, base64.b64encode(content).decode()])
        says(page, words)
    assert page.is_visible(".title")
    assert page.errors == []


# Keeps the page's sound and microphone, to take them away.
KEEP = """
globalThis.AudioContext = class extends AudioContext {
  constructor(options) { super(options); globalThis.kept = this; }
};
const { getUserMedia } = MediaDevices.prototype;
MediaDevices.prototype.getUserMedia = async function (wanted) {
  return (globalThis.stream = await getUserMedia.call(this, wanted));
};
"""


def test_page_that_was_put_to_sleep_says_so_and_a_key_wakes_it(opened):
    page = opened(KEEP)
    page.focus(".surface")
    page.keyboard.press("KeyZ")
    page.wait_for_function("kept.state === 'running'")
    page.evaluate("kept.suspend()")
    says(page, "paused the sound")
    page.keyboard.press("KeyZ")
    page.wait_for_function("kept.state === 'running'")
    record_a_note(page)
    page.wait_for_selector(".take a:visible")
    sound, rate = soundfile.read(io.BytesIO(base64.b64decode(page.evaluate(PLAYED))))
    assert np.abs(sound).max() > 0.05  # the new note, and not the end of the first one
    assert near(pitches(sound, rate) % 12, 0)
    assert page.errors == []


def test_unplugged_microphone_is_a_sentence_and_comes_back(opened):
    page = opened(KEEP)
    page.click(".microphone")
    says(page, "The microphone is on")
    page.evaluate("stream.getTracks()[0].dispatchEvent(new Event('ended'))")
    says(page, "The microphone is gone")
    assert page.get_attribute(".microphone", "aria-pressed") == "false"
    page.click(".microphone")
    says(page, "The microphone is on")
    assert page.errors == []


def test_hidden_page_lets_its_notes_go(opened):
    page = opened()
    page.focus(".surface")
    page.keyboard.down("KeyZ")
    page.wait_for_timeout(500)
    heard = "() => new Promise((go) => setTimeout(go, 600))"
    page.evaluate("() => window.dispatchEvent(new Event('blur'))")
    page.evaluate(heard)
    sound, _ = record_while(page, lambda: wait_until_recorded(page, 3))
    assert np.abs(sound[-4410:]).max() < 0.02
    assert page.errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [test_access.PHONE, test_access.DESK], ids=["phone", "desk"])
def test_page_fits_is_named_and_shows_where_the_keyboard_is(opened, theme, size):
    page = opened(viewport={"width": size[0], "height": size[1]}, color_scheme=theme)
    page.click("summary")
    assert page.eval_on_selector("body", test_access.CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert test_access.faults(page, "body") == {}
    page.keyboard.press("Tab")
    for kind in ("button.off", ".surface", ".curve", "input[type=range]", "select", "summary"):
        element = page.locator(kind).first
        element.focus()
        outline = element.evaluate(test_access.OUTLINE)
        # WCAG 2.2: two pixels, 3 to 1.
        assert outline["width"] >= 2 and outline["contrast"] >= 3, (kind, outline)
    if test_access.test_browser.PHOTOGRAPHS:
        name = f"live-{size[0]}-{theme}.png"
        page.screenshot(path=ROOT / "build" / "photographs" / name, full_page=True)
    assert [url for url in page.asked if not url.startswith(("blob:", "data:", page.url))] == []


def test_two_in_a_page_play_beside_each_other(opened):
    page = opened()
    page.evaluate(
        """async () => {
          const text = document.querySelector("script[type=module]").textContent;
          const second = document.createElement("div");
          second.id = "second";
          document.body.append(second);
          const script = document.createElement("script");
          script.type = "module";
          script.textContent = text.replace('getElementById("live")', 'getElementById("second")');
          document.body.append(script);
        }"""
    )
    page.wait_for_selector("#second [data-ready]")
    page.focus("#second .surface")
    page.keyboard.press("KeyZ")
    page.focus("#live .surface")
    page.keyboard.press("KeyZ")
    assert page.errors == []


# In a notebook -----------------------------------------------------------------------------------


def test_answers_are_the_instruments_parts_and_what_came_of_a_take(exported):
    take = record.Take()
    answer = live_page.answerer(exported, take.receive)
    first, data = answer({"instrument": 0}, b"")
    parts = [answer({"instrument": part}, b"")[1] for part in range(first["parts"])]
    assert parts[0] == data and b"".join(parts) == exported
    wav = io.BytesIO()
    soundfile.write(wav, np.full(16000, 0.1), 16000, format="WAV")
    reply, data = answer({"name": "The recording", "part": 0, "parts": 1}, wav.getvalue())
    assert reply["accepted"] and data == b"" and len(take.sound) == 16000


@pytest.fixture
def file(exported, tmp_path):
    path = tmp_path / "violin.safetensors"
    path.write_bytes(exported)
    return path


def record_a_note(page, seconds=1):
    """Record the lowest C of the page's keys."""
    page.click(".record")
    page.focus(".surface")
    page.keyboard.down("KeyZ")
    wait_until_recorded(page, seconds)
    page.keyboard.up("KeyZ")
    page.click(".record")


def test_instrument_is_played_in_voila_and_the_take_comes_to_python(browser, file, tmp_path):
    code = f"from ddsp_course import live\ntake = live.show({str(file)!r})"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(notebook, tmp_path / "live.ipynb")
    page = test_access.opened(browser)
    with test_browser.serving("voila", tmp_path, str(tmp_path / "live.ipynb")) as address:
        page.goto(address, wait_until="domcontentloaded")
        page.wait_for_selector(".ddsp-live[data-ready]")
        record_a_note(page)
        says(page, "has arrived")
        assert page.is_visible(".take audio")


def test_instrument_plays_on_after_its_kernel_was_restarted_and_says_where_the_take_is(
    browser, lab, file
):
    page = test_access.opened(browser)
    code = f"from ddsp_course import live\ntake = live.show({str(file)!r})"
    test_browser.open_notebook(page, lab, code)
    page.wait_for_selector(".ddsp-live[data-ready]")
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    record_a_note(page)
    says(page, "run this cell again")
    sound, rate = soundfile.read(io.BytesIO(base64.b64decode(page.evaluate(PLAYED))))
    assert near(pitches(sound, rate) % 12, 0)


def test_instrument_waits_for_a_python_that_is_busy(browser, lab, file):
    page = test_access.opened(browser)
    code = f"import time\nfrom ddsp_course import live\nlive.show({str(file)!r})\ntime.sleep(20)"
    test_browser.open_notebook(page, lab, code)
    says(page, "wait if another cell is running")
    page.wait_for_selector(".ddsp-live[data-ready]")
    says(page, "Ready")


def test_instrument_is_played_in_jupyterlab_and_the_take_comes_to_python(browser, lab, file):
    page = test_access.opened(browser)
    test_browser.open_notebook(
        page,
        lab,
        f"from ddsp_course import live\ntake = live.show({str(file)!r})",
        "from ddsp_course.exercises import hints\n"
        "print('heard', len(take.sound), hints.pitch_hz(take.sound[8000:16000]))",
    )
    page.wait_for_selector(".ddsp-live[data-ready]")
    record_a_note(page, 2)
    says(page, "has arrived")
    test_browser.run(page, 1)
    samples, f0_hz = test_browser.printed(page, "heard")
    assert int(samples) >= 2 * 16000
    midi = hz_to_midi(float(f0_hz))
    assert abs(midi - 12 * round(midi / 12)) < 0.2  # Z is a C
