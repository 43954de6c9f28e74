"""Broken video files, through the verbs: the reason names the file, the others go on."""

from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner

from commonfate.base import parquet
from commonfate.cli import commonfate
from commonfate.storage.frames import FrameReader


def picture(t: int, height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([(columns + 3 * t) * 5 % 256, rows * 3 % 256, rows + columns], -1).astype(
        np.uint8
    )


def write_video(path: Path, size=(64, 96), frames=48, codec="libx264", index_first=True) -> Path:
    """A video; an MP4 that is cut off can still be opened where its index comes first."""
    options = {"movflags": "faststart"} if index_first else {}
    with av.open(path, "w", options=options) as container:
        stream = container.add_stream(codec, rate=12)
        (stream.height, stream.width), stream.pix_fmt = size, "yuv420p"
        stream.gop_size = 12
        for t in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(t, *size), format="rgb24")
            frame.pts = t
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture
def usable_of(tmp_path):
    """Run the three verbs on `tmp_path/videos`; returns the manifest by id and all output."""

    def run():
        runner, output = CliRunner(), ""
        for arguments in (
            f"videos --dataset mine --set adapter=folder --set root={tmp_path / 'videos'} "
            f"--output {tmp_path / 'inventory.parquet'}",
            f"frames --inventory {tmp_path / 'inventory.parquet'} --shard 0 "
            f"--output {tmp_path / '0000.zarr.zip'} --report {tmp_path / '0000.parquet'}",
            f"manifest --dataset mine {tmp_path / '0000.parquet'} "
            f"--output {tmp_path / 'manifest.parquet'}",
        ):
            result = runner.invoke(commonfate, arguments.split())
            assert result.exit_code == 0, result.output
            output += result.output
        manifest = parquet.read(tmp_path / "manifest.parquet").set_index("id")
        ok = list(manifest.index[manifest["status"] == "ok"])
        assert FrameReader(tmp_path / "0000.zarr.zip").videos == ok == ["good"]
        return manifest, output

    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos/good.mp4")
    return run


def expect(usable_of, path, reason, frames):
    """The broken file is left out for one reason, said in the summary and in the manifest."""
    manifest, output = usable_of()
    assert manifest.loc["broken", "reason"] == reason
    assert manifest.loc["broken", "frames"] == frames
    assert "mine: 1 of 2 videos usable, 1 left out:\n" in output
    assert f"  {path}: {reason}\n" in output


@pytest.fixture
def broken(tmp_path):
    return tmp_path / "videos/broken.mp4"


def test_zero_bytes(usable_of, broken):
    broken.touch()
    expect(usable_of, broken, "empty file", 0)


def test_text_named_mp4(usable_of, broken):
    broken.write_text("These are not the pixels that you are looking for.\n" * 20)
    reason = "not a readable video: Invalid data found when processing input"
    expect(usable_of, broken, reason, 0)


def test_cut_off(usable_of, broken):
    data = write_video(broken).read_bytes()
    start = data.index(b"mdat") + 4
    broken.write_bytes(data[: start + (len(data) - start) // 2])
    actual = len(list(av.open(broken).demux(video=0))) - 1  # the last is empty: it ends the stream
    manifest, output = usable_of()
    frames = manifest.loc["broken", "frames"]
    assert 2 < actual - 3 <= frames < actual < 48
    assert f"{broken}: truncated: {frames} of 48 frames decode" in output


def test_cut_off_before_its_index(usable_of, broken):
    data = write_video(broken, index_first=False).read_bytes()
    broken.write_bytes(data[: len(data) // 2])
    reason = (
        "not a readable video: Invalid data found when processing input "
        "(it begins as an MP4, but its index is missing: cut off?)"
    )
    expect(usable_of, broken, reason, 0)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_corrupt_in_the_middle(usable_of, broken, codec):
    data = bytearray(write_video(broken, codec=codec).read_bytes())
    start = data.index(b"mdat") + 4
    third = (len(data) - start) // 3
    noise = np.random.default_rng(0).integers(0, 256, third, dtype=np.uint8)
    data[start + third : start + 2 * third] = noise.tobytes()
    broken.write_bytes(data)
    manifest, output = usable_of()
    assert manifest.loc["broken", "reason"].startswith("corrupt: ")
    assert f"{broken}: corrupt: " in output


@pytest.mark.parametrize("suffix", [".ts", ".webm"])
def test_changing_size(usable_of, broken, suffix):
    broken = broken.with_suffix(suffix)
    codec = "libvpx" if suffix == ".webm" else "libx264"
    parts = [
        write_video(broken.with_name(f"part{size[0]}{suffix}"), size, 12, codec)
        for size in ((64, 96), (96, 128))
    ]
    if suffix == ".ts":
        broken.write_bytes(b"".join(part.read_bytes() for part in parts))
    else:
        join(parts, broken)
    for part in parts:
        part.unlink()
    expect(usable_of, broken, "changing size: frames are 96x64, but 128x96 from frame 12 on", 24)


def join(parts: list[Path], whole: Path) -> None:
    """Put the packets of one file behind those of another."""
    with av.open(whole, "w") as output:
        stream, start_ms = None, 0
        for part in parts:
            with av.open(part) as source:
                stream = stream or output.add_stream_from_template(source.streams.video[0])
                for packet in source.demux(video=0):
                    if packet.dts is not None:
                        packet.pts, packet.dts = packet.pts + start_ms, packet.dts + start_ms
                        packet.stream = stream
                        output.mux(packet)
            start_ms += 1000


def test_one_frame(usable_of, broken):
    write_video(broken, frames=1)
    expect(usable_of, broken, "too short: 1 frame, but gap 1 needs 2", 1)


def test_container_that_promises_too_much(usable_of, broken):
    """The header of an AVI says 480 frames, and there are 48."""
    broken = broken.with_suffix(".avi")
    data = bytearray(write_video(broken, codec="mpeg4").read_bytes())
    for offset in (data.index(b"avih") + 8 + 16, data.index(b"strh") + 8 + 32):
        assert int.from_bytes(data[offset : offset + 4], "little") == 48
        data[offset : offset + 4] = (480).to_bytes(4, "little")
    broken.write_bytes(data)
    expect(usable_of, broken, "truncated: 4.0 of 40.0 s are there", 48)


def test_nothing_usable_is_an_error(tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/cat.mp4").touch()
    runner = CliRunner()
    inventory, report = tmp_path / "inventory.parquet", tmp_path / "0.parquet"
    for arguments in (
        f"videos --dataset mine --set adapter=folder --set root={tmp_path / 'videos'} "
        f"--output {inventory}",
        f"frames --inventory {inventory} --shard 0 --output {tmp_path / '0.zip'} --report {report}",
    ):
        assert runner.invoke(commonfate, arguments.split()).exit_code == 0
    output = tmp_path / "manifest.parquet"
    result = runner.invoke(
        commonfate, f"manifest --dataset mine {report} --output {output}".split()
    )
    assert str(result.exception) == (
        f"mine: none of its videos is usable:\n  {tmp_path}/videos/cat.mp4: empty file"
    )
    assert not output.exists()
