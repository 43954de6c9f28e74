"""Optical flow: estimators, extraction, quality, drawing, resizing.

Convention, the same everywhere in the package:

- Flow of **gap** g at frame t leads from frame t to frame t + g: the point x of frame t is at
  x + flow(x) in frame t + g. A negative gap looks back. Frames count from 0; flow exists for each t
  such that t and t + g are both frames of the video.
- A field is (2, H, W) float32, u (to the right) then v (down), in pixels of its own array; a
  batch is (B, 2, H, W). NaN means no value.
- Pixel centres are at half-integers, so that image corners coincide after resizing
  (`align_corners=False`). Resizing a field scales its values (`resize.resize`).
"""
