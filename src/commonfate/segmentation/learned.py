"""Quality `best`: a network that learns from the drafts of all videos, or of each, and joins them.

Everything that takes long is kept in the output folder until all is done, so that a killed command
goes on: a draft of each part of a video, and the network.
"""

import logging
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError

from commonfate.base.errors import ConfigError, UserError
from commonfate.base.files import replacing
from commonfate.base.progress import track
from commonfate.foreground import appearance, objects, shot, student
from commonfate.foreground.edges import sharpened
from commonfate.foreground.settings import Steps
from commonfate.foreground.student import Student
from commonfate.segmentation.material import Material, Part
from commonfate.segmentation.records import Records
from commonfate.segmentation.settings import SegmentSettings

if TYPE_CHECKING:
    from commonfate.models.encoders.base import Encoder

log = logging.getLogger(__name__)
NETWORK = "network.safetensors"
DRAFTS, NETWORKS = ".drafts", "networks"
SHARE = 0.35
"""Share of the network in the foreground, beside the draft."""
LESSONS = 2000
"""Frames that a network learns from at most, spread evenly over all."""


class Learned:
    """Foregrounds of parts of videos, by motion, appearance and a network.

    Args:
        materials: all videos by name.
        output: folder of the command.
        settings: of the segmentation.
        tools: flow and encoder.
        records: provenance; what was made with another is made again.
    """

    def __init__(
        self,
        materials: Mapping[str, Material],
        output: Path,
        settings: SegmentSettings,
        tools: shot.Tools,
        records: Records,
    ) -> None:
        self._materials, self._output = materials, output
        self._settings, self._tools = settings, tools
        self._records = records
        self._networks: dict[str, Student | None] = {}

    def find(self, part: Part, frames: np.ndarray) -> shot.Foreground:
        """The foreground that the draft of a part and the network agree on."""
        drafted, steps = self._draft(part, frames), self._materials[part.video].steps
        network = None if drafted.is_empty else self._network(part.video)
        if network is None:
            return drafted.finished(frames)
        assert self._tools.encoder is not None
        seen = seen_by(network, frames, self._tools.encoder, self._tools.device, steps)
        mask = joined(drafted.finished(frames).probability, seen, frames)
        return shot.Foreground(mask, f"{drafted.reason}; and a network", drafted.gap)

    def close(self) -> None:
        """Delete the drafts, when all videos are segmented."""
        shutil.rmtree(self._output / DRAFTS, ignore_errors=True)

    def _network(self, video: str) -> Student | None:
        """The network of a video, or of all; None where nothing moves in what it would learn."""
        own = self._settings.per_video
        name = video if own else ""
        if name not in self._networks:
            path = self._output / NETWORKS / f"{video}.safetensors" if own else None
            of_all = [self._materials[video]] if own else list(self._materials.values())
            key = self._records.key(video)
            self._networks = {name: self._trained(path or self._output / NETWORK, of_all, key)}
        return self._networks[name]

    def _trained(self, path: Path, materials: Sequence[Material], key: str) -> Student | None:
        if (network := _kept(path, self._tools.device, key)) is not None:
            return network
        taught = self._lessons(materials)
        if not taught:
            return None
        settings = self._settings
        network = student.train(
            taught, settings.training_steps, settings.seed, self._tools.device, track
        )
        about = {"key": key, "channels": str(len(taught[0].tokens))}
        about |= {"encoder": settings.encoder, "frames": str(len(taught))}
        state = {name: tensor.contiguous().cpu() for name, tensor in network.state_dict().items()}
        with replacing(path) as temporary:
            safetensors.torch.save_file(state, temporary, about)
        return network

    def _lessons(self, materials: Sequence[Material]) -> list[student.Lesson]:
        every = max(1, -(-sum(material.count for material in materials) // LESSONS))
        taught: list[student.Lesson] = []
        for material in materials:
            try:
                taught += [lesson for part in material.parts for lesson in self._of(part, every)]
            except UserError as error:  # reported when this video's turn comes
                log.warning("%s: nothing is learnt from it: %s", material.name, error)
        return taught

    def _of(self, part: Part, every: int) -> list[student.Lesson]:
        material, tools = self._materials[part.video], self._tools
        frames = material.frames(part)
        drafted = self._draft(part, frames)
        if drafted.is_empty:
            return []
        assert tools.encoder is not None
        mask = drafted.finished(frames).probability
        some = slice(None, None, every)
        tokens = appearance.tokens_of(frames[some], tools.encoder, tools.device, material.steps)
        return student.lessons(
            frames[some], tokens, drafted.probability[some], mask[some], drafted.trust[some]
        )

    def _draft(self, part: Part, frames: np.ndarray) -> shot.Draft:
        """The draft of a part, made now or in an earlier run."""
        path = self._output / DRAFTS / part.video / f"{part.times.start}.npz"
        key = self._records.key(part.video)
        if (kept := _kept_draft(path, key, frames.shape[:3])) is not None:
            return kept
        drafted = shot.draft(frames, self._tools, self._materials[part.video].steps)
        levels = np.round(drafted.probability * 255).astype(np.uint8)
        trust = drafted.trust if len(drafted.trust) else np.zeros(len(frames), np.float32)
        about = np.array([key, drafted.reason, str(drafted.gap)])
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, probability=levels, trust=trust, about=about)
        # As it will be read after an interruption, to the bit.
        return shot.Draft(levels.astype(np.float32) / 255, drafted.reason, drafted.gap, trust)


def joined(mask: np.ndarray, seen: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """A foreground with the edges of its frames, and a network's, which gets them first.

    The network sees smaller frames; joined before, it would blur the edges of both.

    Args:
        mask: (T, h, w) float32, finished.
        seen: (T, h, w) float32, of the network.
        frames: (T, h, w, 3) uint8, RGB.

    Returns:
        (T, h, w) float32, cut at one half.
    """
    both = (1 - SHARE) * mask + SHARE * sharpened(seen, frames)
    both[~objects.without_specks(both > 0.5)] *= 0.5
    return both.astype(np.float32)


def seen_by(
    network: Student, frames: np.ndarray, encoder: "Encoder", device: str, steps: Steps
) -> np.ndarray:
    """(T, h, w) float32: a network's foreground of frames, whatever moves."""
    tokens = appearance.tokens_of(frames, encoder, device, steps)
    return student.predict(network, frames, tokens, device)


def load(path: Path, device: str) -> tuple[Student, str]:
    """A network that an earlier command trained, and the name of its encoder.

    Raises:
        UserError: the file is damaged, or of something else.
    """
    try:
        about = _metadata(path)
        return _filled(path, int(about["channels"]), device), about["encoder"]
    except KeyError:
        raise ConfigError(
            f"{path}: holds no network of commonfate segment --quality best"
        ) from None
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{path}: cannot be read ({reason}); make it again, by commonfate segment "
            f"--quality best"
        ) from None


def _kept(path: Path, device: str, key: str) -> Student | None:
    """The network in a file, if it has this key."""
    try:
        about = _metadata(path)
        return _filled(path, int(about["channels"]), device) if about["key"] == key else None
    except (OSError, SafetensorError, RuntimeError, KeyError, ValueError):
        return None


def _kept_draft(path: Path, key: str, shape: tuple[int, ...]) -> shot.Draft | None:
    """The draft in a file, if it has this key; None if there is none, or a damaged one."""
    try:
        with np.load(path) as stored:
            levels, trust = stored["probability"], stored["trust"]
            written_for, reason, gap = stored["about"].tolist()
            if written_for != key or levels.shape != shape:
                return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return shot.Draft(levels.astype(np.float32) / 255, reason, int(gap), trust)


def _metadata(path: Path) -> dict[str, str]:
    with safetensors.safe_open(path, "pt") as file:
        return file.metadata() or {}


def _filled(path: Path, channels: int, device: str) -> Student:
    network = Student(channels)
    network.load_state_dict(safetensors.torch.load_file(path))
    return network.to(device).to(memory_format=torch.channels_last).eval()
