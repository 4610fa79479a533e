"""Writes features as OWSLib's OGC API client does: a unit of a draft, and an incident. Usage: owslib_writing.py URL KEY CODE DRAFT"""

import json
import sys

from owslib.ogcapi.features import Features

url, key, code, draft = sys.argv[1:]
client = Features(url, headers={"Authorization": f"Bearer {key}"})
conformance = client.conformance()["conformsTo"]
for name in ["create-replace-delete", "update", "features", "optimistic-locking-etags"]:
    assert f"http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/{name}" in conformance, name


def item(name):
    return f"{name}?draft={draft}"


# Read, changed and written back, held to the version that was read.
unit = client.collection_item("grid", item(code))
client.headers["If-Match"] = client.response_headers["ETag"]
client.headers["Content-Type"] = "application/geo+json"
unit["properties"]["name"] = "by OWSLib"
assert client.collection_item_update("grid", item(code), json.dumps(unit))
assert client.collection_item("grid", item(code))["properties"]["name"] == "by OWSLib"
# The version that was read is another by now.
try:
    client.collection_item_update("grid", item(code), json.dumps(unit))
except RuntimeError as refused:
    assert json.loads(str(refused))["status"] == 412, refused
else:
    raise AssertionError("a stale version was taken")
client.headers["If-Match"] = "*"
assert client.collection_item_delete("grid", item(code))
try:
    client.collection_item("grid", item(code))
except RuntimeError as missing:
    assert json.loads(str(missing))["status"] == 404, missing
else:
    raise AssertionError("the unit is still there")

del client.headers["If-Match"]
ring = unit["geometry"]["coordinates"]
while isinstance(ring[0][0], list):
    ring = ring[0]
place = [sum(corner[axis] for corner in ring[:-1]) / (len(ring) - 1) for axis in (0, 1)]
report = {"type": "Feature", "geometry": {"type": "Point", "coordinates": place}, "properties": {"description": "by OWSLib"}}
assert client.collection_item_create("incidents", json.dumps(report))
incident = client.collection_item("incidents", client.response_headers["Location"].rsplit("/", 1)[-1])
assert incident["properties"]["description"] == "by OWSLib" and incident["geometry"]["coordinates"] == place, incident
print("ok")
