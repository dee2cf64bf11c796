// Search and filters.

function setUpFilters() {
  const search = $("search");
  let wait = 0;
  search.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(() => { state.filter.words = search.value; filterChanged(); }, rows.length > 500 ? 120 : 0);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); step(event.shiftKey ? -1 : 1); }
  });
  $("least").addEventListener("input", () => { state.filter.least = Number($("least").value) / 100; filterChanged(); });
  $("clear").addEventListener("click", () => { search.value = ""; clearFilter(); search.focus(); });
  for (const menu of document.querySelectorAll(".menu")) {
    menu.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && menu.open) { event.stopPropagation(); menu.open = false; menu.querySelector("summary").focus(); }
    });
    menu.addEventListener("toggle", () => { if (menu.open) for (const other of document.querySelectorAll(".menu[open]")) if (other !== menu) other.open = false; });
  }
  document.addEventListener("pointerdown", (event) => {
    for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  watch("rows", fillMenus);
  watch("filter", showFilters);
}

function choices(menu, chosen, list) {
  const fieldset = $(menu).querySelector("fieldset");
  for (const old of fieldset.querySelectorAll("label")) old.remove();
  for (const { value, text, n } of list) {
    const box = h("input", { type: "checkbox", value, onchange: () => { if (!chosen().delete(value)) chosen().add(value); filterChanged(); } });
    fieldset.append(h("label", {}, box, text, h("span", { class: "n" }, n)));
  }
  $(menu).hidden = list.length < 2;
}

function fillMenus() {
  choices("by-speaker", () => state.filter.speakers, listed().map((speaker) => ({ value: speaker.index, text: laneName(speaker), n: speaker.rows.length })));
  choices("by-emotion", () => state.filter.emotions, EMOTION_NAMES.map((_, emotion) => ({ value: emotion, text: emotionMark(emotion), n: rows.filter((row) => row.emotion === emotion).length })).filter(({ n }) => n));
  choices("by-flag", () => state.filter.flags, FLAGS.map(([, text], flag) => ({ value: flag, text, n: rows.filter((row) => row.flags.includes(flag)).length })).filter(({ n }) => n));
  $("by-flag").hidden = !rows.some((row) => row.flags.length);
  $("by-confidence").hidden = !rows.some((row) => row.confidence !== null);
  showFilters();
}

function showFilters() {
  const { speakers: who, emotions, least, flags } = state.filter;
  for (const [menu, set, name] of [["by-speaker", who, "Speaker"], ["by-emotion", emotions, "Emotion"], ["by-flag", flags, "Flag"]]) {
    $(menu).classList.toggle("active", set.size > 0);
    $(menu).querySelector("summary").textContent = set.size ? `${name} · ${set.size}` : name;
    for (const box of $(menu).querySelectorAll("input")) box.checked = set.has(Number(box.value));
  }
  $("by-confidence").classList.toggle("active", least > 0);
  $("by-confidence").querySelector("summary").textContent = least ? `Confidence ≥ ${percent(least)}` : "Confidence";
  $("least").value = least * 100;
  $("least-shown").textContent = percent(least);
  $("clear").hidden = !isFiltered();
}
