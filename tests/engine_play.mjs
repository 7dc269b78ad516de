// What test_engine.py asks of the engine, the same in Node and in a page.

import * as engine from "./engine.mjs";

// Plays curves, f0_hz of all frames and then as many loudness_db, and returns all that can be heard.
export function play(file, curves, options) {
  const { sampleRate = 16000, levels, blocks, rounds = 1, room, seed, simd } = options;
  const instrument = engine.parse(file);
  const network = new engine.Network(instrument, { simd });
  const synth = new engine.Synth(instrument, sampleRate, { room, seed });
  Object.assign(synth.levels, levels);
  let audio;
  for (let round = 0; round < rounds; round++) {
    network.reset(curves[0]);
    synth.reset();
    audio = playOnce(network, synth, curves, blocks);
  }
  return audio;
}

// Renders blocks of these lengths in turn as soon as they are available, or all at the end.
function playOnce(network, synth, curves, blocks) {
  const nFrames = curves.length / 2;
  const parts = [];
  const render = (size) => {
    const part = new Float32Array(size);
    if (synth.render(part) !== size) throw new Error("It rendered less than was available.");
    parts.push(part);
  };
  for (let i = 0; i < nFrames; i++) {
    synth.push(curves[i], network.step(curves[i], curves[nFrames + i]));
    while (blocks && synth.available() >= blocks[parts.length % blocks.length]) {
      render(blocks[parts.length % blocks.length]);
    }
  }
  render(synth.available());
  const audio = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    audio.set(part, at);
    at += part.length;
  }
  return audio;
}
