"""The rows of a comparison of methods: measured ones, then those that papers print."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from commonfate.base.text import counted
from commonfate.plan import Plan, Run
from commonfate.published import rows as published
from commonfate.samples.kinds import KINDS
from commonfate.tables import comparable, feature_notes, quantities
from commonfate.tables.comparison import Comparison
from commonfate.tables.quantities import Numbers
from commonfate.tables.scores import Cell, Scores, by_metric
from commonfate.tables.table import MEASURED, METHOD, RUNTIME, SOURCE, Table

DIFFERENCE = ": difference to published"
YES_NO = {True: "yes", False: "no"}
FLAGS = {"1": "yes", "0": "no"}
OMITTED = {"0": "none"}
"""`none`, not `0`, so that a column of nothing else is left out."""
COLUMNS: dict[str, tuple[str, Mapping[str, str]]] = {
    "K": ("K", {}),
    "flow_model": ("flow model", {}),
    "inf_input_rgb": ("RGB at inference", FLAGS),
    "inf_input_flow": ("flow at inference", FLAGS),
    "input_resolution": ("input resolution", {}),
    "flow_method": ("flow source", {}),
    "features": ("features", {}),
    "tta_steps": ("adaptation", OMITTED),
    "crf": ("post-processing", {**OMITTED, "1": "CRF"}),
    "crf_or_extra_postproc": ("post-processing", {**OMITTED, "1": "CRF or more"}),
    "supervision": ("supervision", {}),
}
"""By column of the published CSVs: our column, and our words for its texts."""


def add_measured(
    table: Table, plan: Plan, compared: Comparison, cited: Mapping[str, published.Row]
) -> None:
    """Add one measured row, with its differences to the paper's.

    Args:
        table: gets the row.
        plan: the configuration with the declared tables.
        compared: the row with its scores.
        cited: the published rows of the table, beside whose columns ours stand.
    """
    cells, columns = [], published.headings(cited.values())
    for cell, metric in by_metric(compared.cells):
        numbers = cell.of(metric)
        if numbers is None:
            continue
        column = comparable.column(cell.first, metric)
        heading = comparable.heading(cell.first, comparable.published_metric(cell, metric), columns)
        shared = {"heading": heading, **origin([cell])}
        cells.append({"column": column, **shared, **with_seeds(cell, metric, numbers)})
        for difference in compared.differences:
            if (difference.cell, difference.metric) == (cell, metric):
                minus = published.origin(difference.paper, difference.printed)
                value = {"value": difference.text, **shared, "minus": minus}
                cells.append({"column": f"{column}{DIFFERENCE}", **value})
    segments = [cell for cell in compared.cells if not feature_notes.are_features(cell)]
    cells += [_runtime(segments)] if segments else []
    table.add(describe(plan, compared), cells)


def with_seeds(cell: Cell, metric: str, numbers: Numbers) -> dict[str, Any]:
    """A number as the table shows it, and of each seed in the same unit, with its evaluation.

    The number of a seed has the number of repeats of its evaluation, and their deviation, if there
    are several.
    """
    seeds = [
        {
            "seed": scores.seed,
            "value": quantities.number(metric, value),
            **_repeats(metric, numbers.repeats.get(scores.seed, {})),
            "evaluation": scores.path,
        }
        for scores in cell.each
        if (value := numbers.by_seed.get(scores.seed)) is not None
    ]
    shared = {"benchmark": cell.planned.benchmark, "metric": metric}
    return {"value": numbers.text(metric), **shared, "seeds": seeds}


def _repeats(metric: str, repeats: Mapping[int, float]) -> dict[str, Any]:
    spread = quantities.deviation(repeats.values())
    if spread is None:
        return {}
    return {"repeats": len(repeats), "repeats_std": quantities.number(metric, spread)}


def origin(cells: list[Cell]) -> dict[str, Any]:
    """The origin of a measured number: evaluations of every seed, and how they were made."""
    every = [scores for cell in cells for scores in cell.each]
    return {
        "evaluations": [scores.path for scores in every],
        "runs": list(dict.fromkeys(scores.planned.run.slug for scores in every)),
        "scoring": _distinct(scores.planned.scoring for scores in every),
        "predictions": _distinct(scores.planned.variant for scores in every),
        "protocol": _distinct(scores.planned.protocol for scores in every),
        "foreground": _distinct(scores.planned.foreground for scores in every),
    }


def describe(plan: Plan, compared: Comparison) -> dict[str, str]:
    """Texts of a measured row by leading column."""
    every = [scores for cell in compared.cells for scores in cell.each]
    run, settings = compared.run, compared.run.settings
    learns_from = KINDS[settings.learns_from].words if settings.trained else "none"
    role = f" (as {compared.flow_role})" if compared.flow_role else ""
    predicts = not all(feature_notes.are_features(cell) for cell in compared.cells)
    seed = getattr(settings, "seed", "none")
    if not predicts and f"s{seed}" not in settings.slug:
        seed = "none"  # of random weights, and these are no such
    seeds: Sequence[int | str] = compared.cells[0].seeds or [seed]
    return {
        METHOD: compared.label,
        SOURCE: MEASURED,
        "scale": plan.config.scale,
        "network": _network(settings, every),
        "K": _number_of_segments(settings),
        "flow model": getattr(settings, "flow_model", "none"),
        "RGB at inference": YES_NO[settings.reads_frame] if predicts else "none",
        "flow at inference": YES_NO[settings.reads_flow] if predicts else "none",
        "input resolution": _distinct(_resolution(scores) for scores in every),
        "learns from": learns_from,
        "flow source": f"{run.flow}{role}" if run.flow else "none",
        "pre-training": _pretraining(run.start) if run.start else "none",
        "features": _distinct(_described(scores, "features") for scores in every),
        "adaptation": counted(compared.steps, "step") if compared.steps else "none",
        "post-processing": "CRF" if compared.row.crf else "none",
        "seed": ", ".join(map(str, seeds)),
        "device": _distinct(scores.content["seconds_per_frame"]["device"] for scores in every),
    }


def _network(settings: Any, every: Sequence[Scores]) -> str:
    """The network; of encoders that of the settings, as scores name the file of their weights."""
    if hasattr(settings, "network"):
        return str(settings.network)
    return _distinct(_described(scores, "network") for scores in every)


def _number_of_segments(settings: Any) -> str:
    """K of a method, which has several names in settings."""
    names = ("components", "clusters", "segments")
    return next((str(getattr(settings, name)) for name in names if hasattr(settings, name)), "none")


def _pretraining(start: Run) -> str:
    """Method, data and augmentation of the run that another one starts from."""
    augmentation = getattr(start.settings, "augmentation", None)
    suffix = f", {augmentation} augmentation" if augmentation else ""
    return f"{start.settings.method} on {' and '.join(start.datasets)}{suffix}"


def _runtime(cells: list[Cell]) -> dict[str, Any]:
    """Mean over predictions, of all seeds, of the median over frames, to three digits."""
    by_predictions = {cell.planned.predictions: cell for cell in reversed(cells)}
    chosen = list(by_predictions.values())
    seconds = [
        scores.content["seconds_per_frame"]["median"] for cell in chosen for scores in cell.each
    ]
    digits = f"{sum(seconds) / len(seconds):.3g}"
    return {"column": RUNTIME, "value": f"{float(digits):g}", **origin(chosen[::-1])}


def _resolution(scores: Scores) -> str:
    native = scores.content.get("resolution") == "native"
    return "that of the frame" if native else _described(scores, "resolution")


def _described(scores: Scores, key: str) -> str:
    return scores.content["description"].get(key, "none")


def _distinct(texts: Iterable[str]) -> str:
    """Different texts; `none` only where there is nothing else."""
    different = dict.fromkeys(texts)
    return "; ".join(text for text in different if text != "none" or len(different) == 1)


def add_published(table: Table, rows: Mapping[str, published.Row]) -> None:
    """Add rows that papers, or the programs of their authors, print.

    Args:
        table: gets the rows.
        rows: by label, see `published.rows`.
    """
    columns = published.headings(rows.values())
    for label, row in rows.items():
        cells = [
            {
                "column": columns[key],
                "heading": comparable.printed_heading(key, columns),
                **_cell(row, value),
            }
            for key, value in row.values.items()
        ]
        if row.runtime:
            cells.append({"column": RUNTIME, **_cell(row, row.runtime)})
        table.add({METHOD: label, SOURCE: row.source, **_leading(row)}, cells)


def _leading(row: published.Row) -> dict[str, str]:
    """Texts of a published row by leading column, as far as its table has them."""
    texts = {
        column: words.get(row.variant[key], row.variant[key])
        for key, (column, words) in COLUMNS.items()
        if row.variant.get(key)
    }
    if texts.get("adaptation", "none") != "none":
        texts["adaptation"] += " steps"
    network = [row.variant.get(key, "") for key in ("backbone", "backbone_pretraining")]
    texts |= {"network": ", ".join(network)} if all(network) else {}
    data, augmentation = (row.variant.get(key) for key in ("pretraining_data", "augmentation"))
    return texts | ({"pre-training": f"{data}, {augmentation} augmentation"} if data else {})


def _cell(row: published.Row, value: published.Value) -> dict[str, str]:
    return {"value": value.shown, **published.origin(row, value)}
