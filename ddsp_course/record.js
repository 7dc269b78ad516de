// The page of ddsp_course.record: sends a microphone's samples, or a file, to Python in parts.
// Both pages take this text from record.py: JupyterLab's as an anywidget, which calls `render`, and
// Colab's as a plain script, which calls `renderInColab`. So it exports nothing itself.

// Drawing a waveform needs the whole sound in memory.
const LARGEST_DRAWN = 50_000_000;
const OTHERWISE = "upload a file";

// Runs in the audio thread, and passes its input on.
const LISTENER = `
registerProcessor("listener", class extends AudioWorkletProcessor {
  process(inputs) {
    if (inputs[0].length) this.port.postMessage(inputs[0][0].slice());
    return true;
  }
});`;

async function listen(onSamples) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: AS_IT_IS });
  const context = new AudioContext();
  const stop = () => {
    stream.getTracks().forEach((track) => track.stop());
    return context.close();
  };
  try {
    const code = URL.createObjectURL(new Blob([LISTENER], { type: "text/javascript" }));
    await context.audioWorklet.addModule(code);
    URL.revokeObjectURL(code);
    const node = new AudioWorkletNode(context, "listener");
    node.port.onmessage = (event) => onSamples(event.data);
    context.createMediaStreamSource(stream).connect(node);
    await context.resume();
  } catch (error) {
    await stop();
    throw error;
  }
  return { rate: context.sampleRate, stop };
}

const SCALE = [-60, -40, -20, -12, -3];

function panel(el, seconds, largest, send) {
  el.innerHTML = `
    <div role="group" aria-label="Recorder" style="border: 1px solid; border-radius: 6px; padding: 8px; max-width: 520px">
      <button type="button" class="record">● Record ${seconds} s</button>
      <button type="button" class="stop" disabled>■ Stop</button>
      <span class="left" role="timer"></span>
      <div style="margin-top: 6px; max-width: 300px">
        <meter min="-60" max="0" low="-40" high="-3" optimum="-12" value="-60" aria-label="Level in dB"
          style="width: 100%"></meter>
        <div class="scale" aria-hidden="true" style="position: relative; height: 1.2em; font-size: 0.8em">
          ${SCALE.map((db) => `<span style="position: absolute; left: ${(db + 60) / 0.6}%;
            transform: translateX(${db === -60 ? 0 : -50}%)">${db}${db === -60 ? " dB" : ""}</span>`).join("")}
        </div>
      </div>
      <label style="display: block; margin-top: 6px">Upload a file, or drop one here:
        <input type="file" class="upload" accept="audio/*,video/webm,video/mp4"></label>
      <div class="said" role="status" style="margin-top: 6px"></div>
      <audio controls hidden></audio>
      <div class="trim" hidden>
        <canvas width="500" height="60" style="width: 100%; height: 60px" role="img"
          aria-label="Waveform; the chosen part is darker"></canvas>
        <label>from <input type="range" class="from" min="0" value="0" step="0.01"></label>
        <label>to <input type="range" class="to" min="0" step="0.01"></label>
        <button type="button" class="cut">Use this part</button>
      </div>
    </div>`;
  const find = (name) => el.querySelector(name);
  const [record, stop, meter, left] = [".record", ".stop", "meter", ".left"].map(find);
  const [upload, said, player, trim] = [".upload", ".said", "audio", ".trim"].map(find);
  let take = null;
  let latest = 0;

  async function give(blob, name, isPart = false) {
    if (blob.size === 0) {
      said.textContent = `${name} is empty (0 bytes): choose another file.`;
      return;
    }
    if (blob.size > largest) {
      said.textContent = `${name} is larger than ${Math.round(largest / 1e6)} MB: cut it, or ` +
        "put it beside the notebook and load it by its path.";
      return;
    }
    // A newer file replaces this one, and the rest of it is not sent.
    const number = ++latest;
    const tell = (text) => {
      if (number === latest) said.textContent = text;
      return number === latest;
    };
    player.src = URL.createObjectURL(blob);
    player.hidden = false;
    if (!isPart) trim.hidden = true;
    tell(`Sending ${name} to Python …`);
    const { accepted, sentence } = await send(name, blob, tell);
    if (!tell(sentence)) return;
    if (!accepted) player.hidden = trim.hidden = true;
    else if (!isPart && blob.size <= LARGEST_DRAWN) await showWaveform(trim, blob, name, give);
  }

  async function finish() {
    if (!take) return;
    const { rate, stop: close, blocks, clock } = take;
    take = null;
    clearInterval(clock);
    await close();
    record.disabled = false;
    record.textContent = "● Record again";
    stop.disabled = true;
    left.textContent = "";
    meter.value = -60;
    record.focus();
    await give(toWav(blocks, rate), "The recording");
  }

  record.onclick = async () => {
    record.disabled = true;
    said.textContent = "";
    player.hidden = trim.hidden = true;
    const blocks = [];
    try {
      let heard = 0;
      const source = await listen((block) => {
        if (!take) return;
        blocks.push(block);
        heard += block.length;
        const power = block.reduce((sum, x) => sum + x * x, 0) / block.length;
        meter.value = Math.max(-60, 10 * Math.log10(power + 1e-9));
        if (heard >= seconds * take.rate) finish();
      });
      const began = performance.now();
      const count = () => {
        left.textContent = `${Math.max(0, seconds - (performance.now() - began) / 1000).toFixed(1)} s left`;
      };
      take = { ...source, blocks, clock: setInterval(count, 100) };
      stop.disabled = false;
      stop.focus();
    } catch (error) {
      record.disabled = false;
      said.textContent = whyNot(error, OTHERWISE);
    }
  };
  stop.onclick = finish;
  upload.onchange = () => upload.files[0] && give(upload.files[0], upload.files[0].name);
  const group = el.firstElementChild;
  group.ondragover = (event) => event.preventDefault();
  group.ondrop = (event) => {
    event.preventDefault();
    const [file, ...others] = event.dataTransfer.files;
    if (!file) return;
    give(file, file.name).then(() => {
      if (others.length)
        said.textContent += ` Of the ${others.length + 1} files, this is the first; drop one at a time.`;
    });
  };
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
    record.disabled = true;
    said.textContent = whyNot(null, OTHERWISE);
  }
  return () => { take?.stop(); take = null; };
}

// Show a sound's waveform, and let the user choose the part between two sliders.
async function showWaveform(trim, blob, name, give) {
  let buffer;
  try {
    buffer = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(await blob.arrayBuffer());
  } catch {
    return; // a format that Python can read but this browser cannot
  }
  const [canvas, from, to, cut] = ["canvas", ".from", ".to", ".cut"].map((n) => trim.querySelector(n));
  const samples = buffer.getChannelData(0);
  from.max = to.max = buffer.duration.toFixed(2);
  from.value = 0;
  to.value = to.max;
  const draw = () => {
    if (+from.value > +to.value - 0.1) from.value = Math.max(0, +to.value - 0.1);
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = getComputedStyle(trim).color;
    const loudest = samples.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-6);
    const step = samples.length / canvas.width;
    for (let x = 0; x < canvas.width; x++) {
      let most = 0;
      for (let i = Math.floor(x * step); i < (x + 1) * step && i < samples.length; i++)
        most = Math.max(most, Math.abs(samples[i]));
      const seconds = (x * step) / buffer.sampleRate;
      pen.globalAlpha = seconds >= +from.value && seconds <= +to.value ? 1 : 0.3;
      const height = Math.max(1, (most / loudest) * canvas.height);
      pen.fillRect(x, (canvas.height - height) / 2, 1, height);
    }
    cut.textContent = `Use ${(+from.value).toFixed(1)} to ${(+to.value).toFixed(1)} s`;
  };
  from.oninput = to.oninput = draw;
  cut.onclick = () => {
    const [first, last] = [from, to].map((end) => Math.round(+end.value * buffer.sampleRate));
    const channels = Array.from({ length: buffer.numberOfChannels }, (_, i) => buffer.getChannelData(i));
    const mono = Float32Array.from(
      { length: last - first },
      (_, i) => channels.reduce((sum, c) => sum + c[first + i], 0) / channels.length,
    );
    give(toWav([mono], buffer.sampleRate), `${name} (a part)`, true);
  };
  trim.hidden = false;
  draw();
}

function render({ model, el }) {
  const python = pythonOf(model);
  const send = (name, blob, tell) => inParts(name, blob, tell, python);
  const close = panel(el, model.get("seconds"), model.get("largest"), send);
  return () => { python.close(); close(); };
}

function renderInColab(el, callback, seconds, largest) {
  const python = pythonInColab(callback);
  panel(el, seconds, largest, (name, blob, tell) => inParts(name, blob, tell, python));
  if (isStored()) el.querySelector(".said").textContent = GONE;
}
