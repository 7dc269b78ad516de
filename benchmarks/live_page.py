"""The live page in Chromium: its load, its gaps, and its delay, with a microphone that is a file.

    .venv/bin/python benchmarks/live_page.py [SECONDS]

The page's own thread is kept busy for most of the time. The tables go to benchmarks/README.md by
hand. `make live` (or scripts/live.py --build) has to have made build/live/ before.
"""

import functools
import http.server
import os
import re
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
# Keeps the nodes that the page makes of its microphone and of its instrument.
KEEP_NODES = """
  const { createMediaStreamSource } = AudioContext.prototype;
  AudioContext.prototype.createMediaStreamSource = function (stream) {
    return (window.heardNode = createMediaStreamSource.call(this, stream));
  };
  window.AudioWorkletNode = class extends AudioWorkletNode {
    constructor(...all) { super(...all); window.playedNode ??= this; }
  };
"""
# Records what the page hears and what it plays, in step, and returns the pitch of both in Hz, 250
# times per second.
RECORD = """async (seconds) => {
  const { context } = heardNode;
  const code = `registerProcessor("keep", class extends AudioWorkletProcessor {
    process([[heard, played]]) {
      if (heard && played) this.port.postMessage([heard.slice(), played.slice()]);
      return true;
    }
  });`;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const both = new ChannelMergerNode(context, { numberOfInputs: 2 });
  const keep = new AudioWorkletNode(context, "keep", { numberOfOutputs: 0 });
  const blocks = [];
  keep.port.onmessage = ({ data }) => blocks.push(data);
  heardNode.connect(both, 0, 0);
  playedNode.connect(both, 0, 1);
  both.connect(keep);
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  keep.disconnect();
  both.disconnect();
  const { Listener } = await import("/analysis.js");
  return [0, 1].map((channel) => {
    const listener = new Listener(context.sampleRate);
    return blocks.flatMap((block) => listener.push(block[channel])).map(({ f0_hz }) => f0_hz);
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


def delays(page, seconds=10):
    """Return the times in ms from each new pitch of the microphone to that of the instrument."""
    is_high = []
    for hz in page.evaluate(RECORD, seconds):
        # The instrument plays in a register of its own.
        octave = np.maximum(hz, 1) / 270
        is_high.append(270 * octave / 2 ** np.round(np.log2(octave)) > 275)
    heard, played = (np.flatnonzero(np.diff(high.astype(int))) for high in is_high)
    # The pitches hold for half a second: what comes within less is a frame in between.
    heard = heard[np.r_[True, np.diff(heard) > 50]][1:-1]
    return np.array([4 * (played[played >= at][0] - at) for at in heard])


def processor_seconds(pid):
    """Return the CPU seconds of the page's threads, by name; "chromium" is the page's own."""
    taken = {}
    for process in psutil.Process(pid).children(recursive=True):
        if "--type=renderer" not in process.cmdline():
            continue
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            _, name, rest = re.split(r"[()]", (thread / "stat").read_text())
            ticks = sum(map(int, rest.split()[11:13]))
            taken[name] = taken.get(name, 0) + ticks / os.sysconf("SC_CLK_TCK")
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
        page.add_init_script(KEEP_NODES)
        began = time.perf_counter()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_selector("[data-ready]")
        print(f"usable after {time.perf_counter() - began:.2f} s")
        page.click(".microphone")
        page.wait_for_selector(".said:has-text('The microphone is on')")
        page.wait_for_timeout(5000)
        for busy in (False, True):
            if busy:
                page.evaluate(BUSY)
            before = gaps(page), processor_seconds(psutil.Process().pid)
            page.wait_for_timeout(1000 * seconds)
            after = gaps(page), processor_seconds(psutil.Process().pid)
            cores = {name: (after[1][name] - before[1].get(name, 0)) / seconds for name in after[1]}
            stock = float(page.get_attribute(".ddsp-live", "data-stock"))
            times = delays(page)
            print(
                f"page {'busy' if busy else 'idle'}, {seconds} s: {after[0] - before[0]} gaps, "
                f"{1000 * stock:.0f} ms in stock; "
                f"{cores['DedicatedWorker']:.2f} of a core for hearing and playing, "
                f"{cores['Realtime AudioW']:.2f} for the audio thread, {cores['chromium']:.2f} for "
                f"the page; from a new pitch to its sound {np.median(times):.0f} ms "
                f"({times.min()} to {times.max()}, {len(times)} changes)"
            )
        server.shutdown()


def gaps(page):
    return int(page.get_attribute(".ddsp-live", "data-underruns") or 0)


if __name__ == "__main__":
    main()
