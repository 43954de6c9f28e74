"""Verdict on a video: usable, or the reason why not."""

from collections.abc import Sequence

from commonfate.videos.inspection import Inspection

TOLERANCE = 0.02
"""Greatest part of a video's frames that may be missing at the end, or patched.

Recorders that are switched off leave as much. More would show as motion that never was.
"""


def fewest_frames(gaps: Sequence[int]) -> int:
    """Number of frames that flow with at least one of the gaps needs; gap 0 is no flow."""
    return 1 + min((abs(gap) for gap in gaps), default=1)


def reason_against(inspection: Inspection, gaps: Sequence[int]) -> str:
    """Reason why a video cannot be used; "" if it can.

    Args:
        inspection: of the whole file.
        gaps: the dataset's frame gaps.
    """
    return (
        _incomplete(inspection) or _changing_size(inspection) or too_short(inspection.frames, gaps)
    )


def too_short(frames: int, gaps: Sequence[int]) -> str:
    """Reason why a number of frames does not suffice; "" if it does."""
    needed = fewest_frames(gaps)
    if frames >= needed:
        return ""
    number = "1 frame" if frames == 1 else f"{frames} frames"
    return f"too short: {number}, but gap {needed - 1} needs {needed}"


def _incomplete(inspection: Inspection) -> str:
    """Compare the frames that decode with the container's promise."""
    frames, promised = inspection.frames, inspection.promised_frames
    if promised - frames > max(1, TOLERANCE * promised):
        # Missing packets mean that the file is truncated; packets that do not decode are corrupt.
        word = "truncated" if inspection.packets < promised else "corrupt"
        return f"{word}: {frames} of {promised} frames decode"
    if frames == 0:
        return f"corrupt: none of {inspection.packets} frames decodes"
    present_s = max(inspection.end_s, inspection.read_s)
    lost_s = inspection.promised_s - present_s
    if not promised and lost_s > max(3 * inspection.end_s / frames, 0.05 * inspection.promised_s):
        return f"truncated: {present_s:.1f} of {inspection.promised_s:.1f} s are there"
    if inspection.damaged > 1 + TOLERANCE * frames:
        return f"corrupt: {inspection.damaged} of {inspection.packets} frames are damaged"
    return ""


def _changing_size(inspection: Inspection) -> str:
    if len(inspection.sizes) < 2:
        return ""
    (height, width, _), (new_height, new_width, first) = inspection.sizes[:2]
    return (
        f"changing size: frames are {width}x{height}, but {new_width}x{new_height} from frame "
        f"{first} on"
    )
