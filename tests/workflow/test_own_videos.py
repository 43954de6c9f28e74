"""A folder of anyone's videos, some of them broken, through Snakemake."""

from pathlib import Path

from helpers import videos


def test_the_run_ends_with_what_was_left_out(workflow_in, tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    videos.write(folder / "good.mp4")
    (folder / "empty.mp4").touch()
    (folder / "cut.mp4").write_bytes((folder / "good.mp4").read_bytes()[:300])
    process = workflow_in(tmp_path).start(
        "--config",
        "datasets={mine: {adapter: folder, root: videos, gaps: [1]}}",
        targets=["results/smoke/videos/mine/manifest.parquet"],
    )
    output, _ = process.communicate()
    assert process.returncode == 0, output
    (line,) = [line for line in output.splitlines() if line.startswith("mine: ")]
    assert line.startswith("mine: 2 of 3 videos left out (")
    log = tmp_path / line.rpartition(" ")[2]
    assert "videos/empty.mp4: empty file" in log.read_text()
