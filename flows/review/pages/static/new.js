"use strict";

const STAGES = {
  probe: "reading the file", split: "splitting sound and picture", diarize: "telling voices apart",
  transcribe: "writing down the words", utterances: "cutting into utterances", faces: "finding faces",
  audio: "listening to voices", video: "looking at faces", reactions: "looking at listeners",
  text: "reading the words", fuse: "putting it together",
};
const [drop, file, problem] = ["drop", "file", "problem"].map((id) => document.getElementById(id));
const [list, none] = ["clips", "none"].map((id) => document.getElementById(id));
const shown = new Map();

const complain = (sentence) => {
  problem.textContent = sentence;
  problem.hidden = !sentence;
};

const send = async (content, name) => {
  complain("");
  try {
    follow(await ask(`/api/clips?name=${encodeURIComponent(name)}`, { method: "POST", body: content }));
  } catch (refused) {
    complain(`${name}: ${refused.message}`);
  }
};

const follow = (clip) => {
  draw(clip);
  if (clip.state === "done" || clip.state === "failed") return;
  const events = new EventSource(`/api/clips/${clip.clip_id}/events`);
  events.addEventListener("message", (event) => {
    const now = JSON.parse(event.data);
    draw(now);
    if (now.state === "done" || now.state === "failed") events.close();
  });
};

const draw = (clip) => {
  none.hidden = true;
  const row = shown.get(clip.clip_id) ?? element("li", { class: "card clip", "data-clip": clip.clip_id });
  if (!shown.has(clip.clip_id)) list.prepend(row);
  shown.set(clip.clip_id, row);
  row.dataset.state = clip.state;
  const bar = element("progress", { max: 1, value: clip.state === "done" ? 1 : clip.done, "aria-label": `Progress of ${clip.name}` });
  row.replaceChildren(element("h3", {}, clip.name), element("p", {}, sentence(clip)), bar);
  if (clip.state === "done") finish(clip, row);
};

const sentence = (clip) => {
  if (clip.state === "waiting") return clip.place ? `Waiting: ${clip.place} before it.` : "Next.";
  if (clip.state === "working") return `Being annotated: ${STAGES[clip.stage] ?? "beginning"} …`;
  return clip.state === "done" ? "Annotated." : clip.sentence;
};

const finish = async (clip, row) => {
  row.append(element("p", {}, element("a", { href: `/meetings/${clip.recording_id}` }, "Open the transcript")));
  try {
    const found = await ask(`/api/meetings/${clip.recording_id}/scores`);
    const any = Object.keys(found.scores).length > 0;
    row.append(any ? radar(found.scores) : element("p", { class: "hint" }, "Nothing in it could be judged."));
  } catch (refused) {
    complain(refused.message);
  }
};

file.addEventListener("change", () => {
  for (const each of file.files) send(each, each.name);
  file.value = "";
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop") for (const each of event.dataTransfer.files) send(each, each.name);
  });
}

// The microphone
const [button, timer, meter] = [document.getElementById("record"), document.getElementById("clock"), document.querySelector("#level div")];
let recorder = null;

const begin = async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const parts = [];
  const began = Date.now();
  recorder = new MediaRecorder(stream);
  recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
  const stopMeter = watchLevel(stream);
  const ticking = setInterval(() => { timer.textContent = clock((Date.now() - began) / 1000); }, 250);
  recorder.addEventListener("stop", () => {
    clearInterval(ticking);
    stopMeter();
    for (const track of stream.getTracks()) track.stop();
    const ending = recorder.mimeType.includes("mp4") ? "m4a" : recorder.mimeType.includes("ogg") ? "ogg" : "webm";
    recorder = null;
    label();
    const stamp = new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-");
    send(new Blob(parts), `microphone ${stamp}.${ending}`);
  });
  recorder.start(1000);
  label();
};

const watchLevel = (stream) => {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const measuring = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const loudness = Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
    meter.style.inlineSize = `${Math.min(100, 300 * loudness)}%`;
  }, 100);
  return () => {
    clearInterval(measuring);
    meter.style.inlineSize = "0";
    context.close();
  };
};

const label = () => {
  button.textContent = recorder ? "Stop" : "Record";
  button.setAttribute("aria-pressed", String(Boolean(recorder)));
};

button.addEventListener("click", () => {
  complain("");
  if (recorder) recorder.stop();
  else begin().catch((refused) => complain(`The microphone cannot be used: ${refused.message}`));
});

ask("/api/clips").then((clips) => clips.reverse().forEach(follow), (refused) => complain(refused.message));
