"""Hypotheses of the foreground of a shot, and their scores without any truth.

All start from the evidence of motion. It is spread over patches that look alike, so strongly that
appearance decides, or not at all, and cut at several heights. The best has its border where colours
and features change, agrees with the evidence, and keeps away from the border of the frame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from commonfate.foreground.appearance import TINY

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

STRENGTHS = (0, 1, 2, 4, 8, 16)
"""Weight of the patches alike, in units of a patch's own evidence."""
CUTS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
ROUNDS, WALKS = 30, 60
SEEDS = ((1.3, 0.7), (1.6, 0.5), (2.0, 0.5))
"""Seeds of random walks: residual of the foreground at least, of the background at most so many
times each frame's threshold."""
CORES = (0.3, 0.5)
"""Seeds that are so large a share of what lies above each frame's threshold."""
OUTSIDE = 0.4
"""Residual of the background around such a core, in units of the threshold."""
AGREEMENT, BORDER = 0.35, 1.5
"""Weights of the agreement with motion and of the share of the frame's border, beside the logarithm
of the strength of edges. Of the values 0.25 to 0.5 and 1 to 2, whose scores differ little, the
middle; docs/segment.md."""
LEAST, MOST = 0.003, 0.6
"""Shares of the shot between which a foreground must lie."""
SCATTER = 0.03
"""Difference in score at which a hypothesis counts e times less in the consensus."""


@dataclass(frozen=True)
class Hypothesis:
    """A foreground of a shot.

    Attributes:
        name: e.g. `spread 4`.
        field: (T, r, c) float32 from 0 to 1.
        cut: the foreground is larger.
        score: the better the higher; see `scored`.
    """

    name: str
    field: np.ndarray
    cut: float
    score: float = -np.inf

    @property
    def mask(self) -> np.ndarray:
        """(T, r, c) bool."""
        return self.field > self.cut

    @property
    def probability(self) -> np.ndarray:
        """(T, r, c) float32 from 0 to 1, linear below and above the cut, where it is 0.5."""
        below = self.field / (2 * self.cut)
        above = 0.5 + (self.field - self.cut) / (2 * (1 - self.cut))
        return np.where(self.mask, above, below).astype(np.float32)


def proposed(
    evidence: np.ndarray, weight: np.ndarray, links: "csr_matrix | None"
) -> Iterator[Hypothesis]:
    """All hypotheses, without scores.

    Args:
        evidence: (T, r, c) float32 from 0 to 1, 0.5 at each frame's threshold.
        weight: (T,) from 0 to 1, trust in each frame's evidence.
        links: between the patches, rows that sum to 1; none: only the evidence itself is cut.
    """
    if links is None:
        yield from (Hypothesis("motion", evidence, cut) for cut in CUTS)
        return
    trust = np.broadcast_to(weight[:, None, None], evidence.shape).astype(np.float32)
    for strength, field in zip(STRENGTHS, spread(evidence, trust, links), strict=True):
        name = f"spread {strength}" if strength else "motion"
        yield from (Hypothesis(name, field, cut) for cut in CUTS)
    relative = np.sqrt(evidence / np.maximum(1 - evidence, 1e-6))
    relative[weight == 0] = np.nan  # in no seed
    seeds = [(f"seeds {high}", relative > high, relative < low) for high, low in SEEDS]
    seeds += [(f"core {share}", _core(relative, share), relative < OUTSIDE) for share in CORES]
    walks = walked(np.stack([s[1] for s in seeds]), np.stack([s[2] for s in seeds]), links)
    for (name, *_), field in zip(seeds, walks, strict=True):
        yield Hypothesis(name, field, 0.5)


def spread(evidence: np.ndarray, trust: np.ndarray, links: "csr_matrix") -> np.ndarray:
    """Evidence averaged with that of patches alike: (S, T, r, c), for each of `STRENGTHS`.

    Each patch has the mean of its own evidence, of weight `trust`, and of those it is linked to, of
    the weight of the strength, repeated `ROUNDS` times (Zhou et al., "Learning with Local and
    Global Consistency", NIPS 2003).
    """
    own = (trust * evidence).reshape(-1, 1)
    strength = np.array(STRENGTHS, np.float32)
    total = np.maximum(trust.reshape(-1, 1) + strength, TINY)
    fields = np.repeat(evidence.reshape(-1, 1), len(STRENGTHS), 1).astype(np.float32)
    for _ in range(ROUNDS):
        fields = (own + strength * (links @ fields)) / total
    return fields.T.reshape(-1, *evidence.shape)


def walked(inside: np.ndarray, outside: np.ndarray, links: "csr_matrix") -> np.ndarray:
    """Probability that a random walk along the links meets the foreground's seeds first.

    Grady, "Random Walks for Image Segmentation", PAMI 2006; `WALKS` rounds from one half.

    Args:
        inside, outside: (S, T, r, c) bool, seeds.
        links: between the patches.

    Returns:
        (S, T, r, c) float32.
    """
    seeds = np.where(inside, np.float32(1), np.where(outside, np.float32(0), np.float32(0.5)))
    free = ~(inside | outside).reshape(len(seeds), -1).T
    fixed = seeds.reshape(len(seeds), -1).T
    fields = fixed
    for _ in range(WALKS):
        fields = np.where(free, links @ fields, fixed)
    return fields.T.reshape(seeds.shape)


def _core(relative: np.ndarray, share: float) -> np.ndarray:
    """The patches of the largest residual, a share of each frame's that are above 1."""
    core = np.zeros(relative.shape, bool)
    for mask, values in zip(core, relative, strict=True):
        above = values[values > 1]
        if above.size:
            mask[:] = values > np.quantile(above, 1 - share)
    return core


class Edges:
    """Strength of the edges between neighbouring patches, and of those along a mask's border.

    Args:
        colours: (T, r, c, 3) of the patches.
        features: (T, r, c, C) of length 1; with them, the mean of both strengths counts.
    """

    def __init__(self, colours: np.ndarray, features: np.ndarray | None = None) -> None:
        across = np.linalg.norm(np.diff(colours, axis=2), axis=-1)
        down = np.linalg.norm(np.diff(colours, axis=1), axis=-1)
        self.across, self.down = _relative(across, down)
        if features is not None:
            across = 1 - (features[:, :, 1:] * features[:, :, :-1]).sum(-1)
            down = 1 - (features[:, 1:] * features[:, :-1]).sum(-1)
            across, down = _relative(across, down)
            self.across, self.down = (self.across + across) / 2, (self.down + down) / 2

    def strength(self, mask: np.ndarray) -> float:
        """Mean along the border of a mask (T, r, c); 1 is the mean of all edges."""
        across, down = mask[:, :, 1:] != mask[:, :, :-1], mask[:, 1:] != mask[:, :-1]
        length = across.sum() + down.sum()
        return float((self.across[across].sum() + self.down[down].sum()) / max(length, 1))


def _relative(across: np.ndarray, down: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = float(across.sum() + down.sum()) / max(across.size + down.size, 1)
    return across / max(mean, TINY), down / max(mean, TINY)


def scored(
    hypotheses: Iterator[Hypothesis], evidence: np.ndarray, weight: np.ndarray, edges: Edges
) -> list[Hypothesis]:
    """Hypotheses of a sensible size with their scores, the best first.

    The score is log e + AGREEMENT log a - BORDER b: e the strength of edges along the mask's
    border, a the overlap (sum of minima by sum of maxima) of mask and evidence, b the share of the
    frame's border that is foreground.

    Args:
        hypotheses: of the shot.
        evidence: (T, r, c).
        weight: (T,), trust in each frame's evidence.
        edges: of the shot.
    """
    result = []
    for hypothesis in hypotheses:
        mask = hypothesis.mask
        if not LEAST < mask.mean() < MOST:
            continue
        smaller = (weight * np.minimum(mask, evidence).sum((1, 2))).sum()
        larger = (weight * np.maximum(mask, evidence).sum((1, 2))).sum()
        terms = np.maximum([edges.strength(mask), smaller / max(larger, 1e-6)], 1e-6)
        border = np.mean([mask[:, [0, -1]].mean(), mask[:, :, [0, -1]].mean()])
        score = float(np.log(terms) @ [1, AGREEMENT] - BORDER * border)
        result.append(replace(hypothesis, score=score))
    return sorted(result, key=lambda hypothesis: -hypothesis.score)


def consensus(hypotheses: Sequence[Hypothesis]) -> np.ndarray:
    """Share of the hypotheses that hold each patch, (T, r, c) float32; the best count most.

    Args:
        hypotheses: at least one, the best first.
    """
    votes = np.exp([(other.score - hypotheses[0].score) / SCATTER for other in hypotheses])
    votes /= votes.sum()
    total = np.zeros(hypotheses[0].field.shape, np.float32)
    for vote, hypothesis in zip(votes.astype(np.float32), hypotheses, strict=True):
        total += vote * hypothesis.mask
    return total
