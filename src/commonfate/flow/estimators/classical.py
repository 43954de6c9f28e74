"""Flow estimators of OpenCV: no weights, on the CPU."""

import threading
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np

from commonfate.base.errors import UserError
from commonfate.flow.estimators.base import FlowEstimator, check_frames
from commonfate.flow.settings import FlowSource

FINEST = "finest"
"""Our name of the preset that goes down to the images' own size."""


class Classical(FlowEstimator):
    """Works on grey images, one pair a thread, in as many threads as OpenCV may use.

    Parallel pairs keep all cores busy; OpenCV's own threads within a pair leave some idle.
    """

    @property
    def workers(self) -> int:
        return cv2.getNumThreads()

    def encode(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Convert to grey images, (H, W) uint8."""
        check_frames(frames)
        with _without_ipp():
            return [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]

    def estimate_pairs(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """As in the base class; OpenCV's memory layout (B, H, W, 2) is kept."""
        try:
            with _without_ipp():
                flows = [self.calculate(first, second) for first, second in pairs]
        except cv2.error as error:
            height, width = pairs[0][0].shape
            raise UserError(
                f"flow estimator {self.name}: frames of {height}x{width} are too small, or OpenCV "
                f"fails otherwise: {error.err}"
            ) from error
        together = flows[0][None] if len(flows) == 1 else np.stack(flows)
        return together.transpose(0, 3, 1, 2)

    @abstractmethod
    def calculate(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Flow (H, W, 2) float32, pixels, between two grey images, (H, W) uint8; thread-safe."""


class Dis(Classical):
    """Dense inverse search.

    Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016.
    """

    def __init__(self, preset: str) -> None:
        self.name = "dis"
        self.description = f"DIS (OpenCV {cv2.__version__}, preset {preset})"
        self._to_full_size = preset == FINEST
        name = "medium" if self._to_full_size else preset
        self._preset = getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{name.upper()}")
        # OpenCV's object reuses its buffers, which saves time; so each thread needs its own.
        self._of_thread = threading.local()

    def calculate(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        if not hasattr(self._of_thread, "dis"):
            dis = cv2.DISOpticalFlow.create(self._preset)
            if self._to_full_size:
                dis.setFinestScale(0)
            self._of_thread.dis = dis
        return self._of_thread.dis.calc(first, second, None)


class Farneback(Classical):
    """Polynomial expansion with the settings of OpenCV's tutorial, but five pyramid levels.

    Farnebäck, "Two-Frame Motion Estimation Based on Polynomial Expansion", SCIA 2003.
    """

    def __init__(self) -> None:
        self.name = "farneback"
        self.description = f"Farnebäck (OpenCV {cv2.__version__})"

    def calculate(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        no_start: Any = None  # allowed, but not by the stub
        return cv2.calcOpticalFlowFarneback(
            first,
            second,
            no_start,
            pyr_scale=0.5,
            levels=5,
            winsize=15,
            iterations=3,
            poly_n=5,
            poly_sigma=1.2,
            flags=0,
        )


@contextmanager
def _without_ipp() -> Iterator[None]:
    """Disable Intel's primitives (IPP) in OpenCV, in this thread.

    IPP queries the processor's name at every call, which is slow in virtual machines (6% of the
    time of DIS), and its results differ between processors.
    """
    before = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        yield
    finally:
        cv2.ipp.setUseIPP(before)


def create(source: FlowSource) -> Classical:
    """Make `dis` or `farneback`."""
    return Dis(source.preset) if source.estimator == "dis" else Farneback()
