"""Looks the points of `benches/lookup.rs` up with GEOS: prepared polygons behind an STR tree, through shapely. One core.

Prints figures, the ratio of our rate to GEOS's, and on how many points the two disagree. A point on a border lies in
all units that touch it for GEOS; there our owner must be one of them. Usage: lookup_geos.py SCRATCH
"""

import glob
import os
import struct
import sys
import time

import numpy
import shapely

RUNS = 3


def read_wkb(path):
    with open(path, "rb") as file:
        data = file.read()
    geometries, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        geometries.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return geometries


def look_up(tree, units, points, x, y):
    """Returns for each pair of a point and a unit whose envelopes meet whether the unit covers the point."""
    at, candidates = tree.query(points)
    covered = shapely.intersects_xy(units[candidates], x[at], y[at])
    return at[covered], candidates[covered]


def main(scratch):
    print(f"# shapely {shapely.__version__}, GEOS {shapely.geos_version_string}, numpy {numpy.__version__}")
    for path in sorted(glob.glob(os.path.join(scratch, "lookup-*.units"))):
        stem = path[: -len(".units")]
        name = os.path.basename(stem).replace("-", "_")
        units = shapely.from_wkb(read_wkb(path))
        xy = numpy.fromfile(stem + ".points", dtype="<f8").reshape(-1, 2)
        owners = numpy.fromfile(stem + ".owners", dtype="<i4")
        ours = float(open(stem + ".rate").read())
        start = time.perf_counter()
        shapely.prepare(units)
        tree = shapely.STRtree(units)
        build = time.perf_counter() - start
        x, y = numpy.ascontiguousarray(xy[:, 0]), numpy.ascontiguousarray(xy[:, 1])
        points = shapely.points(x, y)
        best = float("inf")
        for _ in range(RUNS):
            start = time.perf_counter()
            at, found = look_up(tree, units, points, x, y)
            best = min(best, time.perf_counter() - start)
        covering = set(zip(at.tolist(), found.tolist()))
        is_covered = numpy.zeros(len(x), dtype=bool)
        is_covered[at] = True
        wrong = sum(1 for i, owner in enumerate(owners.tolist()) if (owner >= 0) != bool(is_covered[i]) or (owner >= 0 and (i, owner) not in covering))
        rate = len(x) / best
        print(f"figure {name}_geos_prepared {rate / 1e6:.3f} M/s")
        print(f"figure {name}_geos_build {build:.3f} s")
        print(f"figure {name}_over_geos {ours / rate:.2f} x")
        print(f"figure {name}_geos_disagrees {wrong} points")


if __name__ == "__main__":
    main(*sys.argv[1:])
