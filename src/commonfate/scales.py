"""Scales: files of settings that change the demo, or that replace it.

The demo is `config.yaml`, whose settings make a run take minutes; other scales should not inherit
them. So a file whose `scale` has another name starts from the defaults of all settings, which are
those of the papers, unless it says `based_on: demo`.
"""

from collections.abc import Mapping
from typing import Any

from commonfate.base.settings import merged

DEMO = "demo"


def changes_demo(given: Mapping[str, Any]) -> bool:
    """True if settings change the demo: `scale` is `demo` or missing, or `based_on` is `demo`."""
    return given.get("based_on") == DEMO or given.get("scale", DEMO) == DEMO


def joined(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Merge `given` into `before` if it changes the demo; otherwise return `given` alone.

    Args:
        before: all settings of the demo, or of a scale.
        given: settings of a file or of the command line.
    """
    return merged(before, given) if changes_demo(given) else dict(given)
