"""The run that a row of a table asks for, on a benchmark and with a seed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from commonfate.base.errors import ConfigError
from commonfate.base.settings import MethodSettings, TrainedSettings, merged, parse, unknown
from commonfate.config import ADAPT, Config
from commonfate.evaluation.features.benchmarks import FeatureBenchmark
from commonfate.evaluation.settings import BenchmarkConfig
from commonfate.plan import checks
from commonfate.plan.cells import Run, run_name
from commonfate.plan.declarations import RowDeclaration
from commonfate.samples.kinds import KINDS

LONGEST_JOINT = 160
"""Characters of the joined names of data sets to learn from; the folder of their samples ends in
split and flow source, too."""


@dataclass(frozen=True)
class Request:
    """A row of a table on one benchmark, trained with one seed."""

    config: Config
    table: str
    row: RowDeclaration
    benchmark: str
    seed: int

    def run(self) -> Run:
        """The run, with the runs whose weights it needs.

        Raises:
            ConfigError: method, settings, flow and data do not go together.
        """
        row, start = self.row, None
        at_this_scale = {key: value for key, value in self._at_this_scale.items() if key != ADAPT}
        changes = merged(row.settings, at_this_scale)
        settings = self._settings(row.method, changes)
        if isinstance(self._scored, FeatureBenchmark):
            extra = (f"adapt {self.adapt}", self.adapt), ("a CRF", self.row.crf)
            checks.probing(self.config, settings, self._scored, extra, self.where)
        else:
            checks.segmenting(self.config, settings, self._scored, self.adapt, self.where)
        if row.start is not None:
            first = self._settings(row.start.method, row.start.settings)
            checks.starting(settings, first, f"{self._row}: start")
            read = _read_by_training(first, row.start.settings)
            start = self._run(row.start.method, read, row.start.data, is_start=True)
        run = self._run(row.method, changes, row.data, start)
        read = _read_by_training(settings, changes)
        if read == changes:
            return run
        return replace(run, trained_as=self._run(row.method, read, row.data, start))

    @property
    def adapt(self) -> int:
        """Steps of test-time adaptation on each video: the row's, or the scale's own."""
        return self._at_this_scale.get(ADAPT, self.row.adapt)

    @property
    def _at_this_scale(self) -> Mapping[str, Any]:
        """Changes of the scale to this row."""
        return self.config.tables[self.table].rows.get(self.row.label) or {}

    @property
    def where(self) -> str:
        """Start of messages about the row on the benchmark."""
        return f"{self._row} on benchmark {self.benchmark}"

    @property
    def _row(self) -> str:
        """Start of messages about the row on any benchmark."""
        return f"workflow/tables/{self.table}.yaml: row {self.row.label!r}"

    @property
    def _scored(self) -> BenchmarkConfig:
        return self.config.benchmarks[self.benchmark]

    def _settings(self, method: str, changes: Mapping[str, Any]) -> MethodSettings:
        """A method's settings: the scale's with some changes."""
        methods = self.config.methods
        if method not in type(methods).model_fields:
            names = type(methods).model_fields
            raise ConfigError(f"{self._row}: method {method!r}{unknown(method, names)}")
        at_this_scale = getattr(methods, method)
        return parse(type(at_this_scale), merged(at_this_scale.model_dump(), changes), self._row)

    def _run(
        self,
        method: str,
        changes: Mapping[str, Any],
        role: str | None,
        start: Run | None = None,
        is_start: bool = False,
    ) -> Run:
        settings = self._settings(method, changes)
        settings = checks.resolved(self.config, self._scored.dataset, settings, self.where)
        if start is not None:
            settings = settings.model_copy(update={"start": str(start.checkpoint)})
        # An encoder that is measured as it is belongs to no data.
        is_encoder = "features" in settings.gives
        datasets: tuple[str, ...] = () if is_encoder else (self._scored.dataset,)
        split: str = "all" if is_encoder else self._scored.train_split
        if settings.trained:
            datasets, split = _learnt_from(self._scored, settings, is_start)
            if role is not None:
                datasets, split = self._of_role(role), "train"
            checks.learning(self.config, settings, self._scored, datasets, split, self.where)
        beside = self._beside(settings, None if is_start else self.row.beside)
        uses_flow = settings.reads_flow or (
            settings.trained and KINDS[settings.learns_from].has_flow
        )
        flow = self._flow() if uses_flow else None
        seed = self.seed if settings.trained else None
        data = self._data(datasets, split, settings.trained)
        if beside:
            data += f"-beside-{self._data(beside, 'train', settings.trained)}"
        # The name of the run that it starts from ends in the seed, that of both.
        end = f"s{seed}" if settings.trained else None
        end = f"from-{start.slug}" if start else end
        slug = run_name(settings, changes, [part for part in (flow, data, end) if part])
        results = self.config.results
        return Run(
            slug, settings, datasets, split, flow, seed, start, results=results, beside=beside
        )

    def _beside(self, settings: MethodSettings, role: str | None) -> tuple[str, ...]:
        """The data sets of the samples that a training reads beside others."""
        kind = settings.learns_beside if isinstance(settings, TrainedSettings) else None
        if kind is None:
            if role is not None:
                raise ConfigError(
                    f"{self._row}: {settings.method} with these settings learns from one sample at "
                    f"a time; leave beside {role!r} out"
                )
            return ()
        if role is None:
            raise ConfigError(
                f"{self._row}: {settings.method} learns from two samples at a time; name the role "
                f"of the data of the second as beside, e.g. images"
            )
        datasets = self._of_role(role)
        for dataset in datasets:
            start = f"{self._row}: beside its samples {settings.method} learns from"
            checks.has(self.config, dataset, kind, start)
            checks.has_split(self.config, dataset, "train", f"{start} split")
        return datasets

    def _of_role(self, role: str) -> tuple[str, ...]:
        """The datasets that play a role."""
        if role not in self.config.data_roles:
            raise ConfigError(
                f"{self._row}: no data sets play the role {role!r} at this scale; name some in the "
                f"config under data_roles.{role}"
            )
        return self.config.data_roles[role]

    def _data(self, datasets: tuple[str, ...], split: str, trained: bool) -> str:
        """Data sets and split of the training, as part of names of folders."""
        joined = "+".join(datasets)
        if len(joined) > LONGEST_JOINT:
            raise ConfigError(
                f"{self.where}: the names of {len(datasets)} data sets to learn from have "
                f"{len(joined)} characters together, at most {LONGEST_JOINT} can name a "
                f"folder; shorten them in the config under datasets"
            )
        return joined + ("" if split == "all" or not trained else f".{split}")

    def _flow(self) -> str:
        """The source of the row's flow."""
        role, source = self.row.flow, self.config.tables[self.table].flow
        if role is not None:
            if role not in self.config.flow_roles:
                raise ConfigError(
                    f"{self._row}: no flow source plays the role {role!r} at this scale; name one "
                    f"in the config under flow_roles.{role}"
                )
            return self.config.flow_roles[role]
        if source is None:
            raise ConfigError(
                f"{self._row}: needs flow; name a source in the config under "
                f"tables.{self.table}.flow"
            )
        return source


def _read_by_training(settings: MethodSettings, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Drop the keys that training does not read."""
    return {key: value for key, value in changes.items() if key not in settings.not_learnt}


def _learnt_from(
    scored: BenchmarkConfig, settings: MethodSettings, is_start: bool
) -> tuple[tuple[str, ...], str]:
    """Datasets and split that a method learns from."""
    if scored.pretrain_datasets and (is_start or KINDS[settings.learns_from].has_pair_gaps):
        return scored.pretrain_datasets, "all"
    return scored.learnt_from, scored.train_split
