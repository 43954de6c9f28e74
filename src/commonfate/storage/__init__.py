"""How frames and flow lie on disk."""
