// The document that the page carries, decoded. Columns, as tasks/dataset/page_data.py writes them.

const given = JSON.parse(document.getElementById("data").textContent);
const EMOTIONS = given.emotions;
const UNSURE = EMOTIONS.length;
const HIDDEN = UNSURE + 1;
const EMOTION_NAMES = [...EMOTIONS, "unsure", "not shown"];
const BRANCHES = [["fused", "All"], ["voice", "Voice"], ["face", "Face"], ["words", "Words"]];
const FLAGS = given.flags;

const speakers = given.speakers.map((label, index) => ({ index, label, name: null, given: null, rows: [], talk: 0 }));
const rows = decode(given.rows);

function decode(columns) {
  let at = 0;
  return columns.start.map((step, i) => {
    at += step;
    const hidden = columns.hidden[i] === 1;
    const fused = columns.fused[i];
    return {
      index: columns.index[i], place: i, start: at / 1000, end: (at + columns.length[i]) / 1000, hidden,
      given: {
        speaker: columns.speaker[i],
        emotion: hidden ? HIDDEN : columns.emotion[i] < 0 ? UNSURE : columns.emotion[i],
        text: columns.text[i] === 0 ? null : columns.text[i] ?? "",
      },
      language: columns.language[i] < 0 ? null : given.languages[columns.language[i]],
      name: columns.name[i] < 0 ? null : given.names[columns.name[i]],
      confidence: columns.confidence[i] < 0 ? null : columns.confidence[i] / 100,
      sureOfSpeaker: columns.sure[i] / 100, coverage: columns.coverage[i] / 100,
      scores: { fused, voice: columns.by_voice[i], face: columns.by_face[i], words: columns.by_words[i] },
      position: fused && positionOf(fused),
      flags: columns.flags[i], overlaps: [], heard: [],
      follows: Boolean(columns.words[i]) && columns.unsure[i] !== -1,
      packed: columns.words[i] ? { words: columns.words[i], times: columns.times[i], unsure: columns.unsure[i] } : null,
    };
  });
}

// Mean valence and arousal under scores, and one standard deviation of the valence.
function positionOf(scores) {
  let total = 0, valence = 0, square = 0, arousal = 0;
  scores.forEach((score, e) => {
    total += score;
    valence += score * given.valence[e];
    square += score * given.valence[e] ** 2;
    arousal += score * given.arousal[e];
  });
  if (!total) return null;
  valence /= total;
  return { valence, arousal: arousal / total, spread: Math.sqrt(Math.max(0, square / total - valence ** 2)) };
}

// The words of a row with their times in seconds. Words are unpacked when they are first looked at.
function wordsOf(row) {
  if (row.unpacked) return row.unpacked;
  const { words = "", times = [], unsure = 0 } = row.packed ?? {};
  const doubted = new Set(Array.isArray(unsure) ? unsure : []);
  let at = row.start * 100;
  row.unpacked = (Array.isArray(words) ? words : words.split(" ")).map((word, n) => {
    const start = at + times[2 * n];
    at = start + times[2 * n + 1];
    return { word, start: start / 100, end: at / 100, guess: doubted.has(n) };
  });
  if (!row.packed) row.unpacked = [];
  return row.unpacked;
}

// What is shown as said: the words with the unsure ones among them, or the text as it is.
for (const row of rows) {
  row.spoken = row.follows ? [row.packed.words].flat().join(" ") : row.given.text ?? "";
  row.given.text ??= row.spoken;
}

(function whoSpeaksOverWhom() {
  let open = [];
  for (const row of rows) {
    open = open.filter((other) => other.end > row.start);
    for (const other of open) {
      if (other.given.speaker === row.given.speaker) continue;
      const span = [row.start, Math.min(row.end, other.end)];
      row.overlaps.push(span);
      other.overlaps.push(span);
    }
    open.push(row);
  }
  const overlap = FLAGS.findIndex(([code]) => code === "overlap");
  for (const row of rows) if (!row.overlaps.length && row.flags.includes(overlap)) row.overlaps.push([row.start, row.end]);
})();

for (let at = 0; at < given.reactions.length; at += 5) {
  const [place, who, tenths, emotion, percent] = given.reactions.slice(at, at + 5);
  const { label, name } = given.listeners[who];
  rows[place].heard.push({ label, name, seconds: tenths / 10, emotion, confidence: percent / 100 });
}
