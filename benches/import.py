"""Times the import of 100,000 grids beside ogr2ogr's conversion of the same file, in turn, and prints figures.

ogr2ogr reads, reprojects and writes; it checks nothing. `gridkeeper import` also matches every border, repairs,
keeps history and waits for the disk. Usage: import.py GRIDKEEPER SCRATCH
"""

import os
import shutil
import subprocess
import sys
import time

GRIDS = 100_000
SEED = 1
RUNS = 3


def run(command, allowed=(0,)):
    """Returns the wall time in seconds and the largest resident memory in MiB of a command."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in allowed:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def remove(path):
    for suffix in ("", "-wal", "-shm", "-journal"):
        if os.path.exists(path + suffix):
            os.remove(path + suffix)


def main(gridkeeper, scratch):
    sample = os.path.join(scratch, f"sample-{SEED}-{GRIDS}")
    if not os.path.exists(os.path.join(sample, "incidents.csv")):
        shutil.rmtree(sample, ignore_errors=True)
        run([gridkeeper, "sample", sample, "--seed", str(SEED), "--grids", str(GRIDS)])
    shapefile = os.path.join(sample, "grids.shp")
    ours, theirs = os.path.join(scratch, "ours.gpkg"), os.path.join(scratch, "theirs.gpkg")
    best = {}
    for _ in range(RUNS):
        for name, output, command in [
            ("gridkeeper", ours, [gridkeeper, "--store", ours, "import", shapefile, "--level", "grid"]),
            ("ogr2ogr", theirs, ["ogr2ogr", "-f", "GPKG", "-t_srs", "EPSG:4326", "-nlt", "PROMOTE_TO_MULTI", theirs, shapefile]),
        ]:
            remove(output)
            seconds, memory_mib = run(command)
            best[name] = min(best.get(name, (seconds, memory_mib)), (seconds, memory_mib))
    for name, (seconds, memory_mib) in best.items():
        print(f"figure import_100k_{name} {seconds:.2f} s")
        print(f"figure import_100k_{name}_memory {memory_mib:.0f} MiB")
    print(f"figure import_100k_time_over_ogr2ogr {best['gridkeeper'][0] / best['ogr2ogr'][0]:.2f} x")
    sources = {"shapefile": shapefile}
    for driver, ending in (("GeoJSON", "geojson"), ("FlatGeobuf", "fgb"), ("KML", "kml")):
        sources[ending] = os.path.join(scratch, f"import.{ending}")
        remove(sources[ending])
        run(["ogr2ogr", "-f", driver, "-t_srs", "EPSG:4326", "-nlt", "PROMOTE_TO_MULTI", sources[ending], shapefile])
    for name, source in sources.items():
        parts = [source[:-4] + ending for ending in (".shp", ".dbf", ".shx")] if source == shapefile else [source]
        size_mib = sum(map(os.path.getsize, parts)) / 2**20
        print(f"figure import_100k_{name}_size {size_mib:.0f} MiB")
        # Digits that another program cut leave borders that do not meet; what is found does not matter here.
        print(f"figure check_100k_{name}_memory_over_input {run([gridkeeper, 'check', source], (0, 1))[1] / size_mib:.1f} x")
        remove(ours)
        command = [gridkeeper, "--store", ours, "import", source, "--level", "grid"]
        print(f"figure import_100k_{name}_memory_over_input {run(command, (0, 1))[1] / size_mib:.1f} x", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
