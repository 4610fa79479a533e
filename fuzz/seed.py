"""Writes what the fuzzers begin with: a request for each operation and parameter of the API definition, the filters and addresses of the
documents, and, where the machine has them, the predicates of the standard's test suite. The standard library is all it needs.

Usage: seed.py CORPUS [PREDICATES]
"""

import hashlib
import json
import os
import re
import shutil
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEFINITION = os.path.join(ROOT, "tests/integration/api/snapshots/integration__api__openapi__definition.snap")
GRID = "431102001001001"
# Names in paths, as the small district has them.
PATHS = {
    "collectionId": ["grid", "district", "incidents", "responsibilities", "street"],
    "featureId": [GRID, "00000000-0000-0000-0000-000000000001"],
    "relation": ["touches", "children", "overlaps", "parent", "covers", "incidents"],
    "tileMatrixSetId": ["WebMercatorQuad", "WorldCRS84Quad"],
    "tileMatrix": ["12"],
    "tileRow": ["1747"],
    "tileCol": ["3316"],
    "z": ["12"],
    "x": ["3316"],
    "y": ["1747"],
    "layer": ["grid"],
    "from": ["1"],
    "to": ["1"],
    "number": ["1"],
    "resource": ["services.json", "requests.xml", "discovery.json"],
    "item": ["E0110.json"],
    "style": ["boundaries.json", "grid"],
    "file": ["sprite.png"],
    "name": ["grid.pmtiles"],
    "id": ["2", "1", "00000000-0000-0000-0000-000000000001"],
}
QUERIES = {
    "bbox": ["111.6,26.2,111.7,26.3", "170,-90,-170,90", "2900000,560000,2910000,570000"],
    "bbox-crs": ["[EPSG:4546]", "http://www.opengis.net/def/crs/EPSG/0/4326"],
    "crs": ["[EPSG:4546]", "EPSG:4546", "GCJ02"],
    "filter-crs": ["[EPSG:3857]"],
    "filter-lang": ["cql2-json"],
    "datetime": ["2026-01-01T00:00:00Z/.."],
    "sortby": ["-valid_from,+name"],
    "properties": ["code,name"],
    "skipGeometry": ["true"],
    "zoom-level": ["14"],
    "at": ["2026-06-01T00:00:00Z"],
    "generation": ["1"],
    "draft": ["2"],
    "shift": ["gcj02", "bd09"],
    "f": ["json", "html", "csv", "fgb", "gpkg", "parquet", "geojson", "openapi30", "png"],
    "lon": ["111.604"],
    "lat": ["26.204"],
    "after": ["431102001001005", '["a","b"]', "7"],
    "before": ["431102001001005"],
    "limit": ["3"],
    "level": ["grid"],
    "layer": ["grid"],
    "collections": ["grid,district"],
    "fields": ["grid_code,status", "code"],
    "by": ["unit", "department", "worker"],
    "from": ["2026-01-01"],
    "to": ["2026-12-31"],
    "as_of": ["2026-06-01T00:00:00Z"],
    "accuracy_m": ["30"],
    "category": ["E0110:x"],
    "attribute-to": ["current"],
    "state": ["open"],
    "codes": [GRID],
    "kind": ["border"],
    "open": ["true"],
    "q": ["徐家井1号"],
}
ROLES = ["", "planner", "admin", "worker", "dispatcher"]
FILTERS = [
    "code LIKE '43110200100100_' AND NOT (valid_to > TIMESTAMP('2026-01-01T00:00:00Z'))",
    "S_TOUCHES(geometry, POINT(111.62 26.21)) OR CASEI(name) LIKE CASEI('第1%')",
    "T_DURING(INTERVAL(valid_from,'..'), INTERVAL('2026-01-01','..'))",
    '{"op":"and","args":[{"op":"=","args":[{"property":"code"},"431102001001001"]},{"op":"s_intersects","args":[{"property":"geometry"},{"bbox":[111.6,26.2,111.7,26.3]}]}]}',
    "A_CONTAINS(tags, ('a','b')) AND count + 2 * 3 ^ 2 BETWEEN 1 AND 100 AND mixed IN ('x', 7)",
]


def definition():
    with open(DEFINITION, encoding="utf-8") as file:
        return json.loads(file.read().split("---\n", 2)[2])


def fill(path):
    """Makes paths of a template, with each value of each name once."""
    names = re.findall(r"{(\w+)}", path)
    count = max([1, *(len(PATHS.get(name, ["x"])) for name in names)])
    for at in range(count):
        yield re.sub(r"{(\w+)}", lambda found: (values := PATHS.get(found[1], ["x"]))[at % len(values)], path)


def requests():
    for path, item in definition()["paths"].items():
        operation = item.get("get")
        if operation is None:
            continue
        names = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
        for at, address in enumerate(fill(path)):
            role = ROLES[at % len(ROLES)]
            yield address, role
            if at > 1:
                continue
            queries = [f"{name}={value}" for name in names for value in QUERIES.get(name, [])]
            queries += [f"filter={text}" for text in FILTERS if "filter" in names]
            for number, query in enumerate(queries):
                need = "&".join(f"{name}={QUERIES[name][0]}" for name in ("lon", "lat") if name in names and f"{name}=" not in query)
                yield f"{address}?{query}{'&' * bool(need)}{need}", ROLES[number % len(ROLES)]


def documented():
    """Addresses in the documents."""
    folder = os.path.join(ROOT, "docs")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".md"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                for address in re.findall(r"(/(?:v1|collections|tiles)[^\s'\"`)]*)", file.read()):
                    yield address.replace("[", "").replace("]", ""), "admin"


def write(folder, texts):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for text in texts:
        data = text.encode()
        with open(os.path.join(folder, hashlib.sha1(data).hexdigest()), "wb") as file:
            file.write(data)


def main(corpus, predicates=None):
    filters = list(FILTERS)
    if predicates and os.path.exists(predicates):
        with open(predicates, encoding="utf-8") as file:
            filters += [predicate for _, _, predicate, _ in json.load(file)]
    asked = [*requests(), *documented(), *((f"/collections/grid/items?filter={text}", "") for text in filters)]
    texts = [f"GET {address}\n" + (f"as: {role}\n" if role else "") for address, role in asked]
    texts += [f"GET /collections/grid/items?limit=5\naccept: {media}\naccept-encoding: gzip, br\n" for media in ("text/html", "text/csv", "application/flatgeobuf;q=0.5, */*;q=0.1")]
    texts += [f"{method} /collections/grid/items\nif-none-match: *\nrange: bytes=0-5\n" for method in ("HEAD", "OPTIONS")]
    write(os.path.join(corpus, "requests"), texts)
    write(os.path.join(corpus, "filters"), filters)
    seeds = os.path.join(ROOT, "fuzz", "seeds", "bodies")
    bodies = [open(os.path.join(seeds, name), encoding="utf-8").read() for name in sorted(os.listdir(seeds))]
    write(os.path.join(corpus, "bodies"), bodies)
    for target in ("requests", "filters", "bodies"):
        found = os.path.join(ROOT, "fuzz", "found", target)
        for name in os.listdir(found) if os.path.isdir(found) else []:
            shutil.copy(os.path.join(found, name), os.path.join(corpus, target, name))
        print(f"{target}: {len(os.listdir(os.path.join(corpus, target)))} seeds")


if __name__ == "__main__":
    main(*sys.argv[1:])
