// Brings what a microphone hears to where an instrument has learned to play, frame by frame.
//
// conditioning.py does this for a whole recording, which it knows to its end. A live page knows only
// what has come so far: it opens and closes a gate, learns the player's register and loudness as it
// goes, and notices when the microphone hears the loudspeaker. No DOM.
// Explained in notebooks/02_timbre_transfer/09_play_it_live.ipynb.

import { frameRate } from "./engine.js";

// The gate opens for a clear pitch well above the room's noise, and closes later than it opens.
const [opensAbove, closesBelow] = [0.8, 0.5]; // clarity
const [opensDb, closesDb] = [12, 6]; // above the noise
const framesToOpen = 2;
const framesToClose = 5;
const releaseS = 0.06;
// A leap of more than a fifth counts once two frames agree on it.
const leap = 7; // semitones
// How many seconds of playing the running means reach back over, and what they begin from: a voice
// at a laptop's microphone, believed as much as half a second of playing.
const memoryS = 10;
const beginsFrom = { db: -10, seconds: 0.5 };
// A note that begins counts as so many seconds of playing when its register is chosen: the end of
// another one, heard as the microphone came on, must not decide.
const noteS = 0.5;
// A decibel becomes this many at most, as in conditioning.py: a steady tone's ripple stays unheard.
const steepest = 3;

// The instrument's mean pitch and loudness at evenly spaced quantiles.
export class Conditioning {
  constructor({ meanPitch, quantilesDb, floorDb }) {
    this.meanPitch = meanPitch;
    this.floorDb = floorDb;
    const mean = average(quantilesDb);
    this.instrument = {
      mean,
      deviation: Math.sqrt(average(quantilesDb.map((db) => (db - mean) ** 2))),
      loudest: quantilesDb.at(-1),
    };
    this.pitch = new RunningMean(0, 0);
    this.loudness = new RunningMean(beginsFrom.db, beginsFrom.seconds);
    this.spread = new RunningMean(this.instrument.deviation ** 2, beginsFrom.seconds);
    this.octaves = null; // until the first note
    this.noiseDb = -50;
    this.rewind();
  }

  // Forgets the note, and keeps what it has learned.
  rewind() {
    this.isOpen = false;
    this.run = 0; // frames that speak against the gate's state
    this.f0_hz = 440;
    this.loudness_db = this.floorDb;
    this.candidate = 0; // a leap that the next frame may confirm
  }

  // Takes {f0_hz, clarity, loudness_db} as Listener gives it; returns what the instrument is to play.
  next(heard) {
    this.turnGate(heard);
    if (this.isOpen) {
      if (heard.clarity > closesBelow) this.follow(heard.f0_hz);
      this.learn(heard.loudness_db);
      this.loudness_db = this.matched(heard.loudness_db);
    } else {
      this.loudness_db += (this.floorDb - this.loudness_db) * (1 - Math.exp(-1 / (releaseS * frameRate)));
    }
    return { f0_hz: this.f0_hz * 2 ** (this.octaves ?? 0), loudness_db: this.loudness_db };
  }

  turnGate({ f0_hz, clarity, loudness_db }) {
    if (!this.isOpen) {
      // The noise is learned between notes: quickly downwards, slowly upwards.
      const step = loudness_db < this.noiseDb ? 0.1 * (loudness_db - this.noiseDb) : 6 / frameRate;
      this.noiseDb = Math.min(this.noiseDb + step, loudness_db, -20);
    }
    const above = loudness_db - this.noiseDb;
    const disagrees = this.isOpen
      ? clarity < closesBelow || above < closesDb
      : clarity > opensAbove && above > opensDb;
    this.run = disagrees ? this.run + 1 : 0;
    if (this.run < (this.isOpen ? framesToClose : framesToOpen)) return;
    this.isOpen = !this.isOpen;
    this.run = 0;
    if (this.isOpen) {
      this.f0_hz = f0_hz;
      this.chooseRegister();
    }
  }

  follow(f0_hz) {
    const isLeap = (from) => Math.abs(12 * Math.log2(f0_hz / from)) > leap;
    if (!isLeap(this.f0_hz) || (this.candidate && !isLeap(this.candidate))) {
      this.f0_hz = f0_hz;
      this.candidate = 0;
    } else this.candidate = f0_hz;
  }

  // Whole octaves, chosen where a note begins; one that wavers on the border of two stays.
  chooseRegister() {
    const { value, seconds } = this.pitch;
    const played = (seconds * value + noteS * toMidi(this.f0_hz)) / (seconds + noteS);
    const wanted = (this.meanPitch - played) / 12;
    if (this.octaves === null || Math.abs(wanted - this.octaves) > 0.65) this.octaves = Math.round(wanted);
  }

  learn(loudness_db) {
    this.pitch.add(toMidi(this.f0_hz));
    this.loudness.add(loudness_db);
    this.spread.add((loudness_db - this.loudness.value) ** 2);
  }

  // The player's mean becomes the instrument's mean, and the player's spread the instrument's.
  matched(loudness_db) {
    const slope = Math.min(steepest, this.instrument.deviation / Math.sqrt(this.spread.value));
    const db = this.instrument.mean + slope * (loudness_db - this.loudness.value);
    return Math.max(this.floorDb, Math.min(db, this.instrument.loudest));
  }
}

// Tells whether a microphone hears what the page itself plays: turned down for a moment, the sound
// in the microphone goes down with it, and up again. A singer who stops does not come back in time.
export class FeedbackTest {
  constructor() {
    this.frame = -1; // not begun
    this.levels = [];
    this.isPassed = false;
    this.open = 0;
  }

  // Takes each frame's loudness, and whether the gate is open. Returns the gain of the sound, and in
  // the end whether it has been found guilty.
  next(loudness_db, isOpen) {
    if (this.isPassed) return { gain: 1, isFeedback: false };
    if (this.frame < 0) {
      this.open = isOpen ? this.open + 1 : 0;
      if (this.open < testAfterS * frameRate) return { gain: 1, isFeedback: false };
    }
    this.frame++;
    this.levels.push(loudness_db);
    const gain = this.frame >= third && this.frame < 2 * third ? 0.2 : 1; // -14 dB
    if (this.frame < 3 * third) return { gain, isFeedback: false };
    const [before, during, after] = [1, 2, 3].map((end) =>
      average(this.levels.slice(end * third - measured, end * third)),
    );
    const isFeedback = before - during > 7 && after - during > 7;
    this.frame = -1;
    this.open = 0;
    this.levels = [];
    this.isPassed = !isFeedback;
    return { gain: 1, isFeedback };
  }

  get isRunning() {
    return this.frame >= 0;
  }
}

// A loudspeaker and a microphone may be 200 ms late together.
const third = Math.round(0.32 * frameRate);
const measured = 20; // frames at the end of each third
const testAfterS = 4;

// Forgets what is older than `memoryS`.
class RunningMean {
  constructor(value, seconds) {
    [this.value, this.seconds] = [value, seconds];
  }

  add(value) {
    this.seconds = Math.min(memoryS, this.seconds + 1 / frameRate);
    this.value += (value - this.value) / (this.seconds * frameRate);
  }
}

function average(values) {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}

function toMidi(hz) {
  return 69 + 12 * Math.log2(hz / 440);
}
