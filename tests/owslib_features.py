"""Reads collections as OWSLib's OGC API client does. Usage: owslib_features.py URL COLLECTION COUNT WEST SOUTH EAST NORTH IN_BOX"""

import sys

from owslib.ogcapi.features import Features

url, collection, count, *box, in_box = sys.argv[1:]
client = Features(url)
conformance = client.conformance()["conformsTo"]
for name in ["ogcapi-features-1/1.0/conf/core", "ogcapi-features-2/1.0/conf/crs", "ogcapi-features-3/1.0/conf/filter", "cql2/1.0/conf/cql2-text"]:
    assert f"http://www.opengis.net/spec/{name}" in conformance, name
assert collection in client.feature_collections(), client.feature_collections()
assert client.collection(collection)["id"] == collection
assert client.api()["openapi"].startswith("3."), client.api()["openapi"]
queryables = client.collection_queryables(collection)["properties"]
assert "code" in queryables and "geometry" in queryables, queryables
assert client.collection_schema(collection)["properties"]
page = client.collection_items(collection, limit=7)
assert page["numberMatched"] == int(count) and page["numberReturned"] == 7, page["numberMatched"]
boxed = client.collection_items(collection, bbox=[float(side) for side in box], limit=1000)
assert boxed["numberMatched"] == int(in_box), boxed["numberMatched"]
code = page["features"][3]["properties"]["code"]
filtered = client.collection_items(collection, filter=f"code = '{code}'")
assert filtered["features"] == [page["features"][3]], filtered
alone = client.collection_item(collection, page["features"][3]["id"])
assert alone == page["features"][3]
print("ok")
