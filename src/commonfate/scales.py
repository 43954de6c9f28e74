"""Scales: files of settings that change the demo, or that stand by themselves.

The demo is `config.yaml`: what it sets so that a run takes minutes is of no use to another scale. A
file whose `scale` has another name therefore stands on the defaults of all settings, which are the
papers', unless it says `based_on: demo`.
"""

from collections.abc import Mapping
from typing import Any

from commonfate.base.settings import merged

DEMO = "demo"


def changes_demo(given: Mapping[str, Any]) -> bool:
    """Whether settings are changes of the demo: they have its name, none, or say so."""
    return given.get("based_on") == DEMO or given.get("scale", DEMO) == DEMO


def joined(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings after those of `before`: changes of them, or in their place where they stand alone.

    Args:
        before: all settings of the demo, or of a scale that is changed further.
        given: a file of a scale, or what the command line changes.
    """
    return merged(before, given) if changes_demo(given) else dict(given)
