"""A published file."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from commonfate.weights.digest import Digest


@dataclass(frozen=True)
class Asset:
    """A file of weights: where it is published and how it is told from any other."""

    name: str
    """As users write it: `raft.things`."""
    urls: tuple[str, ...]
    """Addresses of the same bytes, tried in this order."""
    file: str
    """Name of the file in the cache; no other asset of its kind has it."""
    digest: Digest
    kind: str = "flow"
    """What it is for; the cache has a folder for each."""
    size: int | None = None
    """Bytes, where known."""

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
