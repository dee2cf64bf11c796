"""Encoders that run here without their library compute what the library computes."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from models.text.bert import BertEncoder, TextEmotionNetworkShape
from models.video.resnet import GrayResNet18, fold_norms

SMALL = TextEmotionNetworkShape(
    vocabulary=50, width=24, layers=2, heads=3, feedforward=48, positions=20
)


def test_bert_is_that_of_transformers() -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=SMALL.vocabulary,
        hidden_size=SMALL.width,
        num_hidden_layers=SMALL.layers,
        num_attention_heads=SMALL.heads,
        intermediate_size=SMALL.feedforward,
        max_position_embeddings=SMALL.positions,
        type_vocab_size=SMALL.segments,
    )
    torch.manual_seed(0)
    theirs = BertModel(config, add_pooling_layer=False).eval()
    ours = BertEncoder(SMALL).eval()
    ours.load_state_dict(theirs.state_dict())
    tokens = torch.randint(1, SMALL.vocabulary, (3, 12))
    segments = torch.randint(0, 2, (3, 12))
    present = torch.arange(12) < torch.tensor([[12], [7], [1]])
    with torch.inference_mode():
        expected = theirs(
            input_ids=tokens, token_type_ids=segments, attention_mask=present.long()
        ).last_hidden_state
        made = ours(tokens, segments, present)
    np.testing.assert_allclose(made[present], expected[present], atol=1e-5)


def test_norms_are_folded_without_another_answer() -> None:
    torch.manual_seed(0)
    network = GrayResNet18(16).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    crops = torch.randn(2, 1, 48, 48)
    with torch.inference_mode():
        before = network(crops)
        fold_norms(network)
        assert torch.allclose(network(crops), before, atol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())


def test_resnet_is_that_of_torchvision() -> None:
    from torchvision.models import resnet18

    torch.manual_seed(0)
    theirs = resnet18(weights=None, num_classes=16)
    theirs.conv1 = torch.nn.Conv2d(1, 64, 3, stride=2, padding=1, bias=False)
    theirs.maxpool = torch.nn.Identity()
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    ours = GrayResNet18(16)
    ours.load_state_dict(theirs.state_dict())
    crops = torch.randn(2, 1, 48, 48)
    with torch.inference_mode():
        np.testing.assert_allclose(ours.eval()(crops), theirs.eval()(crops), atol=1e-4)


@pytest.mark.slow
def test_embedded_engines_import_no_heavy_library() -> None:
    """Each of these takes seconds of a processor, in every process that annotates."""
    script = (
        "import sys\n"
        "from models.registry import ENGINES, load_engine\n"
        "from schemas.settings import Settings\n"
        "settings = Settings()\n"
        "for job in ENGINES: load_engine(job, settings.engine(job), settings.weights)\n"
        "print(sorted({m.split('.')[0] for m in sys.modules}), 'torch._dynamo' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    for heavy in ("pyannote", "lightning", "transformers", "torchvision", "sklearn", "whisperx"):
        assert f"'{heavy}'" not in run.stdout
    assert run.stdout.rstrip().endswith("False")
