"""Base class of the kinds of evaluation: everything that differs from one to another."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from commonfate.base.errors import ConfigError
from commonfate.base.settings import MethodSettings

if TYPE_CHECKING:  # the plan asks for kinds, and reads no array
    import numpy as np

    from commonfate.evaluation.protocols import Protocol
    from commonfate.prediction.benchmark import AnnotatedVideo, Benchmark, Crop
    from commonfate.prediction.predictions import Predictions
    from commonfate.prediction.segmenting import Segmented

Checkpoint = Literal["last", "best"]
Pictures = dict[str, "np.ndarray | None"]
"""(h, w, 3) uint8 by column, from left to right; None where there is none."""


@dataclass(frozen=True)
class Metric:
    """A metric of an evaluation, and how tables write it."""

    name: str
    note: str = ""
    """Sentence of explanation below a table; empty where the name says enough."""
    is_fraction: bool = False
    """Written as a fraction, as in the papers, not in percent."""
    lower_is_better: bool = False


@dataclass(frozen=True)
class Scoring:
    """A way to read a number off predictions: every choice by which papers and code differ."""

    foreground: str | None
    """Rule of the kind; None is the method's own rule, `settings.foreground`."""
    checkpoint: Checkpoint = "last"
    """`best` is the snapshot that scores highest in this way, so it looks at the ground truth."""
    released_frames: bool = False
    """Score the frames that the released code scores."""


class EvaluationKind(ABC):
    """A kind of evaluation: its metrics, scorings and rules, its words in tables.

    Configuration, plan, verbs, sheets and tables ask it. A rule is the choice between what a method
    gives and its score, e.g. of the foreground among segments; its name is part of the path of the
    scores.
    """

    name: ClassVar[str]
    """Its name among `gives` of methods' settings."""
    rules: ClassVar[tuple[str, ...]]
    """Names of its rules, unique among all kinds."""
    scorings: ClassVar[Mapping[str, Scoring]]
    """Its scorings by name; other kinds may have some of the same names."""
    metrics: ClassVar[tuple[Metric, ...]]
    """Metrics that its scores may have; other kinds may have some of the same."""
    is_average: ClassVar[bool] = True
    """Scores are averages over frames, as a protocol says; if not, all pixels are counted together
    and the protocol only says which frames count."""
    tables: ClassVar[tuple[str, ...]] = ("comparison",)
    """Kinds of tables that can be made of its scores: `sequences` shows numbers of single
    sequences, `classes` those of single classes."""
    truth: ClassVar[str | None] = None
    """Kind of sample, see `samples.kinds`, that a data set must offer to be scored; None is any."""

    @abstractmethod
    def words(self, rules: str) -> str:
        """Description of a scoring by rules of this kind, e.g. `foreground oracle`; may be empty.

        Args:
            rules: one of them, or several with the rows that have them.
        """

    @abstractmethod
    def protocol_note(self, protocol: str) -> str:
        """Description of a protocol, see `Evaluation.protocol`, below a table."""

    def rule_note(self, rule: str) -> str:
        """Note on a rule below a table; empty if there is nothing to say."""
        return ""

    def looks_at_ground_truth(self, rule: str) -> bool:
        """True if the choice that a rule makes depends on the ground truth."""
        return False


class PredictionKind(EvaluationKind):
    """A kind of evaluation of what a method predicts, frame by frame.

    Its rules are `--foreground` of the verbs. Its name is what predictions contain.
    """

    main_metric: ClassVar[str]
    """Metric by which snapshots are chosen and sheets ordered; every frame has it, too."""
    annotations: ClassVar[tuple[str, ...]] = ()
    """Kinds of annotations, see `datasets.annotations`, that are scored; none is any."""

    def rule_of(self, settings: MethodSettings) -> str:
        """The rule for a method's predictions where the user names none."""
        return self.rules[0]

    def check_rule(self, rule: str, settings: MethodSettings) -> None:
        """Refuse a rule that does not fit a method.

        Raises:
            ConfigError: the rule is of another kind, or needs something that the method lacks.
        """
        if rule not in self.rules:
            raise ConfigError(
                f"--foreground {rule}: method {settings.method} predicts {self.name}; leave it "
                f"out, or choose from {', '.join(self.rules)}"
            )

    def check_benchmark(self, benchmark: "Benchmark", option: str) -> None:
        """Refuse annotations that are of none of the kinds `annotations`.

        Raises:
            ConfigError: there are such; the message begins with `option`.
        """
        from commonfate.evaluation import record

        if self.annotations:
            record.check_annotations(benchmark, self.annotations, option)

    @abstractmethod
    def evaluate(
        self,
        predictions: "Predictions",
        manifest: Path,
        protocol: "Protocol",
        rule: str,
        output: Path,
    ) -> dict[str, Any]:
        """Score predictions; write the scores, and a folder of the scored masks or label maps.

        Args:
            predictions: of a method whose `gives` has `name`.
            manifest: of the data set.
            protocol: the frames that count, and the mean.
            rule: one of `rules`.
            output: JSON file; the folder beside it has its name without `.json`.

        Returns:
            The content of the JSON: `record.metadata`, `average`, `metrics` (shares of 1 by name),
            `sequences` (by name, each with `metrics` and with `frames`, the main metric by frame)
            and `foreground_looks_at_ground_truth`.

        Raises:
            StoreError: a prediction or an annotation is missing or broken; nothing is written.
            ConfigError: rule, predictions and annotations do not go together.
        """

    def snapshot_score(
        self, frames: "Iterable[Segmented]", protocol: "Protocol", rule: str, crop: "Crop"
    ) -> float:
        """The main metric of predictions that are not written, for the choice of a snapshot.

        Args:
            frames: predictions of the frames that the protocol scores.
            protocol: the mean.
            rule: one of `rules`.
            crop: the part of the annotations that is scored.

        Raises:
            StoreError: an annotation is broken, or no pixel counts.
            ConfigError: the kind has no such score, so no snapshot can be chosen.
        """
        raise ConfigError(f"--checkpoint best: {self.name} are scored with the last weights alone")

    @abstractmethod
    def pictures(
        self,
        predictions: "Predictions",
        video: "AnnotatedVideo",
        t: int,
        frame: "np.ndarray",
        folder: Path,
    ) -> Pictures:
        """Pictures of one scored frame for the sheet, from prediction to ground truth.

        Args:
            predictions: the predictions that were scored.
            video: the video.
            t: number of the frame.
            frame: (h, w, 3) uint8, RGB, of the size of the pictures.
            folder: the folder that `evaluate` wrote.
        """

    def protocol_note(self, protocol: str) -> str:
        """Frames that count, and the mean."""
        from commonfate.evaluation import protocols

        return protocols.get(protocol).description
