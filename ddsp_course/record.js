// The recorder of ddsp_course.record: a microphone's samples, or a file, as base64.
// An anywidget in JupyterLab; in Colab, where the microphone is given to code that Python calls
// by `eval_js`, `once` makes the same panel and resolves with what was recorded.

// Runs in the audio thread, and hands on what it hears.
const LISTENER = `
registerProcessor("listener", class extends AudioWorkletProcessor {
  process(inputs) {
    if (inputs[0].length) this.port.postMessage(inputs[0][0].slice());
    return true;
  }
});`;

// Whatever "improves" speech spoils music.
const AS_IT_IS = {
  channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false,
};

function whyNot(error) {
  if (!window.isSecureContext)
    return "This page has no microphone, because its address is neither localhost nor https: " +
      "open JupyterLab at http://localhost, or upload a file.";
  if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode)
    return "This page cannot record (VS Code's notebooks cannot): open the notebook in a " +
      "browser, or upload a file.";
  const sentences = {
    NotAllowedError: "The microphone was not allowed: allow it in the browser's address bar and " +
      "record again, or upload a file.",
    NotFoundError: "There is no microphone: plug one in and record again, or upload a file.",
    NotReadableError: "The microphone is in use by another program: close that and record " +
      "again, or upload a file.",
  };
  return sentences[error?.name] ?? `The microphone failed (${error}): try again, or upload a file.`;
}

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

// 16-bit mono WAV.
function toWav(blocks, rate) {
  const n = blocks.reduce((sum, block) => sum + block.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * n));
  const text = (at, letters) => [...letters].forEach((c, i) => view.setUint8(at + i, c.charCodeAt()));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * n, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, 2 * n, true);
  let at = 44;
  for (const block of blocks)
    for (const sample of block) {
      view.setInt16(at, Math.max(-32768, Math.min(32767, Math.round(sample * 32768))), true);
      at += 2;
    }
  return new Blob([view.buffer], { type: "audio/wav" });
}

function toBase64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",")[1]);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

function panel(el, seconds, largest, arrived) {
  el.innerHTML = `
    <div role="group" aria-label="Recorder" style="border: 1px solid; border-radius: 6px; padding: 8px; max-width: 520px">
      <button type="button" class="record">● Record ${seconds} s</button>
      <button type="button" class="stop" disabled>■ Stop</button>
      <meter min="-60" max="0" low="-40" high="-3" optimum="-12" value="-60" aria-label="Level in dB"></meter>
      <span class="left" role="timer"></span>
      <label style="display: block; margin-top: 6px">Upload a file, or drop one here:
        <input type="file" class="upload" accept="audio/*,video/webm,video/mp4"></label>
      <div class="said" role="status" style="margin-top: 6px"></div>
      <audio controls hidden></audio>
    </div>`;
  const find = (name) => el.querySelector(name);
  const [record, stop, meter, left] = [".record", ".stop", "meter", ".left"].map(find);
  const [upload, said, player] = [".upload", ".said", "audio"].map(find);
  let take = null;

  async function give(blob, name) {
    if (blob.size > largest) {
      said.textContent = `${name} is larger than ${Math.round(largest / 1e6)} MB: cut it, or ` +
        "put it beside the notebook and load it by its path.";
      return;
    }
    player.src = URL.createObjectURL(blob);
    player.hidden = false;
    said.textContent = `${name} goes to Python …`;
    arrived(name, await toBase64(blob), (sentence) => { said.textContent = sentence; });
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
    player.hidden = true;
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
      said.textContent = whyNot(error);
    }
  };
  stop.onclick = finish;
  upload.onchange = () => upload.files[0] && give(upload.files[0], upload.files[0].name);
  const group = el.firstElementChild;
  group.ondragover = (event) => event.preventDefault();
  group.ondrop = (event) => {
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file) give(file, file.name);
  };
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
    record.disabled = true;
    said.textContent = whyNot();
  }
  return () => { take?.stop(); take = null; };
}

function render({ model, el }) {
  let answer = () => {};
  model.on("change:said", () => answer(model.get("said")));
  return panel(el, model.get("seconds"), model.get("largest"), (name, data, tell) => {
    answer = tell;
    model.set({ name, data });
    model.save_changes();
  });
}

// For Colab: show the panel in this output, and wait for the first take, or null for the example.
export function once(seconds, largest, hasExample) {
  return new Promise((resolve) => {
    const el = document.createElement("div");
    document.querySelector("#output-area")?.appendChild(el) ?? document.body.appendChild(el);
    panel(el, seconds, largest, (name, data, tell) => {
      tell(`${name} has arrived.`);
      resolve({ name, data });
    });
    if (hasExample) {
      const button = Object.assign(document.createElement("button"), {
        type: "button", className: "example", textContent: "Use the example",
      });
      button.onclick = () => { button.disabled = true; resolve(null); };
      el.querySelector(".stop").after(" ", button);
    }
  });
}

export default { render };
