"""ResNet18 (He et al. 2015, "Deep Residual Learning for Image Recognition") for small gray crops.

The layers carry the names of torchvision's checkpoints, and a test compares the two; torchvision
itself takes four seconds of a processor to import. For crops of 48 pixels the stem is 3x3 with
stride 2, and nothing is pooled behind it.
"""

from torch import Tensor, nn
from torch.nn import functional

_WIDTHS = (64, 128, 256, 512)


class _Block(nn.Module):
    """Two convolutions beside a short cut, which is projected where the size changes."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or before != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        made = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(made)) + self.downsample(x))


def fold_norms(network: nn.Module) -> None:
    """Fold each norm into the convolution before it, in place: the same answers, an eighth faster.

    For judging only: the network must be in evaluation mode, and has no norms to train afterwards.
    """
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    children = dict(network.named_children())
    for number in (1, 2):
        convolution, norm = children.get(f"conv{number}"), children.get(f"bn{number}")
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(network, f"conv{number}", fuse_conv_bn_eval(convolution, norm))
            setattr(network, f"bn{number}", nn.Identity())
    short_cut = children.get("downsample")
    if isinstance(short_cut, nn.Sequential):
        convolution, norm = short_cut
        assert isinstance(convolution, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        network.downsample = fuse_conv_bn_eval(convolution, norm)
    for child in children.values():
        fold_norms(child)


class GrayResNet18(nn.Module):
    """Crops of shape (batch, 1, size, size) to vectors of shape (batch, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, _WIDTHS[0], 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(_WIDTHS[0])
        before = _WIDTHS[0]
        for number, wide in enumerate(_WIDTHS, start=1):
            blocks = nn.Sequential(
                _Block(before, wide, 1 if number == 1 else 2), _Block(wide, wide, 1)
            )
            self.add_module(f"layer{number}", blocks)
            before = wide
        self.fc = nn.Linear(before, width)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, crops: Tensor) -> Tensor:
        """Describe crops by vectors."""
        x = functional.relu(self.bn1(self.conv1(crops)))
        for number in range(1, len(_WIDTHS) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        vectors: Tensor = self.fc(x.mean(dim=(2, 3)))
        return vectors
