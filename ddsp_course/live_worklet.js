// The audio thread: asks the worker for sound, keeps a little in stock, and plays it no louder than
// -1 dBFS.
//
// Each call must return within 3 ms, and the worker may be later than that. So a stock of samples lies
// between them. It grows when it has been empty, and shrinks when it has been fuller than needed for
// half a minute: the page's own delay is no longer than this computer needs.
// Explained in notebooks/02_timbre_transfer/09_play_it_live.ipynb.

const CEILING = 10 ** (-1 / 20);
const RELEASE_S = 0.1; // time constant of the limiter
const STOCK_S = 0.02; // at first
const LONGEST_STOCK_S = 0.15;
const SHRINK_AFTER_S = 30;
const REPORT_S = 1;
// A message costs both threads as much as the synthesizers do for a block, so two share one.
const SHARED = 2;

registerProcessor("live", class extends AudioWorkletProcessor {
  constructor() {
    super();
    this.blocks = []; // what the worker has sent
    this.stock = 0; // samples in them
    this.ordered = 0; // samples that are asked for and not there yet
    this.heard = new Float32Array(0); // and `wanted`: what goes into the next message
    this.wanted = this.blocksUnsent = 0;
    this.gain = 1;
    this.last = 0; // the last sample
    this.underruns = 0;
    this.least = Infinity; // of the stock, since it was last looked at
    this.isRecorded = this.isRunning = false;
    this.reportAt = 0;
    this.shrinkAt = currentTime + SHRINK_AFTER_S;
    this.tooMany = 0; // blocks that the stock is to shrink by
    this.port.onmessage = ({ data }) => this.command(data);
  }

  command({ worker, record, stop }) {
    if (worker) {
      this.worker = worker;
      worker.onmessage = ({ data }) => this.receive(data);
      this.order(128 * Math.ceil((STOCK_S * sampleRate) / 128));
      this.send();
    }
    if (record !== undefined) this.isRecorded = record;
    if (stop) this.isStopped = true;
  }

  receive(samples) {
    this.blocks.push(samples);
    this.stock += samples.length;
    this.ordered -= samples.length;
  }

  order(n) {
    this.ordered += n;
    this.wanted += n;
  }

  hear(samples) {
    const longer = new Float32Array(this.heard.length + samples.length);
    longer.set(this.heard);
    longer.set(samples, this.heard.length);
    this.heard = longer;
  }

  send() {
    const heard = this.heard.length ? this.heard : null;
    this.worker.postMessage({ n: this.wanted, heard }, heard ? [heard.buffer] : []);
    this.heard = new Float32Array(0);
    this.wanted = this.blocksUnsent = 0;
  }

  process([microphone], [[output]]) {
    if (!this.worker) return !this.isStopped;
    const n = output.length;
    const isThere = this.stock >= n;
    if (isThere) this.take(output);
    else this.fade(output);
    this.limit(output);
    this.last = output[n - 1];
    // What was missing is added to the stock: the worker was too late for it.
    const isFull = this.stock + this.ordered + n > LONGEST_STOCK_S * sampleRate;
    this.order(this.shrinks(n) || (!isThere && isFull) ? 0 : n);
    if (microphone.length) this.hear(microphone[0]);
    if (++this.blocksUnsent === SHARED) this.send();
    if (this.isRunning && !isThere) this.underruns++;
    this.isRunning ||= isThere;
    if (this.isRecorded) this.port.postMessage({ played: output.slice() });
    this.report();
    return !this.isStopped;
  }

  take(output) {
    for (let at = 0; at < output.length; ) {
      const block = this.blocks[0];
      const part = block.subarray(0, output.length - at);
      output.set(part, at);
      at += part.length;
      if (part.length === block.length) this.blocks.shift();
      else this.blocks[0] = block.subarray(part.length);
    }
    this.stock -= output.length;
    this.least = Math.min(this.least, this.stock);
  }

  // A gap that does not click.
  fade(output) {
    for (let i = 0; i < output.length; i++) output[i] = this.last *= 0.95;
  }

  // The gain falls before the peak: what comes next is in stock already.
  limit(output) {
    const peak = (samples) => samples.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-9);
    const released = this.gain + (1 - this.gain) * (1 - Math.exp(-output.length / (RELEASE_S * sampleRate)));
    const next = this.blocks.length ? peak(this.blocks[0]) : 0;
    const goal = Math.min(released, CEILING / Math.max(peak(output), next));
    if (!(goal > 0)) return output.fill(0); // not a number: better silence than that
    const start = this.gain;
    for (let i = 0; i < output.length; i++) {
      const gain = start + ((goal - start) * (i + 1)) / output.length;
      output[i] = Math.max(-CEILING, Math.min(CEILING, gain * output[i]));
    }
    this.gain = goal;
  }

  // Whether no block is asked for this time; looks now and then how full the stock has been.
  shrinks(n) {
    if (currentTime >= this.shrinkAt) {
      this.tooMany = Math.max(0, Math.floor((this.least / n - SHARED) / 2));
      this.least = Infinity;
      this.shrinkAt = currentTime + SHRINK_AFTER_S;
    }
    return this.tooMany > 0 && this.tooMany-- > 0;
  }

  report() {
    if (currentTime < this.reportAt) return;
    this.reportAt = currentTime + REPORT_S;
    this.port.postMessage({
      underruns: this.underruns,
      stock_s: (this.stock + this.ordered) / sampleRate,
    });
  }
});
