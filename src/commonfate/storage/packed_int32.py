"""FlowDINO's layout of bits: both components of a pixel in one 32-bit integer.

FlowDINO, Section IV: u in the high and v in the low 16 bits, each in two's complement. The paper
speaks of a 32-bit float; its files hold the same bits as an int32.
"""

import numpy as np


def pack(steps: np.ndarray) -> np.ndarray:
    """Join two components.

    Args:
        steps: (2, H, W) int16, u then v.

    Returns:
        (H, W) int32.
    """
    u, v = steps.astype(np.uint16).astype(np.uint32)
    return ((u << 16) | v).view(np.int32)


def unpack(packed: np.ndarray) -> np.ndarray:
    """Split packed pixels into components, the inverse of `pack`.

    Args:
        packed: (H, W) int32; every value is allowed.

    Returns:
        (2, H, W) int16, u then v.
    """
    bits = np.ascontiguousarray(packed, dtype=np.int32).view(np.uint32)
    return np.stack([bits >> 16, bits & 0xFFFF]).astype(np.uint16).view(np.int16)
