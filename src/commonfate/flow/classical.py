"""Flow estimators without weights, from OpenCV, on the CPU."""

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import cv2
import numpy as np

from commonfate.config import FlowSource
from commonfate.errors import UserError
from commonfate.flow.estimators import FlowEstimator

if TYPE_CHECKING:
    from torch import Tensor


class Classical(FlowEstimator):
    """Works on grey images, as many pairs side by side as OpenCV has threads.

    That keeps all cores busy; OpenCV's own threads, inside a pair, leave some idle.
    """

    @property
    def batch_size(self) -> int:
        # Two rounds, so that a thread that is done early has something to do.
        return 2 * cv2.getNumThreads()

    def estimate(self, images: "Tensor") -> "Tensor":
        import torch

        if images.is_floating_point():
            images = (images * 255).round().to(torch.uint8)
        pairs = images.cpu().permute(0, 1, 3, 4, 2).contiguous().numpy()
        flows = np.empty((len(pairs), 2, *pairs.shape[2:4]), np.float32)

        def fill(flow: np.ndarray, pair: np.ndarray) -> None:
            first, second = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in pair)
            flow[:] = self.calculate(first, second).transpose(2, 0, 1)

        try:
            with ThreadPoolExecutor(min(len(pairs), cv2.getNumThreads())) as pool:
                list(pool.map(fill, flows, pairs))  # the list raises what a thread raised
        except cv2.error as error:
            height, width = pairs.shape[2:4]
            raise UserError(
                f"flow estimator {self.name}: frames of {height}x{width} are too small, or OpenCV "
                f"fails otherwise: {error.err}"
            ) from error
        return torch.from_numpy(flows)

    @abstractmethod
    def calculate(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Flow (H, W, 2) float32 between two grey images, (H, W) uint8; called from threads."""


class Dis(Classical):
    """Dense inverse search.

    Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016.
    """

    def __init__(self, preset: str) -> None:
        self.name = "dis"
        self.description = f"DIS (OpenCV {cv2.__version__}, preset {preset})"
        self._preset = getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset.upper()}")

    def calculate(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        # A new object for each pair: it keeps buffers between calls, so threads cannot share it.
        return cv2.DISOpticalFlow.create(self._preset).calc(first, second, None)


class Farneback(Classical):
    """Polynomial expansion, as OpenCV's tutorial sets it but with five levels for large motion.

    Farnebäck, "Two-Frame Motion Estimation Based on Polynomial Expansion", SCIA 2003.
    """

    def __init__(self) -> None:
        self.name = "farneback"
        self.description = f"Farnebäck (OpenCV {cv2.__version__})"

    def calculate(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return cv2.calcOpticalFlowFarneback(
            first,
            second,
            None,
            pyr_scale=0.5,
            levels=5,
            winsize=15,
            iterations=3,
            poly_n=5,
            poly_sigma=1.2,
            flags=0,
        )


def create(source: FlowSource) -> Classical:
    """Make `dis` or `farneback`."""
    return Dis(source.preset) if source.estimator == "dis" else Farneback()
