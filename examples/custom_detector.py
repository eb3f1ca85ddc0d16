"""Use a custom detector: any function of an image that returns boxes.

python examples/custom_detector.py photo.jpg
"""

import sys

from asmnet_edge import Box, FaceLandmarker, read_image


def detect_in_the_middle(image):
    height, width = image.shape[:2]
    side = 0.6 * min(height, width)  # of the tight box around the landmarks
    return [Box((width - side) / 2, (height - side) / 2, side, side)]


landmarker = FaceLandmarker.open(detector=detect_in_the_middle, threads=2)
(face,) = landmarker.detect(read_image(sys.argv[1]))
print(f"quality {face.quality:.2f}, {landmarker.timings.infer:.1f} ms in the network")
print(face.landmarks.points.round(1))
