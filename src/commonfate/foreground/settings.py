"""Settings of the search for what moves, without arrays."""

from typing import Literal

Camera = Literal["any", "turns", "moves"]
"""Motion of the camera that is told from that of things: it turns, or moves past things."""
