"""The live page in Chromium: its load, its gaps, and its delay, with a microphone that is a file.

    .venv/bin/python benchmarks/live_page.py [SECONDS]

The page's own thread is kept busy for most of the time. The tables go to benchmarks/README.md by
hand. `make live` (or scripts/live.py --build) has to have made build/live/ before.
"""

import functools
import http.server
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import soundfile
from playwright.sync_api import sync_playwright

from ddsp_course import _paths, live_page

FOLDER = _paths.ASSETS.parent / "build" / "live"
# Works for 80 ms, and rests for 20.
BUSY = """() => setInterval(() => {
  const end = performance.now() + 80;
  while (performance.now() < end);
}, 100)"""
# The pitch of the microphone changes every half second; returns when the instrument's does, in
# seconds after, without the stock that the audio thread keeps.
DELAY = """async () => {
  const { Player } = await import("/live_worker.js");
  const { Listener } = await import("/analysis.js");
  const player = new Player(
    await (await fetch("/violin.safetensors")).arrayBuffer(), 48000, () => {});
  player.turn({ room: 0 });
  player.listen();
  const hz = (second) => (Math.floor(2 * second) % 2 ? 330 : 220);
  const out = new Listener(48000);
  const heard = [];
  let phase = 0;
  for (let at = 0; at < 4 * 48000; at += 128) {
    const block = Float32Array.from({ length: 128 }, (_, i) => {
      phase += (2 * Math.PI * hz((at + i) / 48000)) / 48000;
      let sample = 0;
      for (let k = 1; k < 13; k++) sample += (0.2 * Math.sin(k * phase)) / k;
      return sample;
    });
    player.hear(block);
    heard.push(...out.push(player.render(128, block)));
  }
  const times = heard.map((_, i) => (i + 1) / 250 - 0.0106); // the middle of the window
  const pitches = heard.map(({ f0_hz }) => f0_hz / 2 ** Math.round(Math.log2(f0_hz / 270)));
  return [2, 3, 4, 5, 6].map((half) => {
    const isNew = (pitch) => (half % 2 ? pitch > 275 || pitch < 200 : pitch < 275 && pitch > 200);
    const i = times.findIndex((time, j) => time > half / 2 && isNew(pitches[j]));
    return times[i] - half / 2;
  });
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def microphone(path):
    """Write half a second of a voice-like tone at 220 and at 330 Hz in turn, without a rest."""
    hz = np.tile(np.repeat([220.0, 330.0], 24000), 8)
    phase = 2 * np.pi * np.cumsum(hz) / 48000
    sound = 0.2 * sum(np.sin(k * phase) / k for k in range(1, 13))
    soundfile.write(path, sound, 48000, subtype="PCM_16")


def processor_seconds(browser_pid):
    """Return the CPU seconds of Chromium's processes, by their kind."""
    taken = {}
    for process in psutil.Process(browser_pid).children(recursive=True):
        kind = next(
            (word for word in process.cmdline() if word.startswith("--type=")), "--type=main"
        )
        times = process.cpu_times()
        taken[kind[7:]] = taken.get(kind[7:], 0) + times.user + times.system
    return taken


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with (
        tempfile.TemporaryDirectory() as folder,
        http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Quiet, directory=folder)
        ) as server,
        sync_playwright() as playwright,
    ):
        for path in (*FOLDER.iterdir(), *live_page.HERE.glob("*.js")):
            (Path(folder) / path.name).symlink_to(path)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        wav = Path(folder) / "microphone.wav"
        microphone(wav)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={wav}",
            ],
        )
        page = browser.new_page()
        began = time.perf_counter()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_selector("[data-ready]")
        print(f"usable after {time.perf_counter() - began:.2f} s")
        delays = 1000 * np.array(page.evaluate(DELAY))
        print(
            f"a new pitch is played after {np.median(delays):.0f} ms ({delays.min():.0f} to "
            f"{delays.max():.0f}), and the stock's time later"
        )
        page.click(".microphone")
        page.wait_for_selector(".said:has-text('The microphone is on')")
        page.wait_for_timeout(5000)
        for busy in (False, True):
            if busy:
                page.evaluate(BUSY)
            before = gaps(page), processor_seconds(psutil.Process().pid)
            page.wait_for_timeout(1000 * seconds)
            after = gaps(page), processor_seconds(psutil.Process().pid)
            cpu = (after[1]["renderer"] - before[1]["renderer"]) / seconds
            stock = float(page.get_attribute(".ddsp-live", "data-stock"))
            print(
                f"page {'busy' if busy else 'idle'}, {seconds} s: {after[0] - before[0]} gaps, "
                f"{cpu:.2f} of a core in the page's process, {1000 * stock:.0f} ms in stock"
            )
        server.shutdown()


def gaps(page):
    return int(page.get_attribute(".ddsp-live", "data-underruns") or 0)


if __name__ == "__main__":
    main()
