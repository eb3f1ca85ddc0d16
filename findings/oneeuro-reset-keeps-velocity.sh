#!/usr/bin/env bash
# OneEuroFilter.reset() forgets the position but not the velocity: what follows is hardly smoothed
# at all.
#
# Package:  OneEuroFilter 0.2.1 (by the authors of the filter)
# Guess:    after reset() the filter gives what a new one gives.
# Seen:     the first value passes, but the speed is still computed from the last value before
#           reset(), so the filter believes in thousands of pixels per second and opens its cutoff.
#           A landmark that jitters between 499 and 501 comes out of a new filter within 499.4 to
#           500.1, and out of a reset one (used before at x = 100) within 499.0 to 501.0, the whole
#           jitter, for the whole second after.
# Matters:  reset() is what one calls when a track is lost and another face is found elsewhere. The
#           jitter that comes back then looks like a bad landmark network. Make a new filter
#           instead.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check OneEuroFilter==0.2.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from OneEuroFilter import OneEuroFilter

RATE = 30.0


def follow(one_euro: OneEuroFilter, start: float, x: float, frames: int = 30) -> list[float]:
    """Return the filtered values of a landmark that jitters by one pixel around x."""
    return [one_euro(x + (1 if i % 2 else -1), start + i / RATE) for i in range(frames)]


new = OneEuroFilter(RATE, mincutoff=1.0, beta=0.05)
reset = OneEuroFilter(RATE, mincutoff=1.0, beta=0.05)
follow(reset, 5.0, 100.0)
reset.reset()
of_new, of_reset = follow(new, 10.0, 500.0), follow(reset, 10.0, 500.0)
print("new filter:  ", *(f"{value:.2f}" for value in of_new[1:9]))
print("reset filter:", *(f"{value:.2f}" for value in of_reset[1:9]))
jitter_new, jitter_reset = (max(v[1:]) - min(v[1:]) for v in (of_new, of_reset))
print(f"jitter left of 2 pixels within the second: new {jitter_new:.2f}, reset {jitter_reset:.2f}")
as_stated = of_new[0] == of_reset[0] == 499.0 and jitter_new < 1.0 and jitter_reset > 1.9
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
