"""What a file's bytes must hash to."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

SHORTEST = 8  # hexadecimal digits


@dataclass(frozen=True)
class Digest:
    """A hash, or the beginning of one, by an algorithm."""

    algorithm: str
    """`sha256`, or `git-blob-sha1`: what git calls a file's object, the SHA-1 of `blob SIZE\\0`
    and the bytes; the only hash there is of files that are published in a git repository."""
    value: str
    """Hexadecimal; the first eight digits or more."""

    def __post_init__(self) -> None:
        if self.algorithm not in ("sha256", "git-blob-sha1"):
            raise ValueError(f"algorithm must be sha256 or git-blob-sha1, found {self.algorithm}")
        if len(self.value) < SHORTEST or set(self.value) - set("0123456789abcdef"):
            raise ValueError(f"{self.value!r} is no hash of {SHORTEST} or more small hex digits")

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """Read `sha256:802bbcfd`.

        Raises:
            ValueError: the algorithm is unknown, or the hash too short or not hexadecimal.
        """
        return cls(*text.split(":", 1))

    def of(self, path: Path) -> str:
        """The whole hash of a file, by the same algorithm."""
        with path.open("rb") as file:
            if self.algorithm == "sha256":
                return hashlib.file_digest(file, "sha256").hexdigest()
            head = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
            return hashlib.file_digest(file, lambda: head).hexdigest()

    def matches(self, path: Path) -> bool:
        """Whether a file has this hash."""
        return self.of(path).startswith(self.value)

    def __str__(self) -> str:
        """`sha256 802bbcfd...`: the dots stand for digits that are not known."""
        whole = {"sha256": 64, "git-blob-sha1": 40}[self.algorithm]
        return f"{self.algorithm} {self.value}{'...' if len(self.value) < whole else ''}"
