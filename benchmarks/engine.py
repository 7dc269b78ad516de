"""The engine in JavaScript: what each part costs in Node and in Chromium, and how near it is to Python.

.venv/bin/python benchmarks/engine.py [FOLDER]

It plays the bundled phrase on the violin, prints tables for benchmarks/README.md, and writes to the
folder (build/engine) python.wav, engine.wav and difference.wav, and a picture of their spectrograms.
"""

import functools
import http.server
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright
from scipy.signal import welch

from ddsp_course import _paths, audio, conditioning, features, instruments, web_export
from ddsp_course.units import HOP_SIZE

ROOT = _paths.ASSETS.parent
NODE = Path(sys.modules["playwright"].__file__).parent / "driver" / "node"
IN_NODE = """
import { readFileSync, writeFileSync } from "node:fs";
import { measure, play } from "./engine.mjs";
const read = (name) => Uint8Array.from(readFileSync(name)).buffer;
const curves = new Float32Array(read("curves"));
for (const [name, other] of [["harmonic", "noise"], ["noise", "harmonic"]]) {
  writeFileSync(name, new Uint8Array(play(read("dry"), curves, { [other]: 0 }).buffer));
}
const cpu = () => process.cpuUsage().user / 1000;
console.log(JSON.stringify(measure(read("dry"), read("wet"), curves, cpu)));
"""
IN_PAGE = """async () => {
  const { measure } = await import("/engine.mjs");
  const read = async (name) => (await fetch(name)).arrayBuffer();
  return measure(await read("dry"), await read("wet"), new Float32Array(await read("curves")));
}"""
PARTS = {
    "network": "network, by WebAssembly",
    "plain": "network, by JavaScript alone",
    "harmonics": "harmonics",
    "noise": "filtered noise",
    "room": "a room of 1 s",
}


def put(folder, violin, adjusted):
    """Put the engine, the violin without and with a room, and the phrase's curves into a folder."""
    shutil.copy(ROOT / "ddsp_course" / "engine.js", folder / "engine_under_test.mjs")
    shutil.copy(ROOT / "benchmarks" / "engine.mjs", folder)
    (folder / "index.html").touch()
    settings, tensors = web_export.settings_of(violin), web_export.tensors_of(violin)
    (folder / "dry").write_bytes(web_export.pack(settings, tensors))
    rng = np.random.default_rng(0)
    room = np.float32(rng.normal(size=16000) * np.exp(-np.arange(16000) / 3000) / 50)
    tensors["reverb.impulse_response"] = room
    (folder / "wet").write_bytes(web_export.pack(settings, tensors))
    # A frame more, so that the last one can be heard.
    f0_hz = np.pad(adjusted.f0_hz, (0, 1), mode="edge")
    loudness_db = np.pad(adjusted.loudness_db, (0, 1), constant_values=features.FLOOR_DB)
    (folder / "curves").write_bytes(np.float32([f0_hz, loudness_db]).tobytes())


def in_node(folder):
    command = [NODE, "--input-type=module", "--eval", IN_NODE]
    run = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return json.loads(run.stdout)


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def in_chromium(folder):
    handler = functools.partial(Files, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(600_000)
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        measured = page.evaluate(IN_PAGE)
        browser.close()
    server.shutdown()
    return measured


def speed_table(measured):
    """Return {"Node": ..., "Chromium": ...} of `measure` as a Markdown table."""
    lines = [f"| | {' | '.join(measured)} |", "|---|" + "---|" * len(measured)]
    for part, title in PARTS.items():
        lines.append(f"| {title} | {' | '.join(f'{one[part]:.3f}' for one in measured.values())} |")
    whole = [one["network"] + one["harmonics"] + one["noise"] for one in measured.values()]
    lines.append(
        f"| the violin: network, harmonics, noise | {' | '.join(f'{x:.3f}' for x in whole)} |"
    )
    for blocks, title in (("dry", "the violin"), ("wet", "the violin in a room of 1 s")):
        cells = [
            f"{one[blocks]['median']:.2f}, {one[blocks]['worst']:.2f} ms"
            for one in measured.values()
        ]
        lines.append(f"| a block of 128 samples, {title}: median, longest | {' | '.join(cells)} |")
    return "\n".join(lines)


def below_db(difference, sound):
    """Return how far a difference lies below a sound, in dB."""
    return 10 * np.log10(np.mean(np.float64(difference) ** 2) / np.mean(np.float64(sound) ** 2))


def compare(folder, violin, adjusted, results):
    """Return a sentence on how near the engine is to Python, and write the sounds and a picture."""
    python = violin.play_parts(adjusted)[:2]
    engine = [np.fromfile(folder / name, np.float32) for name in ("harmonic", "noise")]
    n = min(map(len, [*python, *engine]))
    python, engine = ([part[:n] for part in parts] for parts in (python, engine))
    bands = [
        welch(part, 16000, nperseg=320)[1][:160].reshape(16, 10).sum(1)
        for part in (engine[1], python[1])
    ]
    bands_db = 10 * np.log10(bands[0] / bands[1])
    results.mkdir(parents=True, exist_ok=True)
    # Noise is drawn anew, so that its difference is noise. What is heard is that of the harmonics.
    sounds = {
        "python": sum(python),
        "engine": sum(engine),
        "difference": engine[0] - python[0],
    }
    for name, sound in sounds.items():
        audio.write(results / f"{name}.wav", sound)
    draw(sounds, results / "engine.png")
    return (
        f"Harmonics differ from Python's by {below_db(engine[0] - python[0], python[0]):.0f} dB; "
        f"the noise's level in 16 bands by {np.abs(bands_db).max():.2f} dB at most and "
        f"{np.abs(bands_db).mean():.2f} dB on average."
    )


def draw(sounds, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    from ddsp_course import plots

    figure, axes = plt.subplots(len(sounds), 1, figsize=(9, 10), layout="constrained")
    for axis, (name, sound) in zip(axes, sounds.items(), strict=True):
        plots.spectrogram(sound, ax=axis, title=name)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main():
    results = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "engine"
    violin = instruments.load("violin")
    heard = features.extract(audio.load(_paths.ASSETS / "audio" / "phrase.ogg"))
    adjusted = conditioning.adjust(heard, violin.statistics)
    # A cycle a frame in the rest before, so that both begin in the same phase.
    adjusted.f0_hz[0] = features.SAMPLE_RATE / HOP_SIZE
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        put(folder, violin, adjusted)
        measured = {"Node": in_node(folder), "Chromium": in_chromium(folder)}
        print(compare(folder, violin, adjusted, results))
        print(speed_table(measured))


if __name__ == "__main__":
    main()
