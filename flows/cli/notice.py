"""The text that participants are to be given: what is kept about them, why, and their rights."""

import textwrap

from schemas.errors import SettingsError
from schemas.policy import Policy
from schemas.purposes import PURPOSES
from schemas.settings import Settings

_WIDTH = 90
_GAP = "________"

_ENGLISH = """\
Notice to the participants of this meeting

Who is responsible: {gap}
Questions and requests: {contact}

What happens. This meeting is recorded. A computer program (tonescribe) writes down what is
said, by whom and when, and estimates for each utterance which emotion {sources} express:
neutral, happy, sad, angry, fearful, disgust or surprised, or "unsure". An estimate of an
expression does not tell what anybody feels, and it is often wrong.

What for, and on what basis. {purpose}: {covers}. It is not used to hire, grade, rate or
discipline anybody. Legal basis: {gap} (for voice and face as a rule your explicit consent,
Articles 6(1)(a) and 9(2)(a) GDPR).

What is kept. The words with their times and speakers, names where they are certain, and the
scores. {biometric} The recording itself stays where it was recorded. No voice print and no
description of a face is kept by which somebody could be recognised. Nothing is sent to another
company: the program runs on the computers of whoever is responsible.

Where, and how long. {place}; {days}.

Your choice. You may refuse or withdraw at any time, without giving a reason and without a
disadvantage: of you then only times are kept, "[not shown]". What was done before stays lawful.

Your rights (GDPR). To be told what is kept about you (Article 15), to have it corrected (16) or
erased (17), to restrict its use (18), to receive it in a common format (20), to object (21),
and to complain to a data protection authority (77).
"""

_GERMAN = """\
Hinweis an die Teilnehmenden dieser Besprechung

Verantwortlich: {gap}
Fragen und Anliegen: {contact}

Was geschieht. Diese Besprechung wird aufgezeichnet. Ein Programm (tonescribe) schreibt auf, was
von wem wann gesagt wird, und schätzt zu jeder Äußerung, welche Emotion {sources} ausdrücken:
neutral, froh, traurig, ärgerlich, ängstlich, angewidert oder überrascht, oder „unsicher“. Eine
Schätzung des Ausdrucks sagt nicht, was jemand fühlt, und sie ist oft falsch.

Wozu, und mit welchem Recht. {purpose}: {covers}. Niemand wird damit eingestellt, benotet,
beurteilt oder gemaßregelt. Rechtsgrundlage: {gap} (für Stimme und Gesicht in der Regel Ihre
ausdrückliche Einwilligung, Artikel 6 Absatz 1 a und 9 Absatz 2 a DSGVO).

Was aufbewahrt wird. Die Worte mit Zeiten und Sprechenden, Namen, wo sie sicher sind, und die
Werte. {biometric} Die Aufzeichnung selbst bleibt, wo sie entstanden ist. Es wird kein
Stimmabdruck und keine Beschreibung eines Gesichts aufbewahrt, an denen jemand erkannt werden
könnte. Nichts geht an eine andere Firma: Das Programm läuft auf den Rechnern der
Verantwortlichen.

Wo und wie lange. {place}; {days}.

Ihre Wahl. Sie können jederzeit ablehnen oder widerrufen, ohne Begründung und ohne Nachteil: Von
Ihnen bleiben dann nur Zeiten, „[not shown]“. Was vorher geschah, bleibt rechtmäßig.

Ihre Rechte (DSGVO). Auskunft (Artikel 15), Berichtigung (16), Löschung (17), Einschränkung
(18), Übertragbarkeit (20), Widerspruch (21) und Beschwerde bei einer Aufsichtsbehörde (77).
"""

_COVERS_GERMAN = {
    "demo": "tonescribe mit eigens gemachtem Material ausprobieren",
    "evaluation": "tonescribe selbst messen: Tests und Vergleiche",
    "research": "erforschen, wie Menschen miteinander reden",
    "accessibility": "gehörlosen oder autistischen Menschen helfen, einer Besprechung zu folgen",
    "own-review": "auf eigene Besprechungen zurückblicken",
    "service-quality": "einen Dienst anhand seiner Gespräche verbessern, nie Antwortende bewerten",
    "training": "Interviews, Vorträge oder Anrufe üben, mit Einwilligung",
    "therapy": "Therapie und Beratung, mit Einwilligung",
}

_PHRASES: dict[str, dict[str, str]] = {
    "en": {
        "text": _ENGLISH,
        "all": "voice, face and words",
        "words": "the words alone",
        "biometric": "The estimates use voice and face.",
        "plain": "Voice and face are not used for the estimates.",
        "enrolled": "Voices are compared with clips of people who agreed to it, to put their names "
        "to them; of the comparison only the names are kept.",
        "days": "it is erased {days} days after the meeting",
        "open": f"it is erased {_GAP} days after the meeting",
    },
    "de": {
        "text": _GERMAN,
        "all": "Stimme, Gesicht und Worte",
        "words": "allein die Worte",
        "biometric": "Die Schätzungen stützen sich auf Stimme und Gesicht.",
        "plain": "Stimme und Gesicht werden für die Schätzungen nicht verwendet.",
        "enrolled": "Stimmen werden mit Aufnahmen von Menschen verglichen, die dem zugestimmt "
        "haben, um sie zu benennen; von dem Vergleich bleiben nur die Namen.",
        "days": "gelöscht wird {days} Tage nach der Besprechung",
        "open": f"gelöscht wird {_GAP} Tage nach der Besprechung",
    },
}
"""The text in each language, and the phrases that depend on settings."""


def notice(settings: Settings, *, days: int | None, place: str, contact: str, language: str) -> str:
    """Return the notice for the purpose, law and context of the settings.

    Raises `PolicyError` for a purpose that is refused or missing, `SettingsError` for a language
    that there is none in.
    """
    if language not in _PHRASES:
        raise SettingsError(
            f"There is no notice in '{language}'; there is one in {', '.join(_PHRASES)}."
        )
    policy, phrases = Policy.decide(settings), _PHRASES[language]
    covers = _COVERS_GERMAN[policy.purpose] if language == "de" else PURPOSES[policy.purpose].covers
    biometric = phrases["plain" if policy.text_only else "biometric"]
    if settings.speakers.enrolled and not policy.text_only:
        biometric += f" {phrases['enrolled']}"
    text = phrases["text"].format(
        gap=_GAP,
        contact=contact or _GAP,
        sources=phrases["words" if policy.text_only else "all"],
        biometric=biometric,
        purpose=policy.purpose,
        covers=covers,
        place=place or _GAP,
        days=phrases["days"].format(days=days) if days else phrases["open"],
    )
    head, *paragraphs = text.strip().split("\n\n")
    responsible, *rest = paragraphs
    return "\n\n".join([head, responsible, *(textwrap.fill(p, _WIDTH) for p in rest)]) + "\n"
