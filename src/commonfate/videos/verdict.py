"""Which videos are usable, and why the others are not."""

from collections.abc import Sequence

from commonfate.videos.inspection import Inspection

# A video may lack its last frames, or have patched ones, up to this part of its frames. Recorders
# that are switched off leave as much; more would be seen as motion that never was.
TOLERANCE = 0.02


def fewest_frames(gaps: Sequence[int]) -> int:
    """How many frames a video needs for flow with at least one of the gaps; 0 is no flow."""
    return 1 + min((abs(gap) for gap in gaps), default=1)


def reason_against(found: Inspection, gaps: Sequence[int]) -> str:
    """Why a video cannot be used; "" where it can.

    Args:
        found: what decoding the whole file shows.
        gaps: the dataset's frame gaps.
    """
    return _incomplete(found) or _changing_size(found) or too_short(found.frames, gaps)


def too_short(frames: int, gaps: Sequence[int]) -> str:
    """Why so many frames do not suffice; "" where they do."""
    needed = fewest_frames(gaps)
    if frames >= needed:
        return ""
    found = "1 frame" if frames == 1 else f"{frames} frames"
    return f"too short: {found}, but gap {needed - 1} needs {needed}"


def _incomplete(found: Inspection) -> str:
    """Compare what decodes with what the container promises."""
    frames, promised = found.frames, found.promised_frames
    if promised - frames > max(1, TOLERANCE * promised):
        # Missing bytes are truncation; bytes that are there and do not decode are corrupt.
        word = "truncated" if found.packets < promised else "corrupt"
        return f"{word}: {frames} of {promised} frames decode"
    if frames == 0:
        return f"corrupt: none of {found.packets} frames decodes"
    there_s = max(found.end_s, found.read_s)
    lost_s = found.promised_s - there_s
    if not promised and lost_s > max(3 * found.end_s / frames, 0.05 * found.promised_s):
        return f"truncated: {there_s:.1f} of {found.promised_s:.1f} s are there"
    if found.damaged > 1 + TOLERANCE * frames:
        return f"corrupt: {found.damaged} of {found.packets} frames are damaged"
    return ""


def _changing_size(found: Inspection) -> str:
    if len(found.sizes) < 2:
        return ""
    (height, width, _), (new_height, new_width, first) = found.sizes[:2]
    return (
        f"changing size: frames are {width}x{height}, but {new_width}x{new_height} from frame "
        f"{first} on"
    )
