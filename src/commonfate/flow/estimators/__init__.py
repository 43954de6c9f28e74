"""Flow estimators: classical, networks, and the exact flow of rendered videos."""
