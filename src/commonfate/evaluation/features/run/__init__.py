"""Protocols run on stores of features: reading, fitting and scoring, writing."""
