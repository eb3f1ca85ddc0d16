"""Find the faces of a photo, print their pose, and write the photo with landmarks drawn.

python examples/photo.py photo.jpg annotated.jpg
"""

import sys

from asmnet_edge import FaceLandmarker, draw_faces, read_image, write_image

source, output = sys.argv[1:3]
image = read_image(source)
faces = FaceLandmarker.open().detect(image)
for face in faces:
    yaw, pitch, roll = face.pose
    x, y = face.landmarks.points.mean(axis=0)
    print(f"face at ({x:.0f}, {y:.0f}): yaw {yaw:.0f}, pitch {pitch:.0f}, roll {roll:.0f} degrees")
write_image(output, draw_faces(image, faces))
