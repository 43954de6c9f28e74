"""A folder of anyone's videos, some of them broken, through Snakemake."""

from pathlib import Path

import av
import numpy as np


def _video(path: Path, frames: int = 4) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = 64, 48
        for number in range(frames):
            image = np.roll(np.arange(64, dtype=np.uint8) * 4, number)
            frame = av.VideoFrame.from_ndarray(np.dstack([np.tile(image, (48, 1))] * 3), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_the_run_ends_with_what_was_left_out(workflow_in, tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    _video(folder / "good.mp4")
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
