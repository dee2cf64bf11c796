"""The recogniser as it is trained: Whisper's encoder and decoder with an embedding of its own.

After Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision".
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from schemas.errors import WeightsError

if TYPE_CHECKING:
    from transformers import WhisperForConditionalGeneration

    from tasks.training.words_vocabulary import Vocabulary

IGNORED = -100
_EMBEDDING_DEVIATION = 0.005
_SMOOTHING = 0.05
_FILES = ("encoder.safetensors", "decoder_without_embed_tokens.safetensors", "config.json")


class Recogniser(nn.Module):
    """Whisper, whose `forward` returns the training loss: smoothed cross entropy of subwords."""

    def __init__(self, whisper: "WhisperForConditionalGeneration") -> None:
        super().__init__()
        self.whisper = whisper

    def forward(
        self,
        tokens: Tensor,
        targets: Tensor,
        frames: Tensor | None = None,
        states: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Loss of a batch.

        `tokens` (n, t) go in, `targets` (n, t) ought to come out (-100: not asked); `frames`
        (n, 80, up to 3000) are heard, or `states` (n, up to 1500, 384) of the encoder are given.
        """
        model = self.whisper.model
        if frames is not None:
            states = self.hear(frames)
        assert states is not None, "a batch has frames or states"
        hidden = model.decoder(input_ids=tokens, encoder_hidden_states=states).last_hidden_state
        asked = targets != IGNORED
        logits = self.whisper.proj_out(hidden[asked])
        loss = nn.functional.cross_entropy(
            logits.float(), targets[asked], label_smoothing=_SMOOTHING
        )
        return {"loss": loss}

    def hear(self, frames: Tensor) -> Tensor:
        """The encoder's states (n, t / 2, 384) of frames (n, 80, t), at most 30 s, not padded."""
        encoder = self.whisper.model.encoder
        states = nn.functional.gelu(encoder.conv1(frames))
        states = nn.functional.gelu(encoder.conv2(states)).transpose(1, 2)
        states = states + encoder.embed_positions.weight[: states.shape[1]]
        for layer in encoder.layers:
            states = layer(states, None, None)[0]
        heard: Tensor = encoder.layer_norm(states)
        return heard


def start_network(source: Path, vocabulary: "Vocabulary", seed: int = 0) -> Recogniser:
    """Whisper's encoder and decoder from a folder of weights, its embedding unlearned.

    Raises `WeightsError` where the folder lacks one of its files, or they do not fit.
    """
    from safetensors.torch import load_file
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    missing = [name for name in _FILES if not (source / name).is_file()]
    if missing:
        raise WeightsError(f"{source} lacks {', '.join(missing)}, which the training starts from.")
    torch.manual_seed(seed)
    config = WhisperConfig.from_pretrained(source, **special_ids(vocabulary))
    whisper = WhisperForConditionalGeneration(config)
    try:
        whisper.model.encoder.load_state_dict(load_file(source / _FILES[0]))
        missed, unknown = whisper.model.decoder.load_state_dict(
            load_file(source / _FILES[1]), strict=False
        )
    except RuntimeError as error:
        raise WeightsError(f"The weights in {source} are not Whisper's: {error}") from error
    if unknown or list(missed) != ["embed_tokens.weight"]:
        raise WeightsError(f"The decoder in {source} is another than Whisper tiny.en's.")
    nn.init.normal_(whisper.model.decoder.embed_tokens.weight, std=_EMBEDDING_DEVIATION)
    whisper.tie_weights()
    return Recogniser(whisper)


def special_ids(vocabulary: "Vocabulary") -> dict[str, Any]:
    """The fields of Whisper's configuration that depend on the vocabulary."""
    ids = {token["content"]: token["id"] for token in vocabulary.tokenizer["added_tokens"]}
    end = ids["<|endoftext|>"]
    return {
        "vocab_size": vocabulary.size,
        "bos_token_id": end,
        "pad_token_id": end,
        "eos_token_id": end,
        "decoder_start_token_id": ids["<|startoftranscript|>"],
        "begin_suppress_tokens": [end],
        "suppress_tokens": [],
    }


def freeze_all_but_embedding(recogniser: Recogniser) -> None:
    """Leave only the vectors of the vocabulary to be learned."""
    recogniser.requires_grad_(False)
    recogniser.whisper.model.decoder.embed_tokens.weight.requires_grad_(True)


def freeze_encoder(recogniser: Recogniser) -> None:
    """Let the decoder learn, not what it listens to."""
    recogniser.requires_grad_(False)
    recogniser.whisper.model.decoder.requires_grad_(True)


def thaw(recogniser: Recogniser) -> None:
    """Let everything learn but the positions of the encoder, which are sines."""
    recogniser.requires_grad_(True)
    recogniser.whisper.model.encoder.embed_positions.requires_grad_(False)
