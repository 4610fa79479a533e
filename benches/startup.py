"""Measures how long a service takes from its start until it answers, and how much memory it then holds, from both kinds of store,
beside the time in which ogr2ogr and psql merely read the same units.

Usage: startup.py GRIDKEEPER SCRATCH [GRIDS,…]; the database is that of GRIDKEEPER_TEST_POSTGRES.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

SEED = 1
READY_MAX_S = 600
SOURCES = [("district", "district.geojson", None), ("street", "streets.geojson", "district"), ("community", "communities.geojson", "street"), ("grid", "grids.shp", "community")]


def run(command, **options):
    start = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    return time.monotonic() - start


def make_sample(gridkeeper, scratch, grids):
    sample = os.path.join(scratch, f"sample-{SEED}-{grids}")
    if not os.path.exists(os.path.join(sample, "incidents.csv")):
        shutil.rmtree(sample, ignore_errors=True)
        run([gridkeeper, "sample", sample, "--seed", str(SEED), "--grids", str(grids)])
    return sample


def fill(gridkeeper, store, sample):
    """Imports all levels and the roster; returns the seconds that the grids took."""
    for level, file, parent in SOURCES:
        command = [gridkeeper, "--store", store, "import", os.path.join(sample, file), "--level", level]
        seconds = run(command + (["--parent-level", parent] if parent else []))
    run([gridkeeper, "--store", store, "roster", "import", os.path.join(sample, "roster.csv")])
    return seconds


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(gridkeeper, store, port):
    environment = {name: value for name, value in os.environ.items() if name != "GRIDKEEPER_TEST_POSTGRES"}
    command = [gridkeeper, "--store", store, "serve", "--listen", f"127.0.0.1:{port}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def wait_until_ready(port, process):
    start = time.monotonic()
    while time.monotonic() - start < READY_MAX_S:
        if process.poll() is not None:
            raise SystemExit(f"the service ended with {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.005)
    raise SystemExit("the service never got ready")


def memory_mib(process, field):
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":")) / 1024


def start(gridkeeper, store):
    """Returns seconds until ready, and resident memory then and at its highest in MiB."""
    port = free_port()
    begin = time.monotonic()
    process = serve(gridkeeper, store, port)
    try:
        wait_until_ready(port, process)
        seconds = time.monotonic() - begin
        time.sleep(1)
        return seconds, memory_mib(process, "VmRSS"), memory_mib(process, "VmHWM")
    finally:
        process.terminate()
        process.wait()


def main(gridkeeper, scratch, sizes="2000,100000"):
    cluster = os.environ["GRIDKEEPER_TEST_POSTGRES"]
    server, _ = cluster.rsplit("/", 1)
    for grids in map(int, sizes.split(",")):
        sample = make_sample(gridkeeper, scratch, grids)
        database = f"startup_{grids}"
        for statement in (f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", f"CREATE DATABASE {database}"):
            run(["psql", "-q", cluster, "-c", statement])
        file = os.path.join(scratch, f"startup-{grids}.gpkg")
        for suffix in ("", "-wal", "-shm", "-lock"):
            if os.path.exists(file + suffix):
                os.remove(file + suffix)
        units = "SELECT id, code, name, properties, valid_from, ST_AsBinary(geom) FROM gk_current_unit WHERE level = 'grid'"
        address = f"{server}/{database}"
        rivals = {
            "geopackage": ("ogr2ogr", ["ogr2ogr", "-f", "Memory", "unused", file, "grid"]),
            "postgis": ("psql", ["psql", "-q", address, "-c", f"COPY ({units}) TO STDOUT (FORMAT binary)"]),
        }
        for kind, store in (("geopackage", file), ("postgis", address)):
            print(f"figure startup_{grids}_{kind}_import {fill(gridkeeper, store, sample):.2f} s")
            rival, command = rivals[kind]
            read = min(run(command) for _ in range(3))
            runs = [start(gridkeeper, store) for _ in range(3)]
            seconds, resident, highest = min(runs)
            print(f"figure startup_{grids}_{kind}_ready {seconds:.2f} s")
            print(f"figure startup_{grids}_{kind}_read_by_{rival} {read:.2f} s")
            print(f"figure startup_{grids}_{kind}_over_{rival} {seconds / read:.2f} x")
            print(f"figure startup_{grids}_{kind}_resident {resident:.0f} MiB")
            print(f"figure startup_{grids}_{kind}_highest {highest:.0f} MiB")
            print(f"figure startup_{grids}_{kind}_bytes_per_grid {resident * 2**20 / grids:.0f} bytes", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
