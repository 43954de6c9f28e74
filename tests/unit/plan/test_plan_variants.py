"""Rows that are scored on a variant of a benchmark, in the same column."""

import json

import pytest

from commonfate import config
from commonfate.base.errors import ConfigError

FROZEN = {"label": "all", "method": "frozen", "settings": {"encoder": "random.vit_smoke_8"}}
INSIDE = {**FROZEN, "label": "inside", "variant": "foreground"}
CLUSTERS = {"kind": "clustering", "dataset": "sprite_classes", "view": "96.tokens"}
CHANGES = {
    "benchmarks": {
        "clusters": {**CLUSTERS, "variants": {"foreground": "inner"}},
        "inner": {
            "kind": "foreground_clustering",
            "dataset": "sprite_classes",
            "view": "96.tokens+attention",
        },
        "probe": {
            "kind": "linear",
            "dataset": "sprite_classes",
            "view": "96.tokens",
            "settings": {"classes": 6},
        },
    },
    "tables": {"table1": {"benchmarks": ["clusters", "probe"]}},
}


def changed(name, **values):
    benchmarks = CHANGES["benchmarks"]
    return {**CHANGES, "benchmarks": {**benchmarks, name: {**benchmarks[name], **values}}}


def test_a_variant_stands_in_the_column_of_its_benchmark(make):
    cells = make(FROZEN, INSIDE, changes=CHANGES).evaluations("table1")
    scored = [(cell.column, cell.benchmark, cell.foreground) for cell in cells[::2]]
    probe = ("probe", "probe", "linear")
    assert scored == [
        ("clusters", "clusters", "clustering"),
        probe,
        ("clusters", "inner", "foreground_clustering"),
        probe,
    ]
    assert "/inner/leak_free.foreground_clustering.last.json" in str(cells[4].path)


def test_the_part_of_a_table_has_its_variants_alone(make):
    created = make(FROZEN, INSIDE, changes=CHANGES)
    part = json.loads(created.table_config("table1"))
    assert set(part["benchmarks"]) == {"clusters", "inner", "probe"}
    assert config.load(part).benchmarks["clusters"].variants == {"foreground": "inner"}
    part = json.loads(make(FROZEN, changes=CHANGES).table_config("table1"))
    assert set(part["benchmarks"]) == {"clusters", "probe"}
    assert config.load(part).benchmarks["clusters"].variants == {}


def test_a_variant_that_no_benchmark_has_is_refused(make):
    message = r"row 'inside': no benchmark of the table has the variant 'foreground'; name one .*"
    message += r"benchmarks\.clusters\.variants\.foreground, or leave the row out"
    with pytest.raises(ConfigError, match=message):
        make(FROZEN, INSIDE, changes=changed("clusters", variants={})).evaluations("table1")


def test_a_variant_that_does_not_exist_or_is_of_other_data_is_refused(make):
    with pytest.raises(ConfigError, match=r"benchmarks.clusters.variants.foreground 'iner'"):
        make(FROZEN, changes=changed("clusters", variants={"foreground": "iner"}))
    with pytest.raises(ConfigError, match=r"variants.foreground: split differs; scores of both"):
        make(FROZEN, changes=changed("inner", split="train"))
    with pytest.raises(ConfigError, match=r"variants.foreground: dataset differs"):
        make(FROZEN, changes=changed("inner", dataset="sprite_images"))
