// Code that the recorder and the live instrument share: microphone, WAV, messages to Python.
// record.py and live_page.py put this text before that of their pages, so it exports nothing.

// A Jupyter server closes the connection on messages of ten megabytes and more. Colab's own
// uploads are also sent in small parts, and base64 makes them a third larger here.
const PART = 2_000_000;
const PART_IN_COLAB = 1_000_000;
const UNANSWERED = "Python has not answered for 10 s: wait if another cell is running; after a " +
  "restart, run this cell again.";
const GONE = "Python has been restarted since this was displayed: run this cell again.";

// Whatever "improves" speech damages music.
const AS_IT_IS = {
  channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false,
};

// Return a sentence that explains why there is no microphone; `otherwise` is the alternative.
function whyNot(error, otherwise) {
  if (!window.isSecureContext)
    return "This page has no microphone, because its address is neither localhost nor https: " +
      `open JupyterLab at http://localhost, or ${otherwise}.`;
  if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode)
    return "This page has no microphone (VS Code's notebooks have none): open the notebook in a " +
      `browser, or ${otherwise}.`;
  const sentences = {
    NotAllowedError: "The microphone was not allowed: allow it in the browser's address bar and " +
      `try again, or ${otherwise}.`,
    NotFoundError: `There is no microphone: plug one in and try again, or ${otherwise}.`,
    NotReadableError: "The microphone is in use by another program: close that and try again, or " +
      `${otherwise}.`,
  };
  return sentences[error?.name] ?? `The microphone failed (${error}): try again, or ${otherwise}.`;
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

// Python's side of a page: `ask(message, blob)` gives its answer, a dictionary whose `data`, if there
// is any, is an ArrayBuffer; `size` is that of the parts that files are sent in.
function pythonOf(model) {
  const waiting = new Map();
  let asked = 0;
  const onMessage = (answer, buffers) => {
    const view = buffers?.[0]; // of a part of the message that came
    const data = view?.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
    waiting.get(answer.id)?.({ ...answer, data });
    waiting.delete(answer.id);
  };
  model.on("msg:custom", onMessage);

  async function ask(message, blob) {
    const id = ++asked;
    const data = blob ? [await blob.arrayBuffer()] : [];
    const answer = new Promise((resolve) => waiting.set(id, resolve));
    model.send({ id, ...message }, undefined, data);
    return answer;
  }
  return { ask, size: PART, close: () => model.off("msg:custom", onMessage) };
}

// `callback` is the name that Python registered its function under.
function pythonInColab(callback) {
  async function ask(message, blob) {
    const data = blob ? await toBase64(blob) : "";
    const reply = await google.colab.kernel.invokeFunction(callback, [message, data], {});
    return reply.data["application/json"];
  }
  return { ask, size: PART_IN_COLAB, close: () => {} };
}

// Whether an output in Colab was loaded from a saved notebook, with no Python behind it.
function isStored() {
  return !globalThis.google?.colab?.kernel?.accessAllowed;
}

// Wait for an answer of Python's for as long as it takes, and tell after ten seconds that it is late.
async function waited(answer, tell) {
  const clock = setTimeout(() => tell(UNANSWERED), 10_000);
  try {
    return await answer;
  } finally {
    clearTimeout(clock);
  }
}

// Send a file in parts, each after Python's answer to the one before; return the last answer, which
// holds the outcome.
async function inParts(name, blob, tell, { ask, size }) {
  const parts = Math.ceil(blob.size / size);
  const megabytes = (n) => (n / 1e6).toFixed(1);
  for (let part = 0; ; part++) {
    let answer;
    try {
      const piece = blob.slice(part * size, (part + 1) * size);
      answer = await waited(ask({ name, part, parts }, piece), tell);
    } catch {
      return { accepted: false, sentence: GONE };
    }
    if (answer.sentence) return answer;
    const sent = `${megabytes((part + 1) * size)} of ${megabytes(blob.size)} MB`;
    if (!tell(`Sending ${name} to Python: ${sent} …`)) return answer;
  }
}
