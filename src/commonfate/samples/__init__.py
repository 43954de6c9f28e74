"""Training samples: index, reader, sampler."""
