"""Looks the points of `benches/lookup.rs` up with DuckDB spatial and PostGIS: one thread, one connection, a join in SQL of a table of points.

DuckDB is given its spatial join, which builds an R-tree of the units for each query; PostGIS a GiST index, a table that was vacuumed and
analysed, and a join that asks the index once for each point, in which GEOS prepares a unit that is asked twice in turn. Both are asked for
fewer points, the first of the file. PostGIS runs where GRIDKEEPER_TEST_POSTGRES names one. Usage: lookup_sql.py SCRATCH
"""

import glob
import os
import subprocess
import sys
import time

import duckdb
import duckdb_extension_spatial
import numpy

from lookup_geos import read_wkb

DUCKDB_POINTS = 500_000
POSTGIS_POINTS = 50_000
RUNS = 3


def best_of(run):
    best = float("inf")
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def time_duckdb(wkb, x, y):
    database = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": "1"})
    folder = os.path.join(os.path.dirname(duckdb_extension_spatial.__file__), "extensions")
    database.execute(f"LOAD '{folder}/v{duckdb.__version__}/spatial.duckdb_extension'")
    units = {"id": numpy.arange(len(wkb)), "hex": numpy.array([one.hex() for one in wkb], dtype=object)}
    database.execute("CREATE TABLE units AS SELECT id, ST_GeomFromHEXWKB(hex) AS geom FROM units")
    points = {"id": numpy.arange(len(x)), "x": x, "y": y}
    database.execute("CREATE TABLE points AS SELECT id, ST_Point(x, y) AS geom FROM points")
    join = "SELECT count(*), sum(u.id) FROM points p JOIN units u ON ST_Intersects(u.geom, p.geom)"
    plan = database.execute(f"EXPLAIN {join}").fetchall()[0][1]
    print(f"# DuckDB {duckdb.__version__}, {'SPATIAL_JOIN' if 'SPATIAL_JOIN' in plan else 'no spatial join'}")
    return best_of(lambda: database.execute(join).fetchall())


def time_postgis(address, wkb, x, y):
    def psql(sql, rows=None):
        command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", address, "-At", "-c", sql]
        return subprocess.run(command, input=rows, stdout=subprocess.PIPE, text=True, check=True).stdout

    psql("CREATE EXTENSION IF NOT EXISTS postgis; DROP TABLE IF EXISTS units, points; CREATE TABLE units (id int, geom geometry); CREATE TABLE points (id int, geom geometry)")
    psql("COPY units FROM STDIN", "".join(f"{at}\t{one.hex()}\n" for at, one in enumerate(wkb)))
    psql("COPY points FROM STDIN", "".join(f"{at}\tPOINT({px!r} {py!r})\n" for at, (px, py) in enumerate(zip(x.tolist(), y.tolist()))))
    psql("CREATE INDEX ON units USING gist (geom)")
    psql("VACUUM ANALYZE units")
    psql("VACUUM ANALYZE points")
    options = "SET max_parallel_workers_per_gather = 0; SET jit = off; SET work_mem = '256MB';"
    join = "SELECT count(u.id) FROM points p LEFT JOIN units u ON ST_Intersects(u.geom, p.geom)"
    print(f"# PostGIS {psql('SELECT postgis_lib_version()').strip()}")
    return best_of(lambda: psql(f"{options} {join}"))


def main(scratch):
    address = os.environ.get("GRIDKEEPER_TEST_POSTGRES")
    for path in sorted(glob.glob(os.path.join(scratch, "lookup-*.units"))):
        stem = path[: -len(".units")]
        name = os.path.basename(stem).replace("-", "_")
        wkb = read_wkb(path)
        xy = numpy.fromfile(stem + ".points", dtype="<f8").reshape(-1, 2)
        ours = float(open(stem + ".rate").read())
        rivals = [("duckdb", DUCKDB_POINTS, time_duckdb)]
        if address:
            rivals.append(("postgis", POSTGIS_POINTS, lambda *args: time_postgis(address, *args)))
        for rival, most, measure in rivals:
            some = xy[:most]
            rate = len(some) / measure(wkb, numpy.ascontiguousarray(some[:, 0]), numpy.ascontiguousarray(some[:, 1]))
            print(f"figure {name}_{rival} {rate / 1e6:.4f} M/s")
            print(f"figure {name}_over_{rival} {ours / rate:.0f} x", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
