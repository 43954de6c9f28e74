"""Training flow networks on endless rendered pairs, whose flow is known exactly.

Scenes are those of the `sprites` generator, drawn from streams of random numbers of their own: no
scene is ever one of a `sprites` dataset (whatever its seed, so the demo's is held out, too), and
the held-out scenes that trainings are measured on are never trained on. The photographs that
textures are cut from are the same everywhere: there are only thirteen.
"""
