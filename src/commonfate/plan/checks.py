"""Checks of a plan, so that impossible requests fail before hours of training."""

from collections.abc import Iterable
from typing import Any, TypeVar

from commonfate import datasets
from commonfate.base.errors import ConfigError
from commonfate.base.settings import MethodSettings, unknown
from commonfate.config import Config
from commonfate.evaluation import kinds as evaluation_kinds
from commonfate.evaluation.features.benchmarks import FeatureBenchmark, PropagationBenchmark
from commonfate.evaluation.kinds import EvaluationKind
from commonfate.evaluation.settings import BenchmarkConfig
from commonfate.models import catalogue
from commonfate.plan.cells import starts_from_encoder
from commonfate.plan.declarations import TableDeclaration, TableKind
from commonfate.published import rows as published
from commonfate.samples.kinds import KINDS

S = TypeVar("S", bound=MethodSettings)


def folders(config: Config, table: str, names: Iterable[str]) -> None:
    """Check that the folders of a table's data sets are there; they may be empty.

    Raises:
        ConfigError: some are not, a line each.
    """
    missing = []
    for name in names:
        root = getattr(config.datasets[name], "root", None)
        if root is not None and not root.is_dir():
            missing.append(
                f"config: datasets.{name}.root = {str(root)!r}: no such folder, but table {table} "
                f"needs it; set it in the config or with --config 'datasets={{{name}: {{root: "
                f"/path}}}}'"
            )
    if missing:
        raise ConfigError("\n".join(missing))


def has(config: Config, dataset: str, samples: str, start: str, hint: str = "") -> None:
    """Check that a data set has samples of a kind, see `samples.kinds`.

    Raises:
        ConfigError: it has not; the message begins with `start` and ends in `hint`.
    """
    kind = KINDS[samples]
    if not kind.is_offered_by(config.datasets[dataset]):
        raise ConfigError(f"{start} {kind.lacking.format(dataset)}{hint}")


def segmenting(
    config: Config, settings: MethodSettings, scored: BenchmarkConfig, adapt: int, where: str
) -> None:
    """Check that a method can segment a benchmark, after `adapt` steps of adaptation to it.

    Raises:
        ConfigError: it cannot; the message begins with `where`.
    """
    start = f"{where}: adapt {adapt}: {settings.method}"
    if adapt and not settings.trained:
        raise ConfigError(f"{start} has nothing to train")
    if adapt and KINDS[settings.learns_from].supervised:
        raise ConfigError(f"{start} would learn from the ground truth that it is scored by")
    if adapt:
        has(config, scored.dataset, settings.learns_from, f"{start} adapts to")
    if settings.reads_flow:
        has(config, scored.dataset, "flow", f"{where}: {settings.method} looks at")
        _at_every_frame(config, scored.dataset, settings, where)
    has_split(config, scored.dataset, scored.split, f"{where}: split")


def probing(
    config: Config,
    settings: MethodSettings,
    scored: FeatureBenchmark,
    extra: Iterable[tuple[str, object]],
    where: str,
) -> None:
    """Check that features can be scored on a benchmark.

    Args:
        config: the configuration.
        settings: of the method.
        scored: the benchmark.
        extra: what only segments can have, each with its name; refused if it is there.
        where: beginning of the messages.

    Raises:
        ConfigError: they cannot.
    """
    _evaluation(settings, scored, where)
    if scored.reads_features(settings):
        _encoding(settings, scored, where)
    for name, value in extra:
        if value:
            raise ConfigError(f"{where}: {name} is for segments, not for features; leave it out")
    has_split(config, scored.dataset, scored.split, f"{where}: split")
    if scored.fits:
        has_split(config, scored.dataset, scored.fit_split, f"{where}: fit_split")
    if isinstance(scored, PropagationBenchmark) and settings.reads_flow:
        _carried_by_flow(config, scored, f"{where}: {settings.method}")
    count = len(datasets.class_names(config.datasets[scored.dataset]))
    if scored.classes not in (None, count):
        raise ConfigError(
            f"{where}: the protocol has {scored.classes} classes, data set {scored.dataset} "
            f"{count}; set settings.classes of the benchmark"
        )


def _encoding(settings: Any, scored: FeatureBenchmark, where: str) -> None:
    """Check that an encoder is known and gives the view; of the user's files it is read later.

    Methods that are measured as they are, or start from an encoder, name it by `encoder`; of
    others, the setting `patch`, where they have one, must fit the view.
    """
    try:
        view = scored.checked_view()
        if settings.trained and not starts_from_encoder(settings):
            if (patch := getattr(settings, "patch", None)) is not None:
                view.check(patch)
            return
        catalogue.encoder_file(settings.encoder)
        architecture = catalogue.architecture_of(settings.encoder)
        if architecture in catalogue.VITS:
            view.check(catalogue.VITS[architecture].patch)
        elif architecture is not None:
            view.check(catalogue.RESNET_PATCH)
            lacking = [name for name in view.features if name not in catalogue.RESNET_FEATURES]
            if lacking:
                raise ConfigError(
                    f"view {view}: encoder {settings.encoder} has no {' and no '.join(lacking)}, "
                    f"only {', '.join(catalogue.RESNET_FEATURES)}"
                )
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _carried_by_flow(config: Config, scored: PropagationBenchmark, start: str) -> None:
    """Check that flow leads back from each frame of a clip to the one before."""
    has(config, scored.dataset, "flow", f"{start} reads")
    gaps = dict.fromkeys((-1, -scored.settings.step))
    if gaps.keys().isdisjoint(config.datasets[scored.dataset].gaps):
        raise ConfigError(
            f"{start} moves masks by flow of gap {' or '.join(map(str, gaps))}, which data set "
            f"{scored.dataset} lacks; add {'one' if gaps.keys() - {-1} else 'it'} to "
            f"datasets.{scored.dataset}.gaps"
        )


def _evaluation(settings: MethodSettings, scored: BenchmarkConfig, where: str) -> EvaluationKind:
    """The kind of evaluation by which a benchmark scores a method."""
    try:
        return scored.evaluation_of(settings)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def resolved(config: Config, dataset: str, settings: S, where: str) -> S:
    """Return the settings of a run on a data set, see `MethodSettings.resolved`.

    Raises:
        ConfigError: the two do not go together; the message begins with `where`.
    """
    try:
        return settings.resolved(config.datasets[dataset].gaps)
    except ValueError as error:
        start = f"{where}: {settings.method} on data set {dataset}"
        raise ConfigError(f"{start}: {error}; change it, or datasets.{dataset}.gaps") from None


def _at_every_frame(config: Config, dataset: str, settings: Any, where: str) -> None:
    """Check that a data set has flow of both gaps: at an end of a video only one stays inside.

    Methods that read flow have a setting `gap`.
    """
    gap = resolved(config, dataset, settings, where).gap
    lacking = {gap, -gap} - set(config.datasets[dataset].gaps)
    if lacking:
        raise ConfigError(
            f"{where}: {settings.method} looks at flow of gaps {gap} and {-gap}, as frames at one "
            f"end of a video have only one of them, but data set {dataset} lacks {lacking.pop()}; "
            f"add it to datasets.{dataset}.gaps"
        )


def has_split(config: Config, dataset: str, name: str, start: str) -> None:
    """Check that a data set has a split; all have `all`.

    Raises:
        ConfigError: it has not; the message begins with `start`.
    """
    splits = datasets.splits(config.datasets[dataset])
    if name not in ("all", *splits):
        raise ConfigError(f"{start} {name!r}: data set {dataset} has only {', '.join(splits)}")


def learning(
    config: Config,
    settings: MethodSettings,
    scored: BenchmarkConfig,
    learnt_from: tuple[str, ...],
    split: str,
    where: str,
) -> None:
    """Check that a method can learn from data, and not from the ground truth of its scores.

    Raises:
        ConfigError: it cannot; the message begins with `where`.
    """
    name, kind = settings.method, KINDS[settings.learns_from]
    hint = f"; name others as its {'pretrain' if kind.has_pair_gaps else 'train'}_datasets"
    for dataset in learnt_from:
        has(config, dataset, kind.name, f"{where}: {name} learns from", hint)
        has_split(config, dataset, split, f"{where}: {name} learns from split")
        if "classes" in settings.gives:
            _fits(config, dataset, settings, where)
    overlap = split == scored.split or "all" in (split, scored.split)
    if kind.supervised and scored.dataset in learnt_from and overlap:
        raise ConfigError(
            f"{where}: {name} would learn from the ground truth that it is scored by; choose "
            f"train_split (here {split}) and split (here {scored.split}) that share nothing"
        )


def _fits(config: Config, dataset: str, settings: Any, where: str) -> None:
    """Check that a network has as many outputs as a data set has classes.

    Methods that give classes have a setting `classes`.
    """
    count, name = len(datasets.class_names(config.datasets[dataset])), settings.method
    if count != settings.classes:
        raise ConfigError(
            f"{where}: {name} has {settings.classes} classes, data set {dataset} {count}; set "
            f"methods.{name}.classes"
        )


def starting(settings: MethodSettings, start: MethodSettings, where: str) -> None:
    """Check that a method can start from the weights of another.

    Raises:
        ConfigError: it cannot; the message begins with `where`.
    """
    if not start.trained:
        raise ConfigError(f"{where}: {start.method} has nothing to train")
    own = settings.model_dump()
    if "start" not in own:
        raise ConfigError(f"{where}: {settings.method} starts from no other run")
    if own["start"] is not None:
        raise ConfigError(f"{where}: and settings.start {own['start']!r}: leave one of them out")
    sizes = [getattr(method, "size", None) for method in (settings, start)]
    if sizes[0] != sizes[1]:
        raise ConfigError(
            f"{where}: {settings.method} has size {sizes[0]}, {start.method} {sizes[1]}; they "
            f"must be equal for its weights to fit"
        )


def scoring(
    config: Config,
    settings: MethodSettings,
    scored: BenchmarkConfig,
    name: str,
    table: TableKind,
    where: str,
) -> EvaluationKind:
    """Check that a benchmark can score what the method gives, by a scoring and its metrics.

    Args:
        config: the configuration.
        settings: of the method.
        scored: the benchmark.
        name: of the scoring.
        table: the kind of table that shows the scores.
        where: beginning of the messages.

    Returns:
        The kind of evaluation.

    Raises:
        ConfigError: it cannot; the message begins with `where`.
    """
    kind = _evaluation(settings, scored, where)
    if name not in kind.scorings:
        names = " and ".join(other.name for other in evaluation_kinds.with_scoring(name))
        raise ConfigError(
            f"{where}: scoring {name} is of {names}, but {settings.method} gives "
            f"{' and '.join(settings.gives)}"
        )
    for metric in scored.metrics:
        if metric not in [defined.name for defined in kind.metrics]:
            raise ConfigError(f"{where}: scoring {name} has no metric {metric}")
    if kind.truth is not None:
        has(config, scored.dataset, kind.truth, f"{where}: scoring {name} compares")
    by_class = scored.class_score is not None
    if table not in kind.tables or (table == "classes" and not by_class):
        scores = scored.kind if kind.name == "features" else kind.name
        raise ConfigError(
            f"{where}: scores of {scores} have no numbers of single {table}, which a table of kind "
            f"{table} shows; choose another benchmark, or another kind"
        )
    return kind


def varying(config: Config, table: str, declaration: TableDeclaration) -> None:
    """Check that a row's variant is one of some benchmark of the table.

    Raises:
        ConfigError: the row would be scored as any other.
    """
    for row in declaration.rows:
        benchmarks = config.tables[table].benchmarks
        if row.variant and not any(
            row.variant in config.benchmarks[name].variants for name in benchmarks
        ):
            raise ConfigError(
                f"workflow/tables/{table}.yaml: row {row.label!r}: no benchmark of the table has "
                f"the variant {row.variant!r}; name one in the config under "
                f"benchmarks.{benchmarks[0]}.variants.{row.variant}, or leave the row out "
                f"(tables.{table}.rows.{row.label}: null)"
            )


def comparing(config: Config, table: str, declaration: TableDeclaration) -> None:
    """Check that the published rows and benchmarks that a table names exist.

    Raises:
        ConfigError: one of them does not.
    """
    for name in config.tables[table].benchmarks:
        benchmark = config.benchmarks[name]
        known_as = benchmark.published_as
        key = f"config: benchmarks.{name}.published_as {known_as!r}"
        if known_as is None:
            continue
        if known_as not in published.BENCHMARKS:
            raise ConfigError(f"{key}{unknown(known_as, published.BENCHMARKS)}")
        if config.datasets[benchmark.dataset].adapter in ("sprites", "sprite_images"):
            raise ConfigError(f"{key}: rendered data are no published benchmark; leave it out")
    if declaration.published is None:
        return
    rows = published.rows(declaration.published.tables, declaration.published.metrics)
    for row in declaration.rows:
        if row.published is not None and row.published not in rows:
            where = f"workflow/tables/{table}.yaml: row {row.label!r}: published {row.published!r}"
            raise ConfigError(f"{where}{unknown(row.published, rows)}")
    columns = published.headings(rows.values())
    for name in config.tables[table].benchmarks:
        benchmark = config.benchmarks[name]
        metric = benchmark.published_metric or benchmark.metrics[0]
        dataset, settings = benchmark.published_as or "", benchmark.published_settings
        same = [text for key, text in columns.items() if key.matches(metric, dataset, settings)]
        if len(same) > 1:
            raise ConfigError(
                f"config: benchmarks.{name}.published_settings: table {table} prints "
                f"{', '.join(same)}; add the settings of one of them"
            )
