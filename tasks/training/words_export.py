"""Write a trained recogniser as faster-whisper reads it: CTranslate2's format, eight bits."""

import json
import tempfile
from pathlib import Path
from typing import Any

from tasks.training.words_network import Recogniser
from tasks.training.words_vocabulary import Vocabulary

ALIGNMENT_HEADS = ((1, 0), (2, 0), (2, 5), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4))
"""Cross-attention heads (layer, head) of tiny.en that follow the words in time.

From OpenAI's `whisper/__init__.py`, where they are coded in base 85 for each size.
"""
_FEATURES = {
    "feature_size": 80,
    "sampling_rate": 16000,
    "hop_length": 160,
    "n_fft": 400,
    "chunk_length": 30,
    "feature_extractor_type": "WhisperFeatureExtractor",
}


def export(recogniser: Recogniser, vocabulary: Vocabulary, folder: Path) -> None:
    """Write `model.bin`, `config.json`, `vocabulary.json` and `tokenizer.json` into `folder`."""
    from ctranslate2.converters import TransformersConverter
    from transformers import PreTrainedTokenizerFast

    whisper = recogniser.whisper
    whisper.generation_config.suppress_tokens = []
    with tempfile.TemporaryDirectory() as scratch:
        whisper.save_pretrained(scratch)
        tokenizer = Path(scratch, "tokenizer.json")
        tokenizer.write_text(json.dumps(vocabulary.tokenizer), encoding="utf-8")
        fast = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer))
        fast.save_pretrained(scratch)
        converter = TransformersConverter(scratch, low_cpu_mem_usage=False)
        folder.mkdir(parents=True, exist_ok=True)
        converter.convert(str(folder), quantization="int8", force=True)
    shape = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    n_layers, n_heads = whisper.config.decoder_layers, whisper.config.decoder_attention_heads
    heads = [head for head in ALIGNMENT_HEADS if head[0] < n_layers and head[1] < n_heads]
    _write(folder / "config.json", shape | {"alignment_heads": heads or [(0, 0)]})
    _write(folder / "tokenizer.json", vocabulary.tokenizer)
    _write(folder / "preprocessor_config.json", _FEATURES)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
