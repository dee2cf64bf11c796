// Corrections: an append-only list. Those of the dataset come with the page; new ones go to the app
// that serves it, else they stay in this browser and are handed out as a file.
// Their form is schemas/corrections.py. What the models said is never changed, only overlaid.

const KEPT = `tonescribe:corrections:${given.id}`;
let corrections = [];
let isKept = true;

function kept(key) {
  try { return localStorage.getItem(key); } catch { isKept = false; return null; }
}

function keep(key, value) {
  try {
    if (value === null) localStorage.removeItem(key); else localStorage.setItem(key, value);
    isKept = true;
  } catch { isKept = false; }
}

const TAKEN_IN = (given.corrections ?? []).filter(isCorrection);
const APP = location.protocol.startsWith("http") && /^\/meetings\/[0-9a-f]{16}$/.test(location.pathname)
  ? `/api${location.pathname}/corrections` : null;

function readCorrections() {
  let own = [];
  try {
    const found = JSON.parse(kept(KEPT) ?? "[]");
    own = Array.isArray(found) ? found.filter(isCorrection) : [];
  } catch { /* what does not fit is left out */ }
  const known = new Set(TAKEN_IN.map((each) => each.id));
  own = own.filter((each) => !known.has(each.id));
  keep(KEPT, own.length ? JSON.stringify(own) : null);
  corrections = [...TAKEN_IN, ...own];
}

// What only this browser has.
function ownCorrections() {
  const known = new Set(TAKEN_IN.map((each) => each.id));
  return corrections.filter((each) => !known.has(each.id));
}

// Hand to the app what it has not; where it does not answer, this browser keeps it until it does.
async function handOver() {
  const own = ownCorrections();
  if (!APP || !own.length) return;
  try {
    const answer = await fetch(APP, {
      method: "POST", headers: { "content-type": "application/json" },
      body: JSON.stringify({ format: "tonescribe-corrections", version: 1, corrections: own }),
    });
    if (!answer.ok) return;
  } catch { return; }
  TAKEN_IN.push(...own);
  keep(KEPT, ownCorrections().length ? JSON.stringify(ownCorrections()) : null);
  changed("rows");
}

// Every page that is opened as a file may write to the same storage: what does not fit is left out.
function isCorrection(each) {
  const isText = (value) => value === null || typeof value === "string";
  const isAbout = each?.field === "speaker_name" || each?.field === "speaker" || Number.isInteger(each?.utterance);
  return Boolean(each) && each.recording === given.id && isAbout
    && ["emotion", "text", "speaker", "speaker_name"].includes(each.field)
    && [each.old, each.new, each.note, each.speaker, each.undoes, each.id].every(isText)
    && (each.field !== "emotion" || each.new === null || EMOTIONS.includes(each.new))
    && (each.field !== "speaker" || Boolean(each.new))
    && (each.start === null || Number.isFinite(each.start));
}

// What counts: neither undone nor an undoing. Something undone can be undone itself.
function standing() {
  const undone = new Set();
  for (const each of [...corrections].reverse()) if (each.undoes && !undone.has(each.id)) undone.add(each.undoes);
  return corrections.filter((each) => !undone.has(each.id) && !each.undoes);
}

// Put what the models said and what was corrected since into the rows and speakers.
function overlay() {
  for (const row of rows) {
    Object.assign(row, row.given, { relabelled: false, isMended: false, checked: false });
  }
  for (const speaker of speakers) Object.assign(speaker, { given: null, rows: [], talk: 0 });
  const merged = new Map();
  const byIndex = new Map(rows.map((row) => [row.index, row]));
  for (const each of standing()) {
    const row = byIndex.get(each.utterance);
    const whom = speakers.find((speaker) => speaker.label === each.speaker);
    if (each.field === "speaker_name" && whom) whom.given = each.new;
    if (each.field === "speaker" && each.utterance === null && whom) merged.set(whom.index, speakerOf(each.new).index);
    if (!row || row.hidden) continue;
    if (each.field === "emotion") { row.emotion = each.new === null ? UNSURE : EMOTIONS.indexOf(each.new); row.checked = each.old === each.new; }
    if (each.field === "text") { row.text = each.new ?? ""; row.isMended = true; }
    if (each.field === "speaker") row.speaker = speakerOf(each.new).index;
  }
  for (const row of rows) {
    for (let hops = 0; merged.has(row.speaker) && hops < speakers.length; hops++) row.speaker = merged.get(row.speaker);
    row.relabelled = !row.hidden && row.emotion !== row.given.emotion;
    row.folded = fold(shownText(row));
    speakers[row.speaker].rows.push(row);
    speakers[row.speaker].talk += row.end - row.start;
  }
  for (const speaker of speakers) speaker.name = namesOf(speaker);
}

function speakerOf(label) {
  let found = speakers.find((speaker) => speaker.label === label);
  if (!found) {
    found = { index: speakers.length, label, name: null, given: null, rows: [], talk: 0 };
    speakers.push(found);
  }
  return found;
}

function namesOf(speaker) {
  const named = speaker.rows.find((row) => row.name && row.given.speaker === speaker.index);
  return speaker.given ?? named?.name ?? null;
}

const speakerName = (speaker) => speaker.name ?? shownLabel(speaker.label);
// Of somebody who moved to another speaker the old name does not stay.
function whoSays(row) {
  if (row.hidden) return "[not shown]";
  const speaker = speakers[row.speaker];
  const own = row.given.speaker === row.speaker ? row.name : null;
  return speaker.given ?? own ?? speakerName(speaker);
}

// A correction of a row or of a speaker, to be appended.
function correction(field, before, after, { row = null, speaker = null, note = "" } = {}) {
  return {
    utterance: row ? row.index : null,
    start: row ? row.start : null,
    end: row ? row.end : null,
    speaker: speaker ? speaker.label : null,
    field, old: before, new: after, note: note || null,
  };
}

function undoLast() {
  const latest = last(standing(), () => true);
  if (latest) append({ ...latest, old: latest.new, new: latest.old, note: null, undoes: latest.id });
  return latest;
}

function append(...entries) {
  if (!entries.length) return;
  const shared = { who: kept("tonescribe:reviewer") || "anonymous", when: new Date().toISOString(), recording: given.id };
  for (const entry of entries) corrections.push({ ...entry, ...shared, undoes: entry.undoes ?? null, id: newId() });
  keep(KEPT, JSON.stringify(ownCorrections()));
  overlay();
  changed("rows");
  handOver();
}

function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function correctionsFile() {
  return `${JSON.stringify({ format: "tonescribe-corrections", version: 1, corrections }, null, 1)}\n`;
}

function saveFile() {
  const link = h("a", { download: `corrections-${given.id}.json` });
  link.href = URL.createObjectURL(new Blob([correctionsFile()], { type: "application/json" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
