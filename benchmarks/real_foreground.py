"""Linear foreground probe: some sequences teach, the others are scored.

On DAVIS six teach and two are scored, every choice of two.
"""

from collections.abc import Iterable, Mapping
from itertools import combinations

import cv2
import numpy as np
from sklearn.linear_model import RidgeClassifier

from commonfate.evaluation.masks.jaccard import count, jaccard

HELD_OUT = 2
EVERY = 4
"""Taught by every fourth frame: neighbours are alike."""
ALPHA = 10.0


class Described:
    """A sequence: tokens (T, h, w, C) and masks (T, H, W) of 0 and 1."""

    def __init__(self, tokens: np.ndarray, masks: np.ndarray) -> None:
        self.tokens, self.masks = tokens, masks
        height, width = tokens.shape[1:3]
        small = [cv2.resize(m, (width, height), interpolation=cv2.INTER_AREA) for m in masks * 255]
        self.cells = np.stack(small) > 127
        """(T, h, w) bool, cells of which at least half is object."""


def score(
    sequences: Mapping[str, Described],
    folds: Iterable[tuple[str, ...]] | None = None,
    every: int = EVERY,
) -> tuple[float, float]:
    """Mean J of a fold, and its deviation over folds, shares of 1.

    A fold's J is the mean over its sequences of the mean over their frames. The classifier is a
    ridge regression to -1 and 1 in which both classes weigh the same, on tokens of unit variance.

    Args:
        sequences: by name.
        folds: names of the sequences that are scored together; None: every choice of two.
        every: every such frame of the other sequences teaches.
    """
    scores = []
    for held in folds or combinations(sequences, HELD_OUT):
        taught = [s for name, s in sequences.items() if name not in held]
        features = np.concatenate([_rows(s.tokens[::every]) for s in taught])
        mean, deviation = features.mean(0), features.std(0) + 1e-6
        truth = np.concatenate([s.cells[::every].ravel() for s in taught])
        classifier = RidgeClassifier(alpha=ALPHA, class_weight="balanced")
        classifier.fit((features - mean) / deviation, truth)
        scores.append(
            np.mean([_scored(sequences[name], classifier, mean, deviation) for name in held])
        )
    return float(np.mean(scores)), float(np.std(scores))


def _scored(
    sequence: Described, classifier: RidgeClassifier, mean: np.ndarray, deviation: np.ndarray
) -> float:
    """Mean J of the frames."""
    each = []
    for tokens, mask in zip(sequence.tokens, sequence.masks, strict=True):
        decision = classifier.decision_function((_rows(tokens) - mean) / deviation)
        each.append(_jaccard(decision, tokens, mask))
    return float(np.mean(each))


def _rows(tokens: np.ndarray) -> np.ndarray:
    return tokens.reshape(-1, tokens.shape[-1]).astype(np.float32)


def _jaccard(decision: np.ndarray, tokens: np.ndarray, mask: np.ndarray) -> float:
    """J at the mask's size of a decision (h w,), enlarged bilinearly."""
    size = (mask.shape[1], mask.shape[0])
    large = cv2.resize(decision.reshape(tokens.shape[:2]).astype(np.float32), size)
    return float(jaccard(*count(large > 0, mask > 0)))
