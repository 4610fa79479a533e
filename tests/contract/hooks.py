"""Has Schemathesis ask for what there is, and says what a schema cannot say of an answer.

What is generated names resources that are not there, and gives parameters that do not go together, so that nearly all of it would be
refused before it got anywhere. So whatever part of a request is not meant to be wrong is filled with what the store has: by turns, so
that every run asks the same.
"""

import base64
import collections
import copy
import json
import math
import os

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.core.parameters import ParameterLocation

# What was put into the store for this, and the ids that POST has answered with since; the newest is asked for.
MADE = json.loads(os.environ.get("GRIDKEEPER_CONTRACT_MADE", "{}"))
UNIT, PLACE = MADE.get("unit", ""), MADE.get("place", {})
IDS = {path: [MADE[path]] for path in ("/v1/drafts", "/v1/incidents", "/v1/rulings", "/v1/border-reports", "/v1/webhooks") if path in MADE}
PATHS = {
    "collectionId": ["grid", "incidents", "street", "roster", "community", "responsibilities", "beside", "district"],
    "relation": ["touches", "children", "parents", "overlaps"],
    "tileMatrixSetId": ["WebMercatorQuad", "WorldCRS84Quad", "CGCS2000Quad"],
    "layer": ["grid"],
    "number": ["1", "2", "3", "4"],
    "from": ["1", "3", "2"],
    "to": ["2", "4", "3"],
    "style": ["boundaries", "load", "incidents", "overdue"],
    "file": ["sprite.json", "sprite.png", "sprite@2x.png"],
    "name": ["grid.pmtiles"],
    "item": ["E0110.json", "E0110.xml"],
}
# Of parameters that do not go together one is taken, by turns, or none.
VERSIONS = [{}, {"generation": "4"}, {"draft": IDS.get("/v1/drafts", [None])[0]}, {}, {"at": "2098-01-01T00:00:00Z"}]
QUERIES = {
    "lon": [str(PLACE.get("lon"))],
    "lat": [str(PLACE.get("lat"))],
    "level": ["grid", "community"],
    "layer": ["grid"],
    "crs": [None],
    "bbox-crs": [None],
    "filter-crs": [None],
    "filter": [None, "code LIKE '4311%'"],
    "filter-lang": [None],
    "attribute-to": [None],
    "queryables": [None],
    "after": [None],
    "before": [None],
    "code": [None, "431102"],
    "codes": [None, UNIT],
    "name": [None],
    "parent": [None],
    "category": ["E0110", None],
    "sortby": [None, "-code"],
    "properties": [None, "code,name"],
    "datetime": [None],
    "from": ["2026-01-01"],
    "to": ["2026-12-31"],
    "q": ["徐家井1号"],
    "into": [None],
    "grid": [None],
    "unit": [None],
    "state": [None],
    "bbox": [None, "111.5,26.1,111.7,26.3"],
    "due_before": [None],
    "collections": [None],
    "fields": [None],
    "overdue": [None, "true"],
}
HEADERS = {"If-Match": ["*"], "If-None-Match": [None], "Content-Crs": [None], "Idempotency-Key": [None], "Last-Event-ID": [None]}
RING = [[111.6184, 26.2225], [111.6194, 26.2225], [111.6194, 26.2235], [111.6184, 26.2225]]


def feature(geometry, properties):
    return {"type": "Feature", "geometry": geometry, "properties": properties}


POINT = {"type": "Point", "coordinates": [PLACE.get("lon"), PLACE.get("lat")]}
REPORT = {**PLACE, "category": "E0110", "description": "d"}
WORKER = {"unit": UNIT, "worker": "W-new", "name": "n"}
BODIES = {
    ("POST", "/v1/incidents"): [REPORT, {"address": "徐家井1号"}],
    ("POST", "/v1/incidents/{id}/actions"): [{"action": "file"}, {"action": "verify", "worker": "W000018"}, {"action": "void", "reason": "r"}],
    ("POST", "/v1/rulings"): [{**PLACE, "unit": UNIT, "reason": "r"}],
    ("POST", "/v1/border-reports"): [{**PLACE, "description": "d"}],
    ("POST", "/v1/border-reports/{id}/settle"): [{"answer": "a"}],
    ("POST", "/v1/webhooks"): [{"url": "http://127.0.0.1:9/"}],
    ("POST", "/v1/webhooks/{id}/replay"): [{}],
    ("PUT", "/v1/me/consent"): [{"positions": True}],
    ("PUT", "/v1/me/position"): [PLACE],
    ("POST", "/v1/drafts"): [{"title": "another"}],
    ("POST", "/v1/drafts/{id}/operations"): [
        {"op": "lock", "level": "grid", "units": [UNIT], "locked": True},
        {"op": "change", "level": "grid", "unit": UNIT, "name": "n"},
        {"op": "lock", "level": "grid", "units": [UNIT], "locked": False},
        {"op": "draw", "level": "grid", "code": "431102999999999", "polygon": [RING], "within_m": 0.1},
    ],
    ("POST", "/v1/drafts/{id}/approval"): [{"note": "good"}],
    ("POST", "/v1/drafts/{id}/publication"): [{"accept_unheld": True}],
}
# What is written as a feature, where, and by which body.
POLYGON = {"type": "Polygon", "coordinates": [RING]}
WRITES = [
    ("grid", IDS.get("/v1/drafts", [None])[0], {"POST": feature(POLYGON, {}), "PUT": feature(POLYGON, {"name": "n"}), "PATCH": {"properties": {"name": "n"}}}),
    ("incidents", None, {"POST": feature(POINT, {"category": "E0110"}), "PUT": feature(POINT, {}), "PATCH": {"properties": {"category": "E0410"}}}),
    ("roster", None, {"POST": feature(None, WORKER), "PUT": feature(None, WORKER), "PATCH": {"properties": {"phone": "1"}}}),
    ("street", None, {"POST": feature(POLYGON, {}), "PUT": feature(POLYGON, {}), "PATCH": {}}),
]
FORM = {"service_code": "E0110", "lat": str(PLACE.get("lat")), "long": str(PLACE.get("lon")), "description": "d"}
# A picture of one point.
PHOTO = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
TURNS = collections.Counter()
ZOOM = 12


def turn(what, values):
    """One of some values, each time the next."""
    TURNS[what] += 1
    return values[(TURNS[what] - 1) % len(values)]


def tile_of(matrix_set):
    """Column and row of the tile that has the place."""
    lon, lat = PLACE["lon"], PLACE["lat"]
    if matrix_set != "WebMercatorQuad":
        return int((lon + 180) / 180 * 2**ZOOM), int((90 - lat) / 180 * 2**ZOOM)
    up = math.asinh(math.tan(math.radians(lat))) / math.pi
    return int((lon + 180) / 360 * 2**ZOOM), int((1 - up) / 2 * 2**ZOOM)


def path_value(case, name):
    path = case.operation.path
    owner = next((owner for owner in IDS if path.startswith(owner + "/")), None)
    if name == "id" and owner:
        # The first draft stays open to be written to.
        is_ending = case.method == "DELETE" and path == owner + "/{id}"
        return IDS[owner][-1 if is_ending or owner != "/v1/drafts" else 0]
    if name == "featureId":
        return MADE["/v1/incidents"] if case.path_parameters.get("collectionId") == "incidents" else UNIT
    if name == "resource":
        return "services" if "{item}" in path else turn((path, name), ["requests.json", "services.json", "requests.xml", "discovery.json"])
    if name in ("z", "tileMatrix"):
        return str(ZOOM)
    if name in ("x", "tileCol", "y", "tileRow"):
        return str(tile_of(case.path_parameters.get("tileMatrixSetId", "WebMercatorQuad"))[name in ("y", "tileRow")])
    return turn((case.method, path, name), PATHS[name]) if name in PATHS else None


def fill(case, location, container, value_of):
    """Puts what there is into a part of a request that is not meant to be wrong; what is none is left out."""
    if case.meta is None or case.meta.is_negative_at(location) or not container:
        return
    for name in list(container):
        known, value = value_of(name)
        if known and value is None:
            del container[name]
        elif known:
            container[name] = value


@schemathesis.hook
def before_call(context, case, kwargs):
    key = (case.method, case.operation.path)
    if case.meta is None or case.meta.generation is None:
        return

    version, collection = turn((*key, "version"), VERSIONS), None
    bodies = BODIES.get(key)
    if key[0] != "GET" and key[1].startswith("/collections/{collectionId}/items"):
        collection, draft, written = turn((*key, "written"), WRITES)
        version, bodies = {"draft": draft}, [written.get(key[0])]

    def in_path(name):
        value = collection if collection and name == "collectionId" else path_value(case, name)
        return value is not None, value

    def in_query(name):
        if name in ("at", "generation", "draft"):
            return True, version.get(name)
        return name in QUERIES, turn((*key, name), QUERIES[name]) if name in QUERIES else None

    fill(case, ParameterLocation.PATH, case.path_parameters, in_path)
    fill(case, ParameterLocation.QUERY, case.query, in_query)
    fill(case, ParameterLocation.HEADER, case.headers, lambda name: (name in HEADERS, HEADERS.get(name, [None])[0]))
    is_wrong = case.meta.is_negative_at(ParameterLocation.BODY)
    if bodies and not is_wrong and isinstance(case.body, dict) and turn((*key, "body"), [True, False]):
        case.body = copy.deepcopy(turn((*key, "given"), bodies))
    if key == ("POST", "/open311/v2/{resource}") and not is_wrong and turn((*key, "body"), [True, False]):
        is_plain = case.media_type == "application/x-www-form-urlencoded"
        case.body = "&".join(f"{name}={value}" for name, value in FORM.items()) if is_plain else dict(FORM)
    if key == ("POST", "/v1/incidents/{id}/photos") and not is_wrong and turn((*key, "body"), [True, False]):
        case.body = PHOTO


@schemathesis.hook
def after_call(context, case, response):
    path = case.operation.path
    if path in IDS and case.method == "POST" and response.status_code == 201:
        IDS[path].append(response.json()["id"])
    for owner, ids in IDS.items():
        is_ended = case.method == "DELETE" and path == owner + "/{id}" and response.status_code < 300
        if is_ended and len(ids) > 1:
            ids.pop()


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """OGC API Features, part 1, has a larger limit lowered and not refused (/req/core/fc-limit-response-1), and other lists follow it."""
    if not isinstance(failure, AcceptedNegativeData) or failure.status_code != 200:
        return True
    limit = str((case.query or {}).get("limit"))
    return not (case.meta.phase.data.parameter == "limit" and limit.isdigit() and int(limit) > 0)
