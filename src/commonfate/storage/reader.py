"""What all readers of stores share: opened when first asked, picklable, errors that name things."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from commonfate.base.errors import StoreError
from commonfate.storage.damage import missing, reading, unknown


class StoreReader(ABC):
    """A store with an index of videos.

    Holds nothing open until it is asked for something, and only its path is pickled, so it can be
    sent to worker processes (start them by spawn or forkserver: Zarr does not survive a fork).
    """

    verb: ClassVar[str]
    """The `commonfate` verb that makes such stores; also what the store says it is."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._root: dict[str, Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)

    @property
    def kind(self) -> str:
        """The `commonfate` verb that made it, whether this reader can read it or not."""
        return str(self._read_index("what it holds").get("kind"))

    @property
    def provenance(self) -> dict[str, Any]:
        """What the writer was given."""
        return self._index("the provenance")["provenance"]

    @property
    def videos(self) -> list[str]:
        """Names of the videos, sorted."""
        return list(self._index("the list of videos")["videos"])

    def close(self) -> None:
        """Close what is open; reading opens it again."""
        self._close()
        self.__init__(self.path)

    def _index(self, what: str) -> dict[str, Any]:
        """`{"kind": verb, "provenance": ..., "videos": {video: ...}}`; `what` is wanted of it."""
        root = self._read_index(what)
        if root.get("kind") != self.verb:
            raise StoreError(
                f"{self.path}: is no store of {self.verb}; give one that `commonfate "
                f"{self.verb}` made"
            )
        return root

    def _read_index(self, what: str) -> dict[str, Any]:
        if self._root is None:
            if not self.path.exists():
                raise missing(self.path, self.verb)
            with reading(f"{self.path}: {what}", self.path):
                self._root = self._load_index()
        return self._root

    def _video(self, video: str, what: str) -> dict[str, Any]:
        """What the index says of a video."""
        videos = self._index(what)["videos"]
        if video not in videos:
            raise unknown(self.path, what, video, videos)
        return videos[video]

    @abstractmethod
    def _load_index(self) -> dict[str, Any]:
        """Read the index from the store."""

    @abstractmethod
    def _close(self) -> None:
        """Close files."""
