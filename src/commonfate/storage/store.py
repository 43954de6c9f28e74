"""Common to all stores: names of videos on disk, and the base class of the readers."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from commonfate.base.errors import StoreError
from commonfate.storage.damage import missing, reading, unknown


def node_name(video: str) -> str:
    """A video's name as one node of a Zarr hierarchy and as one file name.

    Names are kept, except that %xx replaces slashes, a leading dot (hidden files), a leading
    underscore (Zarr reserves `__`), and the percent sign itself.
    """
    quoted = video.replace("%", "%25").replace("/", "%2F").replace("\\", "%5C")
    if quoted[:1] in (".", "_"):
        quoted = f"%{ord(quoted[0]):02X}{quoted[1:]}"
    return quoted


class StoreReader(ABC):
    """A store with an index of videos.

    Files are opened when something is first read. Only the path is pickled, so a reader can be
    sent to worker processes (start them by spawn or forkserver: Zarr does not survive a fork).
    """

    verb: ClassVar[str]
    """The `commonfate` verb that makes such stores; the index holds it as `kind`."""
    format: ClassVar[int | None] = None
    """The format that is read, as the index names it; None: there has been only one."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._root: dict[str, Any] | None = None

    def __reduce__(self) -> tuple[type["StoreReader"], tuple[Path]]:
        return type(self), (self.path,)

    @property
    def kind(self) -> str:
        """The `commonfate` verb that made the store, even if this reader cannot read it."""
        return str(self._read_index("what it holds").get("kind"))

    @property
    def provenance(self) -> dict[str, Any]:
        """Provenance as the writer was given it."""
        return self._index("the provenance")["provenance"]

    @property
    def videos(self) -> list[str]:
        """Names of the videos, sorted."""
        return list(self._index("the list of videos")["videos"])

    def close(self) -> None:
        """Close open files; reading opens them again."""
        self._close()
        self._root = None

    def _index(self, item: str) -> dict[str, Any]:
        """The index: `{"kind": verb, "provenance": ..., "videos": {video: ...}}`.

        Args:
            item: description of the part that is needed, for messages.
        """
        root = self._read_index(item)
        if root.get("kind") != self.verb:
            raise StoreError(
                f"{self.path}: is no store of {self.verb}; give one that `commonfate "
                f"{self.verb}` made"
            )
        if self.format is not None and root.get("format") != self.format:
            raise StoreError(
                f"{self.path}: is a store of {self.verb} of format "
                f"{root.get('format', 'unknown')}, but this version of commonfate reads format "
                f"{self.format}; delete {self.path} and make it with `commonfate "
                f"{self.verb}`, or run the workflow's command again"
            )
        return root

    def _read_index(self, item: str) -> dict[str, Any]:
        if self._root is None:
            if not self.path.exists():
                raise missing(self.path, self.verb)
            with reading(f"{self.path}: {item}", self.path):
                self._root = self._load_index()
        return self._root

    def _video(self, video: str, item: str) -> dict[str, Any]:
        """The index's entry of a video; `item` describes the thing that is needed, for messages."""
        videos = self._index(item)["videos"]
        if video not in videos:
            raise unknown(self.path, item, video, videos)
        return videos[video]

    @abstractmethod
    def _load_index(self) -> dict[str, Any]:
        """Read the index from the store."""

    @abstractmethod
    def _close(self) -> None:
        """Close files, and forget what was read from them."""
