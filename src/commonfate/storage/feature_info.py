"""Description of stores of features; imports nothing, so that the workflow can read it."""

FORMAT = 2
"""Version of the stores of features."""
DTYPES = {
    "tokens": "<f2",
    "keys": "<f2",
    "cls": "<f2",
    "attention": "<f4",
    "eigenvectors": "<f4",
    "eigenvalues": "<f4",
}
"""Type of each feature in a store."""
AXES = {
    "tokens": ("item", "y", "x", "channel"),
    "keys": ("item", "y", "x", "channel"),
    "cls": ("item", "channel"),
    "attention": ("item", "head", "y", "x"),
    "eigenvectors": ("item", "vector", "y", "x"),
    "eigenvalues": ("item", "vector"),
}
"""Names of the axes of the arrays."""
