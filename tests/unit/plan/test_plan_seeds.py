"""Several seeds: a run of each, and what is the same for all of them once."""

from commonfate import config, plan

GWM = {"label": "ours", "method": "gwm"}
CLUSTERS = {"label": "clusters", "method": "feature_clustering"}
SEMANTIC = {"label": "classes", "method": "semantic", "settings": {"classes": 6}}
STARTED = {**SEMANTIC, "label": "started", "start": {"method": "amd"}}
SEEDS = {"seeds": [0, 1, 2]}


def test_each_seed_is_a_run_and_what_is_not_trained_is_one(make) -> None:
    created = make(GWM, CLUSTERS, changes=SEEDS, scorings=["leak_free", "oracle"])
    assert list(created.runs) == [
        *(f"gwm-unet-quadratic-k4-dis-sprites-s{seed}" for seed in (0, 1, 2)),
        "feature_clustering-kmeans-k2-pixels-sprites",
    ]
    assert [run.seed for run in created.runs.values()] == [0, 1, 2, None]
    cells = created.evaluations("table1")
    assert [(cell.scoring, cell.run.seed) for cell in cells] == [
        *(("leak_free", seed) for seed in (0, 1, 2)),
        *(("oracle", seed) for seed in (0, 1, 2)),
        ("leak_free", None),
        ("oracle", None),
    ]
    assert len({cell.path for cell in cells}) == len(cells)


def test_a_table_may_have_seeds_of_its_own(make, default, declared) -> None:
    own = {"tables": {"table1": {"seeds": [4, 5]}}}
    assert [run.seed for run in make(GWM, changes={**SEEDS, **own}).runs.values()] == [4, 5]
    other = {**default["tables"], "table1": {**default["tables"]["table1"], "seeds": [4]}}
    created = plan.make(config.load({**default, **SEEDS, "tables": other}), declared)
    assert {cell.run.seed for cell in created.evaluations("table1")} == {4, None}
    assert {cell.run.seed for cell in created.evaluations("gwm_table7")} == {0, 1, 2}


def test_what_is_not_trained_does_not_depend_on_the_seeds(make) -> None:
    item, other = (make(CLUSTERS, changes={"seeds": seeds}) for seeds in ([0], [5, 6]))
    assert item.runs == other.runs
    assert item.evaluations("table1") == other.evaluations("table1")


def test_rows_that_share_a_training_share_it_seed_by_seed(make) -> None:
    merging = {"merge": {"epsilon": 1e-6}}
    created = make(GWM, {**GWM, "label": "other", "settings": merging}, changes=SEEDS)
    trained = [run for run in created.runs.values() if run.trained_as is None]
    shared = [run for run in created.runs.values() if run.trained_as is not None]
    assert [run.seed for run in trained] == [0, 1, 2]
    assert [run.trained_as for run in shared] == trained
    assert [run.folder for run in shared] == [run.folder for run in trained]


def test_a_run_starts_from_the_run_of_its_own_seed(make, shapes) -> None:
    created = make(STARTED, scorings=["classes"], changes={**shapes, **SEEDS})
    started = [run for run in created.runs.values() if run.start is not None]
    assert [run.seed for run in started] == [run.start.seed for run in started] == [0, 1, 2]
    for run in started:
        assert run.slug.endswith(f"-s{run.seed}")
        assert run.settings.start == str(run.start.checkpoint)
    assert len(created.runs) == 6
