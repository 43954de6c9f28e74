"""A published file."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from commonfate.weights import impostor
from commonfate.weights.digest import Digest


@dataclass(frozen=True)
class Asset:
    """A file of weights: where it is published and how it is told from any other."""

    name: str
    """As users write it: `raft.things`."""
    urls: tuple[str, ...]
    """Addresses of the same bytes, tried in this order; none if no address is known."""
    file: str
    """Name of the file in the cache; no other asset of its kind has it."""
    digest: Digest | None
    """Its hash; None where none is known, so that only plainly wrong files are refused."""
    kind: str = "flow"
    """What it is for: flow, backbone or segmentation; the cache has a folder for each."""
    size: int | None = None
    """Bytes, where known."""
    home: str = ""
    """Page of those who publish it: what it is, and its licence."""

    @classmethod
    def named_by_hash(cls, name: str, url: str) -> "Asset":
        """An asset whose address carries the start of its SHA-256: `.../raft-things-802bbcfd.ckpt`.

        torch.hub's convention, which ptlflow follows.

        Raises:
            ValueError: the address carries no hash.
        """
        file = PurePosixPath(urlsplit(url).path)
        digest = re.search(r"-([0-9a-f]{8,64})$", file.stem)
        if digest is None:
            raise ValueError(f"{url} carries no hash")
        return cls(name, (url,), file.name, Digest("sha256", digest[1]))

    @property
    def hash(self) -> str:
        """Its hash for the reader, e.g. `sha256 802bbcfd... (weak)`."""
        return str(self.digest or "no hash is known")

    def matches(self, path: Path) -> bool:
        """Whether a file may be this one: it has the hash, and is no web page or the like."""
        if impostor.recognise(path):
            return False
        return self.digest is None or self.digest.matches(path)
