"""Trained and evaluated things of a plan: a `Run` and its `Evaluation`s, their names and paths."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commonfate.base.settings import MethodSettings
from commonfate.evaluation.kinds.base import Checkpoint
from commonfate.models.catalogue import encoder_file
from commonfate.samples.kinds import KINDS

LONGEST = 120
"""Characters of a run's name. File systems take 255 bytes, and logs of Slurm jobs join the names of
run, benchmark and variant."""
DIGITS = 10
"""Digits of the hash that replaces parts of a long name."""


@dataclass(frozen=True)
class Run:
    """A method with its settings, its training data and its seed."""

    slug: str
    settings: Any
    datasets: tuple[str, ...]
    """Data sets of its training, or of its flow where nothing is trained."""
    split: str
    flow: str | None
    """The flow source that it learns from or looks at; None if there is neither."""
    seed: int | None
    """Seed of its training; None where nothing is trained, so that all seeds share its scores."""
    start: "Run | None" = None
    """Run whose weights its training starts from."""
    trained_as: "Run | None" = None
    """Run whose checkpoint is reused because only prediction settings differ; None if it is trained
    itself."""
    results: Path = Path("results")
    """Folder of all products of the scale."""
    beside: tuple[str, ...] = ()
    """Data sets of the samples that its training reads beside those of `datasets`, split `train`;
    empty if it reads one at a time."""

    @property
    def needed_runs(self) -> tuple["Run", ...]:
        """The runs whose weights it needs, in the order of their training, then itself."""
        before = self.trained_as or self.start
        return (*before.needed_runs, self) if before else (self,)

    @property
    def samples(self) -> str:
        """Name of the training samples."""
        return self.samples_of(self.datasets, self.split)

    def samples_of(self, datasets: tuple[str, ...], split: str) -> str:
        """Name of the samples of a split of some datasets that it can learn from.

        They lie in `results/samples/{name}`; the name ends in the flow source, or in that of the
        kind of sample.
        """
        kind = KINDS[self.settings.learns_from]
        source = self.flow if kind.has_flow else kind.name
        return f"{'+'.join(datasets)}-{split}-{source}"

    @property
    def samples_beside(self) -> str | None:
        """Name of the samples that its training reads beside others; or None."""
        if not self.beside:
            return None
        return f"{'+'.join(self.beside)}-train-{self.settings.learns_beside}"

    @property
    def encoder(self) -> list[str]:
        """Options by which `commonfate features` takes its encoder."""
        settings = self.settings
        if settings.trained:
            # Of several networks, the one that the settings name.
            part, rest = getattr(settings, "weights_of", None), ["--encoder", str(self.checkpoint)]
        else:
            part, rest = (
                settings.part,
                ["--encoder", settings.encoder, "--seed", str(settings.seed)],
            )
        return [*rest, *(["--part", part] if part else [])]

    @property
    def encoder_files(self) -> list[Path]:
        """Files of the encoder's weights that may change: its checkpoint, or the user's file."""
        if self.settings.trained:
            return [self.checkpoint]
        own = encoder_file(self.settings.encoder)
        return [own] if own else []

    @property
    def start_files(self) -> list[Path]:
        """Files of the weights that its training starts from: another run's, or the user's own."""
        if self.start is not None:
            return [self.start.checkpoint]
        named = self.settings.encoder if starts_from_encoder(self.settings) else None
        start = getattr(self.settings, "start", None) or named
        if start is None:
            return []
        # Fine-tuned networks start from checkpoints, encoders from weights that may have a name.
        own = encoder_file(start) if "features" in self.settings.gives else Path(start)
        return [own] if own else []

    @property
    def folder(self) -> Path:
        """Folder of its weights, `results/runs/{run}`."""
        return self.results / "runs" / (self.trained_as or self).slug

    @property
    def checkpoint(self) -> Path:
        """Its weights, `results/runs/{run}/checkpoint.pt`."""
        return self.folder / "checkpoint.pt"


@dataclass(frozen=True)
class Evaluation:
    """One run, scored on one benchmark in one way."""

    run: Run
    column: str
    """The table's benchmark, beside whose other scores it stands."""
    benchmark: str
    """The benchmark that is scored: the column's, or a variant of it."""
    scoring: str
    protocol: str
    foreground: str
    """Rule of the scores, see `evaluation.kinds`."""
    checkpoint: Checkpoint
    adapt: int = 0
    """Steps of test-time adaptation on each video before it is segmented."""
    crf: bool = False
    """Refine the foreground by a conditional random field."""

    @property
    def variant(self) -> str:
        """Checkpoint, adaptation and CRF of the predictions, e.g. `best.crf`, `last.adapt20`."""
        parts: list[str] = [self.checkpoint]
        parts += [f"adapt{self.adapt}"] if self.adapt else []
        parts += ["crf"] if self.crf else []
        return ".".join(parts)

    @property
    def predictions(self) -> Path:
        """Folder of the predictions, `results/predictions/{run}/{benchmark}/{prediction}`."""
        name = prediction(self.variant, self.protocol, self.foreground)
        return self.run.results / "predictions" / self.run.slug / self.benchmark / name

    @property
    def path(self) -> Path:
        """The scores, `results/evaluations/{run}/{benchmark}/{protocol}...json`."""
        name = f"{self.protocol}.{self.foreground}.{self.variant}.json"
        return self.run.results / "evaluations" / self.run.slug / self.benchmark / name


def starts_from_encoder(settings: Any) -> bool:
    """True if a training starts from the encoder that the setting `encoder` names."""
    return settings.trained and hasattr(settings, "encoder") and settings.start is None


def prediction(variant: str, protocol: str, foreground: str) -> str:
    """Name of the predictions that an evaluation scores, e.g. `last`, `best.davis.oracle.crf`.

    The best snapshot is the best by the frames and the rule that score it, so evaluations that
    differ in them have predictions of their own.
    """
    checkpoint, *others = variant.split(".")
    chosen_by = (protocol, foreground) if checkpoint == "best" else ()
    return ".".join((checkpoint, *chosen_by, *others))


def run_name(settings: MethodSettings, changes: Mapping[str, Any], data: Sequence[str]) -> str:
    """Name a run, `{method}-{variant}-{changes}-{data}`.

    In a name that is too long a hash replaces the changes, then the data, too, then everything but
    the method. The run's config.yaml has all settings in any case.

    Args:
        settings: of the run.
        changes: settings that differ from the scale's.
        data: flow source, data sets, and the run that it starts from or its seed.
    """
    head = (settings.method, *settings.slug)
    # Sorted, since the text of a table's configuration has the same keys in another order.
    changed = sorted(
        f"{key}.{_word(value)}" for key, value in _flat(changes) if key not in settings.named
    )
    full = "-".join((*head, *changed, *data))
    digest = f"h{hashlib.sha256(full.encode()).hexdigest()[:DIGITS]}"
    shorter = ((*head, digest, *data), (*head, digest), (settings.method, digest))
    candidates = [full, *("-".join(parts) for parts in shorter)]
    return next(name for name in candidates if len(name) <= LONGEST)


def _flat(values: Mapping[str, Any], parents: str = "") -> Iterator[tuple[str, Any]]:
    """Pairs of dotted key and value."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{parents}{key}.")
        else:
            yield f"{parents}{key}", value


def _word(value: Any) -> str:
    """A setting's value as part of a path, e.g. `128x224` for a size."""
    if isinstance(value, list | tuple):
        return "x".join(_word(item) for item in value)
    text = str(value).lower() if isinstance(value, bool | None) else str(value)
    return re.sub(r"[^a-zA-Z0-9_.=-]+", "_", text)
