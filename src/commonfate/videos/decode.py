"""Decode video files safely: in a child process, with a time limit and a second try."""

import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from commonfate.base.errors import ConfigError
from commonfate.videos.backends import BackendMissing
from commonfate.videos.child import COMMAND, Child
from commonfate.videos.container import DecodeError
from commonfate.videos.inspection import Inspection

log = logging.getLogger(__name__)

ORDER = {"auto": ("decord", "pyav"), "decord": ("decord",), "pyav": ("pyav",)}


@dataclass(frozen=True)
class Decoding:
    """Settings of the decoding of video files.

    Attributes:
        backend: `decord`, `pyav`, or `auto`: decord, then PyAV for files that decord cannot read.
        timeout_s: longest time until a decoder's next frame, independent of the video's length.
        deinterlace: make whole frames of interlaced ones.
    """

    backend: str = "auto"
    timeout_s: float = 300.0
    deinterlace: bool = False

    def settings(self) -> dict[str, Any]:
        """The settings for provenance."""
        return asdict(self)


class Decoder:
    """Context manager around one child process that decodes file after file.

    Args:
        decoding: settings.
        command: command that starts the child.
    """

    def __init__(
        self,
        decoding: Decoding = Decoding(),
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.backends = list(ORDER[decoding.backend])
        self._decoding = decoding
        self._child = Child(decoding.timeout_s, command)

    def __enter__(self) -> "Decoder":
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop()

    def inspect(self, path: str) -> Inspection:
        """Decode a file from end to end, without keeping its pixels.

        Raises:
            DecodeError: the file is no video, or the decoder hangs or dies on it.
        """
        (header,) = self._ask({"task": "inspect", "path": str(path)})
        assert isinstance(header, dict)
        return Inspection.from_json(header["done"])

    def deinterlaces(self, inspection: Inspection) -> bool:
        """True if `frames` makes whole frames of interlaced ones."""
        return self._decoding.deinterlace and inspection.interlaced > 0

    def frames(self, path: str, inspection: Inspection) -> tuple[str, Iterator[np.ndarray]]:
        """Decode a file.

        Args:
            path: the video file.
            inspection: result of `inspect`.

        Returns:
            The backend that decodes the file, and its frames in order: (H, W, 3) uint8, RGB,
            turned upright. They arrive while the file is being decoded; the iterator may still
            raise a DecodeError.

        Raises:
            DecodeError: no backend decodes the file.
            ConfigError: the one backend that is allowed cannot be imported.
        """
        request = {
            "path": str(path),
            "inspection": vars(inspection),
            "deinterlace": self.deinterlaces(inspection),
        }
        able = [name for name in self.backends if name == "pyav"]
        backends = able if able and self.deinterlaces(inspection) else tuple(self.backends)
        for backend in backends:
            messages = self._ask({"task": backend, **request})
            try:
                first = next(messages)
            except BackendMissing as error:
                self._without(backend, error)
                continue
            except DecodeError as error:
                self._child.stop()  # after an error of decord the next file would hang
                if backend == backends[-1]:
                    raise
                log.warning("%s: %s; %s decodes it instead", path, error, backends[-1])
                continue
            return backend, _frames(itertools.chain([first], messages))
        raise AssertionError("the last backend either decodes or raises")

    def _without(self, backend: str, error: DecodeError) -> None:
        if self.backends == [backend]:
            raise ConfigError(f"decode.backend = {backend!r}: {error}; set it to auto or pyav")
        self.backends.remove(backend)
        log.warning("%s; everything is decoded with %s", error, ", ".join(self.backends))

    def _ask(self, request: dict[str, Any]) -> Iterator[np.ndarray | dict[str, Any]]:
        for message in self._child.ask(request):
            if isinstance(message, dict) and "error" in message:
                kinds = {"BackendMissing": BackendMissing}
                raise kinds.get(message["kind"], DecodeError)(message["error"])
            yield message


def _frames(messages: Iterator[np.ndarray | dict[str, Any]]) -> Iterator[np.ndarray]:
    """The frames of an answer, without its last header."""
    for message in messages:
        if isinstance(message, dict):
            return
        yield message
