// Radar charts. Distances are square roots, or else all but neutral would lie in the middle.

const RADIUS = 78;
const RINGS = [0.1, 0.5, 1];

function radar(scores, { title, isSmall = false }) {
  const size = isSmall ? 62 : RADIUS;
  const direction = (n) => [Math.sin(n * 2 * Math.PI / UNSURE), -Math.cos(n * 2 * Math.PI / UNSURE)];
  const path = (shares) => `M${shares.map((share, n) => direction(n).map((d) => (d * size * Math.sqrt(share)).toFixed(1)).join(" ")).join("L")}Z`;
  const picture = svg("svg", { class: "radar", viewBox: `${-size - 58} ${-size - 20} ${2 * size + 116} ${2 * size + 34}`, role: "img", "aria-label": title });
  for (const ring of RINGS) {
    picture.append(svg("path", { class: "ring", d: path(EMOTIONS.map(() => ring)) }));
    if (!isSmall && ring > 0.1) picture.append(svg("text", { class: "ringed", x: 3, y: (-size * Math.sqrt(ring) + 10).toFixed(1) }, percent(ring)));
  }
  EMOTIONS.forEach((name, n) => {
    const [x, y] = direction(n);
    picture.append(svg("path", { class: "spoke", d: `M0 0L${(x * size).toFixed(1)} ${(y * size).toFixed(1)}` }));
    const anchor = Math.abs(x) < 0.2 ? "middle" : x > 0 ? "start" : "end";
    picture.append(svg("text", { x: (x * (size + 7)).toFixed(1), y: (y * (size + 9) + (y > 0.5 ? 8 : 4)).toFixed(1), "text-anchor": anchor }, name));
  });
  for (const [branch] of [...BRANCHES].reverse()) {
    if (!scores[branch]) continue;
    const total = scores[branch].reduce((a, b) => a + b, 0) || 1;
    picture.append(svg("path", { class: `shape ${branch}`, d: path(scores[branch].map((score) => score / total)) }));
  }
  return picture;
}

function lineOf(branch) {
  return svg("svg", { class: "radar", viewBox: "0 0 28 8", "aria-hidden": "true" }, svg("path", { class: `shape ${branch}`, d: "M0 4L28 4" }));
}

// The same as numbers: a row per emotion, a column per branch.
function scoreTable(scores, best) {
  const branches = BRANCHES.filter(([branch]) => scores[branch]);
  return h("table", {},
    h("caption", { class: "unseen" }, "Scores in percent"),
    h("thead", {}, h("tr", {}, h("td", {}), branches.map(([branch, name]) => h("th", { scope: "col" }, name, lineOf(branch))))),
    h("tbody", {}, EMOTIONS.map((_, emotion) => h("tr", {}, h("th", { scope: "row" }, emotionMark(emotion)),
      branches.map(([branch]) => {
        const total = scores[branch].reduce((a, b) => a + b, 0) || 1;
        return h("td", { class: emotion === best && branch === "fused" ? "best" : null }, percent(scores[branch][emotion] / total));
      })))));
}

// Mean scores of rows by branch, weighted by their length; null where there are none.
function meanScores(list) {
  const means = {};
  for (const [branch] of BRANCHES) {
    const scored = list.filter((row) => row.scores[branch] && !row.hidden);
    means[branch] = scored.length ? EMOTIONS.map((_, e) => scored.reduce((sum, row) => sum + row.scores[branch][e] * (row.end - row.start), 0)) : null;
  }
  return means;
}
