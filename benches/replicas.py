"""Measures how soon a small publication shows on three services over one PostGIS store: 100 changed of 100,000 grids.

The clock starts with the commit, as the database has noted it, and ends with the first answer of the new generation from each
service, which is asked every few milliseconds. Usage: replicas.py GRIDKEEPER SCRATCH [GRIDS [PUBLICATIONS]]; the database is
that of GRIDKEEPER_TEST_POSTGRES, which must keep commit times.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time

from startup import fill, free_port, make_sample, memory_mib, run, serve, wait_until_ready

REPLICAS = 3
CHANGED = 100
POLL_S = 0.004


def ask(address, sql):
    return subprocess.run(["psql", "-qAt", address, "-c", sql], check=True, capture_output=True, text=True).stdout.strip()


class Watcher(threading.Thread):
    """Notes when a service first answers with each generation, and every answer that is not 200."""

    def __init__(self, port, point):
        super().__init__(daemon=True)
        self.port, self.path = port, f"/v1/locate?lon={point[0]}&lat={point[1]}&fields=generation"
        self.seen, self.faults, self.asked, self.stop = {}, [], 0, False

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.stop:
            connection.request("GET", self.path)
            answer = connection.getresponse()
            body = answer.read()
            at = time.time()
            self.asked += 1
            if answer.status == 200:
                self.seen.setdefault(json.loads(body)["generation"], at)
            else:
                self.faults.append(answer.status)
            time.sleep(POLL_S)


def changed_file(export, path, publication):
    """Writes a file with 100 grids that have another name."""
    grids = export["features"]
    start = publication * CHANGED % (len(grids) - CHANGED)
    features = grids[start : start + CHANGED]
    for feature in features:
        feature["properties"]["name"] = f"{feature['properties']['code']} {publication}"
    with open(path, "w") as file:
        json.dump({"type": "FeatureCollection", "features": features}, file)


def main(gridkeeper, scratch, grids="100000", publications="20"):
    cluster = os.environ["GRIDKEEPER_TEST_POSTGRES"]
    server, _ = cluster.rsplit("/", 1)
    database = f"replicas_{grids}"
    address = f"{server}/{database}"
    for statement in (f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", f"CREATE DATABASE {database}"):
        run(["psql", "-q", cluster, "-c", statement])
    sample = make_sample(gridkeeper, scratch, int(grids))
    fill(gridkeeper, address, sample)
    export_path = os.path.join(scratch, "replicas-export.geojson")
    if os.path.exists(export_path):
        os.remove(export_path)
    run([gridkeeper, "--store", address, "export", "geojson", export_path, "--level", "grid"])
    with open(export_path) as file:
        export = json.load(file)
    ring = export["features"][0]["geometry"]["coordinates"][0]
    while isinstance(ring[0][0], list):
        ring = ring[0]
    ports = [free_port() for _ in range(REPLICAS)]
    processes = [serve(gridkeeper, address, port) for port in ports]
    try:
        for port, process in zip(ports, processes):
            wait_until_ready(port, process)
        watchers = [Watcher(port, ring[0]) for port in ports]
        for watcher in watchers:
            watcher.start()
        shown, lasts = [], []
        change = os.path.join(scratch, "replicas-change.geojson")
        for publication in range(int(publications)):
            changed_file(export, change, publication)
            run([gridkeeper, "--store", address, "import", change, "--level", "grid", "--merge"])
            number, committed = ask(
                address,
                "SELECT number, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM gk_generation WHERE layer = 'grid' ORDER BY number DESC LIMIT 1",
            ).split("|")
            end = time.time() + 120
            while any(int(number) not in watcher.seen for watcher in watchers):
                if time.time() > end:
                    raise SystemExit(f"generation {number} does not show")
                time.sleep(0.01)
            times = [watcher.seen[int(number)] - float(committed) for watcher in watchers]
            shown.extend(times)
            lasts.append(max(times))
        for watcher in watchers:
            watcher.stop = True
        print(f"figure replicas_{grids}_shown_median {statistics.median(shown):.3f} s")
        print(f"figure replicas_{grids}_shown_on_all_median {statistics.median(lasts):.3f} s")
        print(f"figure replicas_{grids}_shown_on_all_most {max(lasts):.3f} s")
        print(f"figure replicas_{grids}_lookups {sum(watcher.asked for watcher in watchers)} lookups")
        print(f"figure replicas_{grids}_lookups_refused {sum(len(watcher.faults) for watcher in watchers)} lookups")
        print(f"figure replicas_{grids}_resident {max(memory_mib(process, 'VmRSS') for process in processes):.0f} MiB")
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
