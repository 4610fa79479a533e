"""Measures lists, indicators and maps of cases in a store with 100,000 cases beside one with many more, over HTTP.

Usage: cases.py GRIDKEEPER SCRATCH COUNT [SERVER]

With the address of a PostgreSQL server both stores are copied to databases there, and these are asked.

Both stores have the same cases of the last 30 days, of which some are open. The larger one has what is older again and again, back to
earlier years, as it stands in the tables: rows are copied under other ids and times, which takes minutes where importing them takes hours.
Prints `figure NAME VALUE UNIT` lines: the median of rounds that ask both stores in turn.
"""

import contextlib
import csv
import datetime
import json
import math
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

from startup import fill, free_port, make_sample, memory_mib, run, serve, wait_until_ready

GRIDS, FIRST, ROUNDS = 2_000, 100_000, 9
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
# Of the first store: a fifth in the last 30 days, a tenth of which is open; the others in the eleven months before, all closed.
RECENT, OPEN, RECENT_DAYS, OLDER_DAYS = FIRST // 5, FIRST // 50, 30, 330


def write_cases(sample, path):
    """Writes as many cases as the first store has, at places of the sample's incidents."""
    with open(os.path.join(sample, "incidents.csv"), encoding="utf-8-sig") as file:
        places = list(csv.DictReader(file))
    roll = random.Random(1)
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["lon", "lat", "category", "description", "reported_at", "source", "state", "state_at"])
        for at in range(FIRST):
            place = roll.choice(places)
            is_recent = at < RECENT
            ago = roll.random() * RECENT_DAYS if is_recent else RECENT_DAYS + roll.random() * OLDER_DAYS
            reported = NOW - datetime.timedelta(days=ago, minutes=1)
            is_open = at < OPEN
            # One in fifty takes months.
            lasts = datetime.timedelta(days=31 + roll.random() * 60) if at % 50 == 0 else datetime.timedelta(hours=roll.random() * 72)
            ended = min(reported + lasts, NOW)
            lon, lat = float(place["lon"]) + roll.gauss(0, 2e-4), float(place["lat"]) + roll.gauss(0, 2e-4)
            state = ("pending_dispatch", reported) if is_open else ("closed", ended)
            out.writerow([f"{lon:.9f}", f"{lat:.9f}", place["category"], f"case {at}", reported.isoformat(), "bench", state[0], state[1].isoformat()])


def make_first(gridkeeper, scratch, path):
    sample = make_sample(gridkeeper, scratch, GRIDS)
    fill(gridkeeper, path, sample)
    for kind in ("calendars", "categories", "responsibilities"):
        run([gridkeeper, "--store", path, kind, "import", os.path.join(sample, f"{kind}.csv")])
    table = os.path.join(scratch, "cases.csv")
    write_cases(sample, table)
    print(f"figure cases_import {FIRST / run([gridkeeper, '--store', path, 'incidents', 'import', table]):.0f} cases/s", flush=True)


def columns(store, table, without):
    return [row[1] for row in store.execute(f"PRAGMA table_info({table})") if row[1] not in without]


def copy_older(path, count):
    """Copies what is older than the last 30 days until the store has so many cases."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as store:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -4000000", "temp_store = MEMORY"):
            store.execute(f"PRAGMA {pragma}")
        store.execute("CREATE TEMP TABLE older AS SELECT id FROM gk_case WHERE is_open = 0 AND reported_at < ? ORDER BY id", [f"{NOW - datetime.timedelta(days=RECENT_DAYS):%Y-%m-%dT%H:%M:%S}"])
        older = store.execute("SELECT count(*) FROM older").fetchone()[0]
        cases, events = columns(store, "gk_case", {"key"}), columns(store, "gk_case_event", {"number"})
        begin, times = time.monotonic(), -(-(count - FIRST) // older)
        store.execute("BEGIN")
        for at in range(1, times + 1):
            limit = min(older, count - FIRST - (at - 1) * older)
            earlier = f"-{at * OLDER_DAYS * (3650 - OLDER_DAYS) // (OLDER_DAYS * times)} days"
            changed = {
                "id": f"printf('%08x', {at}) || substr(c.id, 9)",
                "case_id": f"printf('%08x', {at}) || substr(c.case_id, 9)",
                "reported_at": f"strftime('%Y-%m-%dT%H:%M:%fZ', c.reported_at, '{earlier}')",
                "at": f"strftime('%Y-%m-%dT%H:%M:%fZ', c.at, '{earlier}')",
                "part_until": f"strftime('%Y-%m-%dT%H:%M:%fZ', c.part_until, '{earlier}')",
            }
            for table, names, key in (("gk_case", cases, "id"), ("gk_case_event", events, "case_id")):
                values = ", ".join(changed.get(name, f"c.{name}") for name in names)
                store.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM (SELECT id FROM older ORDER BY id LIMIT {limit}) AS o JOIN {table} AS c ON c.{key} = o.id")
        store.execute("COMMIT")
        print(f"# {times * older:,} rows copied in {time.monotonic() - begin:.0f} s", flush=True)


class Service:
    def __init__(self, gridkeeper, store):
        key = subprocess.run([gridkeeper, "--store", store, "key", "create", "--role", "dispatcher"], capture_output=True, text=True, check=True)
        self.key, self.port = key.stdout.strip(), free_port()
        self.process = serve(gridkeeper, store, self.port)
        wait_until_ready(self.port, self.process)

    def ask(self, path, body=None):
        """Returns seconds and bytes of an answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, headers={"Authorization": f"Bearer {self.key}"})
        if body is not None:
            request.add_header("Content-Type", "application/json")
        begin = time.monotonic()
        while True:
            try:
                with urllib.request.urlopen(request, timeout=600) as answer:
                    return time.monotonic() - begin, answer.read()
            except urllib.error.HTTPError as error:
                # Where millions of cases are read for the first map, a request does not wait for all of them.
                if error.code != 503:
                    raise
                time.sleep(0.2)

    def report(self, place):
        lon, lat = place
        body = {"lon": lon, "lat": lat, "category": "E0110", "description": "bench"}
        return self.ask("/v1/incidents", json.dumps(body).encode())

    def stop(self):
        self.process.terminate()
        self.process.wait()


def tile_of(place, z):
    lon, lat = place
    x = (lon + 180) / 360 * 2**z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z
    return f"{z}/{int(x)}/{int(y)}"


def questions(place, grid):
    day = lambda days: (NOW + datetime.timedelta(days=days)).strftime("%Y-%m-%d")
    lon, lat = place
    near = f"{lon - 0.002},{lat - 0.002},{lon + 0.002},{lat + 0.002}"
    since = f"reported_from={day(-30)}T00:00:00Z"
    lists = {
        "list_first": "",
        "list_open": "open=true",
        "list_overdue": "overdue=true",
        "list_state": "state=pending_dispatch",
        "list_department": "department=D01",
        "list_department_open": "department=D01&open=true",
        "list_category": "category=E0110",
        "list_grid": f"grid={grid}",
        "list_street": f"grid={grid[:9]}",
        "list_void": "state=void",
        "list_week": f"reported_from={day(-7)}T00:00:00Z",
        "list_near": f"bbox={near}",
        "list_grid_open": f"grid={grid[:9]}&open=true",
    }
    other = {
        "alarms": "/v1/alarms",
        "responsibilities": f"/v1/responsibilities?lon={lon}&lat={lat}",
        "indicators_units": f"/v1/indicators?from={day(-30)}&to={day(1)}&by=unit&level=street",
        "indicators_departments": f"/v1/indicators?from={day(-30)}&to={day(1)}&by=department",
    }
    # Asked for after a new case at the place, so that nothing that was drawn before is sent.
    drawn = {f"tile_z{z}{name}": f"/tiles/incidents/{tile_of(place, z)}?{query}" for z in (6, 10, 13, 16) for name, query in
             (("", ""), ("_open", "open=true"), ("_30_days", since), ("_category", "category=E0110"))}
    drawn["tile_z10_shifted"] = f"/tiles/incidents/{tile_of(place, 10)}?shift=gcj02"
    drawn["tile_z12_workload"] = f"/tiles/workload/{tile_of(place, 12)}"
    lists = {name: f"/v1/incidents?{query}" for name, query in lists.items()}
    return {**lists, **other}, drawn


def copy_to(gridkeeper, path, server):
    """Copies a store to a database, which is made, and returns its address."""
    name = os.path.basename(path).replace("-", "_").removesuffix(".gpkg")
    subprocess.run(["psql", "-q", f"{server}/postgres", "-c", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", "-c", f"CREATE DATABASE {name}"], check=True)
    print(f"figure cases_copy_{name} {run([gridkeeper, 'migrate', path, f'{server}/{name}']):.0f} s", flush=True)
    # As the server itself does within a minute or so.
    subprocess.run(["psql", "-q", f"{server}/{name}", "-c", "VACUUM ANALYZE"], check=True)
    return f"{server}/{name}"


def main(gridkeeper, scratch, count, server=None):
    count = int(count)
    paths = [os.path.join(scratch, f"cases-{size}.gpkg") for size in (FIRST, count)]
    for path in paths:
        for suffix in ("", "-wal", "-shm", "-lock"):
            if os.path.exists(path + suffix):
                os.remove(path + suffix)
    make_first(gridkeeper, scratch, paths[0])
    shutil.copy(paths[0], paths[1])
    copy_older(paths[1], count)
    print(f"figure cases_bytes {os.path.getsize(paths[1]) / count:.0f} B/case", flush=True)
    with open(os.path.join(make_sample(gridkeeper, scratch, GRIDS), "incidents.csv"), encoding="utf-8-sig") as file:
        sample = next(csv.DictReader(file))
    place = float(sample["lon"]), float(sample["lat"])
    stores = [copy_to(gridkeeper, path, server) for path in paths] if server else paths
    services = [Service(gridkeeper, store) for store in stores]
    try:
        for size, service in zip((FIRST, count), services):
            before = memory_mib(service.process, "VmRSS")
            for shift in ("", "?shift=gcj02"):
                seconds, _ = service.ask(f"/tiles/incidents{shift}")
                print(f"figure cases_first_map{shift[-5:]}_{size} {seconds:.2f} s")
            print(f"figure cases_map_memory_{size} {memory_mib(service.process, 'VmRSS') - before:.0f} MiB", flush=True)
        grid = json.loads(services[0].ask(f"/v1/locate?lon={place[0]}&lat={place[1]}")[1])["grid"]["code"]
        asked, drawn = questions(place, grid)
        for name, path in {**asked, **drawn}.items():
            times = [[], []]
            for _ in range(ROUNDS):
                for service, own in zip(services, times):
                    if name in drawn:
                        service.report(place)
                    own.append(service.ask(path)[0] * 1e3)
            small, large = map(statistics.median, times)
            print(f"figure cases_{name} {small:.2f} ms at {FIRST}, {large:.2f} ms at {count}, {large / small:.2f} x", flush=True)
        small, large = (statistics.median(service.report(place)[0] * 1e3 for _ in range(50)) for service in services)
        print(f"figure cases_report {small:.2f} ms at {FIRST}, {large:.2f} ms at {count}, {large / small:.2f} x", flush=True)
    finally:
        for service in services:
            service.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
