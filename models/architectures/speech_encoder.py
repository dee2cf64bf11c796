"""A pretrained wav2vec 2.0 whose last layers are trained: mean over time, one linear layer."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.architectures.network import TrainableNetwork, mean_of_real, real_frames
from models.protocols import Samples
from schemas.errors import SettingsError, WeightsError
from schemas.values import Json

_SHORTEST = 400
"""Samples of the first frame: the reach of wav2vec 2.0's convolutions."""


class SpeechEncoder(TrainableNetwork):
    """wav2vec 2.0 (Baevski et al. 2020), mean over real frames, linear.

    `trained_layers` counts the last transformer layers that learn; -1 is all of them. The
    convolutions never do. Earlier systems trained the last two or all of them (docs/seeds.md, S2
    and S3).
    """

    def __init__(
        self,
        n_classes: int,
        trained_layers: int = 2,
        dropout: float = 0.0,
        encoder: Json | None = None,
    ) -> None:
        super().__init__()
        from transformers import Wav2Vec2Config, Wav2Vec2Model

        self.trained_layers = trained_layers
        self.n_classes = n_classes
        self.dropout = nn.Dropout(dropout)
        # without a shape there is none yet: it comes with the checkpoint
        if encoder is not None:
            self._take(Wav2Vec2Model(Wav2Vec2Config(**encoder)))

    def _take(self, encoder: Any) -> None:
        self.encoder = encoder
        self.head = nn.Linear(encoder.config.hidden_size, self.n_classes)
        self._freeze()

    def start_from(self, source: str | None) -> None:
        """Take a checkpoint of transformers; `WeightsError` where it is no wav2vec 2.0."""
        from transformers import AutoConfig, Wav2Vec2Model

        if source is None:
            raise SettingsError(
                "The architecture wav2vec2 starts from a checkpoint: give its folder, or its name "
                "in the hub's cache, with --start."
            )
        try:
            kind = AutoConfig.from_pretrained(source, local_files_only=True).model_type
            if kind != "wav2vec2":
                raise WeightsError(f"{source} is a {kind}, no wav2vec 2.0; start from another.")
            encoder = Wav2Vec2Model.from_pretrained(source, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise WeightsError(
                f"No wav2vec 2.0 was found at {source}: name a folder with config.json and "
                "model.safetensors, or a name in the hub's cache."
            ) from error
        self._take(encoder)

    def encoder_config(self) -> Json:
        """Return the encoder's shape, as transformers keeps it."""
        shape: Json = self.encoder.config.to_diff_dict()
        return shape

    def _freeze(self) -> None:
        layers = self.encoder.encoder.layers
        first = 0 if self.trained_layers < 0 else max(0, len(layers) - self.trained_layers)
        self.encoder.requires_grad_(False)
        # without this transformers asks for the gradient of the sound itself
        self.encoder.freeze_feature_encoder()
        for layer in layers[first:]:
            layer.requires_grad_(True)

    def prepare(self, sample: Samples) -> Tensor:
        """Return the waveform at mean 0 and deviation 1, shape (1, samples): its level is gone."""
        sound = np.asarray(sample, dtype=np.float64)
        if len(sound) < _SHORTEST:
            sound = np.pad(sound, (0, _SHORTEST - len(sound)))
        even = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
        return torch.from_numpy(even.astype(np.float32))[None]

    def forward(self, features: Tensor, n_frames: Tensor) -> Tensor:
        """Logits (batch, classes) of waveforms (batch, 1, samples)."""
        local = self._local(features[:, 0], n_frames)
        lengths = self.encoder._get_feat_extract_output_lengths(n_frames)
        real = real_frames(lengths, local.shape[2])
        hidden, _ = self.encoder.feature_projection(local.transpose(1, 2))
        hidden = self.encoder.encoder(hidden, attention_mask=real).last_hidden_state
        pooled = mean_of_real(hidden.transpose(1, 2), real)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits

    def _local(self, sound: Tensor, n_samples: Tensor) -> Tensor:
        """Output of the convolutions, (batch, channels, frames).

        Where they normalise over time, as in the base size, each clip is taken alone: padding
        would be heard.
        """
        extract = self.encoder.feature_extractor
        if self.encoder.config.feat_extract_norm != "group" or bool(
            (n_samples == n_samples[0]).all()
        ):
            found: Tensor = extract(sound[:, : int(n_samples.max())])
            return found
        alone = [
            extract(one[None, : int(count)])[0] for one, count in zip(sound, n_samples, strict=True)
        ]
        longest = max(one.shape[1] for one in alone)
        return torch.stack([nn.functional.pad(one, (0, longest - one.shape[1])) for one in alone])
