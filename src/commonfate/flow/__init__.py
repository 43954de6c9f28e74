"""Optical flow: estimators, the extraction loop, visualisation."""
