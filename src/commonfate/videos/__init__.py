"""Decoding, frame extraction and the manifest.

`decode` and below it `worker` turn a video file into frames, in a child process; `verdict` says
which videos are usable; `shard` and `manifest` put both into files.
"""
