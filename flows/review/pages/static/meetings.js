"use strict";

const form = document.getElementById("filters");
const list = document.getElementById("meetings");
const count = document.getElementById("count");
const series = document.getElementById("series");

const asked = () => {
  const given = [...new FormData(form)].filter(([, value]) => value !== "");
  return new URLSearchParams(given).toString();
};

let newest = 0;

const show = async () => {
  const turn = ++newest;
  history.replaceState(null, "", `/${asked() ? `?${asked()}` : ""}`);
  try {
    const meetings = await ask(`/api/meetings?${asked()}`);
    if (turn !== newest) return;
    count.textContent = counted(meetings.length, "meeting");
    list.replaceChildren(...meetings.map(entry));
    series.replaceChildren(drawSeries(meetings));
  } catch (problem) {
    if (turn === newest) count.textContent = problem.message;
  }
};

const entry = (meeting) => {
  const facts = [meeting.day, clock(meeting.duration), counted(meeting.speakers.length, "speaker")];
  if (!meeting.has_video) facts.push("sound only");
  return element(
    "li",
    { class: "card" },
    element("h2", {}, element("a", { href: `/meetings/${meeting.recording_id}` }, meeting.title)),
    element("p", { class: "hint" }, facts.filter(Boolean).join(" · ")),
    strip(meeting),
    element("p", { class: "who" }, ...meeting.speakers.slice(0, 8).map(speaker)),
  );
};

const speaker = (each) => element("span", { class: "chip" }, `${each.name ?? spoken(each.speaker)} ${percent(each.share)}`);

const strip = (meeting) => {
  const parts = EMOTIONS.map((name) => [name, meeting.emotions[name] ?? 0]);
  parts.push(["unsure", meeting.unsure]);
  const there = parts.filter(([, number]) => number > 0);
  const said = there.map(([name, number]) => `${number} ${name}`).join(", ") || "no utterances";
  const bars = there.map(([name, number]) => {
    const bar = element("span", { class: `part ${name}`, title: `${number} ${name}` });
    bar.style.flexGrow = number;
    return bar;
  });
  return element("div", {}, element("div", { class: "strip", "aria-hidden": "true" }, ...bars), element("p", { class: "said" }, said));
};

const drawSeries = (meetings) => {
  const judged = meetings.filter((m) => m.valence !== null && m.day).sort((a, b) => a.day.localeCompare(b.day));
  if (judged.length < 2) return element("p", { class: "hint" }, "From two dated meetings on, they are compared here.");
  const [width, height, left] = [Math.max(480, 64 * judged.length), 170, 44];
  const reach = Math.max(0.25, ...judged.map((m) => Math.abs(m.valence) + (m.valence_error ?? 0)));
  const y = (valence) => 70 - (60 * valence) / reach;
  const x = (index) => left + ((index + 0.5) * (width - left)) / judged.length;
  const drawing = shape("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "series", role: "group", "aria-label": describe(judged) });
  for (const level of [-reach, 0, reach]) {
    drawing.append(shape("line", { x1: left, x2: width, y1: y(level), y2: y(level), class: level ? "grid" : "zero" }));
    drawing.append(shape("text", { x: left - 6, y: y(level) + 4, "text-anchor": "end" }, level.toFixed(2)));
  }
  judged.forEach((meeting, index) => {
    const error = meeting.valence_error ?? 0;
    const [top, bottom] = [y(meeting.valence + error), y(meeting.valence - error)];
    const link = shape("a", { href: `/meetings/${meeting.recording_id}` });
    link.append(
      shape("title", {}, `${meeting.title}: ${meeting.valence.toFixed(2)} ± ${error.toFixed(2)}`),
      shape("line", { x1: x(index), x2: x(index), y1: top, y2: bottom, class: "error" }),
      shape("circle", { cx: x(index), cy: y(meeting.valence), r: 5, class: "mean" }),
      shape("text", { x: x(index), y: height - 12, "text-anchor": "middle" }, meeting.day.slice(5)),
    );
    drawing.append(link);
  });
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Chart of the series" }, drawing);
};

const describe = (judged) => `Mean valence: ${judged.map((m) => `${m.day} ${m.valence.toFixed(2)}`).join(", ")}`;

for (const [name, value] of new URLSearchParams(location.search)) {
  if (form.elements[name]) form.elements[name].value = value;
}
let waiting;
form.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(show, 200);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  show();
});
show();
