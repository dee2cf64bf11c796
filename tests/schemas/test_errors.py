"""A sentence is one line that a terminal shows as it is, however strange what it quotes."""

from flows.failures import StageFailedError
from schemas.errors import InputError


def test_a_sentence_quotes_nothing_invisible_and_no_novel() -> None:
    """Found by fuzzing: a bidi mark in a sidecar's language, a setting's name of 5000 digits."""
    quoted = "There is no 'en\u202e\x1b[31m'\nand \x07."
    assert InputError(quoted).sentence == "There is no 'en\ufffd\ufffd[31m' and \ufffd."
    assert len(InputError("9" * 5000).sentence) == 1000
    failed = StageFailedError("text", ValueError("\u202e" + "x" * 5000))
    assert failed.sentence.isprintable()
    assert len(failed.sentence) == 1000
