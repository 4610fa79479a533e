"""Times `gridkeeper assign` over ten million rows beside DuckDB's spatial join of the same file, and compares the answers.

Both read the same CSV and write a CSV with the grid of each row, on two threads. Ours keeps the order and waits for the disk; DuckDB
does neither. The positions lie in the boxes of grids drawn at random, so that nearly all are in the district and about half of
them near borders, and one in a hundred lies outside. Usage: assign.py GRIDKEEPER SCRATCH
"""

import os
import re
import shutil
import subprocess
import sys
import time

import duckdb
import duckdb_extension_spatial
import numpy

GRIDS = 100_000
ROWS = int(os.environ.get("GRIDKEEPER_BENCH_ROWS", 10_000_000))
SEED = 1
RUNS = 3
THREADS = 2
OUTSIDE = 0.01


def run(*command):
    """Runs a command and returns its wall time in seconds and what it said on the standard error."""
    start = time.monotonic()
    process = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.monotonic() - start
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {process.stderr}")
    return seconds, process.stderr


def connect():
    database = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": str(THREADS)})
    folder = os.path.join(os.path.dirname(duckdb_extension_spatial.__file__), "extensions")
    database.execute(f"LOAD '{folder}/v{duckdb.__version__}/spatial.duckdb_extension'")
    return database


def make_rows(database, path):
    random = numpy.random.default_rng(SEED)
    boxes = database.execute("SELECT ST_XMin(geom) w, ST_XMax(geom) e, ST_YMin(geom) s, ST_YMax(geom) n FROM grids ORDER BY code").fetchnumpy()
    drawn = random.integers(0, len(boxes["w"]), ROWS)
    is_outside = random.random(ROWS) < OUTSIDE
    within = lambda low, high: low[drawn] + (high - low)[drawn] * random.random(ROWS)
    around = lambda low, high: low.min() + (high.max() - low.min()) * (1.5 * random.random(ROWS) - 0.25)
    lon = numpy.where(is_outside, around(boxes["w"], boxes["e"]), within(boxes["w"], boxes["e"])).round(6)
    lat = numpy.where(is_outside, around(boxes["s"], boxes["n"]), within(boxes["s"], boxes["n"])).round(6)
    rows = {"id": numpy.arange(ROWS), "lon": lon, "lat": lat, "category": random.integers(100, 1000, ROWS)}
    database.execute(f"COPY (SELECT * FROM rows) TO '{path}.csv' (HEADER)")


def main(gridkeeper, scratch):
    sample, store = os.path.join(scratch, f"sample-{SEED}-{GRIDS}"), os.path.join(scratch, "assign.gpkg")
    if not os.path.exists(os.path.join(sample, "incidents.csv")):
        shutil.rmtree(sample, ignore_errors=True)
        run(gridkeeper, "sample", sample, "--seed", str(SEED), "--grids", str(GRIDS))
    for suffix in ("", "-wal", "-shm", "-lock"):
        if os.path.exists(store + suffix):
            os.remove(store + suffix)
    run(gridkeeper, "--store", store, "import", os.path.join(sample, "grids.shp"), "--level", "grid")
    geojson = os.path.join(scratch, "assign-grids.geojson")
    run(gridkeeper, "--store", store, "export", "geojson", geojson, "--level", "grid")

    database = connect()
    database.execute(f"CREATE TABLE grids AS SELECT code, geom FROM ST_Read('{geojson}')")
    rows, ours, theirs = (os.path.join(scratch, name) for name in ("assign-in", "assign-ours", "assign-theirs"))
    make_rows(database, rows)
    database.execute(f"COPY (FROM '{rows}.csv') TO '{rows}.parquet'")
    database.execute(f"COPY (FROM '{rows}.csv') TO '{rows}.ndjson' (FORMAT json)")

    best = {}
    note = lambda name, seconds: best.update({name: min(seconds, best.get(name, seconds))})
    join = "SELECT r.*, g.code AS grid_code FROM read_csv('{}.csv') r LEFT JOIN grids g ON ST_Contains(g.geom, ST_Point(r.lon, r.lat))"
    for _ in range(RUNS):
        for kind in ("csv", "ndjson", "parquet"):
            command = [gridkeeper, "--store", store, "assign", f"{rows}.{kind}", "-o", f"{ours}.{kind}", "--fields", "grid_code"]
            seconds, told = run(*command)
            note(kind, seconds)
            rate = int(re.search(r"([\d,]+) rows/s", told).group(1).replace(",", ""))
            note(f"{kind}_rows", ROWS / rate)
        start = time.monotonic()
        database.execute(f"COPY ({join.format(rows)}) TO '{theirs}.csv' (HEADER)")
        note("duckdb", time.monotonic() - start)

    for kind in ("csv", "ndjson", "parquet"):
        print(f"figure assign_{kind} {ROWS / best[f'{kind}_rows'] / 1e6:.2f} M/s")
        print(f"figure assign_{kind}_with_start_and_disk {best[kind]:.2f} s")
    print(f"figure assign_duckdb_csv {ROWS / best['duckdb'] / 1e6:.2f} M/s")
    print(f"figure assign_csv_over_duckdb {best['duckdb'] / best['csv_rows']:.1f} x")
    print(f"figure assign_csv_with_start_and_disk_over_duckdb {best['duckdb'] / best['csv']:.1f} x")

    # A position on a border is in no grid for ST_Contains; ours gives it to one that it touches.
    differ = f"""
        SELECT count(*) AS differ, count(*) FILTER (g.geom IS NULL OR NOT ST_Intersects(g.geom, ST_Point(o.lon, o.lat))) AS wrong
        FROM read_csv('{ours}.csv', all_varchar = false, types = {{'grid_code': 'VARCHAR'}}) o
        JOIN read_csv('{theirs}.csv', types = {{'grid_code': 'VARCHAR'}}) t USING (id)
        LEFT JOIN grids g ON g.code = o.grid_code
        WHERE o.grid_code IS DISTINCT FROM t.grid_code"""
    differ, wrong = database.execute(differ).fetchone()
    print(f"figure assign_rows_on_borders {differ - wrong} rows")
    print(f"figure assign_rows_that_disagree {wrong} rows")
    for kind in ("ndjson", "parquet"):
        same = f"""
            SELECT count(*) FROM read_csv('{ours}.csv', types = {{'grid_code': 'VARCHAR'}}) c JOIN '{ours}.{kind}' o USING (id)
            WHERE c.grid_code IS NOT DISTINCT FROM o.grid_code::VARCHAR"""
        print(f"figure assign_{kind}_rows_unlike_csv {ROWS - database.execute(same).fetchone()[0]} rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
