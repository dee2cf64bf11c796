// Small helpers. Elements are made, never parsed: no text of a recording can become markup.

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) element.style.setProperty(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(2)) if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}

function clock(seconds, fine = false) {
  const whole = Math.floor(seconds + 1e-6);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  const text = hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  return fine ? `${text}.${Math.floor((seconds - whole) * 10 + 1e-6)}` : text;
}

function lasting(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return seconds < 60 ? `${Math.round(seconds)} s` : clock(seconds);
}

const percent = (share) => `${Math.round(share * 100)} %`;
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const emotionClass = (emotion) => `e-${emotion < UNSURE ? EMOTIONS[emotion] : "unsure"}`;
const shownLabel = (label) => label === "UNKNOWN" ? "Unknown speaker"
  : label.replace(/^SPEAKER_(?=\d+$)/, "Speaker ").replace(/^FACE_(?=\d+$)/, "Face ");

// An emotion with its shape and its name.
function emotionMark(emotion, text = EMOTION_NAMES[emotion]) {
  return h("span", { class: `emotion ${emotionClass(emotion)}` }, text);
}

function last(list, isWanted) {
  for (let i = list.length - 1; i >= 0; i--) if (isWanted(list[i])) return list[i];
  return null;
}

// The place of the last value of an ascending list that is not above another.
function placeBefore(list, value, key) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(list[middle]) <= value) low = middle + 1; else high = middle;
  }
  return low - 1;
}

const soon = window.requestIdleCallback ?? ((work) => setTimeout(() => work({ timeRemaining: () => 8 }), 1));
