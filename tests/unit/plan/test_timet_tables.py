"""TimeT's trainings at scale paper, worked out by hand: settings, data, and rows that share one."""

from collections.abc import Callable, Iterator

import pytest

from commonfate.base.errors import ConfigError
from commonfate.methods.timet.settings import TimetSettings
from commonfate.plan import Plan, Run

Shipped = Callable[[str], Plan]
EPOCH = 22
"""Steps: clips of 2,776 videos in batches of 128."""
TABLES = tuple(
    f"timet_table{n}"
    for n in ("1a", "1b", "1c", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11")
)


@pytest.fixture(scope="module")
def paper(shipped: Shipped) -> Plan:
    """All tables of scale `paper`, on empty folders."""
    return shipped("paper")


def _runs(plan: Plan, *tables: str) -> Iterator[tuple[str, Run]]:
    """Labels and runs of the trained rows of some tables."""
    for table in tables:
        for row in plan.declarations[table].rows:
            run = next(plan.row(table, row)).run  # of the first seed
            assert row.method == run.settings.method
            if run.settings.trained:
                yield row.label, run


def _changed(run: Run) -> dict[str, object]:
    """Settings that are not the paper's defaults."""
    default = TimetSettings()
    return {
        key: value for key, value in run.settings if value != getattr(default, key)
    }  # fmt: skip


def test_number_of_trainings(paper: Plan) -> None:
    """Four and three, two and two more in Tables 1a, 1b, 1c and 2; four starts; the main one."""
    runs = {run for _, run in _runs(paper, *TABLES)}
    timet = [run for run in runs if run.settings.method == "timet"]
    assert len(timet) == (4 + 3 + 2 + 2) + 4 + 1 + 2  # on EPIC-KITCHENS and on DAVIS
    assert len(runs) - len(timet) == 1  # DINO on the same videos
    counts = [len({run for _, run in _runs(paper, table)}) for table in TABLES]
    assert counts == [4, 4, 4, 4, 4, 2, 1, 1, 1, 2, 1, 1, 1]


def test_ablations_take_twelve_epochs(paper: Plan) -> None:
    expected = {
        "P = 10": {"prototypes": 10},
        "P = 50": {"prototypes": 50},
        "P = 200": {},
        "P = 300": {"prototypes": 300},
        "1 frame": {"frames": 1},
        "4 frames, 0.2 s apart": {"spacing_s": 0.2},
        "4 frames, 0.5 s apart": {},
        "4 frames, 1 s apart": {"spacing_s": 1.0},
        "2 frames": {"frames": 2, "spacing_s": 1.0},
        "4 frames": {},
        "8 frames": {"frames": 8, "spacing_s": 0.25},
        "None": {"frames": 1},
        "Assignments": {},
    }
    runs = dict(_runs(paper, *TABLES[:4]))
    for label, changes in expected.items():
        assert _changed(runs[label]) == {"iterations": 12 * EPOCH, **changes}, label
    forwards = {label: runs[label].settings.targets.forwards for label in ("Identity", "Scores")}
    assert forwards == {"Identity": "identity", "Scores": "logits"}
    clip_s = {
        runs[label].settings.frames * runs[label].settings.spacing_s
        for label in ("2 frames", "4 frames", "8 frames")
    }
    assert clip_s == {2.0}


def test_other_tables_take_thirty_epochs_from_their_encoders(paper: Plan) -> None:
    for label, run in _runs(paper, *TABLES[4:]):
        if run.settings.method != "timet":
            continue
        assert _changed(run).keys() <= {"encoder"}, label
        assert run.settings.iterations == 30 * EPOCH
    encoders = {label: run.settings.encoder for label, run in _runs(paper, "timet_table3")}
    assert encoders == {
        "MSN ViT-S/16 + TimeT": "msn.vits16",
        "iBOT ViT-S/16 + TimeT": "ibot.vits16",
        "DINO ViT-S/8 + TimeT": "dino.vits8",
        "DINO ViT-B/16 + TimeT": "dino.vitb16",
    }


def test_data(paper: Plan) -> None:
    """YouTube-VOS' 80 %, EPIC-KITCHENS and DAVIS; no video that is scored is learnt from."""
    learnt = {table: {run.datasets for _, run in _runs(paper, table)} for table in TABLES}
    assert learnt.pop("timet_table7") == {("epic",)}
    assert learnt.pop("timet_table9") == {("davis2017",)}
    assert all(datasets == {("youtube_vos_tuning",)} for datasets in learnt.values())
    assert {run.split for _, run in _runs(paper, *TABLES)} == {"train"}
    assert {run.samples for _, run in _runs(paper, "timet_table4")} == {
        "youtube_vos_tuning-train-clips",
        "youtube_vos_tuning-train-frames",
    }
    of = paper.config.datasets
    tuning, scored = of["youtube_vos_tuning"], of["youtube_vos_classes"]
    assert (tuning.fps, tuning.frames) == (30, "all")
    assert (tuning.held_out, tuning.held_out_seed) == (scored.held_out, scored.held_out_seed)
    assert paper.config.benchmarks["youtube_vos_frame"].split == "val"


def test_small_scales_start_from_encoders_that_need_no_download(shipped: Shipped) -> None:
    used = {"smoke": {"random.vit_smoke_8"}, "demo": {"vit_demo_8.photos", "random.vit_demo_8"}}
    for scale, encoders in used.items():
        runs = {run for _, run in _runs(shipped(scale), *TABLES)}
        timet = [run for run in runs if run.settings.method == "timet"]
        assert {run.settings.encoder for run in timet} == encoders
        assert {run.datasets for run in runs} == {("sprite_clips",)}


ROW = {"label": "x", "method": "timet", "data": "tuning_video"}
PROBE = {
    "benchmarks": {"probe": {"kind": "knn", "dataset": "sprite_photos", "view": "96.cls"}},
    "tables": {"table1": {"benchmarks": ["probe"], "flow": None}},
}


def test_a_file_of_weights_is_an_input_of_its_training(make, tmp_path) -> None:
    own = tmp_path / "mine.pth"
    own.touch()
    row = {**ROW, "settings": {"encoder": str(own)}}
    (run,) = {cell.run for cell in make(row, changes=PROBE).evaluations("table1")}
    assert run.start_files == [own]
    (run,) = {cell.run for cell in make(ROW, changes=PROBE).evaluations("table1")}
    assert run.start_files == []


def test_it_starts_from_a_run_of_dino(make) -> None:
    row = {**ROW, "start": {"method": "dino", "data": "images"}}
    (run,) = {cell.run for cell in make(row, changes=PROBE).evaluations("table1")}
    assert run.start is not None and run.start.datasets == ("sprite_photos",)
    assert run.start_files == [run.start.checkpoint]
    assert run.settings.start == str(run.start.checkpoint)
    assert "vit_demo_8" not in run.slug and run.start.slug in run.slug


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": {"encoder": "dino.vits61"}}, "encoder 'dino.vits61' .*mean dino.vits16"),
        ({"settings": {"encoder": "random.resnet50"}}, "is no vision transformer"),
        ({"settings": {"encoder": "random.vit_small_14"}}, "crop 64 must be a multiple of the"),
        ({"data": "images"}, "timet learns from clips of videos, but data set sprite_photos has"),
        ({"adapt": 2}, "adapt 2 is for segments"),
    ],
)
def test_what_cannot_be_trained(make, changes, message) -> None:
    with pytest.raises(ConfigError, match=message):
        make({**ROW, **changes}, changes=PROBE)
