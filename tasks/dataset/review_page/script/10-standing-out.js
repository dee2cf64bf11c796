// What stands out: a list under the timeline, and marks on its axis. Each leads to its evidence.

const findings = given.findings ?? [];
const KINDS = { departure: "unusual for a speaker", change: "change", hotspot: "many at once", reaction: "listeners react" };

function findingElement(finding) {
  const who = finding.speakers.map((index) => speakerName(speakers[index])).join(", ");
  const go = () => {
    const row = rows.find((each) => each.index === finding.evidence.at(-1));
    if (row) choose(row);
    seek(finding.start, { play: true });
  };
  return h("li", {}, h("button", { type: "button", class: "link", onclick: go, "aria-label": `Play from ${clock(finding.start)}` }, clock(finding.start)),
    h("p", {}, h("b", {}, KINDS[finding.kind]), who ? ` · ${who}` : "", h("br"), finding.sentence));
}

function showFindings() {
  $("findings").replaceChildren(...findings.map(findingElement));
}

// Small triangles that point at the lanes.
function drawFindings(context) {
  context.fillStyle = paint.ink;
  for (const { start } of findings) {
    if (start < view.start || start > view.end) continue;
    const x = Math.round(toX(start));
    context.beginPath();
    context.moveTo(x - 4, AXIS - 9);
    context.lineTo(x + 4, AXIS - 9);
    context.lineTo(x, AXIS - 3);
    context.fill();
  }
}

function setUpFindings() {
  $("standing-out").hidden = !findings.length;
  $("n-findings").textContent = findings.length;
  showFindings();
  watch("rows", showFindings);
}
