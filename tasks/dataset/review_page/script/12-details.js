// The panel at the side: the chosen utterance or speaker, its scores, and what one can correct.

function openDetails(show) {
  show();
  if (matchMedia("(max-width: 70rem)").matches) document.body.classList.add("with-detail");
}

function closeDetails() {
  document.body.classList.remove("with-detail");
}

function showDetails() {
  const panel = $("detail");
  if (state.speaker) panel.replaceChildren(...speakerDetails(speakers[state.speaker.index]));
  else if (state.chosen) panel.replaceChildren(...rowDetails(state.chosen));
  panel.scrollTop = 0;
}

function heading(...text) {
  return h("header", {}, h("h2", {}, ...text), h("button", { type: "button", class: "close", onclick: closeDetails }, "Close"));
}

function answer(row) {
  const position = row.position;
  const sure = row.emotion < UNSURE && row.confidence !== null && !row.relabelled;
  return h("p", { class: "answer" }, emotionMark(row.emotion), sure ? h("small", {}, `right in about ${Math.min(99, Math.round(row.confidence * 100))} of 100 such cases`) : null,
    row.relabelled ? h("small", { class: "mended" }, `corrected; the models said ${EMOTION_NAMES[row.given.emotion]}`) : null,
    position ? h("small", {}, `valence ${signed(position.valence)} ± ${position.spread.toFixed(2)}, arousal ${signed(position.arousal)}`) : null);
}

function rowDetails(row) {
  const title = `${clock(row.start)} · ${whoSays(row)}`;
  if (row.hidden) return [heading(title), h("p", { class: "empty" }, "This person did not consent. Only times are kept.")];
  const scored = BRANCHES.filter(([branch]) => row.scores[branch]);
  const missing = BRANCHES.filter(([branch]) => branch !== "fused" && !row.scores[branch]).map(([, name]) => name.toLowerCase());
  const notes = row.flags.map((flag) => FLAGS[flag][2]);
  if (row.sureOfSpeaker < 0.7) notes.push(`Who speaks is not certain (${percent(row.sureOfSpeaker)}).`);
  return [
    heading(title),
    h("p", { class: "quote", dir: "auto", lang: row.language }, shownText(row) || "no words"),
    answer(row),
    rowActions(row),
    scored.length ? radar(row.scores, { title: `Scores of this utterance, most ${EMOTION_NAMES[row.emotion]}` }) : h("p", { class: "empty" }, "Nothing could be judged here."),
    scored.length ? scoreTable(row.scores, row.emotion) : null,
    scored.length ? h("p", { class: "hint" }, row.scores.face ? `The face was seen in ${percent(row.coverage)} of the pictures. ` : "",
      missing.length ? `Not judged here: ${missing.join(", ")}.` : "") : null,
    notes.length ? h("h3", {}, "Beware") : null,
    notes.length ? h("ul", { class: "list" }, notes.map((note) => h("li", {}, note))) : null,
    row.heard.length ? h("h3", {}, "Seen while listening") : null,
    row.heard.length ? h("ul", { class: "list" }, row.heard.map((each) => h("li", {}, emotionMark(each.emotion, `${nameOfListener(each)}: ${EMOTION_NAMES[each.emotion]}`), ` ${percent(each.confidence)}, for ${lasting(each.seconds)}`))) : null,
  ].filter(Boolean);
}

function rowActions(row) {
  const open = (event) => event.currentTarget.parentElement.replaceWith(correctionForm(row));
  return h("div", { class: "row" },
    h("button", { type: "button", onclick: () => seek(row.start, { play: true }) }, "Play"),
    h("button", { type: "button", onclick: (event) => copyLink(event, row) }, "Copy link"),
    h("button", { type: "button", id: "confirm", "aria-keyshortcuts": "y", "aria-pressed": String(row.checked), onclick: () => confirmLabel(row) }, row.checked ? "Label is right ✓" : "Label is right"),
    h("button", { type: "button", id: "correct", "aria-keyshortcuts": "e", onclick: open }, "Correct …"));
}

// A reviewer who agrees says so: only what somebody looked at can be counted.
function confirmLabel(row) {
  if (row.checked) return;
  const emotion = row.emotion < UNSURE ? EMOTIONS[row.emotion] : null;
  append(correction("emotion", emotion, emotion, { row }));
  showDetails();
}

async function copyLink(event, row) {
  const button = event.currentTarget;
  const address = `${location.href.split("#")[0]}#t=${row.start.toFixed(1)}`;
  try {
    await navigator.clipboard.writeText(address);
    button.textContent = "Copied";
  } catch {
    location.hash = `t=${row.start.toFixed(1)}`;
    button.textContent = "It is in the address bar";
  }
}

function option(value, text, isChosen) {
  const made = h("option", { value }, text);
  made.selected = isChosen;
  return made;
}

function correctionForm(row) {
  const emotion = h("select", { name: "emotion" }, EMOTION_NAMES.slice(0, HIDDEN).map((name, n) => option(n, name, n === row.emotion)));
  const others = listed().filter((speaker) => speaker.label !== "UNKNOWN" && !speaker.rows.every((each) => each.hidden));
  const speaker = h("select", { name: "speaker" },
    speakers[row.speaker].label === "UNKNOWN" ? option("UNKNOWN", "Unknown speaker", true) : null,
    others.map((each) => option(each.label, speakerName(each), each.index === row.speaker)), option("", "Somebody else", false));
  const text = h("textarea", { name: "text", rows: 3, dir: "auto", maxlength: 10000 });
  text.value = row.text;
  const note = h("input", { type: "text", name: "note", maxlength: 1000 });
  const form = h("form", { "aria-label": "Correct this utterance" },
    h("div", { class: "pair" }, h("label", { class: "field" }, "Expressed emotion", emotion), h("label", { class: "field" }, "Speaker", speaker)),
    h("label", { class: "field" }, "Words", text), h("label", { class: "field" }, "Note (optional)", note),
    h("div", { class: "row" }, h("button", { class: "primary" }, "Correct"), h("button", { type: "button", onclick: showDetails }, "Cancel")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const more = { row, note: note.value.trim() };
    const [before, after] = [row.emotion, Number(emotion.value)].map((n) => (n < UNSURE ? EMOTIONS[n] : null));
    const words = text.value.trim().replace(/\s+/g, " ");
    const label = speaker.value || newLabel();
    const current = speakers[row.speaker].label;
    append(...[
      after !== before && correction("emotion", before, after, more),
      words !== row.text && correction("text", row.text || null, words || null, more),
      label !== current && correction("speaker", current, label, more),
    ].filter(Boolean));
    showDetails();
    scrollToRow(row, true);
  });
  queueMicrotask(() => emotion.focus());
  return form;
}

function newLabel() {
  for (let n = 0; ; n++) {
    const label = `SPEAKER_${String(n).padStart(2, "0")}`;
    if (!speakers.some((speaker) => speaker.label === label)) return label;
  }
}

function speakerDetails(speaker) {
  const own = speaker.rows;
  if (!own.length) return [heading(speakerName(speaker)), h("p", { class: "empty" }, "Says nothing any more.")];
  const scores = meanScores(own);
  const total = rows.reduce((sum, row) => sum + row.end - row.start, 0);
  const over = own.reduce((sum, row) => sum + row.overlaps.reduce((inner, [from, to]) => inner + to - from, 0), 0);
  return [
    heading(speakerName(speaker)),
    h("p", { class: "facts" }, `${lasting(speaker.talk)} in ${own.length} utterance${own.length === 1 ? "" : "s"}, ${percent(speaker.talk / total)} of what is spoken. `,
      over ? `${lasting(over)} while others speak. ` : "", `In the tables: ${speaker.label}.`),
    scores.fused ? radar(scores, { title: `Mean scores of ${speakerName(speaker)}` }) : h("p", { class: "empty" }, "Nothing could be judged."),
    scores.fused ? scoreTable(scores, -1) : null,
    h("p", { class: "hint" }, "Means over time, by voice, face and words. They depend on cameras, microphones and habits: compare a person with themselves, not with others."),
    speaker.label === "UNKNOWN" ? null : speakerForm(speaker),
  ].filter(Boolean);
}

function speakerForm(speaker) {
  const name = h("input", { type: "text", maxlength: 200, value: speaker.name ?? "" });
  const others = listed().filter((each) => each !== speaker && each.label !== "UNKNOWN" && !each.rows.every((row) => row.hidden));
  const same = h("select", {}, option("", "nobody else", true), others.map((each) => option(each.label, speakerName(each), false)));
  const form = h("form", { "aria-label": "Correct this speaker" },
    h("label", { class: "field" }, "Name, everywhere in this recording", name),
    others.length ? h("label", { class: "field" }, "The same person as", same) : null,
    h("div", { class: "row" }, h("button", {}, "Correct")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const called = name.value.trim().replace(/\s+/g, " ") || null;
    const other = same.value ? speakers.find((each) => each.label === same.value) : null;
    append(...[
      called !== speaker.name && correction("speaker_name", speaker.name, called, { speaker }),
      other && correction("speaker", speaker.label, other.label, { speaker }),
    ].filter(Boolean));
    chooseSpeaker(other ?? speaker);
  });
  return form;
}

function setUpDetails() {
  watch("chosen", showDetails);
}
