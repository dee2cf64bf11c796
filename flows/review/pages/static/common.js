"use strict";

const EMOTIONS = JSON.parse(document.getElementById("emotions").textContent);
const SVG = "http://www.w3.org/2000/svg";

// Texts become text nodes, never markup.
const element = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const shape = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const fill = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
};

const clock = (seconds) => {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
};

const counted = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

const spoken = (label) => label.replace(/^SPEAKER_/, "Speaker ");

const percent = (share) => `${Math.round(100 * share)} %`;

const ask = async (address, options = {}) => {
  const answer = await fetch(address, options);
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(typeof content.detail === "string" ? content.detail : "That did not work.");
  return content;
};

// A radar of probabilities: rings at 50 and 100 percent, one corner per class.
const radar = (scores, size = 260) => {
  const [middle, reach] = [size / 2, size / 2 - 46];
  const corner = (index, share) => {
    const angle = (2 * Math.PI * index) / EMOTIONS.length - Math.PI / 2;
    return [middle + reach * share * Math.cos(angle), middle + reach * share * Math.sin(angle)];
  };
  const outline = (share) => EMOTIONS.map((_, index) => corner(index, share).join()).join(" ");
  const said = EMOTIONS.map((name) => `${name} ${percent(scores[name] ?? 0)}`).join(", ");
  const drawing = shape("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": said, class: "radar" });
  for (const ring of [0.5, 1]) drawing.append(shape("polygon", { points: outline(ring), class: "ring" }));
  EMOTIONS.forEach((name, index) => {
    const [x, y] = corner(index, 1.16);
    const anchor = Math.abs(x - middle) < 8 ? "middle" : x > middle ? "start" : "end";
    drawing.append(shape("text", { x, y: y + 4, "text-anchor": anchor }, name));
  });
  const points = EMOTIONS.map((name, index) => corner(index, scores[name] ?? 0).join()).join(" ");
  drawing.append(shape("polygon", { points, class: "scores" }));
  return drawing;
};
