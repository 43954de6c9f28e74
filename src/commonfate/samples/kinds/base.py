"""Base class of the kinds of training sample: everything that differs from one to another."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from commonfate.datasets.settings import AnyDataset

if TYPE_CHECKING:  # the plan asks for kinds, and reads no array
    import numpy as np

    from commonfate.samples.example import Example
    from commonfate.samples.index import Sample
    from commonfate.samples.sampler import SampleKey
    from commonfate.samples.stores import Stores
    from commonfate.storage.flow_reader import FlowReader
    from commonfate.storage.frames import FrameReader


class Listed(NamedTuple):
    """One sample of a video: a frame, and where the rest of it lies.

    Attributes:
        t: number of the frame, counted from 0.
        gaps: one of them is drawn for each use; [0] where there is nothing to draw.
        flow_store: store of the flow; "" without flow.
        file: another file, e.g. an image of classes; "" without one.
    """

    t: int
    gaps: list[int]
    flow_store: str = ""
    file: str = ""


class OpenStores(Protocol):
    """Stores that stay open in the process that reads samples."""

    def frames(self, path: str) -> "FrameReader":
        """Open a frame store, or find it open."""

    def flow(self, path: str) -> "FlowReader":
        """Open a flow store, or find it open."""


class SampleKind(ABC):
    """A kind of sample: what a data set needs for it, how it is listed, read, and called.

    Plan, rules and verbs ask it; a new kind is a subclass in a module of its own, and a line in
    `samples.kinds`.
    """

    name: ClassVar[str]
    """`learns_from` of the methods that learn from it, and `--learns-from`."""
    words: ClassVar[str]
    """Its name in tables: `learnt from {words} of davis2016`."""
    help: ClassVar[str]
    """What one sample is, for `--help`."""
    lacking: ClassVar[str]
    """End of a message about a data set that has none; `{}` is the data set's name."""
    cure: ClassVar[str]
    """Advice where no video has a sample."""
    has_flow: ClassVar[bool] = False
    """Samples have flow; their name ends in its source instead of the kind's name."""
    has_pair_gaps: ClassVar[bool] = False
    """Gaps are chosen when samples are listed (a data set's `pair_gaps`)."""
    no_pair_gaps: ClassVar[str] = ""
    """Why they are not."""
    supervised: ClassVar[bool] = False
    """Samples hold ground truth: a video that is scored must not be learnt from."""

    @abstractmethod
    def is_offered_by(self, dataset: AnyDataset) -> bool:
        """True if a data set of these settings can have such samples."""

    @abstractmethod
    def of_video(
        self, video: Any, stores: "Stores", manifest: Path, gaps: Sequence[int]
    ) -> Iterator[Listed]:
        """List the samples of one video, by t.

        Args:
            video: its row of the manifest.
            stores: of its data set.
            manifest: for messages.
            gaps: positive, where `has_pair_gaps`.

        Raises:
            UserError: no store holds the video.
        """

    def digest_of_files(self, files: Sequence[str]) -> str | None:
        """Digest of the contents of `Listed.file` of all samples, in order; None without files.

        Raises:
            StoreError: a file cannot be read.
        """
        return None

    @abstractmethod
    def read(
        self, sample: "Sample", key: "SampleKey", frame: "np.ndarray", stores: OpenStores
    ) -> "Example":
        """Read what a sample has beside its frame.

        Args:
            sample: a row of the index.
            key: one use of it.
            frame: (H, W, 3) uint8, RGB.
            stores: opens them.

        Raises:
            StoreError: a store or a file is missing, damaged, or does not fit the frame.
        """
