"""Training samples: index, readers, transforms."""
