// The live instrument's page: what a learner sees and does; the sound is made in live_worker.js.
//
// live_page.py puts takes.js and `SOURCES`, the text of the modules that run in the other two threads,
// before this text. They start from Blob addresses, because a notebook has no other.
// Explained in notebooks/02_timbre_transfer/09_play_it_live.ipynb.

const INSTEAD = "play with the keys";
const LONGEST_FILE_S = 600;
const LONGEST_TAKE_S = 600;
// Two rows of a computer keyboard as a piano's keys, in semitones above the lowest.
const KEYS = [
  ..."ZSXDCVGBHNJM".split("").map((letter, i) => [`Key${letter}`, i, letter]),
  ...["Q", "2", "W", "3", "E", "R", "5", "T", "6", "Y", "7", "U", "I"].map((letter, i) => [
    letter > "9" ? `Key${letter}` : `Digit${letter}`, 12 + i, letter,
  ]),
];
const KNOBS = [
  ["pitchShift", "pitch shift (semitones)", -24, 24, 1, 0],
  ["loudness", "loudness (dB)", -20, 10, 1, 0],
  ["vibrato", "vibrato of keys (cents)", 0, 100, 5, 15],
  ["mix", "instrument in the mix (%)", 0, 100, 5, 100],
  ["room", "room (%)", 0, 100, 5, 100],
];
const COLUMNS = 200; // of the drawn curve
const CURVE_S = 4;

const isBlack = (pitch) => [1, 3, 6, 8, 10].includes(((pitch % 12) + 12) % 12);
const nameOf = (pitch) =>
  ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"][((pitch % 12) + 12) % 12] +
  (Math.floor(pitch / 12) - 1);
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

// Returns the addresses of the worker's and the worklet's code. The modules import each other by
// their files' names, and here by addresses of their own.
function addresses() {
  const made = {};
  for (const name of ["engine", "analysis", "conditioning", "gestures", "live_worker", "live_worklet"]) {
    const text = SOURCES[name].replace(/"\.\/(\w+)\.js"/g, (_, other) => `"${made[other]}"`);
    made[name] = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  }
  return made;
}

function markup() {
  const knob = ([name, label, low, high, step, value]) => `
    <label><span>${label}</span>
      <input type="range" name="${name}" min="${low}" max="${high}" step="${step}" value="${value}">
      <output>${value}</output></label>`;
  return `
    <div class="ddsp-live" role="group" aria-label="Live instrument">
      <div class="row">
        <strong class="title">Loading the instrument …</strong>
        <label class="bundled" hidden>Instrument <select></select></label>
        <label class="own">Open one of your own <input type="file" class="instrument" accept=".safetensors"></label>
      </div>
      <div class="row">
        <button type="button" class="microphone" aria-pressed="false" disabled>Microphone</button>
        <button type="button" class="midi" aria-pressed="false" disabled>MIDI keyboard</button>
        <button type="button" class="record" aria-pressed="false" disabled>● Record</button>
        <button type="button" class="off" disabled>All notes off (Esc)</button>
      </div>
      <div class="said" role="status"></div>
      <div class="surface" role="application" tabindex="0"
        aria-label="Keys: the rows from Z and from Q are a piano; arrows left and right change the octave, up and down the loudness">
        <canvas></canvas></div>
      <p class="hint">Touch to play: right is higher, up is louder. Or click here and use your
        computer's keys: the rows from Z and from Q are a piano, the arrows change octave and
        loudness.</p>
      <div class="row">
        <label>Sound file (or drop one here) <input type="file" class="file" accept="audio/*"></label>
        <button type="button" class="play" disabled>▶ Play the file</button>
      </div>
      <details>
        <summary>Draw a melody</summary>
        <div class="row">
          <label>Draw <select class="drawn"><option value="pitches">pitch</option><option value="levels">loudness</option></select></label>
          <button type="button" class="play-curve" disabled>▶ Play the melody</button>
          <button type="button" class="clear">Clear</button>
          <label><input type="checkbox" class="repeat"> repeat</label>
        </div>
        <div class="curve" role="application" tabindex="0"
          aria-label="Melody: arrows left and right move the pen, up and down change what it draws, Delete makes a rest">
          <canvas></canvas></div>
      </details>
      <div class="knobs">${KNOBS.map(knob).join("")}</div>
      <div class="take" hidden>
        <audio controls aria-label="What was recorded"></audio> <a>Download</a></div>
      <div class="delay"></div>
    </div>`;
}

// Shows the panel in `el`.
//
// `load(tell)` gives the first instrument as an ArrayBuffer; `bundled` is [[title, load], …] for a
// menu of several; `give(blob, tell)` takes what was recorded to Python. Returns a function that
// closes all.
function livePanel(el, { load, bundled = [], give = null }) {
  el.innerHTML = markup();
  const find = (name) => el.querySelector(name);
  const root = find(".ddsp-live");
  const closing = new AbortController();
  const on = (target, type, handle, options) =>
    target.addEventListener(type, handle, { signal: closing.signal, ...options });
  const say = (text) => { find(".said").textContent = text; };

  const code = addresses();
  const worker = new Worker(code.live_worker, { type: "module" });
  const send = (message, transferred = []) => worker.postMessage(message, transferred);
  const hand = (does, ...args) => send({ do: "hand", does, args });
  let settings = null;
  let now = { sounds: false };
  let audio = null; // {context, node}, soon
  let microphone = null; // a MediaStream
  let file = null; // {name, buffer}
  let take = null; // blocks, while it is recorded

  const heard = {
    ready: (message) => {
      settings = message.ready;
      const mean = Math.round(settings.statistics.mean_pitch);
      surface.setMiddle(mean);
      curve.setMiddle(mean);
      find(".title").textContent = settings.title[0].toUpperCase() + settings.title.slice(1);
      for (const button of el.querySelectorAll(".row button"))
        button.disabled = button.matches(".play") && !file;
      say("Ready: touch the field below, use its keys, or switch the microphone on, with headphones.");
      root.dataset.ready = "true";
    },
    refused: ({ refused }) => say(refused),
    now: (message) => { now = message.now; surface.draw(); },
    measured: ({ measured }) => say(`Measuring ${file.name}: ${Math.round(100 * measured)} % …`),
    playing: ({ playing }) => say(`Playing ${playing}.`),
    ended: () => showPlaying(null),
    isFeedback: () => {
      closeMicrophone();
      say("The microphone hears the loudspeaker, and was switched off: put on headphones, and " +
        "switch it on again.");
    },
  };
  worker.onmessage = ({ data }) => Object.keys(data).forEach((key) => heard[key]?.(data));
  worker.onerror = (event) => say(`The instrument has stopped (${event.message}): reload the page.`);

  // Sound -----------------------------------------------------------------------------------------

  // Everything is made ready at once, and is silent until the first gesture, as browsers want it.
  async function openAudio() {
    if (!window.AudioWorkletNode) throw new Error("it has no AudioWorklet at this address");
    const context = new AudioContext({ latencyHint: "interactive" });
    context.suspend();
    await context.audioWorklet.addModule(code.live_worklet);
    const node = new AudioWorkletNode(context, "live", { outputChannelCount: [1] });
    node.connect(context.destination);
    const { port1, port2 } = new MessageChannel();
    send({ do: "connect", port: port1 }, [port1]);
    node.port.postMessage({ worker: port2 }, [port2]);
    node.port.onmessage = ({ data }) => {
      if (data.played) keep(data.played);
      else showDelay(data);
    };
    return { context, node };
  }

  // Called by each gesture.
  async function wake() {
    if (!audio || audio.context.state === "running") return;
    await audio.context.resume();
    audio.context.onstatechange ??= () => {
      if (!["running", "closed"].includes(audio.context.state))
        say("The browser has paused the sound: press any key or button here, and it goes on.");
    };
  }

  function showDelay({ stock_s, underruns }) {
    const { baseLatency = 0, outputLatency = 0 } = audio.context;
    const ms = (seconds) => `${Math.round(1000 * seconds)} ms`;
    root.dataset.underruns = underruns;
    root.dataset.stock = stock_s;
    find(".delay").textContent = `Sound waits ${ms(stock_s)} in this page and ` +
      `${ms(baseLatency + outputLatency)} in the system` +
      (underruns ? `; it came too late ${underruns} times.` : ".");
  }

  // Instruments -----------------------------------------------------------------------------------

  let asked = 0;

  async function openInstrument(name, getBuffer) {
    const mine = ++asked;
    say(`Loading ${name} …`);
    try {
      const buffer = await getBuffer((sentence) => { if (mine === asked) say(sentence); });
      await opened;
      if (mine !== asked) return; // another one was opened while this one was on its way
      send({ do: "load", buffer, sampleRate: audio?.context.sampleRate ?? 48000 }, [buffer]);
    } catch (error) {
      if (mine === asked)
        say(`${name} cannot be loaded (${error.message}): try again, or open a file.`);
    }
  }

  function openFile(chosen) {
    find(".title").hidden = false; // what the menu shows is not what plays
    return openInstrument(chosen.name, () => chosen.arrayBuffer());
  }

  // Microphone ------------------------------------------------------------------------------------

  async function openMicrophone() {
    try {
      await wake();
      microphone = await navigator.mediaDevices.getUserMedia({ audio: AS_IT_IS });
    } catch (error) {
      say(whyNot(error, INSTEAD));
      return;
    }
    const [track] = microphone.getAudioTracks();
    track.onended = () => {
      closeMicrophone();
      say("The microphone is gone: plug it in, and switch it on again.");
    };
    microphone.node = audio.context.createMediaStreamSource(microphone);
    microphone.node.connect(audio.node);
    send({ do: "listen", on: true });
    find(".microphone").setAttribute("aria-pressed", "true");
    say("The microphone is on: sing or play one note at a time, with headphones on.");
  }

  function closeMicrophone() {
    if (!microphone) return;
    microphone.node?.disconnect();
    microphone.getTracks().forEach((track) => track.stop());
    microphone = null;
    send({ do: "listen", on: false });
    find(".microphone").setAttribute("aria-pressed", "false");
  }

  // MIDI ------------------------------------------------------------------------------------------

  let midi = null;

  async function openMidi() {
    if (!navigator.requestMIDIAccess) {
      say(`This browser has no MIDI: open the page in Chrome, Edge or Firefox, or ${INSTEAD}.`);
      return;
    }
    try {
      midi = await navigator.requestMIDIAccess();
    } catch {
      say(`MIDI was not allowed: allow it in the browser's address bar and try again, or ${INSTEAD}.`);
      return;
    }
    const connect = () => { for (const input of midi.inputs.values()) input.onmidimessage = onMidi; };
    midi.onstatechange = ({ port }) => {
      connect();
      if (port.type !== "input") return;
      if (port.state === "disconnected") hand("allNotesOff");
      say(`${port.name} is ${port.state}.`);
    };
    connect();
    const names = [...midi.inputs.values()].map((input) => input.name);
    find(".midi").setAttribute("aria-pressed", "true");
    say(names.length ? `Play on ${names.join(", ")}.` : "No MIDI keyboard is plugged in: plug one in now.");
    wake();
  }

  function closeMidi() {
    if (!midi) return;
    midi.onstatechange = null;
    for (const input of midi.inputs.values()) input.onmidimessage = null;
    midi = null;
    hand("allNotesOff");
    find(".midi").setAttribute("aria-pressed", "false");
  }

  function onMidi({ data: [status, first, second] }) {
    const kind = status & 0xf0;
    if (kind === 0x90 && second) hand("press", `midi${first}`, first, second / 127);
    else if (kind === 0x80 || kind === 0x90) hand("release", `midi${first}`);
    else if (kind === 0xe0) send({ do: "set", values: { bend: ((second << 7) + first - 8192) / 4096 } });
    else if (kind === 0xb0) {
      if (first === 1) send({ do: "set", values: { modulation: second / 127 } });
      if (first === 11) send({ do: "set", values: { expression: second / 127 } });
      if (first === 64) hand("pedal", second >= 64);
      if (first === 120 || first === 123) hand("allNotesOff");
    }
  }

  // Files -----------------------------------------------------------------------------------------

  async function openSound(chosen) {
    say(`Reading ${chosen.name} …`);
    try {
      const content = await chosen.arrayBuffer();
      file = { name: chosen.name, buffer: await audio.context.decodeAudioData(content) };
    } catch {
      say(`${chosen.name} is not a sound that this browser reads: choose a WAV, FLAC, MP3 or OGG file.`);
      return;
    }
    if (file.buffer.duration > LONGEST_FILE_S) {
      say(`${chosen.name} lasts longer than ten minutes: cut it first.`);
      file = null;
    } else say(`${chosen.name} is here: press “Play the file”.`);
    find(".play").disabled = !file;
  }

  function samplesOf({ buffer }) {
    const channels = Array.from({ length: buffer.numberOfChannels }, (_, i) => buffer.getChannelData(i));
    return channels[0].map((_, i) => channels.reduce((sum, one) => sum + one[i], 0) / channels.length);
  }

  // Whether a file that was dropped is an instrument: safetensors begin with eight bytes and JSON.
  async function openDropped(chosen) {
    const begins = new Uint8Array(await chosen.slice(0, 9).arrayBuffer());
    const isInstrument = begins[8] === 0x7b || chosen.name.endsWith(".safetensors");
    return isInstrument ? openFile(chosen) : openSound(chosen);
  }

  let playing = null; // ".play", ".play-curve" or nothing

  function showPlaying(button) {
    playing = button;
    find(".play").textContent = button === ".play" ? "■ Stop" : "▶ Play the file";
    find(".play-curve").textContent = button === ".play-curve" ? "■ Stop" : "▶ Play the melody";
  }

  async function playOrStop(button, message) {
    if (playing) send({ do: "stop" });
    if (playing === button) return;
    await wake();
    const made = message();
    send(made, made.samples ? [made.samples.buffer] : []);
    showPlaying(button);
  }

  // Takes -----------------------------------------------------------------------------------------

  async function recordOrStop() {
    const button = find(".record");
    if (!take) {
      if (!audio) return;
      await wake();
      take = [];
      audio.node.port.postMessage({ record: true });
      button.setAttribute("aria-pressed", "true");
      return;
    }
    const blocks = take;
    take = null;
    audio.node.port.postMessage({ record: false });
    button.setAttribute("aria-pressed", "false");
    button.textContent = "● Record";
    const blob = toWav(blocks, audio.context.sampleRate);
    const [player, link] = [find(".take audio"), find(".take a")];
    URL.revokeObjectURL(player.src);
    player.src = link.href = URL.createObjectURL(blob);
    link.download = `${settings.title.replace(/\W+/g, "_")}.wav`;
    link.textContent = `Download ${link.download}`;
    find(".take").hidden = false;
    if (give) say((await give(blob, (text) => { say(text); return true; })).sentence);
    else say("Recorded: listen to it or download it below.");
  }

  function keep(block) {
    if (!take) return;
    take.push(block);
    const seconds = Math.floor((take.length * block.length) / audio.context.sampleRate);
    const text = `■ Stop recording (${seconds} s)`;
    if (find(".record").textContent !== text) find(".record").textContent = text;
    if (take.length * block.length > LONGEST_TAKE_S * audio.context.sampleRate) recordOrStop();
  }

  // What is seen ----------------------------------------------------------------------------------

  function silence() {
    send({ do: "allNotesOff" });
    closeMicrophone();
    surface.forget();
    say("All notes are off.");
  }

  const surface = makeSurface(find(".surface"), on, { hand, wake, getNow: () => now, getSettings: () => settings });
  const curve = makeCurve(find(".curve"), on, () => find(".drawn").value);

  const clicks = {
    ".microphone": () => (microphone ? closeMicrophone() : openMicrophone()),
    ".midi": () => (midi ? closeMidi() : openMidi()),
    ".record": recordOrStop,
    ".off": silence,
    ".play": () => playOrStop(".play", () => ({ do: "file", name: file.name, samples: samplesOf(file) })),
    ".play-curve": () => playOrStop(".play-curve", () => ({
      do: "curve", ...curve.drawn(), seconds: CURVE_S, repeats: find(".repeat").checked,
    })),
    ".clear": () => curve.clear(),
  };
  for (const [name, does] of Object.entries(clicks)) on(find(name), "click", does);
  on(root, "pointerdown", wake);
  on(root, "keydown", (event) => {
    if (event.key === "Escape") silence();
    else wake();
  });
  on(find(".instrument"), "change", ({ target }) => target.files[0] && openFile(target.files[0]));
  on(find(".file"), "change", ({ target }) => target.files[0] && openSound(target.files[0]));
  on(root, "dragover", (event) => event.preventDefault());
  on(root, "drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) openDropped(event.dataTransfer.files[0]);
  });
  on(find("details"), "toggle", () => curve.draw());
  for (const input of el.querySelectorAll(".knobs input"))
    on(input, "input", () => {
      input.nextElementSibling.textContent = input.value;
      const isShare = ["mix", "room"].includes(input.name);
      send({ do: "turn", knobs: { [input.name]: isShare ? input.value / 100 : +input.value } });
    });
  // A key that is let go elsewhere would sound for ever.
  const release = () => { hand("allNotesOff"); surface.forget(); };
  on(window, "blur", release);
  on(document, "visibilitychange", () => {
    if (document.hidden) release();
    else if (audio?.context.onstatechange) audio.context.resume(); // it has been awake before
  });

  const opened = openAudio().then((made) => { audio = made; }, (error) => {
    say(`This browser makes no sound here (${error.message}): open the page in another one.`);
  });
  const menu = find(".bundled select");
  menu.append(...bundled.map(([title], i) => new Option(title, i)));
  find(".bundled").hidden = !bundled.length;
  find(".title").hidden = bundled.length > 0;
  on(menu, "change", () => openInstrument(...bundled[menu.value]));
  if (load) openInstrument("the instrument", load);
  else if (bundled.length) openInstrument(...bundled[0]);

  return () => {
    closing.abort();
    closeMicrophone();
    closeMidi();
    worker.terminate();
    surface.close();
    curve.close();
    opened.then(() => {
      audio?.node.port.postMessage({ stop: true });
      audio?.context.close();
    });
    for (const address of Object.values(code)) URL.revokeObjectURL(address);
  };
}

// A canvas that fills `box` and is drawn anew when that changes; `paint(pen, width, height, ink)`.
function makeCanvas(box, paint) {
  const canvas = box.querySelector("canvas");
  const pen = canvas.getContext("2d");
  let isAsked = false;
  function draw() {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      const { clientWidth: width, clientHeight: height } = box;
      const scale = window.devicePixelRatio;
      canvas.width = width * scale;
      canvas.height = height * scale;
      pen.scale(scale, scale);
      const { color, accentColor } = getComputedStyle(box);
      paint(pen, width, height, color, accentColor);
    });
  }
  const observer = new ResizeObserver(draw);
  observer.observe(box);
  return { draw, close: () => observer.disconnect() };
}

// The field that is touched, and has the keyboard: pitch to the right, loudness upwards.
function makeSurface(box, on, { hand, wake, getNow, getSettings }) {
  let [low, high] = [48, 84]; // MIDI
  let base = 60; // of the key Z
  let level = 0.6; // of keys
  const down = new Map(); // keys and fingers: what they play

  const canvas = makeCanvas(box, (pen, width, height, ink, accent) => {
    const x = (pitch) => ((pitch - low) / (high - low)) * width;
    const letters = new Map(KEYS.map(([, semitones, letter]) => [base + semitones, letter]));
    const sounding = new Set([...down.values()].map((one) => Math.round(one.pitch)));
    pen.textAlign = "center";
    pen.font = "12px sans-serif";
    for (let pitch = Math.ceil(low); pitch < high; pitch++) {
      pen.fillStyle = sounding.has(pitch) ? accent : ink;
      pen.globalAlpha = sounding.has(pitch) ? 0.5 : isBlack(pitch) ? 0.18 : 0.05;
      pen.fillRect(x(pitch - 0.5) + 0.5, 0, x(1) - x(0) - 1, height);
      pen.globalAlpha = 1;
      pen.fillStyle = ink;
      if (pitch % 12 === 0) pen.fillText(nameOf(pitch), x(pitch), 14);
      if (letters.has(pitch)) pen.fillText(letters.get(pitch), x(pitch), height - 6);
    }
    pen.globalAlpha = 0.4;
    pen.fillRect(0, (1 - level) * height, width, 1); // how loud keys are
    const { sounds, f0_hz, loudness_db } = getNow();
    if (!sounds) return;
    const { loudness_quantiles_db: quantiles } = getSettings().statistics;
    const loud = (loudness_db - quantiles[0]) / (quantiles.at(-1) - quantiles[0]);
    pen.globalAlpha = 1;
    pen.fillStyle = accent;
    pen.beginPath();
    const pitch = 69 + 12 * Math.log2(f0_hz / 440);
    pen.arc(x(pitch), (1 - clamp(loud, 0.03, 0.97)) * height, 7, 0, 2 * Math.PI);
    pen.fill();
  });

  function press(name, pitch, loudness) {
    down.set(name, { pitch });
    wake();
    hand("press", name, pitch, loudness);
    canvas.draw();
  }
  function release(name) {
    if (!down.delete(name)) return;
    hand("release", name);
    canvas.draw();
  }

  const placeOf = (event) => {
    const { left, top, width, height } = box.getBoundingClientRect();
    return [
      low + (clamp(event.clientX - left, 0, width) / width) * (high - low),
      1 - clamp(event.clientY - top, 0, height) / height,
    ];
  };
  on(box, "pointerdown", (event) => {
    if (event.button) return;
    box.setPointerCapture(event.pointerId);
    const [pitch, loudness] = placeOf(event);
    const name = `finger${event.pointerId}`;
    press(name, Math.round(pitch), loudness);
    down.get(name).offset = Math.round(pitch) - pitch; // begins in tune, and then slides
  });
  on(box, "pointermove", (event) => {
    const finger = down.get(`finger${event.pointerId}`);
    if (!finger) return;
    const [pitch, loudness] = placeOf(event);
    finger.pitch = pitch + finger.offset;
    hand("move", `finger${event.pointerId}`, finger.pitch, loudness);
    canvas.draw();
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"])
    on(box, type, (event) => release(`finger${event.pointerId}`));

  on(box, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = KEYS.find(([code]) => code === event.code);
    const arrows = {
      ArrowLeft: () => { base = Math.max(24, base - 12); },
      ArrowRight: () => { base = Math.min(84, base + 12); },
      ArrowDown: () => { level = Math.max(0.1, level - 0.1); },
      ArrowUp: () => { level = Math.min(1, level + 0.1); },
    };
    if (!key && !arrows[event.key]) return;
    event.preventDefault();
    event.stopPropagation(); // JupyterLab has commands on letters
    if (event.repeat && key) return;
    if (key) press(event.code, base + key[1], level);
    else arrows[event.key]();
    canvas.draw();
  });
  on(box, "keyup", (event) => release(event.code));
  on(box, "blur", () => { for (const name of [...down.keys()]) release(name); });

  return {
    ...canvas,
    forget: () => { down.clear(); canvas.draw(); },
    setMiddle: (pitch) => {
      [low, high] = [pitch - 18.5, pitch + 18.5];
      base = 12 * Math.round((pitch - 12) / 12);
      canvas.draw();
    },
  };
}

// The field in which a melody is drawn: time to the right, pitch or loudness upwards.
function makeCurve(box, on, getDrawn) {
  let middle = 69;
  let pen = 0; // column of the keyboard's pen
  const span = 12; // semitones above and below the middle
  const curves = { pitches: Array(COLUMNS).fill(null), levels: Array(COLUMNS).fill(0.6) };

  // A beginning: up a fifth by steps, a rest, and a glide home.
  function example() {
    curves.pitches = curves.pitches.map((_, i) => {
      const t = i / COLUMNS;
      if (t < 0.5) return middle + [0, 2, 4, 7][Math.floor(8 * t)];
      return t < 0.55 || t > 0.95 ? null : middle + 7 * (0.95 - t) / 0.4;
    });
  }
  const share = (pitch) => (pitch - middle + span) / (2 * span);

  const canvas = makeCanvas(box, (brush, width, height, ink, accent) => {
    const column = width / COLUMNS;
    brush.fillStyle = ink;
    for (let i = 0; i <= 2 * span; i++) {
      brush.globalAlpha = isBlack(middle - span + i) ? 0.15 : 0.05;
      brush.fillRect(0, (1 - (i + 0.5) / (2 * span)) * height, width, height / (2 * span) - 1);
    }
    for (let i = 0; i < COLUMNS; i++) {
      if (curves.pitches[i] === null) continue;
      brush.globalAlpha = 0.25;
      brush.fillStyle = ink;
      brush.fillRect(i * column, (1 - curves.levels[i]) * height, column + 0.5, 3);
      brush.globalAlpha = 1;
      brush.fillStyle = accent;
      brush.fillRect(i * column, (1 - share(curves.pitches[i])) * height - 2, column + 0.5, 5);
    }
    if (document.activeElement !== box) return;
    brush.fillStyle = ink;
    brush.globalAlpha = 0.6;
    brush.fillRect((pen + 0.5) * column - 1, 0, 2, height);
  });

  function set(column, height) {
    if (getDrawn() === "levels") curves.levels[column] = clamp(height, 0, 1);
    else curves.pitches[column] = middle - span + 2 * span * clamp(height, 0, 1);
  }

  let last = null;
  function drawTo(event) {
    const { left, top, width, height } = box.getBoundingClientRect();
    const column = Math.floor(clamp((event.clientX - left) / width, 0, 0.999) * COLUMNS);
    const y = 1 - (event.clientY - top) / height;
    const from = last ?? { column, y };
    const steps = Math.max(1, Math.abs(column - from.column));
    for (let i = 0; i <= steps; i++)
      set(Math.round(from.column + ((column - from.column) * i) / steps), from.y + ((y - from.y) * i) / steps);
    last = { column, y };
    canvas.draw();
  }
  on(box, "pointerdown", (event) => { box.setPointerCapture(event.pointerId); last = null; drawTo(event); });
  on(box, "pointermove", (event) => { if (event.buttons) drawTo(event); });
  on(box, "focus", canvas.draw);
  on(box, "blur", canvas.draw);
  on(box, "keydown", (event) => {
    const stroke = COLUMNS / 40;
    const columns = Array.from({ length: stroke }, (_, i) => pen + i);
    const isLoudness = getDrawn() === "levels";
    const here = isLoudness ? curves.levels[pen] : share(curves.pitches[pen] ?? middle);
    const raise = (by) => columns.forEach((i) => set(i, here + by * (isLoudness ? 0.1 : 0.5 / span)));
    const keys = {
      ArrowLeft: () => { pen = Math.max(0, pen - stroke); },
      ArrowRight: () => { pen = Math.min(COLUMNS - stroke, pen + stroke); },
      ArrowUp: () => raise(1),
      ArrowDown: () => raise(-1),
      Delete: () => columns.forEach((i) => { curves.pitches[i] = null; }),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
    canvas.draw();
  });

  return {
    ...canvas,
    drawn: () => structuredClone(curves),
    clear: () => { curves.pitches.fill(null); canvas.draw(); },
    setMiddle: (pitch) => {
      const isFirst = curves.pitches.every((one) => one === null);
      middle = pitch;
      if (isFirst) example();
      canvas.draw();
    },
  };
}

// In a notebook -----------------------------------------------------------------------------------

// Asks Python for the instrument, part by part.
async function fromPython({ ask }) {
  const parts = [];
  for (let n = 1; parts.length < n; ) {
    const answer = await ask({ instrument: parts.length });
    n = answer.parts;
    parts.push(answer.data ?? Uint8Array.from(atob(answer.base64), (c) => c.charCodeAt(0)));
  }
  return new Blob(parts).arrayBuffer();
}

function showWith(el, python) {
  const load = (tell) => waited(fromPython(python), tell);
  const give = (blob, tell) => inParts("The recording", blob, tell, python);
  return livePanel(el, { load, give });
}

function render({ model, el }) {
  const python = pythonOf(model);
  const close = showWith(el, python);
  return () => { python.close(); close(); };
}

function renderInColab(el, callback) {
  showWith(el, pythonInColab(callback));
  if (isStored()) el.querySelector(".said").textContent = GONE;
}
