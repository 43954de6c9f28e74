"""The part of a file that has arrived so far, kept beside it under a temporary name."""

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path

from commonfate.base.files import write_json


@dataclass(frozen=True)
class Version:
    """What tells a file at an address from a later one at the same address."""

    url: str
    size: int | None
    """Bytes of the whole file; None when the server does not say."""
    etag: str = ""
    modified: str = ""
    """The headers ETag and Last-Modified, empty where the server sends none."""

    @property
    def validator(self) -> str:
        """Value of If-Range, which takes no weak ETag (RFC 9110, 13.1.5); may be empty."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified

    def is_of_the_same_file(self, other: "Version") -> bool:
        """Whether nothing speaks against the parts of both belonging together."""
        pairs = [(self.etag, other.etag), (self.modified, other.modified)]
        same = all(mine == its for mine, its in pairs if mine and its)
        return same and (self.url, self.size) == (other.url, other.size)


class Partial:
    """A file that is being received; it survives the process, so that the next one goes on."""

    def __init__(self, destination: Path) -> None:
        self.path = destination.with_name(f".{destination.name}.part")
        self._note = destination.with_name(f".{destination.name}.part.json")
        self.resumed = False
        """Whether it was put together from several answers of the server."""

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def is_begun(self) -> bool:
        """Whether anything of it is here."""
        return self.path.exists() or self._note.exists()

    def version(self) -> Version | None:
        """What the bytes here are part of; None where there is nothing to go on from."""
        if not self.size or not self._note.is_file():
            return None
        return Version(**json.loads(self._note.read_text(encoding="utf-8")))

    def begin(self, version: Version) -> None:
        """Start with nothing; the note comes before the first byte that it speaks of."""
        self.remove()
        write_json(self._note, dataclasses.asdict(version))

    def complete(self, destination: Path) -> None:
        """Flush the file to disk and give it its name."""
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())
        self.path.replace(destination)
        self.remove()

    def remove(self) -> None:
        """Forget what has arrived."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self.resumed = False
