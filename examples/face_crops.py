"""Cut the upright crop of every face of a folder of photos, such as for a gallery.

python examples/face_crops.py photos crops
"""

import sys
from pathlib import Path

from asmnet_edge import CropRule, Pipeline, cut, read_image, write_image

folder, output = sys.argv[1:3]
rule = CropRule(margin=1.5, size=128, upright=True)
with Pipeline() as pipeline:
    for result in pipeline.images([folder], jobs=2):
        for number, face in enumerate(result.faces):
            crop = cut(read_image(result.path), rule.matrix(face.landmarks), rule.size)
            write_image(Path(output) / f"{result.path.stem}-{number}.png", crop)
        print(f"{result.path.name}: {result.error or len(result.faces)}")
