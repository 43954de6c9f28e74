"""Guess What Moves: regions that anticipate motion (Choudhury et al., BMVC 2022)."""
