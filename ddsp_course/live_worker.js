// The page's second thread: hears, decides what the instrument plays, and plays it.
//
// The page sends what the learner does; the audio thread sends what the microphone hears and asks for
// as many samples as it has played. So the audio thread is the clock, and nothing here waits.
// Explained in notebooks/02_timbre_transfer/09_play_it_live.ipynb.

import { frameRate, Network, parse, Synth } from "./engine.js";
import { Listener } from "./analysis.js";
import { Conditioning, FeedbackTest } from "./conditioning.js";
import { Hand } from "./gestures.js";

const IDLE = 3 * frameRate; // frames of silence until the room has died away
const REPORT = 8; // frames from one report to the next
const GAIN_S = 0.01; // time constant of the volume

// An instrument and what plays it. `tell` takes messages for the page.
export class Player {
  constructor(buffer, sampleRate, tell) {
    const instrument = parse(buffer);
    const { statistics, floor_db } = instrument.settings;
    if (!statistics)
      throw new Error("This instrument has no statistics, which say how high and how loud it plays: " +
        "export one that has dataset_statistics.pkl.");
    [this.settings, this.sampleRate] = [instrument.settings, sampleRate];
    this.range = {
      meanPitch: statistics.mean_pitch,
      quantilesDb: statistics.loudness_quantiles_db,
      floorDb: floor_db,
    };
    this.network = new Network(instrument);
    this.synth = new Synth(instrument, sampleRate);
    this.hand = new Hand(this.range);
    this.knobs = { pitchShift: 0, loudness: 0, vibrato: 15, mix: 1, room: 1 };
    this.piece = null;
    this.rehearse();
    this.forget();
    this.tell = tell;
  }

  // As if nothing had been heard or played.
  forget() {
    this.stopListening();
    this.gain = this.goal; // of all that is heard
    this.frame = 0;
    this.silence = IDLE; // frames that nothing has sounded
    this.last = { f0_hz: 440, loudness_db: this.range.floorDb };
  }

  // Hears and plays unheard, because a browser is slow with what it has not run a few hundred times.
  rehearse() {
    this.forget();
    const hum = Float32Array.from({ length: 128 }, (_, i) => 0.1 * Math.sin((2 * Math.PI * i) / 128));
    this.tell = () => {};
    this.listen();
    for (let block = 0; block < 200; block++) {
      this.hear(hum);
      this.render(hum.length, hum);
    }
    this.synth.reset();
    this.network.reset();
  }

  // Goes on where another player was.
  takeOver(other) {
    this.turn(other.knobs);
    this.hand.held = other.hand.held;
    if (other.listener) this.listen();
  }

  turn(knobs) {
    Object.assign(this.knobs, knobs);
    this.hand.vibratoCents = this.knobs.vibrato;
    this.synth.levels.room = this.knobs.room;
  }

  listen() {
    this.listener = new Listener(this.sampleRate);
    this.conditioning = new Conditioning(this.range);
    this.feedback = new FeedbackTest();
  }

  stopListening() {
    this.listener = this.conditioning = this.feedback = null;
    this.heard = []; // frames that have not been played
    this.goal = 1;
  }

  hear(samples) {
    if (!this.listener) return;
    this.heard.push(...this.listener.push(samples));
    // Both clocks are one, so that more wait only after a gap.
    this.heard.splice(0, this.heard.length - 2);
  }

  // Plays `nFrames` frames, which `next(i)` gives, or all over again until it is stopped.
  play(nFrames, next, repeats = false) {
    this.piece = { at: 0, nFrames, next, repeats };
  }

  stop() {
    if (this.piece) this.tell({ ended: true });
    this.piece = null;
    this.hand.remove("curve");
  }

  allNotesOff() {
    this.hand.allNotesOff();
    this.stop();
  }

  // Returns the next n samples; `dry` is what the microphone heard meanwhile, if it is on.
  render(n, dry) {
    const sound = new Float32Array(n);
    if (this.silence < IDLE || this.listener || this.piece || this.hand.sounds) {
      while (this.synth.available() < n) this.step();
      this.synth.render(sound);
    }
    const { mix } = this.knobs;
    const through = this.listener ? 1 - mix : 0;
    const change = 1 - Math.exp(-1 / (GAIN_S * this.sampleRate));
    for (let i = 0; i < n; i++) {
      this.gain += (this.goal - this.gain) * change;
      sound[i] = this.gain * ((1 - through) * sound[i] + (through && dry ? through * dry[i] : 0));
    }
    return sound;
  }

  step() {
    const { f0_hz, loudness_db } = (this.last = this.choose());
    const { floorDb } = this.range;
    const hz = Math.min(f0_hz * 2 ** (this.knobs.pitchShift / 12), 7900);
    const sounds = loudness_db > floorDb + 1;
    const db = sounds ? Math.max(floorDb, loudness_db + this.knobs.loudness) : floorDb;
    this.silence = sounds ? 0 : this.silence + 1;
    this.synth.push(hz, this.network.step(hz, db));
    if (this.frame++ % REPORT === 0) this.tell({ now: { f0_hz: hz, loudness_db: db, sounds } });
  }

  // A hand goes before a piece, and a piece before the microphone.
  choose() {
    const fromMicrophone = this.microphone();
    if (this.piece) {
      const { at, nFrames, next, repeats } = this.piece;
      const frame = next(at);
      this.piece.at = repeats ? (at + 1) % nFrames : at + 1;
      if (this.piece.at === nFrames) this.stop();
      if (frame && !this.hand.sounds) return frame;
    }
    if (this.hand.sounds) return this.hand.next();
    return fromMicrophone ?? { ...this.last, loudness_db: this.range.floorDb };
  }

  microphone() {
    if (!this.listener) return null;
    const heard = this.heard.shift() ?? this.latest;
    if (!heard) return null;
    this.latest = heard;
    // While it is tested, whatever sounds goes on.
    const isTested = this.feedback.isRunning;
    if (!isTested) this.played = this.conditioning.next(heard);
    const { gain, isFeedback } = this.feedback.next(heard.loudness_db, this.conditioning.isOpen);
    this.goal = gain;
    if (isFeedback) {
      this.stopListening();
      this.tell({ isFeedback });
      return null;
    }
    return this.played;
  }
}

// A sound file as frames, `samples` at a rate, measured in parts, so that nothing waits; the player's
// register and loudness are known to its end before it begins.
async function analyse(samples, sampleRate, range, tell) {
  const listener = new Listener(sampleRate);
  const heard = [];
  const part = Math.round(sampleRate / 10);
  for (let at = 0; at < samples.length; at += part) {
    heard.push(...listener.push(samples.subarray(at, at + part)));
    if (at % (10 * part) === 0) tell({ measured: at / samples.length });
    await new Promise((resolve) => setTimeout(resolve));
  }
  const conditioning = new Conditioning(range);
  for (const frame of heard) conditioning.next(frame);
  conditioning.rewind();
  return heard.map((frame) => ({ ...conditioning.next(frame) }));
}

// A drawn curve: as many pitches (MIDI, or null for a rest) and levels (0..1) as there are columns.
function playCurve(player, { pitches, levels, seconds, repeats }) {
  const nFrames = Math.round(seconds * frameRate);
  player.play(nFrames, (i) => {
    const column = Math.floor((i / nFrames) * pitches.length);
    if (pitches[column] === null) player.hand.remove("curve");
    else player.hand.move("curve", pitches[column], levels[column]);
    return null;
  }, repeats);
}

// In the page's worker: messages to calls.
if (typeof DedicatedWorkerGlobalScope !== "undefined") {
  let player;
  const tell = (message) => self.postMessage(message);
  let file = 0; // the latest that was chosen

  const commands = {
    load: (message) => {
      try {
        const next = new Player(message.buffer, message.sampleRate, tell);
        if (player) next.takeOver(player);
        player = next;
        tell({ ready: player.settings });
      } catch (error) {
        tell({ refused: error.message });
      }
    },
    connect: ({ port }) => {
      port.onmessage = ({ data: { n, heard } }) => {
        if (heard) player?.hear(heard);
        if (!n) return;
        const sound = player?.render(n, heard) ?? new Float32Array(n);
        port.postMessage(sound, [sound.buffer]);
      };
    },
    file: async ({ samples, name }) => {
      const mine = ++file;
      const frames = await analyse(samples, player.sampleRate, player.range, (one) => mine === file && tell(one));
      if (mine !== file) return;
      tell({ playing: name });
      player.play(frames.length, (i) => frames[i]);
    },
    curve: (message) => playCurve(player, message),
    stop: () => { file++; player.stop(); },
    allNotesOff: () => { file++; player.allNotesOff(); },
    listen: ({ on }) => (on ? player.listen() : player.stopListening()),
    turn: ({ knobs }) => player.turn(knobs),
    // What a hand does: the method of Hand, and its arguments.
    hand: ({ does, args }) => player.hand[does](...args),
    set: ({ values }) => Object.assign(player.hand, values),
  };
  self.onmessage = ({ data }) => {
    if (player || data.do in { load: 1, connect: 1 }) commands[data.do](data);
  };
}
