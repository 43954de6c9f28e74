"""Choice of the foreground among unnamed segments, frame by frame.

Segments are clustered in each frame on its own and have no identity from frame to frame, so the
choice is made for each frame, too. Rules that look at the ground truth and rules that do not are
both reported, and never mixed: only the former see the overlap with the ground truth.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from commonfate.base.errors import ConfigError
from commonfate.base.settings import unknown
from commonfate.evaluation.masks.jaccard import jaccard

OBJECT = "object"
"""The rule for methods that name the object themselves."""
WIDTH = 2
WHOLE_ABOVE = 0.3
"""For `unsupervised_released`: width of a side in pixels; share above which it counts as whole."""


def overlap(labels: np.ndarray, truth: np.ndarray, void: np.ndarray, segments: int) -> np.ndarray:
    """Count how many pixels of each segment lie outside and inside the ground truth.

    Args:
        labels: (H, W) uint8 in [0, segments).
        truth: (H, W) bool, the true foreground.
        void: (H, W) bool, pixels that do not count.
        segments: number of segments S, at most 256; some may be absent.

    Returns:
        (S, 2) int64: outside, inside.
    """
    cells = labels * np.uint16(2) + truth
    if void.any():
        cells = cells[~void]
    return np.bincount(cells.ravel(), minlength=2 * segments).reshape(segments, 2)


def frame_jaccard(counts: np.ndarray, chosen: np.ndarray) -> float:
    """J of the union of the chosen segments, from their overlap with the ground truth.

    Args:
        counts: (S, 2) int64, see `overlap`.
        chosen: (S) bool.
    """
    return float(jaccard(counts[chosen, 1].sum(), counts[:, 1].sum() + counts[chosen, 0].sum()))


@dataclass(frozen=True)
class Foreground:
    """A rule that chooses the segments of a frame that are the foreground."""

    name: str
    description: str
    segments: Literal["components", "groups"]
    """The segments to choose from: components of a method, or the groups of merged ones."""
    sees: Callable[[np.ndarray, int], np.ndarray] | None
    """Measures of each segment for the rule: `extent`, `sides` or `nothing`; None is `overlap`,
    reserved for rules that look at the ground truth."""
    rule: Callable[[np.ndarray], np.ndarray]
    """(S, ...) -> (S) bool: the choice, from the measures of each segment."""

    @property
    def looks_at_ground_truth(self) -> bool:
        """True if the choice depends on the ground truth."""
        return self.sees is None

    def choose(self, labels: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Choose the segments that are foreground.

        Args:
            labels: (H, W) uint8 in [0, S).
            counts: (S, 2) int64, see `overlap`.

        Returns:
            (S) bool.
        """
        return self.rule(counts if self.sees is None else self.sees(labels, len(counts)))


def is_second(chosen: np.ndarray, labels: np.ndarray) -> bool:
    """True if group 1 is the foreground, i.e. if the soft map needs no inversion.

    A frame that is all one group has no foreground by most rules. Its soft foreground is then the
    other group: less likely everywhere, but with some probability. The rule `object` always chooses
    group 1, even if no pixel belongs to it.

    Args:
        chosen: (2) bool, at most one of them true.
        labels: (H, W) uint8, 0 or 1.
    """
    return bool(chosen[1] if chosen.any() else not labels.any())


def extent(labels: np.ndarray, segments: int) -> np.ndarray:
    """Contact with the image's border and area of each segment.

    Args:
        labels: (H, W) uint8 in [0, segments).
        segments: number of segments S.

    Returns:
        (S, 2) int64: pixels on the border (a corner counts once), pixels in all.
    """
    border = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    counted = [np.bincount(part.ravel(), minlength=segments) for part in (border, labels)]
    return np.stack(counted, axis=1)


def sides(labels: np.ndarray, segments: int) -> np.ndarray:
    """Share of the image's four sides that each segment covers, each side two pixels wide.

    Args:
        labels: (H, W) uint8 in [0, segments).
        segments: number of segments S.

    Returns:
        (S, 4) float64 in [0, 1]: shares of the left, right, top and bottom side.
    """
    bands = labels[:, :WIDTH], labels[:, -WIDTH:], labels[:WIDTH], labels[-WIDTH:]
    shares = [np.bincount(band.ravel(), minlength=segments) / band.size for band in bands]
    return np.stack(shares, axis=1)


def nothing(labels: np.ndarray, segments: int) -> np.ndarray:
    """No measure, for a rule that always makes the same choice: (S, 0) float64."""
    return np.empty((segments, 0))


def _best_overlap(counts: np.ndarray) -> np.ndarray:
    each = np.eye(len(counts), dtype=bool)
    scores = np.array([frame_jaccard(counts, group) for group in each])
    # Of equals the smallest, i.e. an empty group where the truth is empty.
    return each[np.lexsort((counts.sum(1), -scores))[0]]


def _best_union(counts: np.ndarray) -> np.ndarray:
    # Adding a segment raises intersection / union just if its own inside / outside is larger than
    # the present J, so the best union consists of the segments of largest inside / outside.
    outside, inside = counts.T
    share = inside / np.maximum(outside + inside, 1)
    rank = np.argsort(np.argsort(-share, kind="stable"))
    unions = [rank < n for n in range(len(counts) + 1)]
    return unions[np.argmax([frame_jaccard(counts, union) for union in unions])]


def _least_contact(extents: np.ndarray) -> np.ndarray:
    present = np.flatnonzero(extents[:, 1])
    chosen = np.zeros(len(extents), bool)
    if len(present) > 1:
        contact, area = extents[present].T
        chosen[present[np.lexsort((area, contact))[0]]] = True
    return chosen


def _most_sides_are_background(shares: np.ndarray) -> np.ndarray:
    background = np.argmax(np.where(shares > WHOLE_ABOVE, 1, shares).sum(1))
    return np.arange(len(shares)) != background


def _second(seen: np.ndarray) -> np.ndarray:
    return np.arange(len(seen)) == 1


FOREGROUNDS = {
    foreground.name: foreground
    for foreground in (
        Foreground(
            "unsupervised",
            "The group with the fewest pixels on the image's border, the smaller one where two "
            "have equally many; sees no ground truth. A frame of a single group has no foreground.",
            "groups",
            extent,
            _least_contact,
        ),
        Foreground(
            "unsupervised_released",
            "As GWM's released evaluation of images: the background is the group that covers most "
            "of the four sides, each two pixels wide, a side covered by more than 0.3 counted as "
            "whole (here from labels, there from soft masks); sees no ground truth.",
            "groups",
            sides,
            _most_sides_are_background,
        ),
        Foreground(
            OBJECT,
            "The second group: the segment that the method itself says is the object (AMD, Section "
            "3.5); sees no ground truth.",
            "groups",
            nothing,
            _second,
        ),
        Foreground(
            "oracle",
            "The group that has the largest IoU with the ground truth, frame by frame, as in "
            "GWM's released evaluation of videos; the smallest of equals.",
            "groups",
            None,
            _best_overlap,
        ),
        Foreground(
            "oracle_components",
            "The union of components, before merging, that has the largest IoU with the ground "
            "truth, frame by frame (J with oracle, GWM, Table 2).",
            "components",
            None,
            _best_union,
        ),
    )
}


def get(name: str) -> Foreground:
    """The rule called `name`.

    Raises:
        ConfigError: there is none.
    """
    if name not in FOREGROUNDS:
        raise ConfigError(f"foreground {name!r}{unknown(name, FOREGROUNDS)}")
    return FOREGROUNDS[name]
