"""Masked feature prediction (Wei et al., CVPR 2022), with targets at several scales."""
