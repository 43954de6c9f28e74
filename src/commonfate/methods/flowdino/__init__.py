"""FlowDINO: features of places that move together become alike."""
