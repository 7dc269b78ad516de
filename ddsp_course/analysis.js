// Pitch and loudness of a live signal, 250 times a second, from what has been heard so far.
//
// The course's recordings are measured with CREPE (features.py), which looks 32 ms ahead and costs
// too much for a page. Here the pitch comes from McLeod's method (Philip McLeod and Geoff Wyvill, "A
// smarter way to find pitch", ICMC 2005), which needs two periods. Loudness is ddsp's own. No DOM:
// the page's worker uses this, and Node can.
// Explained in notebooks/02_timbre_transfer/09_play_it_live.ipynb.

export const sampleRate = 16000;
export const hopSize = 64;
export const floorDb = -80;

// Converts a stream of samples from any rate to another with a windowed sinc; exact phases, because
// the two rates have a common divisor.
export class Resampler {
  constructor(from, to) {
    const divisor = greatestCommonDivisor(from, to);
    this.up = to / divisor;
    this.down = from / divisor;
    // The filter ends at the lower Nyquist frequency, and reaches over 10 samples of the lower rate.
    const cutoff = 0.94 * Math.min(1, to / from);
    const half = Math.ceil(10 / Math.min(1, to / from));
    this.taps = 2 * half;
    this.kernels = Array.from({ length: this.up }, (_, phase) => {
      const kernel = Float32Array.from({ length: this.taps }, (_, i) => {
        const t = i - half + 1 - phase / this.up;
        return cutoff * sinc(cutoff * t) * (0.5 + 0.5 * Math.cos((Math.PI * t) / half)) * (Math.abs(t) < half);
      });
      const sum = kernel.reduce((a, b) => a + b);
      return kernel.map((tap) => tap / sum);
    });
    this.past = new Float32Array(this.taps - 1);
    this.position = 0; // of the next output, in `up` parts of an input sample
  }

  // Returns the samples that can be computed once `samples` have arrived.
  push(samples) {
    const { up, down, taps } = this;
    const all = new Float32Array(this.past.length + samples.length);
    all.set(this.past);
    all.set(samples, this.past.length);
    const result = [];
    for (; Math.floor(this.position / up) + taps <= all.length; this.position += down) {
      const start = Math.floor(this.position / up);
      const kernel = this.kernels[this.position % up];
      let sum = 0;
      for (let i = 0; i < taps; i++) sum += kernel[i] * all[start + i];
      result.push(sum);
    }
    const used = Math.min(Math.floor(this.position / up), all.length);
    this.past = all.slice(used);
    this.position -= used * up;
    return Float32Array.from(result);
  }
}

// A-weighted loudness as ddsp.spectral_ops.compute_loudness of ddsp 2 defines it: the mean weighted
// power of 512 samples under a Hann window, in dB.
const loudnessSize = 512;
const hann = Float64Array.from(
  { length: loudnessSize },
  (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / loudnessSize),
);
const aWeights = Float64Array.from({ length: loudnessSize / 2 + 1 }, (_, bin) =>
  aWeight((bin * sampleRate) / loudnessSize),
);

export function loudnessDb(frame) {
  const [real, imaginary] = [new Float64Array(loudnessSize), new Float64Array(loudnessSize)];
  for (let i = 0; i < loudnessSize; i++) real[i] = frame[i] * hann[i];
  fft(real, imaginary);
  let power = 0;
  for (let bin = 0; bin < aWeights.length; bin++)
    power += aWeights[bin] * (real[bin] ** 2 + imaginary[bin] ** 2);
  return Math.max(floorDb, 10 * Math.log10(power / aWeights.length));
}

// McLeod's method on the last `size` samples: the normalised square difference function is 1 at a
// lag at which the signal repeats itself exactly, and 0 where it has nothing to do with itself. Of
// its peaks the first counts that is nearly as high as the highest.
//
// Returns the pitch, and how clear it is (0..1).
export function pitchOf(samples, size, lowestHz, highestHz) {
  const x = samples.subarray(samples.length - size);
  const shortest = Math.floor(sampleRate / highestHz);
  const longest = Math.min(Math.ceil(sampleRate / lowestHz), size - 2);
  const likeness = new Float64Array(longest + 2);
  let energy = 0;
  for (const sample of x) energy += 2 * sample * sample;
  if (energy < 1e-9 * size) return { f0_hz: 0, clarity: 0 };
  for (let lag = 0; lag < likeness.length; lag++) {
    if (lag) energy -= x[lag - 1] ** 2 + x[size - lag] ** 2;
    let product = 0;
    for (let i = 0; i < size - lag; i++) product += x[i] * x[i + lag];
    likeness[lag] = (2 * product) / Math.max(energy, 1e-12);
  }
  const peaks = [];
  let lag = 1;
  while (lag <= longest && likeness[lag] > 0) lag++; // the peak at lag 0, which every signal has
  for (; lag <= longest; lag++) {
    const [before, here, after] = [likeness[lag - 1], likeness[lag], likeness[lag + 1]];
    if (here <= 0 || here < before || here <= after || lag < shortest) continue;
    const offset = (0.5 * (before - after)) / (before - 2 * here + after);
    peaks.push({ lag: lag + offset, height: here - 0.25 * (before - after) * offset });
  }
  if (!peaks.length) return { f0_hz: 0, clarity: 0 };
  const highest = Math.max(...peaks.map((peak) => peak.height));
  const first = peaks.find((peak) => peak.height >= 0.9 * highest);
  return { f0_hz: sampleRate / first.lag, clarity: Math.min(1, Math.max(0, first.height)) };
}

// Hears a signal of any sample rate, block by block, and tells pitch, clarity and loudness of the
// moment every 4 ms.
export class Listener {
  constructor(rate) {
    this.resampler = new Resampler(rate, sampleRate);
    this.past = new Float32Array(longWindow);
    this.waiting = new Float32Array(0);
  }

  // Returns [{f0_hz, clarity, loudness_db}], one for each 4 ms that are complete.
  push(samples) {
    const fresh = this.resampler.push(samples);
    const waiting = new Float32Array(this.waiting.length + fresh.length);
    waiting.set(this.waiting);
    waiting.set(fresh, this.waiting.length);
    const frames = [];
    let at = 0;
    for (; at + hopSize <= waiting.length; at += hopSize) {
      this.past.copyWithin(0, hopSize);
      this.past.set(waiting.subarray(at, at + hopSize), longWindow - hopSize);
      frames.push({
        ...pitchNow(this.past),
        loudness_db: loudnessDb(this.past.subarray(longWindow - loudnessSize)),
      });
    }
    this.waiting = waiting.slice(at);
    return frames;
  }
}

// 20 ms hold two periods of 100 Hz, and are late by 10 ms; a low voice needs 40.
const [shortWindow, longWindow] = [320, 640];
const [lowestHz, middleHz, highestHz] = [50, 105, 2000];

function pitchNow(past) {
  const soon = pitchOf(past, shortWindow, middleHz, highestHz);
  if (soon.clarity > 0.9) return soon;
  const late = pitchOf(past, longWindow, lowestHz, highestHz);
  return late.clarity > soon.clarity ? late : soon;
}

// Transforms in place; the length is a power of two up to 512 (Cooley and Tukey, 1965).
const turns = Array.from({ length: loudnessSize / 2 }, (_, k) => (-2 * Math.PI * k) / loudnessSize);
const [cosines, sines] = [turns.map(Math.cos), turns.map(Math.sin)];

function fft(real, imaginary) {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2;
    for (let k = 0; k < half; k++) {
      const cos = cosines[(k * loudnessSize) / size];
      const sin = sines[(k * loudnessSize) / size];
      for (let i = k; i < n; i += size) {
        const j = i + half;
        const re = real[j] * cos - imaginary[j] * sin;
        const im = real[j] * sin + imaginary[j] * cos;
        real[j] = real[i] - re;
        imaginary[j] = imaginary[i] - im;
        real[i] += re;
        imaginary[i] += im;
      }
    }
  }
}

// The A curve as power (IEC 61672), not below -80 dB, as librosa.A_weighting has it.
function aWeight(hz) {
  const f = hz ** 2;
  const amplitude =
    (12194.217 ** 2 * f ** 2) /
    ((f + 20.598997 ** 2) * (f + 12194.217 ** 2) *
      Math.sqrt((f + 107.65265 ** 2) * (f + 737.86223 ** 2)));
  return Math.max(1e-8, (10 ** 0.1 * amplitude) ** 2);
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function greatestCommonDivisor(a, b) {
  return b ? greatestCommonDivisor(b, a % b) : a;
}
