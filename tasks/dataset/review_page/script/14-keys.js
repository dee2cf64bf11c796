// Keys, the two dialogs, and the start.

const KEYS = [
  [["Space"], "play or pause", " ", togglePlay],
  [["j"], "next utterance", "j", () => step(1)],
  [["k"], "previous utterance", "k", () => step(-1)],
  [["n"], "next utterance that is not neutral", "n", () => step(1, isMoved)],
  [["p"], "previous utterance that is not neutral", "p", () => step(-1, isMoved)],
  [["l"], "next word", "l", () => stepWord(1)],
  [["h"], "previous word", "h", () => stepWord(-1)],
  [["Enter"], "play the chosen utterance", "Enter", () => state.chosen && seek(state.chosen.start, { play: true })],
  [["/"], "search", "/", () => { $("search").focus(); $("search").select(); }],
  [["1", "…", "9"], "only that speaker, again: everybody", null, null],
  [["y"], "the label of the chosen utterance is right", "y", confirmChosen],
  [["e"], "correct the chosen utterance", "e", startCorrecting],
  [["u"], "undo the last correction", "u", undoAndTell],
  [["+", "−", "0"], "zoom in, zoom out, whole meeting", null, null],
  [["<", ">"], "slower, faster", null, null],
  [["Esc"], "close, clear the search", "Escape", escape],
  [["?"], "these keys", "?", () => $("keys").showModal()],
];

const isMoved = (row) => row.emotion > 0 && row.emotion < UNSURE;

const MORE_KEYS = {
  "+": () => zoom(2), "=": () => zoom(2), "-": () => zoom(0.5), "0": () => showSpan(0, given.duration),
  "<": () => changeSpeed(-1), ">": () => changeSpeed(1),
};

function stepWord(by) {
  const row = state.chosen ?? rowAt(state.at);
  const words = row ? timedWords(row).filter((word) => word.start !== null) : [];
  const here = placeBefore(words, state.at + 0.011, (word) => word.start);
  const word = words[here + by];
  if (!word) { step(by); return; }
  choose(row, { quietly: true });
  seek(word.start + 0.005);
  $("now-selected").textContent = word.guess ? `${word.word}, unsure` : word.word;
}

function changeSpeed(by) {
  const select = $("speed");
  select.selectedIndex = Math.min(Math.max(select.selectedIndex + by, 0), select.options.length - 1);
  media.playbackRate = Number(select.value);
}

function startCorrecting() {
  if (!state.chosen || state.chosen.hidden) return;
  openDetails(showDetails);
  $("correct")?.click();
}

function confirmChosen() {
  if (!state.chosen || state.chosen.hidden) return;
  confirmLabel(state.chosen);
  $("now-selected").textContent = "You say that this label is right.";
}

function undoAndTell() {
  const undone = undoLast();
  $("now-selected").textContent = undone ? "The last correction is undone." : "There is nothing to undo.";
}

function escape() {
  closeDetails();
  if (document.activeElement === $("search")) { $("search").value = ""; $("search").blur(); state.filter.words = ""; filterChanged(); }
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const target = event.target;
  const isTyping = target.matches("input:not([type=checkbox], [type=range]), textarea, select");
  if (isTyping && event.key !== "Escape") return;
  const isPressing = target.matches("button, summary, input, a, label") && (event.key === " " || event.key === "Enter");
  if (isPressing && !target.matches(".at")) return;
  if (target.matches(".at") && event.key === "Enter") return;
  const act = KEYS.find(([, , key]) => key === event.key)?.[3] ?? MORE_KEYS[event.key];
  const digit = /^[1-9]$/.test(event.key) ? listed()[Number(event.key) - 1] : null;
  if (!act && !digit) return;
  event.preventDefault();
  if (act) { act(); return; }
  const { speakers: who } = state.filter;
  const isOnly = who.size === 1 && who.has(digit.index);
  state.filter.speakers = new Set(isOnly ? [] : [digit.index]);
  filterChanged();
}

function inWords(each) {
  const row = rows.find((row) => row.index === each.utterance);
  const what = { emotion: "Emotion", text: "Words", speaker: "Speaker", speaker_name: "Name" }[each.field];
  const [before, after] = [each.old, each.new].map((value) => value ?? (each.field === "emotion" ? "unsure" : "none"));
  return `${each.undoes ? "Undone: " : ""}${what}${row ? "" : ` of ${each.speaker}`}: ${shortened(before, 60)} → ${shortened(after, 60)}${each.note ? ` (${each.note})` : ""}`;
}

function showCorrections() {
  const counting = new Set(standing().map((each) => each.id));
  $("n-corrections").textContent = counting.size;
  $("n-corrections").classList.toggle("some", counting.size > 0);
  $("correction-list").replaceChildren(...corrections.map((each) => h("li", { class: counting.has(each.id) || each.undoes ? null : "undone" },
    h("span", { class: "num" }, each.start === null ? "all" : clock(each.start)), inWords(each))));
  $("undo").disabled = !counting.size;
  $("save").disabled = !corrections.length;
  $("discard").disabled = !ownCorrections().length;
  $("where-kept").hidden = APP !== null;
  $("unsaved").hidden = isKept;
  $("unsaved").textContent = "This browser keeps nothing for this page: save the file before you close it.";
}

function setUpDialogs() {
  $("key-list").append(...KEYS.flatMap(([keys, text]) => [h("dt", {}, keys.map((key) => (key === "…" ? "…" : h("kbd", {}, key)))), h("dd", {}, text)]));
  $("open-keys").addEventListener("click", () => $("keys").showModal());
  $("open-corrections").addEventListener("click", () => { showCorrections(); $("corrections").showModal(); });
  $("who").value = kept("tonescribe:reviewer") ?? "";
  $("who").addEventListener("change", () => keep("tonescribe:reviewer", $("who").value.trim() || null));
  $("save").addEventListener("click", saveFile);
  $("undo").addEventListener("click", undoAndTell);
  $("discard").addEventListener("click", () => {
    if (!confirm("Delete the corrections of this recording from this browser? Save them as a file first if they are to count.")) return;
    corrections = [...TAKEN_IN];
    keep(KEPT, null);
    overlay();
    changed("rows");
  });
  watch("rows", showCorrections);
  watch("rows", () => { if (state.chosen || state.speaker) showDetails(); });
}

readCorrections();
handOver();
overlay();
applyFilter();
setUpFindings();
setUpTimeline();
setUpSpeakers();
setUpTranscript();
setUpDetails();
setUpFilters();
setUpDialogs();
setUpPlayer();
addEventListener("keydown", onKey);
changed("rows");
mark();
if (!followHash() && rows.length) choose(rows[0], { quietly: true });
$("timeline").hidden = $("filters").hidden = !rows.length;
showClock();
