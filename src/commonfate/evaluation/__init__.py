"""How predictions are scored: protocols, foregrounds, classes, snapshots."""
