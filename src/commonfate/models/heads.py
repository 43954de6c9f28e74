"""Projection heads: DINO's (Caron et al., ICCV 2021, Section 3.1), of FlowDINO's tokens, and plain
layers as TimeT's."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional


def projection(dim: int, widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with GELU between them, for features (..., dim).

    TimeT's head (Salehi et al., ICCV 2023, Appendix A): three layers, the hidden ones of width
    2048; its released code has four. Layers are numbered as in published checkpoints.

    Args:
        dim: size of a feature.
        widths: outputs of the layers, at least one.

    Raises:
        ValueError: there is no layer.
    """
    if not widths:
        raise ValueError("expected the widths of at least one layer")
    layers: list[nn.Module] = []
    for inputs, outputs in zip([dim, *widths], widths, strict=False):
        layers += [nn.Linear(inputs, outputs), nn.GELU()]
    return nn.Sequential(*layers[:-1])


class UnitRowLinear(nn.Module):
    """Linear layer without bias, whose rows are unit vectors times a length (weight norm).

    Parameters have the names of torch's older weight norm, as in published checkpoints.

    Args:
        inputs: size of the input.
        outputs: K, number of rows.
        learns_lengths: False holds all lengths at 1.
    """

    def __init__(self, inputs: int, outputs: int, learns_lengths: bool = False) -> None:
        super().__init__()
        drawn = nn.Linear(inputs, outputs, bias=False).weight
        self.weight_g = nn.Parameter(drawn.new_ones(outputs, 1), requires_grad=learns_lengths)
        self.weight_v = nn.Parameter(drawn.detach().clone())

    @property
    def weight(self) -> Tensor:
        """(K, inputs): the rows, in the parameters' own precision."""
        return self.weight_g * functional.normalize(self.weight_v, dim=1)

    def forward(self, features: Tensor) -> Tensor:
        """(..., K) products of (..., inputs) with the rows."""
        return functional.linear(features, self.weight)


class DinoHead(nn.Module):
    """Three linear layers with GELU between them, a unit vector, and K products with unit rows.

    Args:
        dim: size of the encoder's class output.
        outputs: K (paper: 65,536).
        hidden: width of the two hidden layers.
        bottleneck: size of the unit vector.
        learns_lengths: train the lengths of the last layer's rows, too; unstable but for small
            networks (released: `norm_last_layer`).
    """

    def __init__(
        self,
        dim: int,
        outputs: int = 65_536,
        hidden: int = 2048,
        bottleneck: int = 256,
        learns_lengths: bool = False,
    ) -> None:
        super().__init__()
        self.mlp = projection(dim, (hidden, hidden, bottleneck))
        _initialise(self.mlp)
        self.last_layer = UnitRowLinear(bottleneck, outputs, learns_lengths)

    def forward(self, features: Tensor) -> Tensor:
        """(..., K) logits of (..., dim) features; in [-1, 1] while lengths are 1."""
        return self.last_layer(functional.normalize(self.mlp(features), dim=-1))


class FlowHead(nn.Module):
    """Two linear layers with a GELU between them, a unit vector, and products with unit rows.

    FlowDINO's released code makes this head for the tokens that meet flow, but never applies it.

    Args:
        dim: size of a token, and of the result.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim))
        _initialise(self.mlp)
        self.last_layer = UnitRowLinear(dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., dim) of (..., dim)."""
        return self.last_layer(functional.normalize(self.mlp(tokens), dim=-1))


def _initialise(layers: nn.Sequential) -> None:
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
