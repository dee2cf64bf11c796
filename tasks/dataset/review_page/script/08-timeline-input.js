// Pointer, wheel and keys of the timeline.

const pointers = new Map();
let drag = null;

function rowUnder(event) {
  const box = plot.getBoundingClientRect();
  const x = event.clientX - box.left, y = event.clientY - box.top - AXIS;
  const lane = lanes[Math.floor(y / laneHeight())];
  const seconds = toTime(x);
  if (!lane || y < 0) return { seconds, row: null, lane: null };
  const slack = 3 / view.width * (view.end - view.start);
  const near = rowAt(seconds, lane.rows);
  const after = lane.rows[placeBefore(lane.rows, seconds, (row) => row.start) + 1];
  const row = [near, after].find((each) => each && seconds >= each.start - slack && seconds <= each.end + slack);
  return { seconds, row: row ?? null, lane };
}

function pointTo(event) {
  const { seconds, row, lane } = rowUnder(event);
  const tip = $("tip");
  if (!row || pointers.size > 1 || drag?.isMoving) { tip.hidden = true; return; }
  const box = plot.getBoundingClientRect();
  const sure = row.confidence !== null && row.emotion < UNSURE ? ` ${percent(row.confidence)}` : "";
  const listening = lane.listening.filter((each) => each.row === rowAt(seconds)).map((each) => `listens: ${EMOTION_NAMES[each.emotion]}`);
  tip.replaceChildren(h("strong", {}, `${clock(row.start)} ${whoSays(row)}`), ` ${EMOTION_NAMES[row.emotion]}${sure} ${listening.join(" ")}`,
    h("br"), row.hidden ? "" : shortened(row.text, 110));
  tip.hidden = false;
  const x = event.clientX - box.left;
  tip.style.left = `${Math.min(Math.max(0, x - 40), view.width - Math.min(320, tip.offsetWidth))}px`;
  tip.style.top = `${event.clientY - box.top + 22}px`;
}

const shortened = (text, most) => (text.length > most ? `${text.slice(0, most)}…` : text);

function playUnder(event) {
  const { seconds, row } = rowUnder(event);
  const found = row ?? rowAt(seconds);
  if (row) { choose(row); scrollToRow(row); }
  else if (found) { choose(found, { quietly: true }); scrollToRow(found); }
  seek(row && seconds < row.start ? row.start : seconds, { play: true });
}

function pinch() {
  const [a, b] = [...pointers.values()];
  return { distance: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY), x: (a.clientX + b.clientX) / 2 - plot.getBoundingClientRect().left };
}

function onPointerDown(event) {
  if (event.button) return;
  pointers.set(event.pointerId, event);
  plot.setPointerCapture(event.pointerId);
  drag = { x: event.clientX, start: view.start, isMoving: pointers.size > 1, pinch: pointers.size === 2 ? pinch() : null };
}

function onPointerMove(event) {
  if (!pointers.has(event.pointerId)) { pointTo(event); return; }
  pointers.set(event.pointerId, event);
  if (pointers.size === 2 && drag.pinch) {
    const now = pinch();
    zoom(now.distance / drag.pinch.distance, toTime(now.x));
    drag.pinch = now;
    return;
  }
  if (Math.abs(event.clientX - drag.x) > 4) drag.isMoving = true;
  if (!drag.isMoving) return;
  plot.classList.add("panning");
  $("tip").hidden = true;
  showSpan(drag.start - (event.clientX - drag.x) / view.width * (view.end - view.start), view.end - view.start);
}

function onPointerUp(event) {
  const wasClick = pointers.has(event.pointerId) && !drag?.isMoving && event.type === "pointerup";
  pointers.delete(event.pointerId);
  plot.classList.remove("panning");
  if (pointers.size) { drag = { ...drag, isMoving: true, pinch: null }; return; }
  drag = null;
  if (wasClick) playUnder(event);
}

// A wheel alone scrolls the page; with Ctrl it zooms, with Shift or sideways it pans.
function onWheel(event) {
  const span = view.end - view.start;
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * 0.004), toTime(event.clientX - plot.getBoundingClientRect().left));
  } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    event.preventDefault();
    showSpan(view.start + (event.deltaX || event.deltaY) / view.width * span, span);
  }
}

function besides(by) {
  const row = state.chosen ?? rowAt(state.at);
  const lane = lanes.findIndex((each) => each.index === row.speaker);
  const next = lanes[Math.min(Math.max(lane + by, 0), lanes.length - 1)];
  goTo(rowAt((row.start + row.end) / 2, next.rows) ?? next.rows[0]);
}

function along(by) {
  const row = state.chosen;
  if (!row) { goTo(rowAt(state.at)); return; }
  const { rows: own } = speakers[row.speaker];
  goTo(own[Math.min(Math.max(own.indexOf(row) + by, 0), own.length - 1)]);
}

function goTo(row) {
  choose(row);
  reveal(row);
  seek(row.start);
}

const PLOT_KEYS = {
  ArrowLeft: () => along(-1), ArrowRight: () => along(1), ArrowUp: () => besides(-1), ArrowDown: () => besides(1),
  Enter: () => seek(state.chosen ? state.chosen.start : state.at, { play: true }),
  Home: () => goTo(rows[0]), End: () => goTo(rows[rows.length - 1]),
  PageUp: () => showSpan(view.start - (view.end - view.start) * 0.8, view.end - view.start),
  PageDown: () => showSpan(view.start + (view.end - view.start) * 0.8, view.end - view.start),
};

function onPlotKey(event) {
  const act = PLOT_KEYS[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey || !rows.length) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}

function panOverview(event) {
  if (!event.buttons) return;
  overview.setPointerCapture(event.pointerId);
  const box = overview.getBoundingClientRect();
  const at = (event.clientX - box.left) / box.width * given.duration;
  const span = view.end - view.start;
  if (span < given.duration - 0.01) showSpan(at - span / 2, span);
  else if (event.type === "pointerdown") seek(at, { play: false });
}

function setUpTimeline() {
  readPaint();
  for (const [event, act] of [["pointerdown", onPointerDown], ["pointermove", onPointerMove], ["pointerup", onPointerUp], ["pointercancel", onPointerUp], ["keydown", onPlotKey]]) plot.addEventListener(event, act);
  plot.addEventListener("pointerleave", () => { $("tip").hidden = true; });
  plot.addEventListener("wheel", onWheel, { passive: false });
  overview.addEventListener("pointerdown", panOverview);
  overview.addEventListener("pointermove", panOverview);
  $("zoom-in").addEventListener("click", () => zoom(2));
  $("zoom-out").addEventListener("click", () => zoom(0.5));
  $("zoom-fit").addEventListener("click", () => showSpan(0, given.duration));
  $("show-valence").checked = listed().length <= 6;
  $("show-valence").addEventListener("change", () => { sizeLaneNames(); draw(); });
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", () => { readPaint(); sizeLaneNames(); drawNow(); });
  }
  new ResizeObserver(() => { sizeLaneNames(); draw(); }).observe(plot);
  watch("rows", layOutLanes);
  watch("filter", draw);
  watch("chosen", draw);
  watch("time", followPlayhead);
  $("legend").replaceChildren(
    ...EMOTIONS.map((_, emotion) => h("li", {}, emotionMark(emotion))),
    h("li", {}, emotionMark(UNSURE)),
    ...[["k-strong", "the stronger, the more confident"], ["k-overlap", "others speak too"],
      ...(rows.some((row) => row.position) ? [["k-valence", "valence, ± one deviation"]] : []),
      ...(given.reactions.length ? [["k-listener", "while listening"]] : []),
      ...(rows.some((row) => row.hidden) ? [["k-hidden", "not shown"]] : [])]
      .map(([kind, text]) => h("li", { class: `key ${kind}` }, text)),
  );
}
