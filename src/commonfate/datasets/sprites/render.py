"""From a scene to frames and an MP4 file.

Textures of the layers are sampled backwards and blended from back to front.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import ConfigError
from commonfate.datasets.sprites import geometry, materials
from commonfate.datasets.sprites.crops import THINGS, Crop
from commonfate.datasets.sprites.geometry import Layer
from commonfate.datasets.sprites.scene import REFERENCE_SIZE, Scene
from commonfate.datasets.sprites.textures import Texture

CODECS = {
    # Without cpu-independent, x264's macroblock tree varies with the alignment of its memory.
    "h264": ("libx264", {"crf": "16", "preset": "medium", "x264-params": "cpu-independent=1"}),
    "mpeg4": ("mpeg4", {"qmin": "2", "qmax": "2", "b": "50M"}),
}
"""Encoder and options of each codec: nearly without visible loss."""

CropsOfClass = Callable[[str], Sequence[Crop]]
"""Crops that objects may show, by their family of shapes."""

PATCHES = {"background": 3, "ground": 1}
"""Number of materials in the texture of a layer."""


def draw_textures(
    rng: np.random.Generator, scene: Scene, crops: CropsOfClass = lambda _: THINGS
) -> list[Texture]:
    """Make a texture for each layer, as large as the video ever shows of it.

    Args:
        rng: source of the random numbers.
        scene: what is rendered.
        crops: crops that the objects of a family of shapes may show.
    """
    unit = float(np.sqrt(np.prod(scene.size) / np.prod(REFERENCE_SIZE)))
    return [_texture(rng, layer, scene, unit, crops) for layer in scene.layers]


def _texture(
    rng: np.random.Generator, layer: Layer, scene: Scene, unit: float, crops: CropsOfClass
) -> Texture:
    if layer.kind == "object":
        return materials.thing(rng, layer.outline, crops(layer.outline.family))
    points = geometry.pixels(scene.size)
    border = np.concatenate([points[:, 0], points[:, -1], points[:, :, 0], points[:, :, -1]], 1)
    seen = np.concatenate([layer.plane(t, border) for t in range(scene.frames)], 1)
    return materials.background(rng, seen.min(1), seen.max(1), unit, PATCHES[layer.kind])


def frames(scene: Scene, textures: Sequence[Texture]) -> Iterator[np.ndarray]:
    """Yield the frames, each (H, W, 3) uint8 RGB."""
    points = geometry.pixels(scene.size)
    for t in range(scene.frames):
        yield frame(scene, textures, t, points)


def frame(scene: Scene, textures: Sequence[Texture], t: int, points: np.ndarray) -> np.ndarray:
    """Frame t, (H, W, 3) uint8 RGB, at image points (2, H, W)."""
    image = np.zeros((*points.shape[1:], 3), np.float32)
    for layer, texture in zip(scene.layers, textures, strict=True):
        opacity = layer.coverage(t, points).astype(np.float32)[..., None]
        image += opacity * (texture.sample(layer.plane(t, points)) - image)
    return np.rint(image).astype(np.uint8)


def write_mp4(
    path: str | Path, frames: Iterable[np.ndarray], size: tuple[int, int], fps: float, codec: str
) -> None:
    """Encode frames as an MP4 file; equal frames give equal bytes.

    Args:
        frames: each (H, W, 3) uint8 RGB.
        size: (H, W), even.
        codec: a key of `CODECS`.

    Raises:
        ConfigError: the installed PyAV cannot encode it.
    """
    import av

    encoder, options = CODECS[codec]
    if encoder not in av.codecs_available:
        usable = [name for name, (other, _) in CODECS.items() if other in av.codecs_available]
        raise ConfigError(
            f"codec = {codec!r}: this PyAV lacks the encoder {encoder}; "
            f"use one of: {', '.join(usable) or 'none, reinstall PyAV'}"
        )
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        rate = Fraction(fps).limit_denominator(1001)
        stream: Any = container.add_stream(encoder, rate=rate)  # the stub: of any kind
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        # Threads share out the work as they come, and then the bytes differ from run to run.
        stream.codec_context.thread_count = 1
        stream.codec_context.options = options
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
