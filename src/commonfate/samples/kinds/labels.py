"""Kind of sample: a frame with its ground truth, a class for each pixel."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commonfate import datasets
from commonfate.base.errors import StoreError
from commonfate.base.files import sha256
from commonfate.datasets.base import holds_classes
from commonfate.datasets.settings import AnyDataset
from commonfate.samples.kinds.base import Listed, OpenStores, SampleKind

if TYPE_CHECKING:
    import numpy as np

    from commonfate.samples.example import Example
    from commonfate.samples.index import Sample
    from commonfate.samples.sampler import SampleKey
    from commonfate.samples.stores import Stores


class LabelledFrame(SampleKind):
    """A frame with a label map of classes."""

    name = "labels"
    words = "labels"
    help = "a frame with its classes"
    lacking = "classes, but data set {} has none"
    cure = "give a data set whose annotations are classes"
    no_pair_gaps = "labels have none"
    supervised = True

    def is_offered_by(self, dataset: AnyDataset) -> bool:
        return bool(datasets.class_names(dataset))

    def of_video(
        self, video: Any, stores: "Stores", manifest: Path, gaps: Sequence[int]
    ) -> Iterator[Listed]:
        if not holds_classes(video.annotation_kind):
            return
        for t, file in enumerate(video.annotation_files):
            if file:
                yield Listed(t, [0], file=str(file), file_kind=video.annotation_kind)

    def digest_of_files(self, files: Sequence[str]) -> str | None:
        listed = hashlib.sha256()
        for file in files:
            try:
                listed.update(f"{sha256(file)}\n".encode())
            except OSError as error:
                problem = error.strerror or error
                raise StoreError(
                    f"{file}: cannot be read ({problem}); the manifest lists it; copy it again"
                ) from error
        return listed.hexdigest()

    def read(
        self, sample: "Sample", key: "SampleKey", frame: "np.ndarray", stores: OpenStores
    ) -> "Example":
        from commonfate.datasets import label_maps
        from commonfate.samples.example import Example

        labels = label_maps.read(Path(sample.file), sample.file_kind)
        if labels.shape != frame.shape[:2]:
            raise StoreError(
                f"{sample.file}: is {labels.shape[1]}x{labels.shape[0]}, but {sample} of "
                f"{sample.frame_store} is {frame.shape[1]}x{frame.shape[0]}; copy both again"
            )
        return Example(frame, labels=labels, flip=key.flip, seed=key.seed)
