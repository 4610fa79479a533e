"""Measures the CPU that an archive of all vector tiles of the sample costs, beside tippecanoe, which is given the same layers, fields
and zooms, in the same run.

Usage: archive.py GRIDKEEPER SCRATCH [GRIDS]
"""

import json
import os
import resource
import subprocess
import sys

import shapely
from pmtiles.reader import MmapSource, Reader
from shapely.geometry import mapping, shape
from startup import fill, make_sample, run

ZOOM_MAX = 15
# As tiles/layers.toml has them.
FIRST_ZOOMS = {"district": 0, "street": 8, "community": 10, "grid": 12}
FIELDS = ("code", "name", "parent")


def measured(command):
    """Runs a command and returns its CPU seconds, its children's included, and its seconds by the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = run(command, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, seconds


def write_input(gridkeeper, store, path):
    """Writes every unit and its label point as tippecanoe reads them, a feature a line."""
    whole = path + ".whole"
    run([gridkeeper, "--store", store, "export", "geojson", whole])
    with open(whole) as file:
        features = json.load(file)["features"]
    os.remove(whole)
    with open(path, "w") as out:
        for feature in features:
            properties = feature["properties"]
            level = properties["level"]
            fields = {name: properties[name] for name in FIELDS if properties.get(name)}
            area = shape(feature["geometry"])
            for layer, geometry in ((level, feature["geometry"]), (level + "_label", mapping(shapely.point_on_surface(area)))):
                drawn = {"layer": layer, "minzoom": FIRST_ZOOMS[level]}
                line = {"type": "Feature", "tippecanoe": drawn, "properties": fields, "geometry": geometry}
                out.write(json.dumps(line, ensure_ascii=False) + "\n")


def tiles_in(path):
    with open(path, "rb") as file:
        return Reader(MmapSource(file)).header()["addressed_tiles_count"]


def main():
    gridkeeper, scratch = sys.argv[1:3]
    grids = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
    sample = make_sample(gridkeeper, scratch, grids)
    store = os.path.join(scratch, f"archive-{grids}.gpkg")
    if not os.path.exists(store):
        fill(gridkeeper, store + ".part", sample)
        os.rename(store + ".part", store)
    features = os.path.join(scratch, f"archive-{grids}.ndjson")
    if not os.path.exists(features):
        write_input(gridkeeper, store, features + ".part")
        os.rename(features + ".part", features)
    ours, theirs = (os.path.join(scratch, f"archive-{grids}-{name}.pmtiles") for name in ("ours", "tippecanoe"))
    command = [gridkeeper, "--store", store, "export", "pmtiles", ours, "--max-zoom", str(ZOOM_MAX)]
    cpu, wall = min(measured(command) for _ in range(3))
    # Nothing is left out by either: without these tippecanoe drops features of crowded tiles.
    whole = ["--no-feature-limit", "--no-tile-size-limit", "--no-tiny-polygon-reduction", "-r1"]
    tippecanoe = os.path.join(os.path.dirname(sys.executable), "tippecanoe")
    command = [tippecanoe, "-q", "-f", "-P", "-Z0", f"-z{ZOOM_MAX}", *whole, "-o", theirs, features]
    rival_cpu, rival_wall = measured(command)
    print(f"figure archive_{grids}_cpu_s {cpu:.2f} s")
    print(f"figure archive_{grids}_wall_s {wall:.2f} s")
    print(f"figure archive_{grids}_tiles {tiles_in(ours)} tiles")
    print(f"figure archive_{grids}_bytes {os.path.getsize(ours)} B")
    print(f"figure archive_{grids}_tippecanoe_cpu_s {rival_cpu:.2f} s")
    print(f"figure archive_{grids}_tippecanoe_wall_s {rival_wall:.2f} s")
    print(f"figure archive_{grids}_tippecanoe_tiles {tiles_in(theirs)} tiles")
    print(f"figure archive_{grids}_tippecanoe_bytes {os.path.getsize(theirs)} B")
    print(f"figure archive_{grids}_cpu_tippecanoe_over_ours {rival_cpu / cpu:.2f} times")


if __name__ == "__main__":
    main()
