"""Optical flow: estimators, the extraction loop, resizing, colours.

Convention, the same everywhere in the package:

- Flow of **gap** g at frame t says where each pixel of frame t is in frame t + g: the point x of
  frame t is at x + flow(x). A negative gap looks back. Frames count from 0; flow exists for the t
  with both 0 <= t and 0 <= t + g inside the video.
- A field is (2, H, W) float32, u (to the right) then v (down), in pixels of the array it is in, a
  batch (B, 2, H, W). NaN means that there is no value.
- Pixel centres are at half-integers, so that corners of images fall together when they are resized
  (`align_corners=False`), and resizing a field scales its values (`resize.resize`).
"""
