"""Guess What Moves with MaskFormer's segmentation head."""
