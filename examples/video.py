"""Follow the faces of a video; write an annotated video and a table of all landmarks.

python examples/video.py walk.mp4 annotated.mp4 faces.csv
"""

import sys

from asmnet_edge import Pipeline, PipelineOptions, StreamOutputs

source, video, table = sys.argv[1:4]
outputs = StreamOutputs(video=video, records=table, overwrite=True)
with Pipeline(PipelineOptions(faces=2), log=print) as pipeline:
    summary = pipeline.video(source, outputs)
print(f"{summary.frames} frames, {pipeline.times.per_second:.0f} a second")
