"""Runs Schemathesis over the whole API definition, as each role, against the built program on a store made for it.

Every role has a store and a service of its own, so that what one writes is not what another finds; the seed is fixed, and so is what a
run asks, but for the ids and times that the service gives. Usage: run.py GRIDKEEPER [EXAMPLES [ROLE…]]
"""

import concurrent.futures
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE = os.path.join(HERE, "..", "..", "shapes", "lingling")
LEVELS = [("district", "district.geojson", None), ("street", "streets.geojson", "district"), ("community", "communities.geojson", "street"), ("grid", "grids.shp", "community")]
TABLES = ["categories", "responsibilities", "calendars", "roster", "incidents"]
# The public needs no key. The worker is one of the sample with a grid, so that what is one's own is there.
KEYS = {"public": None, "worker": ["--worker", "W000018"], "dispatcher": [], "planner": [], "admin": []}
# Requests of the fuzzing phase for each operation; `make contract` makes more.
EXAMPLES = 5
# As many as the machines of the check have cores.
AT_ONCE = 2
READY_MAX_S = 60


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def make_store(gridkeeper, folder):
    """Fills a store with the sample and a key for each role; returns its path and the keys."""
    store = os.path.join(folder, "store.gpkg")

    def command(*arguments):
        return run(gridkeeper, "--store", store, *arguments)

    for level, file, parent in LEVELS:
        command("import", os.path.join(SAMPLE, file), "--level", level, *(["--parent-level", parent] if parent else []))
    for table in TABLES:
        command(table, "import", os.path.join(SAMPLE, f"{table}.csv"))
    addresses = os.path.join(folder, "addresses.csv")
    with open(addresses, "w", encoding="utf-8") as out:
        out.write("name,lon,lat\n徐家井1号,111.6184,26.2225\n")
    command("addresses", "import", addresses)
    keys = {role: None if more is None else command("key", "create", "--role", role, *more).split()[-1] for role, more in KEYS.items()}
    command("export", "pmtiles", os.path.join(folder, "grid.pmtiles"), "--max-zoom", "10")
    command("export", "gpkg", os.path.join(folder, "beside.gpkg"), "--level", "street")
    return store, keys


class Service:
    """The built program on a copy of a store."""

    def __init__(self, gridkeeper, folder, store):
        shutil.copyfile(store, os.path.join(folder, "own.gpkg"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{probe.getsockname()[1]}"
        made = os.path.dirname(store)
        # A token of an issuer that is not there, indicators for everybody: what needs a setting is there to be asked for.
        settings = {"GRIDKEEPER_INDICATORS__PUBLIC": "true", "GRIDKEEPER_LOG": "warn"}
        command = [gridkeeper, "--store", os.path.join(folder, "own.gpkg"), "serve", "--listen", self.address.removeprefix("http://")]
        command += ["--archive", os.path.join(made, "grid.pmtiles"), "--collection", os.path.join(made, "beside.gpkg")]
        self.log = open(os.path.join(folder, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env={**os.environ, **settings}, cwd=folder)

    def __enter__(self):
        end = time.monotonic() + READY_MAX_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.address}/readyz"):
                    return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise SystemExit(f"the service never got ready\n{self.told()}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def told(self):
        self.log.seek(0)
        return self.log.read()

    def post(self, path, key, body):
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self.address + path, json.dumps(body).encode(), headers)) as answer:
            return json.load(answer)


def begin(gridkeeper, folder, store, keys):
    """Puts into the store what is asked for by ids, and returns these by the paths of their kind."""
    own = os.path.join(folder, "begin")
    os.mkdir(own)
    place = {"lon": 111.6184, "lat": 26.2225}
    with Service(gridkeeper, own, store) as service:
        with urllib.request.urlopen(f"{service.address}/v1/locate?lon={place['lon']}&lat={place['lat']}") as answer:
            unit = json.load(answer)["grid"]["code"]
        made = {
            "/v1/drafts": service.post("/v1/drafts", keys["planner"], {"title": "open"}),
            "/v1/incidents": service.post("/v1/incidents", keys["dispatcher"], place),
            "/v1/rulings": service.post("/v1/rulings", keys["dispatcher"], {**place, "unit": unit, "reason": "r"}),
            "/v1/border-reports": service.post("/v1/border-reports", keys["worker"], {**place, "description": "d"}),
            # Nobody listens there.
            "/v1/webhooks": service.post("/v1/webhooks", keys["admin"], {"url": "http://127.0.0.1:9/"}),
        }
    shutil.copyfile(os.path.join(own, "own.gpkg"), store)
    return {"unit": unit, "place": place, **{path: answer["id"] for path, answer in made.items()}}


def ask_as(role, gridkeeper, folder, store, made, key, examples):
    """Returns whether nothing was found, and what Schemathesis said."""
    own = os.path.join(folder, role)
    os.mkdir(own)
    with Service(gridkeeper, own, store) as service:
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", os.path.join(HERE, "schemathesis.toml"), "run"]
        command += [f"{service.address}/api?f=json", "--url", service.address, "--no-color", "--max-examples", str(examples)]
        command += ["-H", f"Authorization: Bearer {key}"] if key else []
        environment = {"NO_PROXY": "*", "PYTHONPATH": HERE, "PYTHONDONTWRITEBYTECODE": "1", "GRIDKEEPER_CONTRACT_MADE": json.dumps(made)}
        # It leaves notes of its own where it runs.
        done = subprocess.run(command, capture_output=True, text=True, cwd=own, env={**os.environ, **environment})
        lives = service.process.poll() is None
        return done.returncode == 0 and lives, f"{done.stdout}{done.stderr}{service.told()}"


def main(gridkeeper, examples=EXAMPLES, *roles):
    failed = []
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        store, keys = make_store(gridkeeper, folder)
        made = begin(gridkeeper, folder, store, keys)
        asked = {role: pool.submit(ask_as, role, gridkeeper, folder, store, made, key, examples) for role, key in keys.items() if role in roles or not roles}
        for role, asking in asked.items():
            is_fine, said = asking.result()
            print(f"===== {role}: {'fine' if is_fine else 'FAILED'}\n{said}", flush=True)
            if not is_fine:
                failed.append(role)
    return f"failed as {', '.join(failed)}" if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
