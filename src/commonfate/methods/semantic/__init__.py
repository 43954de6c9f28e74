"""Semantic segmentation by fine-tuning AMD's appearance pathway (Liu et al., NeurIPS 2021)."""
