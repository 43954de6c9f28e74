"""Parts of PWC-type flow networks, and the losses that train such networks without labels.

PWC stands for pyramid, warping, cost volume: Sun et al., "PWC-Net: CNNs for Optical Flow Using
Pyramid, Warping, and Cost Volume", CVPR 2018.

Convention: flow is (B, 2, H, W), u then v, in pixels at its own scale. The networks here resize and
sample with `align_corners=True`, as does the code that their weights come from.
"""
