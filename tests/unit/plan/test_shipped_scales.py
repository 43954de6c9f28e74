"""Every evaluation of every scale that the project ships can be made of what the scale has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commonfate import datasets, weights
from commonfate.methods.gwm_maskformer.settings import GwmMaskFormerSettings
from commonfate.models.catalogue import MULTIPLE, published_weights
from commonfate.plan import Evaluation, Plan
from commonfate.published.rows import BENCHMARKS

FILES = (Path(__file__).parents[3] / "config").glob("*.yaml")
SCALES = ["demo", *sorted(path.stem for path in FILES)]
LEAST_SIDE = 128
"""Pixels that RAFT needs a side."""


@pytest.fixture(scope="module", params=SCALES)
def plan(request: pytest.FixtureRequest, shipped) -> Plan:
    """All tables of a shipped scale."""
    return shipped(request.param)


def _cells(plan: Plan) -> Iterator[tuple[str, Evaluation]]:
    for table in plan.config.tables:
        for cell in plan.evaluations(table):
            yield f"{table}, {cell.path}", cell


def test_every_scale_has_its_headline(plan: Plan) -> None:
    assert {cell.run.settings.method for cell in plan.evaluations("table1")} >= {"gwm", "amd"}


def test_flow_that_is_looked_at_is_there_at_every_frame(plan: Plan) -> None:
    """Also at the last frames of a video, from which only the opposite gap leads to another one."""
    looking = 0
    for where, cell in _cells(plan):
        if cell.run.settings.reads_flow:
            dataset = plan.config.datasets[plan.config.benchmarks[cell.benchmark].dataset]
            if cell.run.settings.carries_by is not None:
                assert -1 in dataset.gaps, where  # the first frame needs none
                continue
            gap = cell.run.settings.gap
            assert {gap, -gap} <= set(dataset.gaps), where
            assert all(abs(gap) <= abs(other) for other in dataset.gaps), where
            looking += 1
    assert looking


def test_what_is_learnt_from_has_flow_pairs_or_labels(plan: Plan) -> None:
    for where, cell in _cells(plan):
        for run in cell.run.needed_runs:
            sets = [plan.config.datasets[name] for name in run.datasets]
            if run.settings.trained:
                offered = {
                    "flow": [item.gaps for item in sets],
                    "pairs": [item.pair_gaps for item in sets],
                    "labels": [datasets.class_names(item) for item in sets],
                    "frames": [True for _ in sets],
                    "clips": [item.pair_gaps for item in sets],
                }[run.settings.learns_from]
                assert all(offered), where
                names = [(*datasets.splits(item), "all") for item in sets]
                assert all(run.split in expected for expected in names), where


def test_splits_that_are_scored_exist(plan: Plan) -> None:
    for name, benchmark in plan.config.benchmarks.items():
        expected = datasets.splits(plan.config.datasets[benchmark.dataset])
        assert benchmark.split in (*expected, "all"), name
        assert benchmark.published_as in (None, *BENCHMARKS), name


def test_flow_sources_and_their_roles_are_those_of_the_scale(plan: Plan) -> None:
    config = plan.config
    for where, cell in _cells(plan):
        assert cell.run.flow in (None, *config.flow.sources), where
    rendered = {"sprites", "sprite_images"}
    for where, cell in _cells(plan):
        used = {config.datasets[name].adapter for name in cell.run.datasets}
        if cell.run.flow is not None and config.flow.sources[cell.run.flow].estimator == "truth":
            assert used <= rendered, where


def test_weights_that_rows_need_have_known_names(plan: Plan) -> None:
    for where, cell in _cells(plan):
        for run in cell.run.needed_runs:
            for name in _weights(run.settings):
                assert name in weights.published_assets(), where


def _weights(settings: Any) -> Iterator[str]:
    """Names of the published weights that a method starts from or compares segments by."""
    if isinstance(settings, GwmMaskFormerSettings) and settings.pretrained:
        yield published_weights(settings.backbone, settings.pretraining) or "none"
    merge = getattr(settings, "merge", None)
    features = getattr(settings, "features", None) or getattr(merge, "features", None)
    if features not in (None, "pixels", "network"):
        yield features.replace("dino_", "dino.")


def test_frames_fit_the_networks(plan: Plan) -> None:
    for where, cell in _cells(plan):
        settings = cell.run.settings
        merge = getattr(settings, "merge", None)
        features = getattr(settings, "features", None) or getattr(merge, "features", None)
        if features in MULTIPLE:
            assert not any(side % MULTIPLE[features] for side in settings.image_size), where
    for dataset in plan.config.datasets.values():
        if dataset.adapter == "sprites":
            assert min(dataset.size) >= LEAST_SIDE


def test_names_of_runs_can_be_names_of_files(plan: Plan) -> None:
    for slug, run in plan.runs.items():
        assert len(slug) <= 120
        assert run.settings.method in slug
        assert all(name in slug for name in run.datasets)


def test_the_residual_of_fbms_is_that_of_its_shortest_gap(shipped) -> None:
    gaps = {
        cell.benchmark: cell.run.settings.gap
        for cell in shipped("paper").evaluations("table1")
        if cell.run.settings.reads_flow
    }
    assert gaps == {"davis2016": 1, "segtrackv2": 1, "fbms59": 3}
