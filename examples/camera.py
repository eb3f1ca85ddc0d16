"""Print where the nearest person looks: left, right or ahead.

python examples/camera.py 0 100                # 100 frames of the first camera
python examples/camera.py replay:walk.mp4 100  # of a video, in place of a camera
"""

import sys

from asmnet_edge import Pipeline, StreamOutputs


def print_direction(frame, faces, annotated):
    if faces:
        yaw = faces[0].pose[0]  # positive when the nose points to the image's right
        print(frame.number, "right" if yaw > 15 else "left" if yaw < -15 else "ahead")


source, count = sys.argv[1], int(sys.argv[2])
with Pipeline() as pipeline:
    pipeline.camera(source, StreamOutputs(sinks=[print_direction], frames=count))
