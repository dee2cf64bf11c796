"""A pretrained text encoder (BERT, XLM-RoBERTa) with dropout, layer norm and one linear layer."""

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from models.architectures.network import TrainableNetwork, mean_of_real, real_frames
from models.protocols import TextSample
from schemas.errors import SettingsError, WeightsError
from schemas.values import Json

if TYPE_CHECKING:
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

TOKENIZER = ".tokenizer.json"


class TextEncoder(TrainableNetwork):
    """An encoder of transformers, dropout, layer norm, linear.

    Earlier systems fine-tuned XLM-RoBERTa base for five languages and BERT on IEMOCAP's transcripts
    (docs/seeds.md, S0 and S4).
    `trained_layers` counts the last layers that learn, -1 all of the encoder; `languages` are
    those that it is trained on and answers for; a text is cut after `longest` tokens; `augment`
    trains on changed copies of rare classes, too.
    """

    def __init__(
        self,
        n_classes: int,
        dropout: float = 0.1,
        trained_layers: int = -1,
        pooling: Literal["first", "average"] = "first",
        longest: int = 128,
        languages: str = "en",
        augment: bool = False,
        encoder: Json | None = None,
    ) -> None:
        super().__init__()
        from transformers import AutoConfig, AutoModel

        self.n_classes, self.augment = n_classes, augment
        self.trained_layers, self.pooling, self.longest = trained_layers, pooling, longest
        self.languages = frozenset(languages.split())
        self.dropout = nn.Dropout(dropout)
        self._tokenizer: Tokenizer | None = None
        # without a shape there is none yet: it comes with the checkpoint
        if encoder is not None:
            shape = dict(encoder)
            config = AutoConfig.for_model(shape.pop("model_type"), **shape)
            self._take(AutoModel.from_config(config))

    def _take(self, encoder: Any) -> None:
        width = encoder.config.hidden_size
        self.encoder = encoder
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, self.n_classes)
        self._freeze()

    def start_from(self, source: str | None) -> None:
        """Take a checkpoint of transformers and its tokenizer; else `WeightsError`."""
        from transformers import AutoModel, AutoTokenizer

        if source is None:
            raise SettingsError(
                "A text encoder starts from a checkpoint: give its folder, or its name in the "
                "hub's cache, with --start."
            )
        try:
            encoder = AutoModel.from_pretrained(source, local_files_only=True)
            tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True)
            stored = tokenizer.backend_tokenizer.to_str()
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise WeightsError(
                f"No text encoder with its tokenizer was found at {source}: name a folder of "
                "transformers, or a name in the hub's cache."
            ) from error
        self._take(encoder)
        self.take_companions({TOKENIZER: stored})

    def _freeze(self) -> None:
        if self.trained_layers < 0:
            return
        layers = self.encoder.encoder.layer
        self.encoder.requires_grad_(False)
        for layer in layers[max(0, len(layers) - self.trained_layers) :]:
            layer.requires_grad_(True)

    def encoder_config(self) -> Json:
        """Return the encoder's shape, as transformers keeps it."""
        shape: Json = self.encoder.config.to_diff_dict()
        return shape

    def companions(self) -> dict[str, str]:
        """Return the tokenizer."""
        return {TOKENIZER: self._tokens().to_str()}

    def take_companions(self, texts: dict[str, str]) -> None:
        """Take the tokenizer; it cuts long texts and never pads."""
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_str(texts[TOKENIZER])
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length=self.longest)

    def _tokens(self) -> "Tokenizer":
        if self._tokenizer is None:
            raise WeightsError(
                "A text encoder reads by the tokenizer it was pretrained with: name the folder of "
                "both with --start."
            )
        return self._tokenizer

    def prepare(self, sample: TextSample) -> Tensor:
        """Token indices (tokens,)."""
        return torch.tensor(self._tokens().encode(sample.text).ids, dtype=torch.long)

    def forward(self, features: Tensor, n_frames: Tensor) -> Tensor:
        """Logits (batch, classes) of tokens (batch, tokens)."""
        real = real_frames(n_frames, features.shape[1])
        tokens = features.long().masked_fill(~real, self.encoder.config.pad_token_id or 0)
        states = self.encoder(input_ids=tokens, attention_mask=real.long()).last_hidden_state
        if self.pooling == "first":
            pooled = states[:, 0]
        else:
            pooled = mean_of_real(states.transpose(1, 2), real)
        logits: Tensor = self.head(self.norm(self.dropout(pooled)))
        return logits
