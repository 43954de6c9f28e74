"""Decoding, frame extraction and the manifest.

`decode` turns a video file into frames, in the child process `worker`. `verdict` decides if a video
is usable. `shard` and `manifest` write the results to files.
"""
