// Who spoke how long, with which emotions.

function secondsByEmotion(list) {
  const seconds = new Array(HIDDEN + 1).fill(0);
  for (const row of list) seconds[row.emotion] += row.end - row.start;
  return seconds;
}

function speakerItem(speaker, n, total, most) {
  const isHidden = speaker.rows.every((row) => row.hidden);
  const seconds = secondsByEmotion(speaker.rows);
  const name = laneName(speaker);
  const named = EMOTIONS.map((_, emotion) => emotion).filter((emotion) => seconds[emotion] > 0).sort((a, b) => seconds[b] - seconds[a]);
  const parts = [...seconds.keys()].filter((emotion) => seconds[emotion] > 0).map((emotion) => {
    const part = h("span", { class: emotionClass(emotion), title: `${EMOTION_NAMES[emotion]} ${lasting(seconds[emotion])}` });
    part.style.width = `${seconds[emotion] / most * 100}%`;
    return part;
  });
  const item = h("li", { class: "speaker" },
    h("button", { type: "button", class: "name", title: name, disabled: isHidden }, name),
    h("span", { class: "share", "aria-hidden": "true" }, parts),
    h("span", { class: "talk" }, h("b", {}, percent(speaker.talk / total)), h("span", {}, lasting(speaker.talk))),
    h("span", { class: "mostly" }, isHidden ? "did not consent"
      : [...named.slice(0, 3), ...(seconds[UNSURE] && named.length < 3 ? [UNSURE] : [])].map((emotion) => emotionMark(emotion, `${EMOTION_NAMES[emotion]} ${percent(seconds[emotion] / speaker.talk)}`))),
    h("label", { class: "toggle only" }, h("input", { type: "checkbox", onchange: () => toggleSpeaker(speaker.index) }), "Only", h("span", { class: "unseen" }, ` ${name}`), n < 9 ? h("kbd", {}, n + 1) : null));
  if (!isHidden) item.addEventListener("click", (event) => { if (!event.target.closest("label")) openDetails(() => chooseSpeaker(speaker)); });
  item.speaker = speaker;
  return item;
}

function profile(speaker) {
  const scores = meanScores(speaker.rows);
  return scores.fused && h("figure", {}, h("figcaption", {}, speakerName(speaker)), radar(scores, { title: `Mean scores of ${speakerName(speaker)}`, isSmall: true }));
}

function showSpeakers() {
  const list = listed();
  const total = list.reduce((sum, speaker) => sum + speaker.talk, 0) || 1;
  const most = Math.max(...list.map((speaker) => speaker.talk), 1e-3);
  $("speaker-list").replaceChildren(...list.map((speaker, n) => speakerItem(speaker, n, total, most)));
  if (!list.length) $("speaker-list").replaceChildren(h("li", { class: "empty" }, "Nobody was heard."));
  showProfiles();
  markSpeakers();
}

function showProfiles() {
  $("profiles").hidden = !$("show-radars").checked;
  $("profiles").replaceChildren(...($("profiles").hidden ? [] : listed().map(profile).filter(Boolean)));
}

function markSpeakers() {
  const { speakers: who } = state.filter;
  for (const item of $("speaker-list").children) {
    if (!item.speaker) continue;
    item.classList.toggle("chosen", state.speaker?.index === item.speaker.index);
    item.classList.toggle("out", who.size > 0 && !who.has(item.speaker.index));
    item.querySelector("input").checked = who.has(item.speaker.index);
  }
}

function setUpSpeakers() {
  $("show-radars").checked = listed().length <= 4;
  $("show-radars").addEventListener("change", showProfiles);
  $("radars-toggle").hidden = !rows.some((row) => row.scores.fused && !row.hidden);
  watch("rows", showSpeakers);
  watch("filter chosen", markSpeakers);
}
