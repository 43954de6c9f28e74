"""Quality `best`: a network that learns from the drafts of all videos, or of each, and may join.

Everything that takes long is kept in the output folder until all is done, so that a killed command
goes on: a draft of each part of a video, and the network.
"""

import logging
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from commonfate.base.errors import UserError
from commonfate.base.progress import track
from commonfate.foreground import appearance, hypotheses, shot, student
from commonfate.foreground.hypotheses import Edges, Hypothesis
from commonfate.foreground.settings import Steps
from commonfate.foreground.student import Student
from commonfate.segmentation import kept
from commonfate.segmentation.material import Material, Part
from commonfate.segmentation.records import Records
from commonfate.segmentation.settings import SegmentSettings

if TYPE_CHECKING:
    from commonfate.models.encoders.base import Encoder

log = logging.getLogger(__name__)
NETWORK = "network.safetensors"
DRAFTS, NETWORKS = ".drafts", "networks"
SHARE = 0.35
"""Share of the network in the foreground that may take the place of the draft."""
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
        self._seen: tuple[Part, np.ndarray] | None = None

    def find(self, part: Part, frames: np.ndarray) -> shot.Foreground:
        """The foreground of the draft of a part, or of draft and network, see `better`."""
        drafted = self._draft(part, frames)
        network = None if drafted.is_empty else self._network(part.video)
        if network is None:
            return drafted.finished(frames)
        tokens = self._tokens(part, frames)
        seen = student.predict(network, frames, tokens, self._tools.device)
        return better(drafted, seen, frames, tokens)

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
        if (network := kept.network(path, self._tools.device, key)) is not None:
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
        kept.keep_network(path, network, about)
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
        frames = self._materials[part.video].frames(part)
        drafted = self._draft(part, frames)
        if drafted.is_empty:
            return []
        mask = drafted.finished(frames).probability
        some = slice(None, None, every)
        tokens = self._tokens(part, frames, every)
        return student.lessons(
            frames[some], tokens, drafted.probability[some], mask[some], drafted.trust[some]
        )

    def _tokens(self, part: Part, frames: np.ndarray, every: int = 1) -> np.ndarray:
        """Tokens of every so-many-th frame of a part.

        Draft, lessons and result of a part need them one after the other, and the bundled encoder
        takes 0.2 s a frame; so those of the last part are kept.
        """
        if self._seen is not None and self._seen[0] == part:
            return self._seen[1][::every]
        self._seen = None  # not two in memory
        encoder, steps = self._tools.encoder, self._materials[part.video].steps
        assert encoder is not None
        tokens = appearance.tokens_of(frames[::every], encoder, self._tools.device, steps)
        if every == 1:
            self._seen = part, tokens
        return tokens

    def _draft(self, part: Part, frames: np.ndarray) -> shot.Draft:
        """The draft of a part, made now or in an earlier run."""
        path = self._output / DRAFTS / part.video / f"{part.times.start}.npz"
        key = self._records.key(part.video)
        if (stored := kept.draft(path, key, frames.shape[:3])) is not None:
            return stored
        steps = self._materials[part.video].steps
        tokens = partial(self._tokens, part, frames)
        drafted = shot.draft(frames, self._tools, steps, tokens)
        return kept.keep_draft(path, key, drafted)


def better(
    drafted: shot.Draft, seen: np.ndarray, frames: np.ndarray, tokens: np.ndarray
) -> shot.Foreground:
    """The foreground of a draft, or that with a share of a network's: the one of the better score.

    The score is that of the hypotheses of motion and appearance (`hypotheses.scored`): its border
    lies along edges, it agrees with the draft, and keeps away from the border of the frame.

    Args:
        drafted: of a shot.
        seen: (T, h, w) float32, of the network.
        frames: (T, h, w, 3) uint8, RGB.
        tokens: (T, r, c, C), see `appearance.tokens_of`.
    """
    both = (1 - SHARE) * drafted.probability + SHARE * seen
    masks = {
        drafted.reason: drafted.finished(frames).probability,
        f"{drafted.reason}; and a network": shot.finished(both, frames),
    }
    look = appearance.of_tokens(frames, tokens)
    size = look.colours.shape[1:3]
    fields = (Hypothesis(name, appearance.pooled(m, size), 0.5) for name, m in masks.items())
    evidence, edges = (
        appearance.pooled(drafted.probability, size),
        Edges(look.colours, look.features),
    )
    scores = hypotheses.scored(fields, evidence, drafted.trust, edges)
    reason = scores[0].name if scores else drafted.reason
    return shot.Foreground(masks[reason], reason, drafted.gap)


def seen_by(
    network: Student, frames: np.ndarray, encoder: "Encoder", device: str, steps: Steps
) -> np.ndarray:
    """(T, h, w) float32: a network's foreground of frames, whatever moves."""
    tokens = appearance.tokens_of(frames, encoder, device, steps)
    return student.predict(network, frames, tokens, device)
