// The transcript, by turns. All of it is in the page, for the browser's search, paper and screen
// readers; what is out of sight is not laid out, and has its words apart only once it is seen.
// Both go by parts of some twenty lines: one by one they would cost more than they save.

const LONGEST_TURN = 30;
const PART = 20;
const PAUSE = 20;
let lines = [];
let pending = [];

function turnsOf(list) {
  const turns = [];
  let end = 0;
  for (const row of list) {
    const turn = turns[turns.length - 1];
    const isSame = turn && turn.who === whoSays(row) && turn.rows[0].speaker === row.speaker && turn.rows.length < LONGEST_TURN;
    if (isSame && row.start - end < PAUSE) turn.rows.push(row);
    else turns.push({ who: whoSays(row), rows: [row], pause: row.start - end });
    end = Math.max(end, row.end);
  }
  return turns;
}

function turnElement({ who, rows: own, pause }) {
  const seconds = own.reduce((sum, row) => sum + row.end - row.start, 0);
  const element = h("li", { class: "turn" },
    pause >= PAUSE ? h("p", { class: "pause" }, `${lasting(pause)} of silence`) : null,
    h("h3", { class: "who" }, who, h("small", {}, lasting(seconds))),
    h("ol", {}, own.map(lineElement)));
  element.own = own;
  return element;
}

const heightOf = ({ rows: own }) => own.reduce((sum, row) => sum + 32 + 24 * Math.floor(row.text.length / 75), 50);

function partElement(turns) {
  const part = h("ol", { class: "part" }, turns.map(turnElement));
  part.style.containIntrinsicSize = `auto ${turns.reduce((sum, turn) => sum + heightOf(turn), 0)}px`;
  part.own = turns.flatMap((turn) => turn.rows);
  seen.observe(part);
  return part;
}

function lineElement(row) {
  const line = h("li", { class: `line ${emotionClass(row.emotion)}`, id: `u${row.index}` },
    h("button", { type: "button", class: "at", tabindex: -1, "aria-label": `Play from ${clock(row.start)}` }, clock(row.start)),
    h("p", { class: "said", dir: "auto", lang: row.hidden ? null : row.language }), row.hidden ? null : verdict(row), heardBy(row));
  line.row = row;
  lines[row.place] = line;
  if (row.confidence !== null) line.style.setProperty("--c", row.confidence);
  plainWords(line);
  return line;
}

function verdict(row) {
  const flags = row.flags.filter((flag) => !given.everywhere.includes(flag)).map((flag) => FLAGS[flag][1]);
  return h("div", { class: "verdict" }, emotionMark(row.emotion),
    row.relabelled ? h("span", { class: "mended" }, "corrected")
      : row.emotion < UNSURE && row.confidence !== null ? h("span", { class: "meter" }, percent(row.confidence)) : null,
    flags.length ? h("p", { class: "flags" }, flags.join(", ")) : null);
}

function heardBy(row) {
  const moved = row.heard.filter((each) => each.emotion !== 0);
  if (!moved.length || row.hidden) return null;
  return h("p", { class: "heard" }, "Listening:", moved.slice(0, 4).map((each) => emotionMark(each.emotion, `${nameOfListener(each)} ${EMOTION_NAMES[each.emotion]}`)));
}

function nameOfListener({ label, name }) {
  const speaker = speakers.find((each) => each.label === label);
  return speaker?.given ?? name ?? (speaker ? speakerName(speaker) : shownLabel(label));
}

const shownText = (row) => (row.isMended ? row.text : row.spoken);

function plainWords(line) {
  const { row } = line, said = line.querySelector(".said");
  line.isOpen = false;
  const isSilent = row.hidden || !shownText(row);
  said.classList.toggle("silent", isSilent);
  said.textContent = row.hidden ? "did not consent" : shownText(row) || "no words";
}

// Each word apart, to be lit, clicked, doubted and found.
function openWords(line) {
  const { row } = line, said = line.querySelector(".said");
  if (line.isOpen || row.hidden || !shownText(row)) return;
  line.isOpen = true;
  const timed = timedWords(row);
  const wanted = fold(state.filter.words).split(/\s+/).filter(Boolean);
  said.replaceChildren(...timed.flatMap((each, n) => {
    const isHit = wanted.some((part) => fold(each.word).includes(part));
    const kind = `w${each.guess ? " guess" : ""}${isHit ? " hit" : ""}`;
    const span = h("span", { class: kind, title: each.guess ? "The recogniser is unsure of this word" : null }, each.word);
    span.word = each;
    return n ? [" ", span] : [span];
  }));
  line.words = timed.some((each) => each.start !== null) ? [...said.querySelectorAll(".w")] : [];
  line.classList.toggle("timed", line.words.length > 0);
}

// A mended text keeps the times of its words if it has as many.
function timedWords(row) {
  const words = wordsOf(row);
  if (!row.isMended && row.follows) return words;
  const parts = shownText(row).split(/\s+/).filter(Boolean);
  const fits = parts.length === words.length;
  return parts.map((word, n) => ({ word, start: fits ? words[n].start : null, end: fits ? words[n].end : null, guess: false }));
}

const near = new Set();
const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) { near.delete(target); continue; }
    near.add(target);
    for (const row of target.own) openWords(lines[row.place]);
  }
}, { rootMargin: "200px" });

// After a correction: only the lines that changed, unless somebody else speaks now.
let laidOut = "";
function renderAgain() {
  const layout = rows.map((row) => `${row.speaker} ${whoSays(row)}`).join("\n");
  const looks = (row) => `${row.emotion} ${row.relabelled} ${row.isMended} ${row.text}`;
  if (laidOut === layout && !pending.length) {
    for (const row of rows) if (row.looks !== looks(row)) lines[row.place].replaceWith(lineElement(row));
    for (const part of near) for (const row of part.own) openWords(lines[row.place]);
    for (const row of rows) showIfWanted(row);
    markTurns();
  } else {
    const anchor = state.chosen && lines[state.chosen.place]?.getBoundingClientRect().top;
    const isFirst = !laidOut;
    renderTranscript();
    if (!isFirst) renderAll();
    if (anchor) scrollBy(0, lines[state.chosen.place].getBoundingClientRect().top - anchor);
  }
  laidOut = layout;
  for (const row of rows) row.looks = looks(row);
}

function renderTranscript() {
  seen.disconnect();
  near.clear();
  lines = new Array(rows.length);
  pending = turnsOf(rows);
  $("turns").replaceChildren();
  renderSome(60);
  if (pending.length) soon(renderRest);
}

function renderSome(least) {
  for (let n = 0; pending.length && n < least;) {
    const turns = [];
    for (let size = 0; pending.length && size < PART; size += turns[turns.length - 1].rows.length) turns.push(pending.shift());
    const part = partElement(turns);
    n += part.own.length;
    for (const row of part.own) showIfWanted(row);
    $("turns").append(part);
  }
}

function renderRest(deadline) {
  do renderSome(25); while (pending.length && deadline.timeRemaining() > 4);
  if (pending.length) soon(renderRest); else { markTurns(); mark(); }
}

function renderAll() {
  while (pending.length) renderSome(1000);
  markTurns();
}

function showIfWanted(row) {
  const line = lines[row.place];
  if (line) show(line, row.isShown);
}

function markTurns() {
  const isWanted = (element) => element.own.some((row) => row.isShown);
  for (const part of $("turns").children) {
    show(part, isWanted(part));
    for (const turn of part.children) show(turn, isWanted(turn));
  }
}

function show(element, isShown) {
  if (element.hidden === isShown) element.hidden = !isShown;
}

let markedWords = "";
function filterTranscript() {
  for (const row of rows) showIfWanted(row);
  markTurns();
  if (markedWords !== state.filter.words) {
    markedWords = state.filter.words;
    for (const line of lines) if (line?.isOpen) plainWords(line);
    for (const part of near) for (const row of part.own) openWords(lines[row.place]);
  }
  showCount();
}

function showCount() {
  const shown = rows.filter((row) => row.isShown).length;
  $("n-shown").textContent = isFiltered() ? `${shown} of ${rows.length} utterances` : "";
  const empty = $("empty");
  empty.hidden = shown > 0;
  if (!shown) empty.textContent = rows.length ? "Nothing fits the filter." : "Nobody was heard in this recording, so there is nothing to read.";
}

function rowElement(row) {
  if (!lines[row.place]) renderAll();
  return lines[row.place];
}

function scrollToRow(row, isGentle = false) {
  const line = rowElement(row);
  if (!line || line.hidden) return;
  const place = () => line.scrollIntoView({ block: isGentle ? "nearest" : "center" });
  place();
  requestAnimationFrame(() => requestAnimationFrame(place));
}

let marked = null, spoken = [], lit = [];
function mark() {
  const hadFocus = document.activeElement?.matches(".at");
  marked?.classList.remove("chosen");
  marked?.querySelector(".at").setAttribute("tabindex", "-1");
  marked = state.chosen ? lines[state.chosen.place] : null;
  marked?.classList.add("chosen");
  const button = (marked ?? lines.find(Boolean))?.querySelector(".at");
  button?.setAttribute("tabindex", "0");
  if (hadFocus) button?.focus({ preventScroll: true });
}

function light() {
  const now = isMedia ? spokenAt(state.at) : [];
  for (const span of lit) span.classList.remove("lit");
  for (const line of spoken) line.classList.remove("now");
  lit = [];
  const before = spoken;
  spoken = now.map((row) => lines[row.place]).filter(Boolean);
  for (const line of spoken) {
    line.classList.add("now");
    openWords(line);
    const words = line.words ?? [];
    const span = words[placeBefore(words, state.at, (each) => each.word.start ?? Infinity)];
    if (span && state.at < span.word.end + 0.15) { span.classList.add("lit"); lit.push(span); }
  }
  if (spoken.length && !before.includes(spoken[0]) && isFollowing()) {
    choose(spoken[0].row, { quietly: true });
    if (performance.now() - scrolledAt > LEFT_ALONE) scrollToRow(spoken[0].row, true);
  }
}

// Whoever scrolls, corrects or looks at a speaker is left alone.
const LEFT_ALONE = 6000;
let scrolledAt = -LEFT_ALONE;
function isFollowing() {
  return !media.paused && $("follow").checked && !state.speaker && !document.querySelector("dialog[open], #detail form");
}

function onTranscriptClick(event) {
  const line = event.target.closest(".line");
  if (!line || (event.detail && !getSelection().isCollapsed)) return;
  const word = event.target.closest(".w")?.word;
  // In a narrow window details cover the words: the verdict opens them, or a second touch.
  const wantsDetails = event.target.closest(".verdict") || (line.row === state.chosen && !word);
  if (wantsDetails) openDetails(() => choose(line.row, { quietly: true })); else choose(line.row, { quietly: true });
  seek(word?.start ?? line.row.start, { play: true });
}

function setUpTranscript() {
  $("turns").addEventListener("click", onTranscriptClick);
  for (const event of ["wheel", "touchmove"]) addEventListener(event, () => { scrolledAt = performance.now(); }, { passive: true });
  addEventListener("beforeprint", () => { renderAll(); for (const line of lines) openWords(line); });
  watch("rows", () => { renderAgain(); showCount(); mark(); });
  watch("filter", filterTranscript);
  watch("chosen", mark);
  watch("time", light);
}
