"""Small videos that are rendered where a test needs a file."""

from pathlib import Path

import av
import numpy as np


def write(path: Path, frames: int = 4, size: tuple[int, int] = (48, 64)) -> None:
    """Write a video of stripes that move by a pixel a frame, of `size` (height, width)."""
    height, width = size
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = width, height
        for number in range(frames):
            line = np.roll(np.arange(width, dtype=np.uint8) * 4, number)
            image = np.dstack([np.tile(line, (height, 1))] * 3)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))
