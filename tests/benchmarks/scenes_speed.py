"""How long a thousand scenes take on one core: `python tests/benchmarks/scenes_speed.py [side]`.

The bar is 10 seconds for a thousand of 96 pixels.
"""

import sys
import time

from bridgeseg.scenes import draw_scene

COUNT = 1000


def main() -> None:
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 96
    wall, core = time.perf_counter(), time.process_time()
    for index in range(COUNT):
        draw_scene(0, index, side)
    wall, core = time.perf_counter() - wall, time.process_time() - core
    print(f"{COUNT} scenes of {side} pixels: {core:.1f} s of one core, {wall:.1f} s by the clock")


if __name__ == "__main__":
    main()
