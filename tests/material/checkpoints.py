"""Tiny random networks in the formats of large ones: they load and run, and know nothing."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LETTERS = "abcde"
"""What the random recogniser may write, besides a space and a digit."""

_SPECIAL = (
    *("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>"),
    *("<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
)
_TIMESTAMPS = tuple(f"<|{number * 0.02:.2f}|>" for number in range(1501))
_SPECIAL_WITHOUT_TIMES = (
    *("<|endoftext|>", "<|startoftranscript|>", "<|translate|>", "<|transcribe|>"),
    *("<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
)

CONFIDENCE: dict[str, Any] = {
    "features": ["mean_log_probability"],
    "weights": [1.0],
    "bias": 4.0,
    "threshold": 0.3,
}
"""What makes the random recogniser fairly sure of what it says."""


def random_recogniser(folder: Path, confidence: Mapping[str, Any] = CONFIDENCE) -> Path:
    """Write a Whisper of one layer whose small vocabulary has no times; return its folder."""
    made = _random_whisper(folder, _byte_tokenizer(_SPECIAL_WITHOUT_TIMES, ()), changing=100.0)
    (made / "confidence.json").write_text(json.dumps(dict(confidence)))
    return made


def random_whisper(folder: Path) -> Path:
    """Write an English Whisper of one layer in CTranslate2's format and return its folder."""
    return _random_whisper(folder, _byte_tokenizer(_SPECIAL, _TIMESTAMPS))


def _random_whisper(folder: Path, tokenizer: Any, changing: float = 1.0) -> Path:
    """Write and convert a Whisper; where it is `changing` it minds the position, not the sound."""
    import torch
    import transformers
    from ctranslate2.converters import TransformersConverter

    torch.manual_seed(0)
    end = tokenizer.token_to_id("<|endoftext|>")
    config = transformers.WhisperConfig(
        vocab_size=tokenizer.get_vocab_size(),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=tokenizer.token_to_id("<|startoftranscript|>"),
        begin_suppress_tokens=None,
    )
    source = folder / "transformers"
    whisper = transformers.WhisperForConditionalGeneration(config)
    whisper.model.decoder.embed_positions.weight.data *= changing
    whisper.save_pretrained(source)
    transformers.WhisperTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<|endoftext|>", bos_token="<|endoftext|>"
    ).save_pretrained(source)
    transformers.WhisperFeatureExtractor(feature_size=80).save_pretrained(source)
    _generation(tokenizer, config).save_pretrained(source)
    converter = TransformersConverter(
        str(source), copy_files=["tokenizer.json", "preprocessor_config.json"]
    )
    return Path(converter.convert(str(folder / "ctranslate2")))


def _byte_tokenizer(special: Sequence[str], timestamps: Sequence[str]) -> Any:
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([tokenizers.AddedToken(t, special=True) for t in special])
    tokenizer.add_tokens([tokenizers.AddedToken(t, special=False) for t in timestamps])
    return tokenizer


def _generation(tokenizer: Any, config: Any) -> Any:
    """Let it write letters only, and begin with one: it is to say something."""
    import transformers

    generation = transformers.GenerationConfig.from_model_config(config)
    end, space = tokenizer.token_to_id("<|endoftext|>"), tokenizer.token_to_id("Ġ")
    spoken = {tokenizer.token_to_id(letter) for letter in LETTERS} | {end, space}
    generation.suppress_tokens = [n for n in range(config.vocab_size) if n not in spoken]
    generation.begin_suppress_tokens = [end, space]
    generation.alignment_heads = [[0, 0]]
    if tokenizer.token_to_id("<|en|>") is not None:
        generation.lang_to_id = {"<|en|>": tokenizer.token_to_id("<|en|>")}
    return generation


def random_aligner(folder: Path) -> Path:
    """Write a wav2vec 2.0 of one layer with a CTC head over the letters; return its folder."""
    import torch
    import transformers

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    symbols = ["<pad>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz'"]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({symbol: number for number, symbol in enumerate(symbols)}))
    tokenizer = transformers.Wav2Vec2CTCTokenizer(
        str(vocabulary), pad_token="<pad>", unk_token="<unk>", word_delimiter_token="|"
    )
    transformers.Wav2Vec2Processor(
        transformers.Wav2Vec2FeatureExtractor(), tokenizer
    ).save_pretrained(folder)
    config = transformers.Wav2Vec2Config(
        vocab_size=len(symbols),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )
    transformers.Wav2Vec2ForCTC(config).save_pretrained(folder)
    return folder


def random_wav2vec2(folder: Path, layers: int = 1) -> Path:
    """Write a bare wav2vec 2.0 of the base size's kind, with random weights; return its folder."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )
    Wav2Vec2Model(config).save_pretrained(folder)
    return folder


def random_text_encoder(folder: Path, kind: str) -> Path:
    """Write a bare `bert` or `xlm-roberta` of one layer and a tokenizer; return the folder."""
    import tokenizers
    import torch
    import transformers
    from tokenizers import models, pre_tokenizers

    torch.manual_seed(0)
    words = ["<s>", "<pad>", "</s>", "<unk>", "what", "a", "day", "no", "good", "nice"]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", cls_token="<s>"
    ).save_pretrained(folder)
    shape = {
        "vocab_size": len(words),
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 140,
        "pad_token_id": 1,
    }
    config = transformers.AutoConfig.for_model(kind, **shape)
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    return folder


def random_fusion(folder: Path, **header: Any) -> Path:
    """Write a fusion network of random weights, its header changed by `header`; return the file."""
    import torch

    from models.architectures.table import construct
    from models.checkpoint import save_weights
    from models.fusion.embedded import BRANCHES
    from schemas.emotions import EMOTIONS

    torch.manual_seed(0)
    given = {"n_branches": len(BRANCHES), "n_classes": len(EMOTIONS)}
    network = construct("fusion", "probability-mlp", {"width": 5}, given)
    config: dict[str, Any] = {
        "branch": "fusion",
        "architecture": "probability-mlp",
        "parameters": {"width": 5},
        "branches": BRANCHES,
        "classes": EMOTIONS,
        "temperature": 1.5,
    }
    path = folder / "fusion.safetensors"
    save_weights(path, network.state_dict(), config | header)
    return path


def whisper_without_embedding(folder: Path) -> Path:
    """Write a tiny Whisper's encoder and its decoder without the vectors of the vocabulary.

    The tokenizer knows bytes and the words " the", " that" and " cat".
    """
    import transformers
    from safetensors.torch import save_file

    words = ("the", "that", "cat")
    tokenizer = _byte_tokenizer((), ())
    content = json.loads(tokenizer.to_str())
    vocabulary = content["model"]["vocab"]
    for word in words:
        for end in range(len(word)):
            first, second = ("Ġ" + word)[: end + 1], word[end]
            if first + second not in vocabulary:
                vocabulary[first + second] = len(vocabulary)
                content["model"]["merges"].append(f"{first} {second}")
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    config = transformers.WhisperConfig(
        vocab_size=300,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        pad_token_id=0,
    )
    config.save_pretrained(folder)
    model = transformers.WhisperModel(config)
    decoder = model.decoder.state_dict()
    del decoder["embed_tokens.weight"]
    save_file(model.encoder.state_dict(), folder / "encoder.safetensors")
    save_file(decoder, folder / "decoder_without_embed_tokens.safetensors")
    return folder
