#!/usr/bin/env bash
# scipy.io.loadmat gives a matrix of doubles back as uint8 when its values are small whole numbers.
#
# Package:  scipy 1.17.1, numpy 2.4.6
# Guess:    a MATLAB matrix of class double comes back as float64.
# Seen:     MATLAB stores doubles that are whole numbers in the smallest integer type that holds
#           them, and loadmat returns that storage type: two landmarks at x = 10 and x = 200 are
#           uint8, their difference is 66, and an eye distance of 190.3 pixels is measured as 254.7.
#           The type varies from file to file with the values, so the same code is right on the next
#           picture. With mat_dtype=True it is float64.
# Matters:  300W-LP, AFLW2000 and most older face data come as .mat files; pixel coordinates below
#           256 in whole numbers are common in cropped pictures, and the NME normaliser is such a
#           difference.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" - "$folder/face.mat" <<'PYTHON'
import struct
import sys

import numpy as np
from scipy.io import loadmat

INT8, UINT8, INT32, UINT32, MATRIX = 1, 2, 5, 6, 14  # data types of the MAT-file level 5 format
DOUBLE_CLASS = 6


def element(kind: int, data: bytes) -> bytes:
    """Return a tagged data element, padded to 8 bytes."""
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix_of_doubles(name: str, values: np.ndarray) -> bytes:
    """Return a matrix of class double whose whole numbers are stored in uint8."""
    body = element(UINT32, struct.pack("<II", DOUBLE_CLASS, 0))
    body += element(INT32, struct.pack("<ii", *values.shape)) + element(INT8, name.encode())
    body += element(UINT8, values.astype(np.uint8).tobytes(order="F"))
    return struct.pack("<II", MATRIX, len(body)) + body


eyes = np.array([[10.0, 200.0], [30.0, 40.0]])  # x of both eyes, then y
header = b"MATLAB 5.0 MAT-file".ljust(116) + bytes(8) + struct.pack("<H", 0x0100) + b"IM"
with open(sys.argv[1], "wb") as file:
    file.write(header + matrix_of_doubles("pt2d", eyes))

plain = loadmat(sys.argv[1])["pt2d"]
asked = loadmat(sys.argv[1], mat_dtype=True)["pt2d"]
difference = plain[:, 0] - plain[:, 1]
distance, truth = np.linalg.norm(difference), np.linalg.norm(asked[:, 0] - asked[:, 1])
print("loadmat:                ", plain.dtype, "difference", difference, "eye distance", round(float(distance), 1))
print("loadmat, mat_dtype=True:", asked.dtype, "eye distance", round(float(truth), 1))
as_stated = plain.dtype == np.uint8 and asked.dtype == np.float64 and difference[0] == 66
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
