"""Baseline: clusters of dense image features, without motion (Guess What Moves, Table 6)."""
