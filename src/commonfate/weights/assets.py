"""Published files of weights: names, addresses and hashes."""

import csv
import functools
import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

HASH_DIGITS = {"sha256": 64, "md5": 32, "git-blob-sha1": 40}
"""Hexadecimal digits of a whole hash, by algorithm."""
FEWEST_DIGITS = 6
"""Digits that a hash must have at least; of some files no more are published."""
STRONG_DIGITS = 16
"""A file that agrees with fewer digits can be made on purpose."""

_PAGE, _POINTER = "an HTML page", "a Git LFS pointer"
_FIRST_BYTES = {
    b"<!doctype html": _PAGE,
    b"<html": _PAGE,
    b"version https://git-lfs": _POINTER,
}
FOREIGN_CONTENT_ADVICE = {
    _PAGE: "fetch the file itself, not the page that links to it",
    _POINTER: "run `git lfs pull` in its repository",
}
"""Advice by description, as `foreign_content` returns it."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def foreign_content(path: Path) -> str | None:
    """Describe a file that servers send, or users save, in place of weights; None for any other."""
    with path.open("rb") as file:
        start = file.read(256).removeprefix(_BYTE_ORDER_MARK).lstrip().lower()
    matches = (kind for first_bytes, kind in _FIRST_BYTES.items() if start.startswith(first_bytes))
    return next(matches, None)


@dataclass(frozen=True)
class Digest:
    """A hash that a file must have, or the beginning of one."""

    algorithm: str
    """`sha256`; `md5`; or `git-blob-sha1`: git's name for a file, the SHA-1 of `blob SIZE\\0` and
    the bytes. For a file in Git LFS git stores a pointer, a text with the file's SHA-256 and size:
    the file is accepted if its hash, or that of its pointer, is the right one."""
    value: str
    """Hexadecimal; the first six digits or more."""

    def __post_init__(self) -> None:
        if self.algorithm not in HASH_DIGITS:
            allowed = ", ".join(HASH_DIGITS)
            raise ValueError(f"algorithm must be one of {allowed}; found {self.algorithm}")
        if len(self.value) < FEWEST_DIGITS or set(self.value) - set("0123456789abcdef"):
            raise ValueError(
                f"{self.value!r} is no hash of {FEWEST_DIGITS} or more lower-case hex digits"
            )

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """Read `sha256:802bbcfd`.

        Raises:
            ValueError: the algorithm is unknown, or the hash too short or not hexadecimal.
        """
        return cls(*text.split(":", 1))

    @property
    def weak(self) -> bool:
        """True if the hash reveals damage, but not a file that was made to deceive."""
        return self.algorithm == "md5" or len(self.value) < STRONG_DIGITS

    def of(self, path: Path) -> str:
        """Hash a file by the same algorithm, all digits.

        For `git-blob-sha1` the hash of the file's pointer if that is the expected one, else of the
        file itself.
        """
        if self.algorithm != "git-blob-sha1":
            return _file_digest(path, hashlib.new(self.algorithm, usedforsecurity=False))
        pointer = _lfs_pointer(path)
        digest = _git_hash(len(pointer))
        digest.update(pointer)
        if digest.hexdigest().startswith(self.value):
            return digest.hexdigest()
        return _file_digest(path, _git_hash(path.stat().st_size))

    def matches(self, path: Path) -> bool:
        """True if a file has this hash."""
        return self.of(path).startswith(self.value)

    def __str__(self) -> str:
        """`sha256 802bbcfd... (weak)`: the dots stand for digits that are not published."""
        more = "..." if len(self.value) < HASH_DIGITS[self.algorithm] else ""
        return f"{self.algorithm} {self.value}{more}{' (weak)' if self.weak else ''}"


def _file_digest(path: Path, digest: "hashlib._Hash") -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: digest).hexdigest()


def _git_hash(size: int) -> "hashlib._Hash":
    """SHA-1 that has read the header of a git blob of `size` bytes."""
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def _lfs_pointer(path: Path) -> bytes:
    """Text that git keeps in place of a file in Git LFS."""
    text = (
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{_file_digest(path, hashlib.sha256())}\n"
        f"size {path.stat().st_size}\n"
    )
    return text.encode()


@dataclass(frozen=True)
class Asset:
    """A published file of weights."""

    name: str
    """Name that users write: `raft.things`."""
    urls: tuple[str, ...]
    """Addresses of the same bytes, tried in this order; empty if none is known."""
    file: str
    """Name of the file in the cache; no other asset of its kind has it."""
    digest: Digest | None
    """Hash; None if none is published: then only files that are plainly wrong are refused."""
    kind: str = "flow"
    """Purpose: flow, backbone, encoder or segmentation; the cache has a folder for each."""
    size: int | None = None
    """Bytes, if published."""
    home: str = ""
    """Page of the publisher, with description and licence."""

    @classmethod
    def named_by_hash(cls, name: str, url: str) -> "Asset":
        """An asset whose address holds the start of its SHA-256: `.../raft-things-802bbcfd.ckpt`.

        torch.hub's convention, which ptlflow follows.

        Raises:
            ValueError: the address holds no hash.
        """
        file = PurePosixPath(urlsplit(url).path)
        digest = re.search(r"-([0-9a-f]{8,64})$", file.stem)
        if digest is None:
            raise ValueError(f"{url} carries no hash")
        return cls(name, (url,), file.name, Digest("sha256", digest[1]))

    @property
    def hash(self) -> str:
        """The hash as text, e.g. `sha256 802bbcfd... (weak)`."""
        return str(self.digest or "no hash is known")

    def matches(self, path: Path) -> bool:
        """True if a file has the right hash and is no web page or pointer."""
        if foreign_content(path):
            return False
        return self.digest is None or self.digest.matches(path)


BUNDLED = {"flow": "commonfate.flow", "encoder": "commonfate.models.encoders"}
"""By purpose, the packages whose folder `bundled` holds weights."""


def bundled(kind: str | None = None) -> dict[str, Path]:
    """Files of weights that ship with this package, by name: `raft_small.sprites`.

    Args:
        kind: a key of `BUNDLED`; None is all.
    """
    packages = [BUNDLED[kind]] if kind else BUNDLED.values()
    folders = [Path(str(resources.files(package) / "bundled")) for package in packages]
    files = [path for folder in folders for path in sorted(folder.glob("*.safetensors"))]
    return {path.name.removesuffix(".safetensors"): path for path in files}


@functools.cache
def published_assets() -> dict[str, Asset]:
    """Assets of `published.csv` by name, in its order; no library knows their addresses."""
    text = (resources.files("commonfate.weights") / "published.csv").read_text(encoding="utf-8")
    return {row["name"]: _asset(row) for row in csv.DictReader(text.splitlines())}


def _asset(row: dict[str, str]) -> Asset:
    return Asset(
        name=row["name"],
        urls=tuple(row["urls"].split()),
        file=row["file"],
        digest=Digest.parse(row["digest"]) if row["digest"] else None,
        kind=row["kind"],
        size=int(row["size"]) if row["size"] else None,
        home=row["home"],
    )
