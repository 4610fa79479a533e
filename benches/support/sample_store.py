"""Makes a store of the sample district with all levels and the roster, and prints its path.

Usage: sample_store.py GRIDKEEPER SCRATCH GRIDS
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from startup import fill, make_sample


def main(gridkeeper, scratch, grids):
    store = os.path.join(scratch, f"http-{grids}.gpkg")
    for suffix in ("", "-wal", "-shm", "-lock"):
        if os.path.exists(store + suffix):
            os.remove(store + suffix)
    fill(gridkeeper, store, make_sample(gridkeeper, scratch, grids))
    print(store)


if __name__ == "__main__":
    main(*sys.argv[1:])
