"""Kind of sample: some frames of one video."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commonfate.datasets.settings import AnyDataset
from commonfate.samples.kinds.base import Listed, OpenStores, SampleKind

if TYPE_CHECKING:
    import numpy as np

    from commonfate.samples.clips import ClipSettings
    from commonfate.samples.example import Example
    from commonfate.samples.index import Sample
    from commonfate.samples.sampler import SampleKey
    from commonfate.samples.stores import Stores


class Clip(SampleKind):
    """A video, of which each use draws a clip, see `samples.clips`.

    One sample a video: an epoch has a clip of each, however long they are.

    Args:
        settings: number and spacing of the frames; None before a method is known.
    """

    name = "clips"
    words = "clips"
    help = "a video, of which each use draws some frames"
    lacking = "clips of videos, but data set {} has none"
    cure = "give a data set of videos that can be read"
    no_pair_gaps = "the settings of the method choose the frames of clips"
    has_times = True

    def __init__(self, settings: "ClipSettings | None" = None) -> None:
        self._settings = settings

    def of_method(self, settings: Any) -> "Clip":
        return Clip(settings)

    def is_offered_by(self, dataset: AnyDataset) -> bool:
        return bool(dataset.pair_gaps)

    def of_video(
        self, video: Any, stores: "Stores", manifest: Path, gaps: Sequence[int]
    ) -> Iterator[Listed]:
        yield Listed(0, [0])

    def frame(self, sample: "Sample", key: "SampleKey", stores: OpenStores) -> "np.ndarray":
        times = self._times(sample, key, stores)
        return stores.frames(sample.frame_store).read(sample.video, times[0])

    def read(
        self, sample: "Sample", key: "SampleKey", frame: "np.ndarray", stores: OpenStores
    ) -> "Example":
        import numpy as np

        from commonfate.samples.example import ClipExample

        store, times = stores.frames(sample.frame_store), self._times(sample, key, stores)
        frames = {times[0]: frame}
        for t in times[1:]:
            if t not in frames:
                frames[t] = store.read(sample.video, t)
        clip = np.stack([frames[t] for t in times])
        return ClipExample(frame, flip=key.flip, seed=key.seed, clip=clip)

    def _times(self, sample: "Sample", key: "SampleKey", stores: OpenStores) -> list[int]:
        from commonfate.samples.clips import drawn

        assert self._settings is not None  # the reader asks `of_method` first
        store = stores.frames(sample.frame_store)
        length, fps = store.length(sample.video), store.fps(sample.video)
        return drawn(length, fps, self._settings, key.seed)
