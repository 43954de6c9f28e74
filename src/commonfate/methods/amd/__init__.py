"""AMD: objects emerge from segments that move as one (Liu et al., NeurIPS 2021)."""
