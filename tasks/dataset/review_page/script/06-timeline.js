// The timeline: a lane per speaker. Bars where there is room for them, else columns of time.

const AXIS = 22, BAR = 22, LISTENER = 4, STRIP = 34, GAP = 10;
const LEAST_SPAN = 2;
const COLUMN = 5;
const VALENCE_TOP = 0.85, VALENCE_BOTTOM = -0.75;
const view = { start: 0, end: given.duration, width: 600, isNarrow: false };
const plot = $("plot"), canvas = $("canvas"), overview = $("overview");
let lanes = [];
let paint = {};

const toX = (seconds) => (seconds - view.start) / (view.end - view.start) * view.width;
const toTime = (x) => view.start + x / view.width * (view.end - view.start);
const isNarrow = () => matchMedia("screen and (max-width: 44rem)").matches;
const withValence = () => $("show-valence").checked;
const laneTop = (lane) => AXIS + lane * laneHeight() + (view.isNarrow ? 17 : 0);
const laneHeight = () => BAR + LISTENER + GAP + (withValence() ? STRIP : 0) + (view.isNarrow ? 17 : 0);

function readPaint() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue(`--${name}`).trim();
  paint = { emotions: EMOTIONS.map(get), ink: get("ink"), soft: get("soft"), line: get("line"), card: get("card"), ground: get("ground"), accent: get("accent"), unsure: get("unsure") };
}

function sized(target, width, height) {
  const ratio = window.devicePixelRatio || 1;
  target.width = Math.round(width * ratio);
  target.height = Math.round(height * ratio);
  target.style.height = `${height}px`;
  const context = target.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

let isDrawing = false;
function draw() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(drawNow);
}

function drawNow() {
  isDrawing = false;
  view.width = plot.clientWidth || view.width;
  view.isNarrow = isNarrow();
  const context = sized(canvas, view.width, AXIS + lanes.length * laneHeight());
  drawAxis(context);
  drawFindings(context);
  const isDense = tooDense();
  $("dense").hidden = !isDense;
  if (isDense) layOutColumns();
  lanes.forEach((lane, n) => drawLane(context, lane, n, isDense));
  drawOverview();
  movePlayhead();
  plot.classList.toggle("zoomed", view.end - view.start < given.duration - 0.01);
}

const inView = (row) => row.end > view.start && row.start < view.end;

// Whether bars would be a barcode: then columns of time say more.
function tooDense() {
  const widths = rows.filter(inView).map((row) => (row.end - row.start) / (view.end - view.start) * view.width).sort((a, b) => a - b);
  return widths.length > 60 && widths[widths.length >> 1] < 4;
}

// The fullest column of all lanes is as high as a bar.
let fullest = 1;
function layOutColumns() {
  fullest = 0.05;
  for (const lane of lanes) {
    lane.columns = columnsOf(lane.rows.filter(inView));
    for (const column of lane.columns) fullest = Math.max(fullest, Math.min(1, column.total / (column.end - column.start)));
  }
}

// Columns of equal time: how long, with which emotions, and the mean valence.
function columnsOf(list) {
  const size = (view.end - view.start) * COLUMN / view.width;
  const found = new Map();
  for (const row of list) {
    const first = Math.floor(Math.max(row.start, view.start) / size);
    const final = Math.floor(Math.min(row.end, view.end) / size);
    for (let n = first; n <= final; n++) {
      const seconds = Math.min(row.end, (n + 1) * size) - Math.max(row.start, n * size);
      if (seconds <= 0) continue;
      let column = found.get(n);
      if (!column) found.set(n, column = { start: n * size, end: (n + 1) * size, seconds: new Float64Array(HIDDEN + 1), sure: new Float64Array(HIDDEN + 1), shown: new Float64Array(HIDDEN + 1), scored: 0, valence: 0, square: 0 });
      column.seconds[row.emotion] += seconds;
      column.sure[row.emotion] += seconds * (row.confidence ?? 1);
      if (!row.isShown) continue;
      column.shown[row.emotion] += seconds;
      if (row.position && !row.hidden) {
        column.scored += seconds;
        column.valence += seconds * row.position.valence;
        column.square += seconds * (row.position.spread ** 2 + row.position.valence ** 2);
      }
    }
  }
  for (const column of found.values()) {
    column.total = column.seconds.reduce((a, b) => a + b, 0);
    const valence = column.valence / column.scored;
    column.position = column.scored ? { valence, spread: Math.sqrt(Math.max(0, column.square / column.scored - valence ** 2)) } : null;
  }
  return [...found.values()].sort((a, b) => a.start - b.start);
}

function movePlayhead() {
  const x = toX(state.at);
  $("playhead").style.transform = `translateX(${x}px)`;
  $("playhead").hidden = x < -1 || x > view.width + 1;
}

function followPlayhead() {
  const span = view.end - view.start;
  const isOut = state.at < view.start || state.at > view.end - span * 0.03;
  if (isMedia && !media.paused && isOut && span < given.duration && $("follow").checked) showSpan(state.at - span * 0.1, span);
  else movePlayhead();
}

function showSpan(start, span) {
  const length = Math.min(Math.max(span, Math.min(LEAST_SPAN, given.duration)), given.duration);
  view.start = Math.min(Math.max(0, start), given.duration - length);
  view.end = view.start + length;
  draw();
}

function zoom(factor, around = null) {
  const span = view.end - view.start;
  const inView = state.at >= view.start && state.at <= view.end && state.at > 0;
  const at = around ?? (inView ? state.at : (view.start + view.end) / 2);
  showSpan(at - (at - view.start) / factor, span / factor);
}

function reveal(row) {
  const span = view.end - view.start;
  if (row.start < view.start || row.end > view.end) showSpan((row.start + row.end) / 2 - span / 2, span); else draw();
}

function layOutLanes() {
  lanes = listed();
  for (const lane of lanes) lane.listening = [];
  const byLabel = new Map(lanes.map((lane) => [lane.label, lane]));
  for (const row of rows) {
    for (const each of row.heard) byLabel.get(each.label)?.listening.push({ row, ...each });
  }
  $("lane-names").replaceChildren(...lanes.map((lane) => h("li", {},
    h("b", { title: speakerName(lane) }, laneName(lane)), h("span", {}, lasting(lane.talk)))));
  sizeLaneNames();
  draw();
}

const laneName = (lane) => (lane.rows.every((row) => row.hidden) ? "[not shown]" : speakerName(lane));

function sizeLaneNames() {
  view.isNarrow = isNarrow();
  $("lanes").classList.toggle("low", !withValence());
  for (const item of $("lane-names").children) item.style.height = `${laneHeight()}px`;
}
