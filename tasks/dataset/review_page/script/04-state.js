// What is chosen, filtered and played; whoever shows it is told when it changes.

const state = {
  chosen: null, speaker: null, at: 0,
  filter: { words: "", speakers: new Set(), emotions: new Set(), least: 0, flags: new Set() },
};
const watchers = new Map();

function watch(what, tell) {
  for (const each of what.split(" ")) watchers.set(each, [...(watchers.get(each) ?? []), tell]);
}

function changed(what) {
  if (what === "rows") applyFilter();
  for (const tell of watchers.get(what) ?? []) tell();
}

function applyFilter() {
  const { words, speakers: who, emotions, least, flags } = state.filter;
  const wanted = fold(words.trim());
  for (const row of rows) {
    row.isShown = (!wanted || (!row.hidden && row.folded.includes(wanted)))
      && (!who.size || who.has(row.speaker))
      && (!emotions.size || emotions.has(row.emotion))
      && (!least || (row.emotion < UNSURE && (row.relabelled || row.confidence >= least)))
      && (!flags.size || row.flags.some((flag) => flags.has(flag)));
  }
}

function filterChanged() {
  applyFilter();
  changed("filter");
}

const isFiltered = () => {
  const { words, speakers: who, emotions, least, flags } = state.filter;
  return Boolean(words.trim() || who.size || emotions.size || least || flags.size);
};

function clearFilter() {
  state.filter = { words: "", speakers: new Set(), emotions: new Set(), least: 0, flags: new Set() };
  filterChanged();
}

function toggleSpeaker(index) {
  const { speakers: who } = state.filter;
  if (!who.delete(index)) who.add(index);
  filterChanged();
}

// Choose an utterance; its details are shown, and a screen reader hears it.
function choose(row, { quietly = false } = {}) {
  state.chosen = row;
  state.speaker = null;
  if (row && !quietly) $("now-selected").textContent = sentence(row);
  changed("chosen");
}

function chooseSpeaker(speaker) {
  state.chosen = null;
  state.speaker = speaker;
  changed("chosen");
}

function sentence(row) {
  if (row.hidden) return `${clock(row.start)}, not shown`;
  const sure = row.emotion < UNSURE && row.confidence !== null ? `, ${percent(row.confidence)}` : "";
  return `${clock(row.start)}, ${whoSays(row)}, ${EMOTION_NAMES[row.emotion]}${sure}: ${row.text || "no words"}`;
}

// Speakers as they are listed: who speaks most first, those of unknown voices last.
function listed() {
  const order = (speaker) => (speaker.label === "UNKNOWN" ? 1 : 0);
  return speakers.filter((speaker) => speaker.rows.length)
    .sort((a, b) => order(a) - order(b) || b.talk - a.talk || (a.label < b.label ? -1 : 1));
}
