"""`commonfate samples`, as the rule calls it."""

import click
import pytest
from click.testing import CliRunner

from commonfate.base.errors import StoreError, UserError
from commonfate.base.parquet import provenance
from commonfate.cli import commonfate
from commonfate.samples import index


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


@pytest.fixture
def toy(make_shard, make_manifest, tmp_path):
    """Options that every call needs, of a data set `toy`, and its flow store."""
    frames, flow = make_shard("toy", 0, {"a": 3})
    manifest = make_manifest("toy", [("a", "train", 0, "")])
    output = tmp_path / "toy-all-pairs" / "index.parquet"
    return [f"--manifest={manifest}", f"--frames={frames}", f"--output={output}"], flow, output


def test_pairs_need_no_flow(toy):
    options, _, output = toy
    call(*options, "--learns-from=pairs", "--gap=1", "--gap=2", "--gap=1")
    assert [(item.t, item.gaps) for item in index.read(output).samples] == [(0, (1, 2)), (1, (1,))]


def test_a_gap_of_one_data_set(make_shard, make_manifest, tmp_path):
    options = []
    for name in ("one", "two"):
        options += [f"--manifest={make_manifest(name, [('a', 'train', 0, '')])}"]
        options += [f"--frames={name}={make_shard(name, 0, {'a': 3})[0]}"]
    options += ["--learns-from=pairs", f"--output={tmp_path / 'index.parquet'}"]
    call(*options, "--gap=1", "--gap=two=2")
    actual = index.read(tmp_path / "index.parquet").samples
    assert [(item.dataset, item.t, item.gaps) for item in actual] == [
        ("one", 0, (1,)), ("one", 1, (1,)), ("two", 0, (1, 2)), ("two", 1, (1,))
    ]  # fmt: skip
    with pytest.raises(click.UsageError, match="pairs: one has no gap; give --gap 1 or --gap one="):
        call(*options, "--gap=two=2")
    with pytest.raises(click.UsageError, match=r"--gap to=2: there is no .* one, two"):
        call(*options, "--gap=1", "--gap=to=2")


def test_names_of_folders_say_nothing_of_the_data(make_shard, make_manifest, tmp_path):
    """Stores lie in folders of another data set's name, and in one that has a `=`."""
    options, swapped = [f"--output={tmp_path / 'index.parquet'}"], {"one": "two", "two": "one"}
    for name, length in (("one", 2), ("two", 4)):
        manifest = make_manifest(name, [("a", "train", 0, "")])
        frames, flow = make_shard(swapped[name], 0, {"a": length}, gaps=(1,))
        moved = [path.rename(tmp_path / f"a={name}-{path.parts[-3]}.zarr.zip") for path in
                 (manifest, frames, flow)]  # fmt: skip
        given = zip(("manifest", "frames", "flow"), moved, strict=True)
        whose = {"manifest": "", "frames": f"{name}=", "flow": f"{name}="}
        options += [f"--{option}={whose[option]}{path}" for option, path in given]
    call(*options)
    actual = index.read(tmp_path / "index.parquet").samples
    assert [(item.dataset, item.t) for item in actual] == [
        ("one", 0), ("two", 0), ("two", 1), ("two", 2)
    ]  # fmt: skip


def test_of_several_data_sets_each_store_says_whose_it_is(make_shard, make_manifest, tmp_path):
    options = [f"--output={tmp_path / 'index.parquet'}", "--learns-from=pairs", "--gap=1"]
    for name in ("one", "two"):
        options += [f"--manifest={make_manifest(name, [('a', 'train', 0, '')])}"]
    frames = make_shard("one", 0, {"a": 3})[0]
    with pytest.raises(
        click.UsageError, match=rf"of which dataset\? Give --frames DATASET={frames}"
    ):
        call(*options, f"--frames={frames}")
    with pytest.raises(click.UsageError, match=r"--frames three=.*no such --manifest; .* one, two"):
        call(*options, f"--frames=three={frames}")
    with pytest.raises(click.BadParameter, match="does not exist"):
        call(*options, "--frames=one=/none.zarr.zip")


def test_what_is_no_manifest_is_refused(make_shard, make_manifest, tmp_path):
    frames, flow = make_shard("toy", 0, {"a": 3})
    manifest = make_manifest("toy", [("a", "train", 0, "")])
    call(f"--manifest={manifest}", f"--frames={frames}", f"--flow={flow}",
         f"--output={tmp_path / 'index.parquet'}")  # fmt: skip
    with pytest.raises(StoreError, match=r"index\.parquet: is no manifest, it names no dataset"):
        call(f"--manifest={tmp_path / 'index.parquet'}", f"--frames={frames}", f"--flow={flow}",
             f"--output={tmp_path / 'other.parquet'}")  # fmt: skip


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "--learns-from flow: needs --flow, once for each flow store"),
        (["--learns-from=pairs"], "pairs: toy has no gap; give --gap 1"),
        (["--learns-from=pairs", "--gap=1", "FLOW"], "pairs: reads no flow; leave --flow out"),
        (["--learns-from=labels", "FLOW"], "labels: reads no flow; leave --flow out"),
        (["--gap=1", "FLOW"], "--gap is of --learns-from pairs; flow has the gaps of its stores"),
        (["--learns-from=labels", "--gap=1"], "--gap is of --learns-from pairs; labels have none"),
        (["--learns-from=pairs", "--gap=0"], "'0': expected a number of frames, at least 1"),
        (["--learns-from=pairs", "--gap=-1"], "'-1': expected a number of frames, at least 1"),
        (["--learns-from=pairs", "--gap==1"], "'=1': expected a number of frames, at least 1"),
        (["--learns-from=pairs", "--gap=toy="], "'toy=': expected a number of frames, at least 1"),
    ],
)
def test_options_that_do_not_go_together(toy, given, message):
    options, flow, output = toy
    given = [f"--flow={flow}" if option == "FLOW" else option for option in given]
    with pytest.raises(click.UsageError, match=message):
        call(*options, *given)
    assert not output.exists()
