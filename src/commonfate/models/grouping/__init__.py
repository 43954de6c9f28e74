"""Groups of feature vectors: eigenvectors of their affinity, clusters, boxes of masks."""
