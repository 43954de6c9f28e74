"""The papers' printed numbers and benchmarks."""
