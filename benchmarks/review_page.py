"""How large and how fast the review page of a long meeting is, in Chromium.

    python benchmarks/review_page.py [--utterances 3000] [--speakers 5] [--rounds 5]

Prints the size of the page, the seconds to write it, and medians over the rounds: the first paint,
the page ready to be used, a frame while scrolling and while zooming, a search and a filter (all in
milliseconds). The meeting is made up of random words, scores and listeners.
"""

import argparse
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from schemas.emotions import EMOTIONS, EmotionScores
from schemas.speech import AnnotatedUtterance, Reaction, Utterance, Word
from tasks.dataset.page import PageContent, render

TEXT = (
    "the budget for next quarter is small so we should decide what to do about releases "
    "because customers asked again whether they could arrive earlier than planned"
)

MEASURE = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const frames = async (n, act) => {
    const took = [];
    for (let i = 0; i < n; i++) {
      const begun = performance.now();
      act(i);
      await frame();
      took.push(performance.now() - begun);
    }
    return took.sort((a, b) => a - b)[n >> 1];
  };
  const until = async (act, wait = 0) => {
    const begun = performance.now();
    act();
    await new Promise((done) => setTimeout(done, wait));
    await frame();
    await frame();
    return performance.now() - begun - wait;
  };
  const press = (key) => document.body.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true }));
  const search = document.getElementById("search");
  return {
    "first paint": performance.getEntriesByName("first-contentful-paint")[0].startTime,
    "ready": performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd,
    "scroll": await frames(40, () => scrollBy(0, 400)),
    "zoom": await frames(40, (i) => press(i < 20 ? "+" : "-")),
    "search": await until(() => {
      search.value = "budget";
      search.dispatchEvent(new Event("input"));
    }, 130),
    "clear": await until(() => document.getElementById("clear").click()),
    "filter": await until(() => press("1")),
  };
}"""


def made_up(count: int, speakers: int) -> PageContent:
    """Return a meeting of so many utterances, about twelve words each."""
    chance = random.Random(0)
    rows: list[AnnotatedUtterance] = []
    reactions: list[Reaction] = []
    at, speaker = 2.0, 0
    for index in range(count):
        speaker = chance.randrange(speakers) if chance.random() < 0.45 else speaker
        spoken = chance.choices(TEXT.split(), k=chance.randint(3, 21))
        words = tuple(
            Word(word=word, start=at + 0.2 * n, end=at + 0.2 * n + 0.15, score=0.9)
            for n, word in enumerate(spoken)
        )
        branches = [EmotionScores.from_array([chance.random() for _ in EMOTIONS]) for _ in range(4)]
        rows.append(
            AnnotatedUtterance(
                utterance=Utterance(
                    index=index,
                    start=round(at, 3),
                    end=round(words[-1].end, 3),
                    speaker=f"SPEAKER_{speaker:02}",
                    speaker_confidence=0.9,
                    overlap_ratio=0.0,
                    text=" ".join(spoken),
                    words=words,
                ),
                emotion=branches[0].best,
                confidence=max(branches[0].as_tuple()),
                scores=branches[0],
                audio_scores=branches[1],
                video_scores=branches[2],
                text_scores=branches[3],
            )
        )
        reactions.append(
            Reaction(
                utterance_index=index,
                participant=f"SPEAKER_{(speaker + 1) % speakers:02}",
                seconds=1.0,
                emotion=branches[2].best,
                confidence=0.5,
            )
        )
        at = words[-1].end + chance.random()
    return PageContent(
        title="A long meeting",
        recording_id="0123456789abcdef",
        day=None,
        duration=at,
        has_video=False,
        uri="s3://none",
        notes=(),
        rows=tuple(rows),
        reactions=tuple(reactions),
    )


def main() -> None:
    """Write the page, open it again and again, print a table."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utterances", type=int, default=3000)
    parser.add_argument("--speakers", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    content = made_up(options.utterances, options.speakers)
    begun = time.perf_counter()
    page = render(content)
    written = time.perf_counter() - begun
    print(f"size        {len(page.encode()) / 1e6:6.2f} MB")
    print(f"written in  {written:6.2f} s")
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder, "page.html")
        path.write_text(page, encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for _ in range(options.rounds):
            context = browser.new_context(viewport={"width": 1360, "height": 900})
            view = context.new_page()
            view.goto(path.as_uri())
            view.wait_for_timeout(1500)
            rounds.append(view.evaluate(MEASURE))
            context.close()
        browser.close()
    for name in rounds[0]:
        print(f"{name:<12}{statistics.median(each[name] for each in rounds):6.0f} ms")


if __name__ == "__main__":
    main()
