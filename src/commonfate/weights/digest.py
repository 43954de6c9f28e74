"""What a file's bytes must hash to."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

DIGITS = {"sha256": 64, "md5": 32, "git-blob-sha1": 40}
"""Algorithms, with the hexadecimal digits of a whole hash."""
SHORTEST = 6  # digits; so many are published of some files
STRONG = 16  # digits; files with fewer digits in common can be made on purpose


@dataclass(frozen=True)
class Digest:
    """A hash, or the beginning of one, by an algorithm."""

    algorithm: str
    """`sha256`; `md5`; or `git-blob-sha1`: what git calls a file's object, the SHA-1 of
    `blob SIZE\\0` and the bytes. Where the file lies in Git LFS, git's object is its pointer, a
    text with the file's SHA-256 and size; either object is accepted."""
    value: str
    """Hexadecimal; the first six digits or more."""

    def __post_init__(self) -> None:
        if self.algorithm not in DIGITS:
            known = ", ".join(DIGITS)
            raise ValueError(f"algorithm must be one of {known}; found {self.algorithm}")
        if len(self.value) < SHORTEST or set(self.value) - set("0123456789abcdef"):
            raise ValueError(f"{self.value!r} is no hash of {SHORTEST} or more small hex digits")

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """Read `sha256:802bbcfd`.

        Raises:
            ValueError: the algorithm is unknown, or the hash too short or not hexadecimal.
        """
        return cls(*text.split(":", 1))

    @property
    def weak(self) -> bool:
        """Whether it tells damage, but is no proof against somebody who wants to deceive."""
        return self.algorithm == "md5" or len(self.value) < STRONG

    def of(self, path: Path) -> str:
        """The whole hash of a file, by the same algorithm.

        For `git-blob-sha1` that of the object which has this hash, else of the file itself.
        """
        if self.algorithm != "git-blob-sha1":
            return _file_digest(path, self.algorithm)
        pointer = _git_object(_lfs_pointer(path))
        return pointer if pointer.startswith(self.value) else _git_blob(path)

    def matches(self, path: Path) -> bool:
        """Whether a file has this hash."""
        return self.of(path).startswith(self.value)

    def __str__(self) -> str:
        """`sha256 802bbcfd... (weak)`: the dots stand for digits that are not known."""
        more = "..." if len(self.value) < DIGITS[self.algorithm] else ""
        return f"{self.algorithm} {self.value}{more}{' (weak)' if self.weak else ''}"


def _file_digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return found.hexdigest()


def _git_blob(path: Path) -> str:
    head = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: head).hexdigest()


def _git_object(content: bytes) -> str:
    whole = b"blob %d\0" % len(content) + content
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest()


def _lfs_pointer(path: Path) -> bytes:
    """The text that git keeps of a file in Git LFS; the file's bytes determine it."""
    text = (
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{_file_digest(path, 'sha256')}\n"
        f"size {path.stat().st_size}\n"
    )
    return text.encode()
