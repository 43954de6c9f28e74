"""From raw videos to the result tables of four papers on motion-guided segmentation."""

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from commonfate.segmentation.own import Result

__version__ = version("commonfate")


def segment(
    videos: "str | Path | Sequence[str | Path]",
    output: str | Path,
    *,
    device: str = "auto",
    film: bool = True,
    checkpoint: "str | Path | None" = None,
    **settings: Any,
) -> "list[Result]":
    """Segment what moves in videos, as `commonfate segment` does.

    Args:
        videos: files, or folders that are searched for videos and for frames as images.
        output: folder; a folder a video with masks, sheet, film and JSON.
        device: auto, cpu or cuda.
        film: write a film of each video.
        checkpoint: folder of a trained run, or of videos that quality `best` has segmented; then
            `videos` may be photographs, too.
        settings: of `commonfate.segmentation.settings.SegmentSettings`, e.g. `quality="fast"`.

    Returns:
        A result a video; `masks()` of it are (T, H, W) uint8, 0 is background.

    Raises:
        UserError: a setting is wrong, or not one video is usable.
    """
    from commonfate.base.devices import acquire
    from commonfate.base.settings import parse
    from commonfate.segmentation import own
    from commonfate.segmentation.settings import SegmentSettings
    from commonfate.videos.decode import Decoding

    paths = [videos] if isinstance(videos, str | Path) else list(videos)
    checked = parse(SegmentSettings, settings, "segment")
    with acquire(device) as acquired:
        tools = own.tools_of(checked, acquired)
        return own.run(
            [Path(path) for path in paths],
            Path(output),
            checked,
            tools,
            Decoding(),
            film,
            checkpoint=None if checkpoint is None else Path(checkpoint),
        )
