"""Measures pages, boxes and single features beside pygeoapi and tipg on one PostGIS, and the export of all units beside ogr2ogr.

The service keeps its store in the database that the rivals read: they are given one table of the same units with the same columns, a
primary key in the order of pages, a GiST index, vacuumed and analysed. Before anything is timed the answers are compared.

Usage: features.py GRIDKEEPER SCRATCH [GRIDS]; the database is that of GRIDKEEPER_TEST_POSTGRES, the rivals stand beside this Python.
"""

import contextlib
import datetime
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from http_driver import peak_mib, reset_peak
from startup import fill, free_port, make_sample, memory_mib, run, serve, wait_until_ready
from wrk import ask

SEED = 1
RUNS = int(os.environ.get("GRIDKEEPER_BENCH_RUNS", 3))
SECONDS = int(os.environ.get("GRIDKEEPER_BENCH_SECONDS", 6))
CONNECTIONS = 8
# As many processes of each rival as the machine has cores; a Python process fills one.
WORKERS = os.cpu_count()
# Pages are the first of the collection, as the rivals count their way to later ones.
PAGES = 10
BOXES = 200
ONES = 1_000
# The side of a box in degrees: some forty units.
SIDE = 0.006
# The rivals' slowest page takes seconds where eight wait for it.
PATIENCE_S = 60
BLOCK = 1 << 20
FEW = 10_000
# The rivals' numbers have gone through text with nine decimals, a tenth of a millimetre.
NEAR = 1e-9
READY_MAX_S = 60


def figure(name, value, unit):
    print(f"figure features_{name} {value:.3f} {unit}", flush=True)


def psql(address, sql):
    command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", address, "-At", "-c", sql]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def make_table(address):
    """Puts the grids into a table of their own, with a column for each property."""
    kinds = psql(address, "SELECT DISTINCT k.key, jsonb_typeof(k.value) FROM gk_current_unit u, jsonb_each(u.properties::jsonb) k WHERE u.level = 'grid' AND jsonb_typeof(k.value) <> 'null'")
    columns = {}
    for line in kinds.splitlines():
        name, kind = line.rsplit("|", 1)
        columns[name] = {"number": "double precision", "boolean": "boolean"}.get(kind, "text")
    own = "".join(f", (u.properties::jsonb ->> '{name}')::{kind} AS \"{name}\"" for name, kind in sorted(columns.items()) if name not in ("code", "name", "level", "parent", "valid_from"))
    psql(
        address,
        "DROP SCHEMA IF EXISTS rivals CASCADE; CREATE SCHEMA rivals;"
        f"CREATE TABLE rivals.units AS SELECT u.code AS key, u.code, u.name, u.level, u.parent, u.valid_from{own}, u.geom FROM gk_current_unit u WHERE u.level = 'grid' ORDER BY u.code;"
        "ALTER TABLE rivals.units ADD PRIMARY KEY (key);"
        "CREATE INDEX ON rivals.units USING gist (geom)",
    )
    psql(address, "VACUUM ANALYZE rivals.units")


@contextlib.contextmanager
def running(command, path, **options):
    """Starts a service and waits until it answers a path; its address is given."""
    with open(os.devnull, "w") as nothing:
        process = subprocess.Popen(command, stdout=nothing, stderr=nothing, **options)
    try:
        for _ in range(READY_MAX_S * 10):
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(path)
                break
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def tipg(address):
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "tipg.main:app", "--port", str(port), "--workers", str(WORKERS), "--no-access-log", "--log-level", "error"]
    # Its catalogue is read once; by default it is looked up again every five minutes.
    environment = {"DATABASE_URL": address, "TIPG_DB_SCHEMAS": '["rivals"]', "TIPG_CATALOG_TTL": "86400"}
    with running(command, f"http://127.0.0.1:{port}/collections/rivals.units", env={**os.environ, **environment}):
        yield f"127.0.0.1:{port}", "/collections/rivals.units/items"


PYGEOAPI = """
server:
  bind: {{host: 127.0.0.1, port: {port}}}
  url: http://127.0.0.1:{port}
  mimetype: application/json
  encoding: utf-8
  gzip: false
  languages: [en-US]
  pretty_print: false
  limits: {{default_items: 10, max_items: 10000}}
  map: {{url: 'http://127.0.0.1/none', attribution: none}}
logging: {{level: ERROR}}
metadata:
  identification: {{title: bench, description: bench, keywords: [bench], keywords_type: theme, terms_of_service: none, url: 'http://127.0.0.1'}}
  license: {{name: none, url: 'http://127.0.0.1'}}
  provider: {{name: bench, url: 'http://127.0.0.1'}}
  contact: {{name: bench}}
resources:
  units:
    type: collection
    title: units
    description: units
    keywords: [bench]
    links: []
    extents: {{spatial: {{bbox: [-180, -90, 180, 90], crs: 'http://www.opengis.net/def/crs/OGC/1.3/CRS84'}}}}
    providers:
      - type: feature
        name: PostgreSQL
        data: {{host: {host}, port: {database_port}, dbname: {database}, user: {user}, password: unused, search_path: [rivals, public]}}
        id_field: key
        table: units
        geom_field: geom
"""


@contextlib.contextmanager
def pygeoapi(address, scratch):
    port, parts = free_port(), urllib.parse.urlsplit(address)
    config, definition = os.path.join(scratch, "pygeoapi.yml"), os.path.join(scratch, "pygeoapi-openapi.yml")
    with open(config, "w") as file:
        file.write(PYGEOAPI.format(port=port, host=parts.hostname, database_port=parts.port or 5432, database=parts.path.lstrip("/"), user=parts.username))
    folder = os.path.dirname(sys.executable)
    environment = {**os.environ, "PYGEOAPI_CONFIG": config, "PYGEOAPI_OPENAPI": definition}
    run([os.path.join(folder, "pygeoapi"), "openapi", "generate", config, "--output-file", definition], env=environment)
    # Threads keep connections alive, which its plain workers do not.
    command = [os.path.join(folder, "gunicorn"), "--workers", str(WORKERS), "-k", "gthread", "--threads", str(CONNECTIONS // WORKERS), "-b", f"127.0.0.1:{port}", "--timeout", "600", "pygeoapi.flask_app:APP"]
    with running(command, f"http://127.0.0.1:{port}/collections/units?f=json", env=environment):
        yield f"127.0.0.1:{port}", "/collections/units/items"


def get(address, path):
    with urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", headers={"Accept": "application/geo+json, application/json;q=0.5"})) as answer:
        return json.load(answer)


def features_of(answer):
    return answer["features"] if "features" in answer else [answer]


def numbers(value):
    """All numbers of nested lists, in their order."""
    return [number for part in value for number in numbers(part)] if isinstance(value, list) else [value]


def is_same(ours, theirs):
    """Whether a property is the same, a moment in whatever form it is written."""
    if ours == theirs:
        return True
    try:
        return datetime.datetime.fromisoformat(ours) == datetime.datetime.fromisoformat(theirs)
    except (TypeError, ValueError):
        return False


def compare(name, ours, theirs):
    """Ends the bench where a rival's answer has other features, other properties or another geometry than ours."""
    ours, theirs = features_of(ours), features_of(theirs)
    codes = [[feature["properties"]["code"] for feature in features] for features in (ours, theirs)]
    if sorted(codes[0]) != sorted(codes[1]):
        raise SystemExit(f"{name} has {len(codes[1])} other features than the {len(codes[0])} of ours")
    theirs = {feature["properties"]["code"]: feature for feature in theirs}
    for feature in ours:
        other = theirs[feature["properties"]["code"]]
        given = {key: value for key, value in feature["properties"].items() if value is not None}
        wrong = {key: (value, other["properties"].get(key)) for key, value in given.items() if not is_same(value, other["properties"].get(key))}
        surplus = {key for key, value in other["properties"].items() if value is not None and key not in given and key != "key"}
        mine, its = (numbers(one["geometry"]["coordinates"]) for one in (feature, other))
        if wrong or surplus or len(mine) != len(its) or any(abs(a - b) > NEAR for a, b in zip(mine, its)):
            raise SystemExit(f"{name} differs in {feature['properties']['code']}: {wrong} {surplus} {len(mine)} and {len(its)} numbers")
    return [feature["properties"]["code"] for feature in ours]


def questions(address, centres):
    """What is asked of each service, from the path of its items on: pages of both sizes, boxes, single features."""
    random.seed(SEED)
    boxes = [(lon - SIDE / 2, lat - SIDE / 2, lon + SIDE / 2, lat + SIDE / 2) for lon, lat, _ in random.sample(centres, min(BOXES, len(centres)))]
    boxes = [f"?limit=1000&bbox={','.join(f'{side:.6f}' for side in box)}" for box in boxes]
    ones = [f"/{code}" for _, _, code in random.sample(centres, min(ONES, len(centres)))]
    return {"page_100": 100, "page_1000": 1000, "bbox": boxes, "one": ones}


def paths_of(asked, items, is_ours, codes):
    """The paths of a question for one service: pages are counted by the rivals, and follow a code in ours."""
    if not isinstance(asked, int):
        # What is asked of tipg and pygeoapi by default is a page for people, or takes a parameter.
        return [items + one for one in asked]
    pages = range(min(PAGES, len(codes) // asked))
    if is_ours:
        return [f"{items}?limit={asked}" + (f"&after={codes[page * asked - 1]}" if page else "") for page in pages]
    return [f"{items}?limit={asked}&offset={page * asked}" for page in pages]


# Neither rival writes a line for each request.
os.environ.setdefault("GRIDKEEPER_LOG", "warn")


def compare_services(gridkeeper, scratch, address, grids):
    rows = psql(address, "SELECT ST_X(p), ST_Y(p), code FROM (SELECT code, ST_PointOnSurface(geom) p FROM rivals.units ORDER BY code) u")
    centres = [(float(lon), float(lat), code) for lon, lat, code in (line.split("|") for line in rows.splitlines())]
    codes = [code for _, _, code in centres]
    port = free_port()
    process = serve(gridkeeper, address, port)
    try:
        wait_until_ready(port, process)
        with tipg(address) as one, pygeoapi(address, scratch) as other:
            services = {"ours": (f"127.0.0.1:{port}", "/collections/grid/items"), "pygeoapi": other, "tipg": one}
            for name, asked in questions(address, centres).items():
                paths = {who: paths_of(asked, items, who == "ours", codes) for who, (_, items) in services.items()}
                found = 0
                for at, path in enumerate(paths["ours"]):
                    # A sample of those that are many.
                    if at < 20:
                        answer = get(services["ours"][0], path)
                        found += [len(compare(who, answer, get(services[who][0], paths[who][at]))) for who in ("pygeoapi", "tipg")][0]
                figure(f"{grids}_{name}_units", found / min(20, len(paths["ours"])), "units/answer")
                gave = {who: [] for who in services}
                for _ in range(RUNS):
                    for who, (host, _) in services.items():
                        gave[who].append(ask(host, paths[who], CONNECTIONS, SECONDS, PATIENCE_S))
                for who, runs in gave.items():
                    rate, p50, p99, size = (statistics.median(values) for values in zip(*runs))
                    figure(f"{grids}_{name}_{who}", rate, "requests/s")
                    figure(f"{grids}_{name}_{who}_p50", p50, "ms")
                    figure(f"{grids}_{name}_{who}_p99", p99, "ms")
                    figure(f"{grids}_{name}_{who}_bytes", size, "B/answer")
                for who in ("pygeoapi", "tipg"):
                    figure(f"{grids}_{name}_over_{who}", statistics.median(mine[0] / its[0] for mine, its in zip(gave["ours"], gave[who])), "x")
    finally:
        process.terminate()
        process.wait()


def read_all(port, path):
    """Reads an answer to its end; returns the seconds and the bytes that took."""
    start = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path)
    answer, count = connection.getresponse(), 0
    if answer.status != 200:
        raise SystemExit(f"{path} answered {answer.status}")
    buffer = bytearray(BLOCK)
    while read := answer.readinto(buffer):
        count += read
    connection.close()
    return time.monotonic() - start, count


def count_features(path):
    with open(path) as file:
        return len(json.load(file)["features"])


def compare_exports(gridkeeper, scratch, sample, grids):
    store, plain = (os.path.join(scratch, f"features-{grids}{ending}") for ending in (".db.gpkg", ".gpkg"))
    ours, theirs = (os.path.join(scratch, f"features-{grids}-{name}.geojson") for name in ("ours", "ogr2ogr"))
    if not os.path.exists(store):
        fill(gridkeeper, store + ".part.gpkg", sample)
        os.rename(store + ".part.gpkg", store)
    # A plain file with a table of units is what ogr2ogr reads fastest.
    run([gridkeeper, "--store", store, "export", "gpkg", plain, "--level", "grid"])
    port = free_port()
    process = serve(gridkeeper, store, port)
    path = "/collections/grid/items?f=geojson"
    try:
        wait_until_ready(port, process)
        time.sleep(2)
        idle = memory_mib(process, "VmRSS")
        figure(f"{grids}_stream_idle", idle, "MiB")
        for limit in (FEW, grids):
            reset_peak(process.pid)
            _, size = read_all(port, f"{path}&limit={limit}" if limit < grids else path)
            figure(f"{grids}_stream_{limit}_peak", peak_mib(process.pid), "MiB")
            figure(f"{grids}_stream_{limit}_size", size / 2**20, "MiB")
        times = {"ours": [], "stream": [], "ogr2ogr": []}
        for _ in range(RUNS):
            times["ours"].append(run([gridkeeper, "--store", store, "export", "geojson", ours, "--level", "grid"]))
            times["stream"].append(read_all(port, path)[0])
            for leftover in filter(os.path.exists, [theirs]):
                os.remove(leftover)
            # All digits, as ours; by default it writes seven decimals.
            times["ogr2ogr"].append(run(["ogr2ogr", "-f", "GeoJSON", "-lco", "COORDINATE_PRECISION=17", theirs, plain, "grid"]))
        counts = [count_features(path) for path in (ours, theirs)]
        if counts != [grids, grids]:
            raise SystemExit(f"the exports have {counts} features")
        for name, seconds in times.items():
            figure(f"{grids}_export_{name}", min(seconds), "s")
        figure(f"{grids}_export_over_ogr2ogr", min(times["ogr2ogr"]) / min(times["ours"]), "x")
        figure(f"{grids}_stream_over_ogr2ogr", min(times["ogr2ogr"]) / min(times["stream"]), "x")
        figure(f"{grids}_export_ours_size", os.path.getsize(ours) / 2**20, "MiB")
        figure(f"{grids}_export_ogr2ogr_size", os.path.getsize(theirs) / 2**20, "MiB")
    finally:
        process.terminate()
        process.wait()


def main(gridkeeper, scratch, grids="100000"):
    cluster = os.environ["GRIDKEEPER_TEST_POSTGRES"]
    database = f"features_{grids}"
    for statement in (f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", f"CREATE DATABASE {database}"):
        psql(cluster, statement)
    address = f"{cluster.rsplit('/', 1)[0]}/{database}"
    sample = make_sample(gridkeeper, scratch, int(grids))
    fill(gridkeeper, address, sample)
    make_table(address)
    compare_services(gridkeeper, scratch, address, int(grids))
    compare_exports(gridkeeper, scratch, sample, int(grids))


if __name__ == "__main__":
    main(*sys.argv[1:])
