"""Flow estimators: classical methods, networks, and the exact flow of rendered videos."""
