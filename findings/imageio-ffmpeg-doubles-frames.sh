#!/usr/bin/env bash
# imageio's ffmpeg reader hands out 48 frames of a phone-like video of 24 and calls that a count of
# 24.
#
# Package:  imageio 2.38.1, imageio-ffmpeg 0.8.1, av 18.1.0, numpy 2.4.6
# Guess:    iterating over a video yields each encoded frame once, as many as count_frames() says.
# Seen:     of a video with unequal frame times (12 frames 33 ms apart, then 12 frames 100 ms apart)
#           the reader repeats frames to reach an even rate: 48 frames come, the last grey level
#           four times among them, while count_frames() of the same reader is 24 and PyAV decodes
#           24.
# Matters:  phones slow down in dim rooms, so their videos have unequal frame times. Landmarks
#           labelled by frame number no longer belong to the frames, and a tracker sees faces that
#           stand still and jump.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    imageio==2.38.1 imageio-ffmpeg==0.8.1 av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder/phone.mp4" <<'PYTHON'
import sys
from fractions import Fraction

import av
import imageio
import numpy as np

MILLISECOND = Fraction(1, 1000)
path = sys.argv[1]
times = [33 * i for i in range(12)] + [33 * 12 + 100 * i for i in range(12)]
with av.open(path, "w") as container:
    stream = container.add_stream("libx264", rate=30)
    stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
    stream.time_base = stream.codec_context.time_base = MILLISECOND
    for number, time in enumerate(times):
        grey = np.full((96, 128, 3), 10 + 8 * number, np.uint8)
        frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
        frame.pts, frame.time_base = time, MILLISECOND
        container.mux(stream.encode(frame))
    container.mux(stream.encode())

with av.open(path) as container:
    encoded = len(list(container.decode(video=0)))
reader = imageio.get_reader(path, "ffmpeg")
counted = reader.count_frames()
levels = [round(float(frame.mean())) for frame in reader]
print("frames encoded, by PyAV:     ", encoded)
print("reader.count_frames():       ", counted)
print("frames that the reader gave: ", len(levels), "of", len(set(levels)), "grey levels")
print("grey levels:", *levels)
as_stated = encoded == counted == len(set(levels)) == 24 and len(levels) == 48
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
