"""DINO: self-distillation with no labels (Caron et al., ICCV 2021)."""
