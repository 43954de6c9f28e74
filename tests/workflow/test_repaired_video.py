"""A video that was left out is tried again once it is repaired, and the others are kept."""

from pathlib import Path

import cv2
import numpy as np

from commonfate.storage.flow import open_reader

STORE = "results/smoke/flow/mine/dis/0000.zarr.zip"


def picture(video: str, t: int) -> np.ndarray:
    grain = np.random.default_rng(ord(video[0])).integers(0, 256, (8, 20, 3), np.uint8)
    return cv2.resize(grain, (160, 64), interpolation=cv2.INTER_CUBIC)[:, 2 * t : 2 * t + 96]


def test_the_same_command_makes_the_flow_of_a_repaired_video(workflow_in, tmp_path: Path) -> None:
    for video in ("cat", "dog", "fox"):
        (tmp_path / "videos" / video).mkdir(parents=True)
        for t in range(4):
            cv2.imwrite(str(tmp_path / "videos" / video / f"{t:05d}.png"), picture(video, t))
    broken = tmp_path / "videos/dog/00002.png"
    good = broken.read_bytes()
    broken.write_bytes(good[:600])
    workflow = workflow_in(tmp_path)
    data = (f"datasets={{mine: {{adapter: folder, root: {tmp_path}/videos, gaps: [1]}}}}",)
    config = ("--config", *data, "shard_size=8")

    def flow(*options: str):
        workflow.run(*config, *options, targets=(STORE,))
        return open_reader(tmp_path / STORE)

    reader = flow()
    (name,) = {item["video"] for item in reader.provenance["left_out"]}
    kept = {video: reader.read(video, 1, 0) for video in reader.videos}
    assert name not in kept and len(kept) == 2
    broken.write_bytes(good)
    reader = flow("--forcerun", "flow")
    assert name in reader.videos and reader.provenance["left_out"] == []
    log = (tmp_path / "results/smoke/logs/flow/mine/dis/0000.log").read_text()
    assert "the flow of 2 of 3 videos is kept" in log
    for video, field in kept.items():
        np.testing.assert_array_equal(reader.read(video, 1, 0), field)
