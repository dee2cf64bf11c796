// The recording, the clock, and what moves with them.

const media = $("media");
let isMedia = false;
let lastAt = -1;

function where() {
  return isMedia ? media.currentTime : state.at;
}

function seek(seconds, { play = false } = {}) {
  state.at = Math.min(Math.max(0, seconds), given.duration);
  if (isMedia) {
    media.currentTime = state.at;
    if (play) media.play().catch(() => {});
  } else if (play) {
    $("now-selected").textContent = "The recording is not open, so nothing plays.";
  }
  shareMoment(state.at);
  changed("time");
}

function togglePlay() {
  if (!isMedia) { $("media-box").scrollIntoView({ block: "nearest" }); $("file").focus(); return; }
  if (media.paused) media.play().catch(() => {}); else media.pause();
}

// `#t=` follows what is chosen, so that the address can be sent to somebody.
function shareMoment(seconds) {
  try { history.replaceState(null, "", `#t=${Math.round(seconds * 10) / 10}`); } catch { /* a page of some other origin */ }
}

function momentOf(hash) {
  const found = /[#&]t=(?:npt:)?([\d:.]+)/.exec(hash);
  if (!found) return null;
  const seconds = found[1].split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return Number.isFinite(seconds) ? seconds : null;
}

function followHash() {
  const seconds = momentOf(location.hash);
  if (seconds === null) return false;
  state.at = Math.min(seconds, given.duration);
  if (isMedia) media.currentTime = state.at;
  const row = rowAt(state.at);
  if (row) { choose(row); scrollToRow(row); }
  changed("time");
  return true;
}

// The last utterance that began by then; while it lasts, it is the one that is spoken.
function rowAt(seconds, among = rows) {
  const place = placeBefore(among, seconds + 0.001, (row) => row.start);
  for (let i = place; i >= 0 && i > place - 8; i--) if (among[i].end > seconds) return among[i];
  return among[Math.max(place, 0)] ?? null;
}

function spokenAt(seconds) {
  const found = [];
  const place = placeBefore(rows, seconds, (row) => row.start);
  for (let i = place; i >= 0 && i > place - 12; i--) if (rows[i].end > seconds) found.push(rows[i]);
  return found;
}

// To the utterance before or after the chosen one, among those that are shown.
function step(by, isWanted = () => true) {
  const shown = rows.filter((row) => row.isShown && isWanted(row));
  if (!shown.length) return;
  const from = state.chosen ?? rowAt(where());
  const here = placeBefore(shown, from.place, (row) => row.place);
  const isShown = shown[here] === from;
  const to = by < 0 ? (isShown ? here - 1 : here) : here + 1;
  const row = shown[Math.min(Math.max(to, 0), shown.length - 1)];
  choose(row);
  scrollToRow(row);
  seek(row.start);
}

const silences = (() => {
  let end = 0;
  const found = [];
  for (const row of rows) {
    if (row.start - end > 1) found.push([end + 0.3, row.start - 0.2]);
    end = Math.max(end, row.end);
  }
  return found;
})();

function skipSilence() {
  const place = placeBefore(silences, media.currentTime, ([start]) => start);
  if (place >= 0 && media.currentTime < silences[place][1]) media.currentTime = silences[place][1];
}

function tick() {
  if (isMedia && !media.paused && $("skip-silence").checked) skipSilence();
  const at = where();
  if (at !== lastAt) {
    lastAt = at;
    if (isMedia) state.at = at;
    changed("time");
  }
  if (isMedia && !media.paused) requestAnimationFrame(tick);
}

function showClock() {
  $("at").textContent = clock(state.at);
  $("seek").value = state.at;
  $("seek").setAttribute("aria-valuetext", clock(state.at));
}

const ICONS = {
  play: "M4 2l10 6-10 6z", pause: "M3 2h4v12H3zM9 2h4v12H9z",
  previous: "M3 2h2v12H3zM13 2v12L6 8z", next: "M11 2h2v12h-2zM3 2l7 6-7 6z",
};

function icon(name) {
  return svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

function showPlaying() {
  const isPlaying = isMedia && !media.paused;
  $("play").replaceChildren(icon(isPlaying ? "pause" : "play"));
  $("play").setAttribute("aria-label", isPlaying ? "Pause" : "Play");
}

function mediaIsThere() {
  isMedia = true;
  $("media-box").classList.add("ready");
  if (state.at > 0) media.currentTime = state.at;
  media.playbackRate = Number($("speed").value);
  const differs = Number.isFinite(media.duration) && Math.abs(media.duration - given.duration) > 2;
  $("media-warn").hidden = !differs;
  $("media-warn").textContent = `This file lasts ${clock(media.duration)}, the recording ${clock(given.duration)}. It may be another one.`;
}

function mediaFailed() {
  isMedia = false;
  $("media-box").classList.remove("ready");
  $("open-why").textContent = media.src.startsWith("blob:")
    ? "This browser cannot play that file." : "The recording is not part of this page, and not where it was.";
  showPlaying();
}

function setUpPlayer() {
  $("previous").replaceChildren(icon("previous"));
  $("next").replaceChildren(icon("next"));
  showPlaying();
  media.addEventListener("loadedmetadata", mediaIsThere);
  media.addEventListener("error", mediaFailed);
  if (media.readyState >= 1) mediaIsThere();
  if (media.error) mediaFailed();
  for (const event of ["play", "pause", "ended"]) media.addEventListener(event, showPlaying);
  media.addEventListener("play", () => requestAnimationFrame(tick));
  for (const event of ["seeked", "timeupdate", "pause"]) media.addEventListener(event, tick);
  $("play").addEventListener("click", togglePlay);
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("seek").addEventListener("input", () => seek(Number($("seek").value)));
  $("speed").addEventListener("change", () => { media.playbackRate = Number($("speed").value); });
  $("volume").addEventListener("input", () => { media.volume = Number($("volume").value); });
  $("file").addEventListener("change", () => {
    const [file] = $("file").files;
    if (!file) return;
    if (media.src.startsWith("blob:")) URL.revokeObjectURL(media.src);
    media.src = URL.createObjectURL(file);
  });
  watch("time", showClock);
  addEventListener("hashchange", followHash);
}
