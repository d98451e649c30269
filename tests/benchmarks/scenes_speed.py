"""How long a thousand scenes take on one core: `python tests/benchmarks/scenes_speed.py [--side 96]`.

The bar is 10 seconds for a thousand of 96 pixels.
"""

import time

from stored_result import arguments, origin, publish

from bridgeseg.data.scenes import draw_scene

COUNT = 1000


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--side", type=int, default=96)
    given = parser.parse_args()
    report = origin() | {"scenes": COUNT, "side": given.side}
    wall, core = time.perf_counter(), time.process_time()
    for index in range(COUNT):
        draw_scene(0, index, given.side)
    report["seconds by the clock"] = round(time.perf_counter() - wall, 2)
    report["seconds of one core"] = round(time.process_time() - core, 2)
    publish("scenes-speed", report, given.store)


if __name__ == "__main__":
    main()
