"""Write the fusion's model card."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lab.fusion.comparison import FIVE, SIX
from lab.measures import FoldedMeasures, Measures
from models.fusion.embedded import BRANCHES
from schemas.emotions import EMOTIONS

_SAID = {"audio": "voice", "video": "face", "text": "words"}

_WHAT = """# Model card: fusion (`fusion.safetensors`)

What it is: a log-linear pool of the branches' probabilities, each divided by the branch's prior
and taken to the power of a weight. The prior is the shares of the classes that a branch was
calibrated on; without it half of all lines would be neutral before a word is read, and neutral
once more when scores are corrected for the meeting. A branch's weight is one, discounted by what
the others know: w = 1 / (1 + sum of discount x evidence of each other branch), the evidence being
one minus its normalised entropy. A branch alone has weight one; an absent branch is masked; an
undecided one changes nothing; none can veto a class. What comes out holds where all seven classes
are equally likely.

| discount of ... | by voice | by face | by words |
|---|---|---|---|
"""

_DATA = """
**Data and licence.** RAVDESS (CC BY-NC-SA 4.0): performances of 24 actors. Voice: a network of
the voice network's recipe that learned from EMO-DB, EMOVO and nEMO alone and was calibrated on
those, each left out: it judges RAVDESS as it will judge strangers. Face: models of the means of
OpenFace's action units (published by Luna-Jimenez et al. 2022, MIT; RAVDESS as above) in six
folds of actors, calibrated inside the training side. **That is not the video network that
ships**, which judges pictures: the discounts hold for it as far as its calibration is right; its
prior was fitted to its scores of FER2013's PublicTest. Words: RAVDESS has two sentences, so each
performance was given a line of MELD's development split with the same label, judged by the
shipped text network, which was not trained on it, at most calibrated; lines are parted by fold
like the actors. **Non-commercial use only.**

**Fitted** by likelihood, every class alike, on every performance once for each set of two
branches or more, the others masked: modality dropout with all draws taken. All scores are of
people whom the branch had not seen.

**Figures.** The fusion of a fold is fitted to the others' people. ± is the deviation over folds,
"half" the accuracy of the more confident half. The five folds have a voice that learned from the
other actors of RAVDESS; the six folds the voice that never heard RAVDESS.
"""

_READ = """
"perceptron" is 32 hidden units on the probabilities, "concatenation" a dense layer on action
units and scores side by side; both keep an eighth of the people to stop the training and set a
temperature. Under "any may be absent" each way is one fusion for all sets, trained with modality
dropout. In the six folds the networks are better than the pool because they learn how a voice
that never heard RAVDESS mistakes it, from RAVDESS: on the next stranger that is worth nothing.

"Action units" pools three kinds of model, kept of six that were compared with these folds in
view: all six have .606. Likewise *relative to its person's mean* is the best of twelve forms,
.685 to .728 with a single model; read both with that in mind. The two pools are the same within
what was tried.

*Relative to its person's mean*: action units less the mean of all that person's performances,
over their deviation; of the voice, log-probabilities less their mean. It uses no label, but needs
a person's other performances, evenly spread over the emotions as RAVDESS's are; others report each
performance judged by itself. Compare those lines with nobody.

The published outputs: only those of each fold's test actors, since those of its training actors
come from models that had seen them; weights for a fold are fitted on the test actors of the other
four. Those four models had been trained on the fold's own actors, which may move these few
numbers but tells no label.

What words add is what it would be if words were independent of voice and face given the emotion,
which in life they are less.

**Limits.** Acted emotions, two sentences, faces in full view before a plain wall. On meetings the
discounts are believed, not measured. The pool is as calibrated as its branches are on the
material.

**Not to be used** to judge people at work, in schools or in hiring, nor wherever a wrong reading
harms someone.

Made by `tonescribe train fusion --data CORPORA --start FOLDER-OF-A-VOICE-TRAINING --out FOLDER`;
measured anew by `tonescribe evaluate fusion --corpora CORPORA --start
FOLDER-OF-A-VOICE-TRAINING`.
"""


def to_card(
    discounts: NDArray[np.float64], priors: NDArray[np.float64], found: Mapping[str, Measures]
) -> str:
    """Return the card with the figures of all protocols.

    `discounts` have shape (branches, branches), `priors` (branches, classes).
    """
    rows = [
        f"| {_SAID[branch]} | "
        + " | ".join("" if i == k else f"{discounts[i, k]:.2f}" for k in range(len(BRANCHES)))
        + " |\n"
        for i, branch in enumerate(BRANCHES)
    ]
    shares = [
        f"\n| prior of ... | {' | '.join(EMOTIONS)} |\n|{'---|' * (len(EMOTIONS) + 1)}\n",
        *(
            f"| {_SAID[branch]} | {' | '.join(f'{share:.2f}' for share in own)} |\n"
            for branch, own in zip(BRANCHES, priors, strict=True)
        ),
    ]
    return _WHAT + "".join(rows + shares) + _DATA + _figures(found) + _READ


def _figures(found: Mapping[str, Measures]) -> str:
    lines: list[str] = [] if found else ["\nNone were measured: it was trained with --no-folds."]
    for protocol in (FIVE, SIX):
        own = {name: measures for name, measures in found.items() if name.startswith(protocol)}
        if own:
            lines += [f"\n{protocol}:\n", "| | accuracy | UAR | calibration error | half |"]
            lines += ["|---|---|---|---|---|", *(_row(name, own[name], protocol) for name in own)]
    return "\n".join([*lines, ""])


def _row(name: str, measures: Measures, protocol: str) -> str:
    spread = measures.deviation if isinstance(measures, FoldedMeasures) else {}
    mean = measures.mean if isinstance(measures, FoldedMeasures) else {}
    said = name.removeprefix(protocol).lstrip(":, ")
    for branch, word in _SAID.items():
        said = said.replace(branch, word)
    accuracy = f"{mean.get('accuracy', measures.accuracy):.3f}"
    deviation = f" ± {spread['accuracy']:.3f}" if spread else ""
    return (
        f"| {said} | {accuracy}{deviation} | {measures.uar:.3f} | {measures.ece:.3f} "
        f"| {measures.accuracy_at_half_coverage:.3f} |"
    )
