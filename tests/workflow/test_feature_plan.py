"""Jobs of the tables of features: a view is extracted once, whatever reads it."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from helpers import layouts
from helpers.frozen_tables import ABLATIONS, FLOWDINO, TIMET
from helpers.pages import ROOT


def jobs(folder: Path, scale: str, *tables: str) -> Counter[str]:
    """Number of jobs of each rule that a dry run in an empty folder plans."""
    snakemake = Path(sys.executable).with_name("snakemake")
    options = ["-n", "--snakefile", ROOT / "Snakefile"]
    options += ["--configfile", ROOT / f"config/{scale}.yaml", "--"]
    targets = [f"results/tables/{name}.csv" for name in tables]
    process = subprocess.run(
        [*map(str, (snakemake, *options)), *targets], cwd=folder, capture_output=True, text=True
    )
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    _, _, statistics = output.partition("Job stats:")
    pairs = (line.split() for line in statistics.splitlines())
    return Counter(
        {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
    )


# A data set that is an empty folder has one shard.
PAPER = {
    # Two encoders and three data sets, with boxes of each; to learn from, three of videos with flow
    # and ImageNet.
    "flowdino_table1": {
        "features": 2 * 3,
        "probe": 12,
        "frames": 3 + 4,
        "boxes": 3,
        "flow": 3,
        "samples": 2,
        "train": 1,
    },
    "flowdino_table2": {
        "features": 8 * 3,
        "probe": 48,
        "frames": 3 + 4,
        "boxes": 3,
        "flow": 3,
        "samples": 2,
        "train": 4,
    },
    "flowdino_table3": {
        "features": 9,
        "probe": 18,
        "frames": 1 + 4,
        "boxes": 1,
        "flow": 3,
        "samples": 2,
        "train": 7,
    },
    # Train and val of COCO-Stuff; val of VOC, whose training images heads see anew in each epoch;
    # Moments in Time to learn from.
    "flowdino_table4": {
        "features": 5 * 3,
        "probe": 20,
        "frames": 2 + 1,
        "flow": 1,
        "samples": 1,
        "train": 1,
    },
    "flowdino_table5": {
        "features": 4,
        "probe": 8,
        "frames": 1 + 4,
        "flow": 3,
        "samples": 2,
        "train": 2,
    },
    # ImageNet is both learnt from and scored.
    "flowdino_table6": {
        "features": 5 * 5,
        "probe": 30,
        "frames": 3 + 3,
        "flow": 3,
        "samples": 2,
        "train": 2,
    },
    "flowdino_table7": {
        "features": 8 * 2,
        "probe": 16,
        "frames": 1 + 3,
        "flow": 3,
        "samples": 2,
        "train": 4,
    },
    # Train and val of VOC, which clusters and heads share; the videos of TimeT's training.
    "timet_table1a": {"features": 4 * 2, "probe": 24, "frames": 2, "samples": 1, "train": 4},
    "timet_table1b": {"features": 4 * 2, "probe": 24, "frames": 2, "samples": 1, "train": 4},
    "timet_table1c": {"features": 4 * 2, "probe": 24, "frames": 2, "samples": 1, "train": 4},
    "timet_table2": {"features": 4 * 2, "probe": 24, "frames": 2, "samples": 1, "train": 4},
    "timet_table3": {"features": 8 * 2, "probe": 32, "frames": 2, "samples": 1, "train": 4},
    # Val of two data sets, for 12 protocols; TimeT and DINO learn from the same videos.
    "timet_table4": {"features": 6 * 2, "probe": 144, "frames": 3, "samples": 2, "train": 2},
    # And the foreground of val, of two encoders, from a view with attention.
    "timet_table5": {"features": 5 * 2 + 2, "probe": 40, "frames": 2, "samples": 1, "train": 1},
    "timet_table6": {"features": 3 * 6, "probe": 18, "frames": 4, "samples": 1, "train": 1},
    "timet_table7": {"features": 3, "probe": 12, "frames": 2, "samples": 1, "train": 1},
    "timet_table8": {"features": 7 * 2, "probe": 7, "frames": 2, "samples": 1, "train": 2},
    # Learnt from and scored on other videos of DAVIS.
    "timet_table9": {"features": 1, "probe": 6, "frames": 1, "samples": 1, "train": 1},
    # Clusters read val alone; TimeT's with attention, too.
    "timet_table10": {"features": 2 + 1, "probe": 6, "frames": 2, "samples": 1, "train": 1},
    # The forwarder alone reads features, optical flow alone flow.
    "timet_table11": {"features": 2, "probe": 32, "frames": 2, "flow": 1, "samples": 1, "train": 1},
}


@pytest.mark.parametrize(
    "table", ["flowdino_table3", "flowdino_table6", "timet_table4", "timet_table11"]
)
def test_jobs_of_a_table_at_scale_paper(tmp_path: Path, table: str) -> None:
    layouts.paper(tmp_path)
    planned = jobs(tmp_path, "paper", table)
    none = dict.fromkeys(("boxes", "flow", "samples", "train", "predict"), 0)
    expected = {**none, "table": 1, **PAPER[table]}
    assert {name: planned[name] for name in expected} == expected


def test_jobs_of_all_tables_of_features_at_scale_paper(tmp_path: Path) -> None:
    layouts.paper(tmp_path)
    planned = jobs(tmp_path, "paper", *FLOWDINO, *ABLATIONS, *TIMET)
    assert planned["table"] == len(PAPER) == 20
    # Eigenvectors by 4 encoders of 3 data sets; 320 px by 6 encoders, train and val of COCO-Stuff,
    # val of VOC; 224.cls by 5, train and val; prototypes by 2.
    flowdino = 4 * 3 + 6 * 3 + 5 * 2 + 2
    # Of what is trained: eigenvectors by 4 of 3 data sets, by 5 more of Table III of one; Tables IV
    # and VI, V, VII.
    flowdino += 4 * 3 + 5 + 3 + 2 * 5 + 2 + 4 * 2
    # 448 px of VOC by 10 encoders, by 11 runs of Tables 1 and 2, 4 of Table 3 and the main one,
    # train and val, for Tables 1 to 3, 5, 8 and 10; foreground by 3, train and val of 3, which
    # Tables 5 and 10 read, too; 224 px by 6 of 2, by 3 of VISOR, by that of Table 9: those of
    # Table 11 are in Table 4.
    timet = (10 + 11 + 4 + 1) * 2 + 3 * 2 * 3 + 6 * 2 + 3 + 1
    assert planned["features"] == flowdino + timet == 168
    # Table I is two rows of II, four rows of III are of II, and ViT-S/16, ViT-S/8 of VII of VI.
    repeated = 2 * 6 + 4 * 2 + 4
    # The two linear probes of Leopart stand in Tables IV and VI, two scorings each.
    repeated += 4
    # TimeT's main row of the ablations is in four tables, a single frame in three.
    repeated += (3 + 2) * 3 * 2
    assert planned["probe"] == sum(counts["probe"] for counts in PAPER.values()) - repeated == 487
    # VOC 2007; VOC 2012 with boxes, masks, masks of its own lists; COCO-20k, COCO-Stuff, ImageNet,
    # DAVIS, YouTube-VOS, VISOR; UVO, VSPW, YouTube-VOS one frame in five, Moments in Time; all
    # frames of YouTube-VOS, EPIC-KITCHENS.
    assert planned["frames"] == 10 + 4 + 2
    # Flow of DAVIS for Table 11 of TimeT, and of what FlowDINO learns from.
    assert (planned["boxes"], planned["flow"]) == (3, 1 + 4)
    # FlowDINO: four networks twice, three parts of Table III, Table IV. TimeT: 11 ablations, 4
    # other starts, the main one, on EPIC-KITCHENS, on DAVIS; and DINO.
    assert planned["train"] == (4 * 2 + 3 + 1) + (11 + 4 + 1 + 1 + 1 + 1)
    # Two mixtures of videos with flow, ImageNet; clips of three data sets, frames of one.
    assert planned["samples"] == 3 + 4


def test_protocols_share_a_view_at_scale_smoke(tmp_path: Path) -> None:
    planned = jobs(tmp_path, "smoke", "timet_table5")
    # 3 images of val and 4 of train are one shard, which three ViTs and two ResNets look at: a
    # store for each split, which linear head, K = 6 and K = 40 read; the FCN head that of val.
    assert planned["features"] == 5 * 2 + 2  # clusters of the foreground read attention of two
    assert planned["probe"] == 5 * 4 * 2
    # The videos that TimeT learns from are one shard of their own.
    assert (planned["frames"], planned["sprites"], planned["table"]) == (2, 2, 1)
    assert (planned["samples"], planned["train"]) == (1, 1)
    assert not planned.keys() & {"flow", "predict", "evaluate"}
