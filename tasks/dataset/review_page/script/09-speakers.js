// Who spoke how long, with which emotions.

function secondsByEmotion(list) {
  const seconds = new Array(HIDDEN + 1).fill(0);
  for (const row of list) seconds[row.emotion] += row.end - row.start;
  return seconds;
}

function speakerCard(speaker, n, total, most) {
  const isHidden = speaker.rows.every((row) => row.hidden);
  const seconds = secondsByEmotion(speaker.rows);
  const name = laneName(speaker);
  const named = EMOTIONS.map((_, emotion) => emotion).filter((emotion) => seconds[emotion] > 0).sort((a, b) => seconds[b] - seconds[a]);
  const card = h("li", { class: "speaker" },
    h("button", { type: "button", class: "name", title: name, "aria-pressed": "false" }, name),
    h("span", { class: "talk" }, h("b", {}, percent(speaker.talk / total)), ` ${lasting(speaker.talk)}`),
    h("span", { class: "share", "aria-hidden": "true" }, [...seconds.keys()].filter((emotion) => seconds[emotion] > 0)
      .map((emotion) => h("span", { class: emotionClass(emotion), "--w": seconds[emotion] / most }))),
    h("p", { class: "mostly" }, isHidden ? "did not consent"
      : [...named.slice(0, 3), ...(seconds[UNSURE] ? [UNSURE] : [])].map((emotion) => emotionMark(emotion, `${EMOTION_NAMES[emotion]} ${percent(seconds[emotion] / speaker.talk)}`))),
    h("label", { class: "toggle only" }, h("input", { type: "checkbox", onchange: () => toggleSpeaker(speaker.index) }), "Only ", n < 9 ? h("kbd", {}, n + 1) : null, h("span", { class: "unseen" }, name)));
  for (const part of card.querySelectorAll(".share > span")) part.style.width = `${part.style.getPropertyValue("--w") * 100}%`;
  if (!isHidden) {
    const scores = meanScores(speaker.rows);
    if (scores.fused) card.append(h("figure", {}, radar(scores, { title: `Mean scores of ${name}`, isSmall: true })));
    card.addEventListener("click", (event) => { if (!event.target.closest("label")) openDetails(() => chooseSpeaker(speaker)); });
  }
  card.speaker = speaker;
  return card;
}

function showSpeakers() {
  const list = listed();
  const total = list.reduce((sum, speaker) => sum + speaker.talk, 0) || 1;
  const most = Math.max(...list.map((speaker) => speaker.talk), 1e-3);
  $("speaker-list").replaceChildren(...list.map((speaker, n) => speakerCard(speaker, n, total, most)));
  if (!list.length) $("speaker-list").replaceChildren(h("li", { class: "empty" }, "Nobody was heard."));
  markSpeakers();
}

function markSpeakers() {
  const { speakers: who } = state.filter;
  for (const card of $("speaker-list").children) {
    if (!card.speaker) continue;
    card.classList.toggle("chosen", state.speaker?.index === card.speaker.index);
    card.classList.toggle("out", who.size > 0 && !who.has(card.speaker.index));
    card.querySelector("input").checked = who.has(card.speaker.index);
    card.querySelector(".name").setAttribute("aria-pressed", String(state.speaker?.index === card.speaker.index));
  }
}

function setUpSpeakers() {
  const toggle = $("show-radars");
  const show = () => $("speaker-list").classList.toggle("with-radars", toggle.checked);
  toggle.checked = listed().length <= 4;
  toggle.addEventListener("change", show);
  $("radars-toggle").hidden = !rows.some((row) => row.scores.fused && !row.hidden);
  show();
  watch("rows", showSpeakers);
  watch("filter chosen", markSpeakers);
}
