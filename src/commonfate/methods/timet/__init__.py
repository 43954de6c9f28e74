"""TimeT: time-tuning of dense features by clustering over time (Salehi et al., ICCV 2023)."""
