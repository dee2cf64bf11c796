"""The multilingual sentence encoder reads its pinned files; the head over it comes from a file."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from models.checkpoint import SHIPPED
from models.network_store import find_network, is_there
from models.protocols import TextSample
from models.text.embedded import SENTENCES_SUFFIX, EmbeddedTextBranch
from models.text.sentences import DIMENSION, NETWORK, SentenceEncoder, SentenceHead
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

needs_encoder = pytest.mark.skipif(
    not is_there(NETWORK, WeightSettings()), reason=f"The network {NETWORK} was not to be had."
)


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder(find_network(NETWORK, WeightSettings()))


@needs_encoder
def test_translations_are_nearer_than_other_sentences(encoder: SentenceEncoder) -> None:
    said = ["I am so happy to see you.", "The train leaves at nine.", "That is disgusting."]
    german = ["Ich freue mich so, dich zu sehen.", "Der Zug fährt um neun.", "Das ist ekelhaft."]
    polish = ["Tak się cieszę, że cię widzę.", "Pociąg odjeżdża o dziewiątej.", "To obrzydliwe."]
    for other in (german, polish):
        alike = encoder.encode(said) @ encoder.encode(other).T
        assert alike.argmax(axis=1).tolist() == [0, 1, 2]
        assert np.diag(alike).min() > 0.4


@needs_encoder
def test_an_embedding_is_of_its_text_alone(encoder: SentenceEncoder) -> None:
    texts = ["no", "", "What a lovely day it is, is it not?", "word " * 400]
    together = encoder.encode(texts)
    assert together.shape == (4, DIMENSION)
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(4), abs=1e-4)
    for text, row in zip(texts, together, strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0], row, atol=1e-5)


@needs_encoder
def test_numbers_are_those_of_the_network(encoder: SentenceEncoder) -> None:
    """Its own package prints these for the sentence, to four digits."""
    found = encoder.encode(["Das ist aber wirklich schade!"])[0][:4]
    assert found == pytest.approx([-0.0098, -0.0140, 0.0984, -0.0043], abs=2e-4)


@needs_encoder
def test_the_head_knows_every_language_of_the_networks() -> None:
    head = SentenceHead(SHIPPED / f"text{SENTENCES_SUFFIX}", WeightSettings())
    branch = EmbeddedTextBranch(WeightSettings(device="cpu"))
    assert set(head.languages) == branch.languages
    logs = head.log_probabilities(["Che bella giornata, sono felicissimo!", "Ich habe Angst."])
    assert [EMOTIONS[k] for k in logs.argmax(axis=1)] == ["happy", "fearful"]
    assert np.exp(logs).sum(axis=1) == pytest.approx(np.ones(2), abs=1e-2)


@needs_encoder
def test_without_the_encoder_the_other_judges_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = [TextSample("Ich habe solche Angst.", "de"), TextSample("Bravo!", "it")]
    whole = EmbeddedTextBranch(WeightSettings(device="cpu"))
    monkeypatch.setattr("models.text.embedded.is_there", lambda *_: False)
    without = EmbeddedTextBranch(WeightSettings(device="cpu"))
    assert whole.digest != without.digest
    judged = whole.score(samples), without.score(samples)
    assert np.abs(judged[0] - judged[1]).max() > 1e-3
    for scores in judged:
        assert scores.sum(axis=1) == pytest.approx(np.ones(2), abs=1e-5)
    for file in SHIPPED.glob("text.*"):
        if not file.name.endswith(SENTENCES_SUFFIX):
            shutil.copyfile(file, tmp_path / file.name)
    alone = EmbeddedTextBranch(
        WeightSettings(text=str(tmp_path / "text.safetensors"), device="cpu")
    )
    np.testing.assert_allclose(alone.score(samples), judged[1], atol=1e-6)


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="holds no head for sentences"):
        SentenceHead(SHIPPED / "text.safetensors", WeightSettings())
    (tmp_path / "w.safetensors").write_bytes(b"no")
    with pytest.raises(WeightsError, match="holds no weights of tonescribe"):
        SentenceHead(tmp_path / "w.safetensors", WeightSettings())
