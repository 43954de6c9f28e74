"""The embedded data: videos of textured sprites, rendered with exact ground truth.

Photographs that ship inside the scikit-image wheel become textures, textures become layers that
move by known maps, layers become frames. Read `listing` for what there is, `truth` for the ground
truth, `produce` for the making.
"""
