"""The encoder whose last blocks learn, head and prototypes; teacher and queue, if any."""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from commonfate.base.errors import ConfigError
from commonfate.methods.timet.extraction import ForegroundClusters
from commonfate.methods.timet.prototypes import Prototypes
from commonfate.methods.timet.queue import Queue
from commonfate.methods.timet.settings import TimetSettings
from commonfate.methods.timet.teacher import follow
from commonfate.models.encoders import Encoder, ViTEncoder
from commonfate.models.heads import projection


class Outputs(NamedTuple):
    """Scores and features of clips; all but `last` without gradient.

    Attributes:
        last: (B, h, w, K) float32, cosines of the last frames' patches with the prototypes.
        source: (B, h, w, K) float32, those that targets are made of; the teacher's, if any.
        tokens: (B, T, h, w, C), the encoder's features.
        queued: (N, K) float32, of features of earlier steps; N may be 0.
    """

    last: Tensor
    source: Tensor
    tokens: Tensor
    queued: Tensor


class TimetNetwork(nn.Module):
    """A vision transformer, of which the last blocks learn, with head and prototypes.

    All frames pass the frozen blocks once, without a graph; the last blocks give features for head
    and forwarder alike. Only the last frames have a gradient.

    Args:
        backbone: the encoder to start from; changed in place.
        settings: of the method.

    Attributes:
        heads: scalar int64, heads of the encoder's attention, which its weights do not tell.
        foreground: clusters of patches, which do not learn by gradients.

    Raises:
        ConfigError: the encoder is no vision transformer, has too few blocks, or patches of which
            the crop is no multiple.
    """

    heads: Tensor

    def __init__(self, backbone: Encoder, settings: TimetSettings) -> None:
        super().__init__()
        if not isinstance(backbone, ViTEncoder):
            raise ConfigError("timet: encoder: needs a vision transformer, this is a ResNet")
        depth, count = len(backbone.network.blocks), settings.trained_blocks
        if count > depth:
            raise ConfigError(f"timet: trained_blocks {count}: the encoder has only {depth} blocks")
        if settings.crop % backbone.patch:
            raise ConfigError(
                f"timet: crop {settings.crop} must be a multiple of the encoder's patch "
                f"{backbone.patch}"
            )
        self.backbone = backbone.requires_grad_(False)
        self.trained_blocks, self.source = count, settings.targets.source
        backbone.network.blocks[-count:].requires_grad_(True)
        self.foreground = ForegroundClusters(backbone.dim, settings.extraction)
        self.head = projection(backbone.dim, settings.head)
        self.prototypes = Prototypes(settings.prototypes, settings.head[-1])
        has_teacher, self.queued_patches = settings.teacher != "none", settings.queued_patches
        learning = self.learning
        self.teacher = copy.deepcopy(learning).requires_grad_(False) if has_teacher else None
        self.queue = Queue(settings.queue, settings.head[-1]) if settings.queue else None
        heads = backbone.network.blocks[0].attn.num_heads
        self.register_buffer("heads", torch.tensor(heads))

    @property
    def learning(self) -> nn.ModuleList:
        """All that learns: the encoder's last blocks, then head and prototypes."""
        blocks = self.backbone.network.blocks[-self.trained_blocks :]
        return nn.ModuleList([*blocks, self.head, self.prototypes])

    def forward(self, clips: Tensor) -> Outputs:
        """Scores and features of clips; in training mode the queue moves on afterwards.

        Args:
            clips: (B, T, 3, S, S) float, RGB in [0, 1].
        """
        with torch.no_grad():
            before, grid = self._frozen(clips.flatten(0, 1))
            before = before.unflatten(0, clips.shape[:2])
        last = self._features(before[:, -1], grid, self.learning)
        with torch.no_grad():
            parts = [last.detach()[:, None]]
            if clips.shape[1] > 1:
                earlier = self._features(before[:, :-1].flatten(0, 1), grid, self.learning)
                parts.insert(0, earlier.unflatten(0, (len(clips), -1)))
            tokens = torch.cat(parts, 1)
            source, queued = self._source(before[:, self.source], tokens[:, self.source], grid)
        return Outputs(self.prototypes(self.head(last)), source, tokens, queued)

    def _source(
        self, before: Tensor, features: Tensor, grid: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Scores of the frames that targets are made of, and those of the queue.

        Args:
            before: (B, 1 + h * w, C), their tokens after the frozen blocks.
            features: (B, h, w, C), after the network's own last blocks.
            grid: (h, w).
        """
        if self.teacher is not None:
            features = self._features(before, grid, self.teacher)
        head, prototypes = (self.learning if self.teacher is None else self.teacher)[-2:]
        projected = head(features)
        if self.queue is None:
            queued = projected.new_empty(0, projected.shape[-1])
        else:
            queued = self.queue.share()
            if self.training:
                self.queue.push(projected.flatten(1, 2), self.queued_patches)
        return prototypes(projected), prototypes(queued)

    def _frozen(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Tokens (B, 1 + h * w, C) after the blocks that do not learn, and (h, w)."""
        backbone = self.backbone
        tokens, grid = backbone.embed((images - backbone.mean) / backbone.std)
        for block in backbone.network.blocks[: -self.trained_blocks]:
            tokens = block(tokens)
        return tokens, grid

    def _features(self, tokens: Tensor, grid: tuple[int, int], blocks: nn.ModuleList) -> Tensor:
        """Features (B, h, w, C) after the last blocks, of the network or of its teacher."""
        for block in blocks[:-2]:
            tokens = block(tokens)
        features: Tensor = self.backbone.network.norm(tokens)[:, 1:].unflatten(1, grid)
        return features

    def follow(self, momentum: float, inverted: bool) -> None:
        """Scale prototypes to unit length, and move the teacher, if any, see `teacher.follow`."""
        self.prototypes.renormalise()
        if self.teacher is not None:
            follow(self.teacher, self.learning, momentum, inverted)
