// Times the engine's parts, for engine.py, in Node and in Chromium.

import { Network, parse, Synth } from "./engine_under_test.mjs";

const RATE = 48000;
const BLOCK = 128;
const ROUNDS = 5;

// Returns {part: seconds of work per second of audio}, the fastest of some rounds, and the times of
// blocks in ms. `clock` returns ms.
export function measure(file, roomFile, curves, clock = () => performance.now()) {
  const instrument = parse(file);
  const inRoom = parse(roomFile);
  const nFrames = curves.length / 2;
  const seconds = nFrames / 250;
  const fastest = (work) => {
    const taken = Array.from({ length: ROUNDS }, () => {
      const began = clock();
      work();
      return clock() - began;
    });
    return Math.min(...taken) / 1000 / seconds;
  };
  const walk = (network) => fastest(() => {
    for (let i = 0; i < nFrames; i++) network.step(curves[i], curves[nFrames + i]);
  });
  // The controls are kept, so that the synthesizers are timed alone.
  const network = new Network(instrument);
  const controls = Array.from({ length: nFrames }, (_, i) =>
    structuredClone(network.step(curves[i], curves[nFrames + i])));
  const out = new Float32Array(BLOCK);
  const synthesize = (synth, between = (render) => render()) => {
    synth.reset();
    for (let i = 0; i < nFrames; i++) {
      synth.push(curves[i], controls[i]);
      while (synth.available() >= BLOCK) between(() => synth.render(out));
    }
  };
  const part = (from, name) => {
    const synth = new Synth(from, RATE);
    const others = { harmonics: ["noise"], noise: ["harmonics"], room: ["harmonics", "noise"] }[name];
    for (const other of others ?? []) {
      for (const method of ["enter", "draw", "add", "advance"]) {
        if (synth[other][method]) synth[other][method] = () => {};
      }
    }
    return fastest(() => synthesize(synth));
  };
  const blocks = (from) => {
    const synth = new Synth(from, RATE);
    const taken = [];
    for (let round = 0; round < ROUNDS; round++) {
      const times = [];
      synthesize(synth, (render) => {
        const began = performance.now();
        render();
        times.push(performance.now() - began);
      });
      // What interrupts a round by chance does not come in the same block of the next.
      times.forEach((time, i) => (taken[i] = Math.min(time, taken[i] ?? Infinity)));
    }
    taken.sort((a, b) => a - b);
    return { median: taken[taken.length >> 1], worst: taken.at(-1) };
  };
  return {
    network: walk(new Network(instrument)),
    plain: walk(new Network(instrument, { simd: false })),
    harmonics: part(instrument, "harmonics"),
    noise: part(instrument, "noise"),
    room: part(inRoom, "room"),
    dry: blocks(instrument),
    wet: blocks(inRoom),
  };
}

// Plays curves at 16 kHz, for a comparison with Python: the audio with these levels of its parts.
export function play(file, curves, levels) {
  const instrument = parse(file);
  const nFrames = curves.length / 2;
  const network = new Network(instrument);
  const synth = new Synth(instrument, 16000);
  Object.assign(synth.levels, levels);
  network.reset(curves[0]);
  for (let i = 0; i < nFrames; i++) synth.push(curves[i], network.step(curves[i], curves[nFrames + i]));
  const audio = new Float32Array(synth.available());
  synth.render(audio);
  return audio;
}
