"""Heavy augmentation: changes of colour, grey and blur, the same for both frames of a pair.

AMD, Section 4.4, names colour jitter, grayscale and blurring, no numbers: those here are MoCo v2's
(Chen et al., 2020), with which the paper compares itself. Motion has to stay visible, so both
frames are changed alike.
"""

import cv2
import numpy as np

JITTER, JITTERED = 0.4, 0.8
"""Brightness, contrast and saturation are multiplied by 1 - 0.4 to 1 + 0.4, in that share."""
HUE = 0.1
"""Largest shift of hue, in turns."""
GREY = 0.2
BLURRED, SIGMAS = 0.5, (0.1, 2.0)
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def changed(frames: list[np.ndarray], generator: np.random.Generator) -> list[np.ndarray]:
    """Change the look of frames.

    Args:
        frames: (H, W, 3) uint8 each, RGB.
        generator: random numbers; as many are drawn whatever comes of them.

    Returns:
        New frames, likewise.
    """
    jitter, grey, blur = generator.random(3)
    factors = generator.uniform(1 - JITTER, 1 + JITTER, 3).astype(np.float32)
    hue, sigma = generator.uniform(-HUE, HUE), generator.uniform(*SIGMAS)
    result = []
    for frame in frames:
        image = frame.astype(np.float32) / 255
        if jitter < JITTERED:
            image = _jittered(image, factors, hue)
        if grey < GREY:
            image = np.repeat((image @ LUMA)[..., None], 3, axis=2)
        if blur < BLURRED:
            image = cv2.GaussianBlur(image, (0, 0), sigma)
        result.append((image.clip(0, 1) * 255).round().astype(np.uint8))
    return result


def _jittered(image: np.ndarray, factors: np.ndarray, hue: float) -> np.ndarray:
    """Brightness, contrast, saturation, hue, in that order, of (H, W, 3) float32 in [0, 1]."""
    brightness, contrast, saturation = factors
    image = (image * brightness).clip(0, 1)
    image = ((image - (image @ LUMA).mean()) * contrast + (image @ LUMA).mean()).clip(0, 1)
    grey = (image @ LUMA)[..., None]
    image = ((image - grey) * saturation + grey).clip(0, 1)
    turned = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)  # hue in degrees
    turned[..., 0] = (turned[..., 0] + 360 * hue) % 360
    return cv2.cvtColor(turned, cv2.COLOR_HSV2RGB)
