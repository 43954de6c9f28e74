"""`commonfate samples`, as the rule calls it."""

import pytest
from click.testing import CliRunner

from commonfate.cli import commonfate
from commonfate.errors import UserError
from commonfate.parquet import provenance
from commonfate.samples import index

KINDS = ("frames", "flow")


def call(*arguments):
    result = CliRunner().invoke(commonfate, ["samples", *arguments], standalone_mode=False)
    if result.exception:
        raise result.exception


def test_two_shards_become_one_index(make_shard, make_manifest, tmp_path):
    stores = [make_shard("toy", 0, {"a": 3}), make_shard("toy", 1, {"b": 2})]
    rows = [("a", "train", 0, ""), ("b", "train", 1, ""), ("c", "train", 1, "truncated")]
    manifest = make_manifest("toy", rows)
    given = [f"--frames={frames}" for frames, _ in stores] + [
        f"--flow={flow}" for _, flow in stores
    ]
    output = tmp_path / "toy-train-dis" / "index.parquet"
    call(f"--manifest={manifest}", "--split=train", *given, f"--output={output}")
    samples = index.read(output).samples
    assert [(sample.video, sample.t) for sample in samples] == [
        ("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1)
    ]  # fmt: skip
    flow = [str(store) for _, store in stores]
    assert [sample.flow_store for sample in samples] == [flow[0]] * 3 + [flow[1]] * 2
    assert provenance(output)["videos"]["toy"]["reasons"] == {"truncated": 1}


def test_nothing_is_written_where_there_is_no_sample(make_shard, make_manifest, tmp_path):
    frames, flow = make_shard("toy", 0, {"a": 3})
    manifest = make_manifest("toy", [("a", "train", 0, "truncated")])
    output = tmp_path / "index.parquet"
    with pytest.raises(UserError, match="no sample in split 'all': 1 videos were left out"):
        call(f"--manifest={manifest}", f"--frames={frames}", f"--flow={flow}", f"--output={output}")
    assert not output.exists()
