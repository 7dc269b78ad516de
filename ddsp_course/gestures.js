// Keys, a finger or a drawn curve as an instrument's pitch and loudness, frame by frame; what
// live.Keys does in Python. A key has no bow and no breath, and so pitch glides, loudness swells and
// dies away, and a held note begins to sway. No DOM.
// Explained in notebooks/02_timbre_transfer/09_play_it_live.ipynb.

import { frameRate } from "./engine.js";

const glideS = 0.02; // time constant of the pitch, from a note to the next
const [attackS, releaseS] = [0.02, 0.06]; // of the loudness
const [vibratoHz, vibratoAfterS] = [5.5, 0.4];

// The last note that is held sounds; each has a name, by which it is moved and let go.
export class Hand {
  constructor({ quantilesDb, floorDb }) {
    [this.quantilesDb, this.floorDb] = [quantilesDb, floorDb];
    this.held = [];
    this.let = new Set(); // let go, and kept by the pedal
    this.isPedalDown = false;
    this.vibratoCents = 15;
    this.modulation = 0; // 0..1: more vibrato
    this.expression = 1; // 0..1
    this.bend = 0; // semitones
    [this.pitch, this.loudness_db, this.frames] = [69, floorDb, 0];
  }

  // A pitch as a MIDI number, and 0..1 for the instrument's softest to loudest.
  press(name, pitch, level) {
    this.remove(name);
    if (!this.held.length && !this.sounds) this.pitch = pitch; // no glide out of silence
    this.held.push({ name, pitch, level });
    this.frames = 0;
  }

  // Moves a note without striking it again.
  move(name, pitch, level) {
    const note = this.held.find((one) => one.name === name);
    if (note) Object.assign(note, { pitch, level });
    else this.press(name, pitch, level);
  }

  release(name) {
    if (this.isPedalDown) this.let.add(name);
    else this.remove(name);
  }

  pedal(isDown) {
    this.isPedalDown = isDown;
    if (!isDown) for (const name of [...this.let]) this.remove(name);
  }

  allNotesOff() {
    this.held = [];
    this.let.clear();
    this.isPedalDown = false;
    [this.bend, this.modulation, this.expression] = [0, 0, 1];
  }

  remove(name) {
    this.let.delete(name);
    this.held = this.held.filter((one) => one.name !== name);
  }

  get sounds() {
    return this.held.length > 0 || this.loudness_db > this.floorDb + 1;
  }

  next() {
    const note = this.held.at(-1);
    if (note) this.pitch += (note.pitch - this.pitch) * step(glideS);
    const towards = note ? this.levelDb(note.level * this.expression) : this.floorDb;
    this.loudness_db += (towards - this.loudness_db) * step(note ? attackS : releaseS);
    const seconds = this.frames++ / frameRate;
    const depth = (this.vibratoCents + 50 * this.modulation) / 100;
    const begun = Math.min(1, Math.max(0, seconds / vibratoAfterS - 1));
    const sway = depth * begun * Math.sin(2 * Math.PI * vibratoHz * seconds);
    return {
      f0_hz: 440 * 2 ** ((this.pitch + this.bend + sway - 69) / 12),
      loudness_db: this.loudness_db,
    };
  }

  levelDb(level) {
    const place = Math.min(1, Math.max(0, level)) * (this.quantilesDb.length - 1);
    const [low, high] = [Math.floor(place), Math.ceil(place)];
    return this.quantilesDb[low] + (place - low) * (this.quantilesDb[high] - this.quantilesDb[low]);
  }
}

// How far a curve goes towards its target in a frame, of 0..1.
function step(seconds) {
  return 1 - Math.exp(-1 / (seconds * frameRate));
}
