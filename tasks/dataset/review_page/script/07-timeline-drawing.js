// What the lanes of the timeline look like.

function drawAxis(context) {
  const steps = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
  const span = view.end - view.start;
  const stride = steps.find((each) => each / span * view.width >= 70) ?? 14400;
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "top";
  for (let at = Math.ceil(view.start / stride) * stride; at <= view.end; at += stride) {
    const x = toX(at);
    context.fillStyle = paint.line;
    context.fillRect(Math.round(x), AXIS - 4, 1, canvas.height);
    context.fillStyle = paint.soft;
    const text = clock(at, stride < 1);
    const wide = context.measureText(text).width;
    context.fillText(text, Math.min(Math.max(x - wide / 2, 0), view.width - wide), 3);
  }
}

function drawLane(context, lane, n, isDense) {
  const top = laneTop(n);
  const list = lane.rows.filter(inView);
  context.fillStyle = paint.line;
  context.fillRect(0, top + BAR, view.width, 1);
  const items = isDense ? lane.columns : list.map(itemOf);
  if (isDense) drawColumns(context, items, top); else for (const item of items) drawBar(context, item, top);
  if (isDense) drawListeningColumns(context, lane, top + BAR + 2); else drawListening(context, lane, top + BAR + 2);
  if (withValence()) drawValence(context, items, top + BAR + LISTENER + 2);
}

function itemOf(row) {
  const position = row.hidden ? null : row.position;
  return { row, start: row.start, end: row.end, position };
}

// What the filter shows stands at the bottom, the rest faint above it.
function drawColumns(context, columns, top) {
  const order = [HIDDEN, UNSURE, ...EMOTIONS.keys()];
  for (const column of columns) {
    const x = toX(column.start), scale = BAR / Math.max((column.end - column.start) * fullest, column.total);
    let y = top + BAR;
    for (const isShown of [true, false]) {
      for (const emotion of order) {
        const seconds = isShown ? column.shown[emotion] : column.seconds[emotion] - column.shown[emotion];
        if (seconds < 1e-6) continue;
        const height = Math.max(seconds * scale, isShown ? 1.5 : 0);
        const isNamed = emotion < UNSURE;
        y -= height;
        context.globalAlpha = (isShown ? 1 : 0.13) * (isNamed ? opacity(column.sure[emotion] / column.seconds[emotion]) : 0.35);
        context.fillStyle = isNamed ? paint.emotions[emotion] : paint.unsure;
        context.fillRect(x, y, COLUMN - 1, height);
      }
    }
  }
  context.globalAlpha = 1;
}

const opacity = (confidence) => 0.3 + 0.7 * Math.max(0, Math.min(1, confidence));

function drawBar(context, { row }, top) {
  const x = toX(row.start);
  const width = Math.max(1.5, toX(row.end) - x - (toX(row.end) - x > 4 ? 1 : 0));
  const alpha = row.isShown ? 1 : 0.13;
  context.globalAlpha = alpha;
  if (row.hidden) {
    context.fillStyle = paint.unsure;
    for (let at = x; at < x + width; at += 5) context.fillRect(at, top + BAR / 2 - 1, 2, 2);
  } else if (row.emotion === UNSURE) {
    context.strokeStyle = paint.unsure;
    context.lineWidth = 1;
    rounded(context, x + 0.5, top + 0.5, Math.max(1, width - 1), BAR - 1);
    context.stroke();
  } else {
    context.globalAlpha = alpha * opacity(row.confidence ?? 1);
    context.fillStyle = paint.emotions[row.emotion];
    rounded(context, x, top, width, BAR);
    context.fill();
    context.globalAlpha = alpha;
    drawGlyph(context, row.emotion, x, top, width, (row.confidence ?? 1) > 0.65);
  }
  if (!row.hidden) for (const [from, to] of row.overlaps) hatch(context, toX(from), toX(to), top);
  if (row === state.chosen) {
    context.globalAlpha = 1;
    context.strokeStyle = paint.ink;
    context.lineWidth = 2;
    rounded(context, x - 1, top - 2, width + 2, BAR + 4);
    context.stroke();
  }
  context.globalAlpha = 1;
}

function rounded(context, x, y, width, height) {
  context.beginPath();
  context.roundRect(x, y, width, height, Math.min(3, width / 2));
}

// The emotion's shape inside the bar, so that colour is never alone.
const GLYPHS = {
  neutral: null, happy: [[0, -1], [1, 0.9], [-1, 0.9]], sad: [[-1, -0.9], [1, -0.9], [0, 1]], angry: [[0, -1], [1, 0], [0, 1], [-1, 0]],
  fearful: [[-0.3, -1], [0.3, -1], [0.3, -0.3], [1, -0.3], [1, 0.3], [0.3, 0.3], [0.3, 1], [-0.3, 1], [-0.3, 0.3], [-1, 0.3], [-1, -0.3], [-0.3, -0.3]],
  disgust: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
  surprised: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => [Math.sin(n * Math.PI / 5) * (n % 2 ? 0.45 : 1.1), -Math.cos(n * Math.PI / 5) * (n % 2 ? 0.45 : 1.1)]),
};

function drawGlyph(context, emotion, x, top, width, isDark) {
  const points = GLYPHS[EMOTIONS[emotion]];
  if (!points || width < 13) return;
  const size = 4;
  context.fillStyle = isDark ? paint.card : paint.ink;
  context.beginPath();
  for (const [dx, dy] of points) context.lineTo(x + 8.5 + dx * size, top + BAR / 2 + dy * size);
  context.fill();
}

function hatch(context, from, to, top) {
  if (to - from < 1.5) return;
  context.save();
  context.beginPath();
  context.rect(from, top, to - from, BAR);
  context.clip();
  context.strokeStyle = paint.card;
  context.lineWidth = 2.5;
  context.beginPath();
  for (let x = Math.floor((from - BAR) / 6) * 6; x < to; x += 6) { context.moveTo(x, top + BAR); context.lineTo(x + BAR, top); }
  context.stroke();
  context.strokeStyle = paint.ink;
  context.lineWidth = 1;
  context.stroke();
  context.restore();
}

function drawListening(context, lane, top) {
  for (const { row, emotion, confidence } of lane.listening) {
    if (row.end < view.start || row.start > view.end) continue;
    context.globalAlpha = opacity(confidence) * (row.isShown ? 1 : 0.15);
    context.fillStyle = paint.emotions[emotion];
    const x = toX(row.start);
    context.fillRect(x, top, Math.max(1, toX(row.end) - x), LISTENER - 1);
  }
  context.globalAlpha = 1;
}

// Of a column the emotion other than neutral that was seen longest, the stronger the longer.
function drawListeningColumns(context, lane, top) {
  const size = (view.end - view.start) * COLUMN / view.width;
  const found = new Map();
  for (const { row, emotion, seconds } of lane.listening) {
    if (!inView(row)) continue;
    const n = Math.floor(row.start / size);
    if (!found.has(n)) found.set(n, new Float64Array(UNSURE));
    found.get(n)[emotion] += seconds;
  }
  for (const [n, seen] of found) {
    const total = seen.reduce((a, b) => a + b, 0);
    const most = seen.slice(1).reduce((best, value, e) => (value > seen[best] ? e + 1 : best), 1);
    if (seen[most] / total < 0.25) continue;
    context.globalAlpha = Math.min(1, seen[most] / total) * (isFiltered() ? 0.3 : 1);
    context.fillStyle = paint.emotions[most];
    context.fillRect(toX(n * size), top, COLUMN - 1, LISTENER - 1);
  }
  context.globalAlpha = 1;
}

function drawValence(context, items, top) {
  const height = STRIP - 4;
  const toY = (value) => top + (VALENCE_TOP - Math.min(VALENCE_TOP, Math.max(VALENCE_BOTTOM, value))) / (VALENCE_TOP - VALENCE_BOTTOM) * height;
  context.strokeStyle = paint.line;
  context.lineWidth = 1;
  context.setLineDash([2, 3]);
  context.beginPath();
  context.moveTo(0, Math.round(toY(0)) + 0.5);
  context.lineTo(view.width, Math.round(toY(0)) + 0.5);
  context.stroke();
  context.setLineDash([]);
  const shown = items.filter((item) => item.position);
  context.fillStyle = paint.accent;
  context.globalAlpha = 0.16;
  for (const { start, end, position, row } of shown) {
    if (row && !row.isShown) continue;
    const x = toX(start), high = toY(position.valence + position.spread), low = toY(position.valence - position.spread);
    context.fillRect(x, high, Math.max(1.5, toX(end) - x), low - high);
  }
  context.globalAlpha = 1;
  for (const { start, end, position, row } of shown) {
    context.globalAlpha = row && !row.isShown ? 0.15 : 1;
    const x = toX(start);
    context.fillRect(x, toY(position.valence) - 1, Math.max(1.5, toX(end) - x), 2);
  }
  context.globalAlpha = 1;
}

function drawOverview() {
  const width = overview.clientWidth || view.width, height = 26;
  const context = sized(overview, width, height);
  const columns = Math.floor(width / 3);
  const size = given.duration / columns;
  const seconds = new Float64Array(columns), spoken = Array.from({ length: columns }, () => new Float64Array(UNSURE + 2));
  for (const row of rows) {
    for (let n = Math.floor(row.start / size); n <= Math.floor(row.end / size) && n < columns; n++) {
      const share = Math.min(row.end, (n + 1) * size) - Math.max(row.start, n * size);
      seconds[n] += share;
      spoken[n][row.emotion] += share;
    }
  }
  for (let n = 0; n < columns; n++) {
    if (!seconds[n]) continue;
    const named = spoken[n].slice(0, UNSURE).map((value, e) => (e === 0 ? value * 0.5 : value));
    const most = named.indexOf(Math.max(...named));
    context.fillStyle = named[most] ? paint.emotions[most] : paint.unsure;
    context.globalAlpha = 0.75;
    const tall = Math.min(1, seconds[n] / size) * (height - 8);
    context.fillRect(n * 3, height - 3 - tall, 2, tall);
  }
  context.globalAlpha = 1;
  if (view.end - view.start > given.duration - 0.01) return;
  const scale = width / given.duration;
  context.fillStyle = paint.accent;
  context.globalAlpha = 0.14;
  context.fillRect(view.start * scale, 0, (view.end - view.start) * scale, height);
  context.globalAlpha = 1;
  context.strokeStyle = paint.accent;
  context.lineWidth = 2;
  context.strokeRect(view.start * scale + 1, 1, Math.max(3, (view.end - view.start) * scale - 2), height - 2);
}
