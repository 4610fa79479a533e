"""Measures tiles over HTTP beside Martin with PostGIS, on the same units with the same attributes: cold, warm, and one tile of all units.

Usage: tiles.py BENCH GRIDKEEPER MARTIN SCRATCH; BENCH is the built bench `tiles`, the database that of GRIDKEEPER_TEST_POSTGRES.
Prints `figure NAME VALUE UNIT` lines. Without Martin its figures are left out, and it says so.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from startup import fill, free_port, make_sample, serve, wait_until_ready

CONNECTIONS = 4
WARM_S = 5
COLD, LARGE = 10_000, 100_000
# Tiles that all take part in the warm comparison: few, so that every server has them at hand.
WARM_TILES = 64


def figure(name, value, unit):
    print(f"figure tiles_{name} {value:.3f} {unit}", flush=True)


def ask(bench, address, paths, seconds=0, connections=CONNECTIONS):
    """Returns tiles a second, the median and the 99th percentile in ms, and bytes a tile."""
    done = subprocess.run([bench, "ask", address, paths, str(connections), str(seconds)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return [float(value) for value in done.stdout.split()]


@contextlib.contextmanager
def running(command, **options):
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def ours(bench, *arguments):
    with running([bench, *map(str, arguments)], stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip()


def libpq(url):
    """GDAL takes keywords, no address."""
    parts = urllib.parse.urlsplit(url)
    return f"host={parts.hostname} port={parts.port or 5432} user={parts.username} dbname={parts.path.lstrip('/')}"


def load(bench, scratch, database, grids):
    """Fills a table with the units, indexed and analysed."""
    file = os.path.join(scratch, f"tiles-{grids}.geojsonl")
    if not os.path.exists(file):
        subprocess.run([bench, "export", str(grids), file], check=True)
    table = f"grids_{grids}"
    subprocess.run(["psql", "-q", database, "-c", "CREATE EXTENSION IF NOT EXISTS postgis"], check=True)
    command = ["ogr2ogr", "-f", "PostgreSQL", f"PG:{libpq(database)}", f"GeoJSONSeq:{file}", "-nln", table, "-nlt", "MULTIPOLYGON", "-t_srs", "EPSG:3857"]
    subprocess.run(command + ["-lco", "GEOMETRY_NAME=geom", "-lco", "FID=id", "-overwrite", "--config", "PG_USE_COPY", "YES"], check=True)
    subprocess.run(["psql", "-q", database, "-c", f"ALTER TABLE {table} DROP COLUMN gid", "-c", f"VACUUM ANALYZE {table}"], check=True)
    return table


@contextlib.contextmanager
def martin(program, database, cache_mb):
    port = free_port()
    command = [program, database, "--listen-addresses", f"127.0.0.1:{port}", "--cache-size", str(cache_mb), "--auto-bounds", "skip"]
    with running(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        for _ in range(300):
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health")
                break
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"


def first_of(file, count):
    short = f"{file}.{count}"
    with open(file) as source, open(short, "w") as out:
        out.writelines(source.readlines()[:count])
    return short


def ask_thrice(bench, address, paths):
    """Returns what `ask` does of the middle of three rounds by its rate; the first finds threads and memory as they were left."""
    return sorted(ask(bench, address, paths) for _ in range(3))[1]


def by_zoom(bench, address, file):
    """Returns tiles a second at each zoom of a list of paths."""
    with open(file) as source:
        paths = source.readlines()
    rates = {}
    for zoom in sorted({int(path.split("/")[0]) for path in paths}):
        own = f"{file}.z{zoom}"
        with open(own, "w") as out:
            out.writelines(path for path in paths if path.startswith(f"{zoom}/"))
        rates[zoom] = ask_thrice(bench, address, own)[0]
    return rates


def measure_warm(bench, gridkeeper, scratch):
    """The program itself with its cache, beside an axum handler that sends the same bytes."""
    sample = make_sample(gridkeeper, scratch, COLD)
    store = os.path.join(scratch, f"tiles-{COLD}.db")
    if not os.path.exists(store):
        fill(gridkeeper, store, sample)
    paths = first_of(os.path.join(scratch, f"tiles-{COLD}.paths"), WARM_TILES)
    port = free_port()
    process = serve(gridkeeper, store, port)
    try:
        wait_until_ready(port, process)
        address = f"127.0.0.1:{port}/tiles/boundaries"
        ask(bench, address, paths)
        # A handler that does nothing else sends the same bytes under the same addresses.
        folder = os.path.join(scratch, "tiles-static")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        with open(paths) as source:
            for path in set(source.read().split()):
                request = urllib.request.Request(f"http://{address}/{path}", headers={"Accept-Encoding": "gzip"})
                with urllib.request.urlopen(request) as answer, open(os.path.join(folder, path.replace("/", "-")), "wb") as out:
                    out.write(answer.read())
        shares, rates = [], []
        with ours(bench, "static", folder) as fixed:
            for _ in range(3):
                ceiling = ask(bench, fixed, paths, WARM_S)
                rate = ask(bench, address, paths, WARM_S)
                shares.append(rate[0] / ceiling[0])
                rates.append(rate)
        rate = sorted(rates)[1]
        figure("warm_http", rate[0], "tiles/s")
        figure("warm_http_bytes", rate[3], "B/tile")
        figure("warm_http_of_static", sorted(shares)[1], "×")
        return rate[0]
    finally:
        process.terminate()
        process.wait()


def main(bench, gridkeeper, program, scratch):
    database = os.environ["GRIDKEEPER_TEST_POSTGRES"]
    for grids in (COLD, LARGE):
        subprocess.run([bench, "paths", str(grids), os.path.join(scratch, f"tiles-{grids}.paths")], check=True)
    paths = os.path.join(scratch, f"tiles-{COLD}.paths")
    z8 = os.path.join(scratch, f"tiles-{LARGE}.paths.z8")

    few = first_of(paths, WARM_TILES)
    with ours(bench, "serve", COLD) as address:
        # What each zoom needs is made once; Martin's database is as warm.
        ask(bench, address, few)
        cold = ask_thrice(bench, address, paths)
        once = ask_thrice(bench, address, f"{paths}.once")
        zooms = by_zoom(bench, address, paths)
    figure("cold_http", cold[0], "tiles/s")
    figure("cold_http_p99", cold[2], "ms")
    figure("cold_http_bytes", cold[3], "B/tile")
    figure("once_http", once[0], "tiles/s")
    with ours(bench, "serve", LARGE) as address:
        whole = [ask(bench, address, z8, connections=1) for _ in range(4)][1:]
    whole = sorted(whole, key=lambda one: one[1])[1]
    figure("z8_http", whole[2], "ms")
    figure("z8_http_bytes", whole[3], "B/tile")
    warm = measure_warm(bench, gridkeeper, scratch)

    if not (os.path.exists(program) or shutil.which(program)):
        print(f"# there is no {program}; its figures are left out")
        return
    tables = [load(bench, scratch, database, grids) for grids in (COLD, LARGE)]
    with martin(program, database, 0) as address:
        ask(bench, f"{address}/{tables[0]}", few)
        rival = ask_thrice(bench, f"{address}/{tables[0]}", paths)
        rival_once = ask_thrice(bench, f"{address}/{tables[0]}", f"{paths}.once")
        rival_zooms = by_zoom(bench, f"{address}/{tables[0]}", paths)
        rival_z8 = sorted(ask(bench, f"{address}/{tables[1]}", z8, connections=1)[2] for _ in range(3))[1]
    with martin(program, database, 512) as address:
        ask(bench, f"{address}/{tables[0]}", few)
        rival_warm = ask(bench, f"{address}/{tables[0]}", few, WARM_S)
    figure("martin_cold_http", rival[0], "tiles/s")
    figure("martin_cold_http_p99", rival[2], "ms")
    figure("martin_cold_http_bytes", rival[3], "B/tile")
    figure("martin_z8_http", rival_z8, "ms")
    figure("martin_warm_http", rival_warm[0], "tiles/s")
    for zoom, rate in zooms.items():
        figure(f"cold_http_z{zoom}", rate, "tiles/s")
        figure(f"martin_cold_http_z{zoom}", rival_zooms[zoom], "tiles/s")
        figure(f"cold_of_martin_z{zoom}", rate / rival_zooms[zoom], "×")
    figure("cold_of_martin", cold[0] / rival[0], "×")
    figure("martin_once_http", rival_once[0], "tiles/s")
    figure("once_of_martin", once[0] / rival_once[0], "×")
    figure("cold_p99_of_martin", rival[2] / cold[2], "×")
    figure("z8_of_martin", rival_z8 / whole[2], "×")
    figure("warm_of_martin", warm / rival_warm[0], "×")


if __name__ == "__main__":
    main(*sys.argv[1:])
