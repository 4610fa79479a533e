"""Checks tiles of a coverage with decoders and geometry that are not ours: mapbox-vector-tile reads them, GEOS judges them.

Usage: tiles_coverage.py FILE

FILE holds what `gridkeeper`'s tests write (`tests/integration/tiles.rs`, `examples/tile_pieces.rs`), records one after the other:
a line of JSON, and as many bytes as its "bytes" says.

- {"tile": [z, x, y]}: a tile.
- {"rim": level}: the lines that have a unit of the level on one side alone, before anything is simplified or rounded, as JSON, in parts
  of the world's side.
- {"unit": [z, level, id]}: the unit as it was rounded at that zoom, the rings of its polygons as JSON, in units of the zoom's grid.
  Rings are told apart by their winding alone: an exterior has its interior on the left as seen on a map.

For every zoom and level it requires:

1. every area is valid for OGC, has the winding of MVT 2.1, and whole coordinates within the buffer;
2. the areas of a tile overlap nowhere, and leave no hole and no gap between them that the district does not have;
3. a unit put together from the parts in all tiles is the rounded unit, but for cut points that are off by at most one;
4. all units together, as their tiles have them, leave no hole that the layer does not have, and cover all of it but for what lies closer
   to its rim than lines are moved; a bay of the rim whose mouth is narrower than a unit of the grid is closed by rounding, and what it
   encloses is the outside still;
5. where two tiles overlap they carry the same edges of the same units;
6. a unit without an area has a name in exactly one tile, as every other unit.

Prints what it counted, and ends with 1 where anything fails.
"""

import collections
import json
import sys

import mapbox_vector_tile
import numpy
import shapely

EXTENT = 4096
BUFFER = 64
FAULTS_SHOWN = 20
# Lines move by less than a pixel of 16 units where vertices are left out, and by less than one in rounding.
MOVED = 17

faults = collections.Counter()


def fault(kind, place):
    faults[kind] += 1
    if sum(faults.values()) <= FAULTS_SHOWN:
        print(f"{kind}: {place}")


def records(path):
    with open(path, "rb") as file:
        while line := file.readline():
            head = json.loads(line)
            yield head, file.read(head["bytes"])


def doubled_area(ring):
    """Positive where the ring runs clockwise with y growing southwards."""
    points = numpy.asarray(ring, dtype="int64")
    after = numpy.roll(points, -1, axis=0)
    return int((points[:, 0] * after[:, 1] - after[:, 0] * points[:, 1]).sum())


def check_winding(geometry, place):
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    for rings in polygons:
        for at, ring in enumerate(rings):
            if (doubled_area(ring) > 0) != (at == 0):
                fault("winding", place)
        points = numpy.concatenate([numpy.asarray(ring) for ring in rings])
        if points.min() < -BUFFER or points.max() > EXTENT + BUFFER or points.dtype.kind != "i":
            fault("coordinates outside the buffer", place)


def edges_of(geometry, x, y):
    """The undirected edges of an area on the zoom's grid."""
    found = set()
    for polygon in shapely.get_parts(geometry):
        for ring in [polygon.exterior, *polygon.interiors]:
            points = shapely.get_coordinates(ring).astype("int64") + (x * EXTENT, y * EXTENT)
            points = [tuple(point) for point in points.tolist()]
            found.update((min(a, b), max(a, b)) for a, b in zip(points, points[1:]))
    return found


def from_rings(rings):
    """A unit from rounded rings: exteriors with their holes, told by winding."""
    shells = [shapely.Polygon(ring) for ring in rings if doubled_area(ring) < 0]
    holes = [shapely.Polygon(ring) for ring in rings if doubled_area(ring) > 0]
    return shapely.difference(shapely.union_all(shells), shapely.union_all(holes))


def check_tile(z, x, y, layers, parts, names):
    district = None
    for level, layer in layers.items():
        place = f"{z}/{x}/{y} {level}"
        if (layer["version"], layer["extent"]) != (2, EXTENT):
            fault("version or extent", place)
        if level.endswith("_label"):
            for feature in layer["features"]:
                names[level.removesuffix("_label"), feature["id"]] += 1
            continue
        if level.endswith("borders"):
            continue
        for feature in layer["features"]:
            if feature["geometry"]["type"] not in ("Polygon", "MultiPolygon"):
                fault("no area", f"{place} {feature['id']}")
            check_winding(feature["geometry"], f"{place} {feature['id']}")
        areas = numpy.array([shapely.geometry.shape(feature["geometry"]) for feature in layer["features"]])
        for at in numpy.flatnonzero(~shapely.is_valid(areas)):
            fault("invalid", f"{place} {layer['features'][at]['id']}: {shapely.is_valid_reason(areas[at])}")
        if not shapely.coverage_is_valid(areas):
            fault("overlap or unmatched edge", place)
        union = shapely.coverage_union_all(areas)
        if abs(shapely.area(areas).sum() - shapely.area(union)) > 1e-6:
            fault("overlap", place)
        if district is None:
            district = (level, union)
        elif shapely.area(shapely.symmetric_difference(union, district[1])) > 0 and not GAPS:
            fault("hole or gap", f"{place} against {district[0]}")
        for feature, area in zip(layer["features"], areas):
            parts[z, level, feature["id"]].append((x, y, area))
    return len(layers)


def check_strips(key, pieces):
    """Neighbouring tiles overlap by twice the buffer: what both hold there must be the same edges."""
    by_tile = {(x, y): area for x, y, area in pieces}
    for (x, y), area in by_tile.items():
        for dx, dy in ((1, 0), (0, 1)):
            other = by_tile.get((x + dx, y + dy))
            if other is None:
                continue
            low = numpy.array([(x + dx) * EXTENT - BUFFER, (y + dy) * EXTENT - BUFFER])
            high = numpy.array([(x + 1) * EXTENT + BUFFER, (y + 1) * EXTENT + BUFFER])
            inside = lambda edge: all(low[axis] < p[axis] < high[axis] for p in edge for axis in (0, 1))
            mine = {edge for edge in edges_of(area, x, y) if inside(edge)}
            others = {edge for edge in edges_of(other, x + dx, y + dy) if inside(edge)}
            if mine != others:
                fault("neighbouring tiles differ", f"{key} {x}/{y} and {x + dx}/{y + dy}")


def is_bay(hole, layer):
    """Whether the outside of the layer comes as near to a hole as rounding moves lines."""
    return shapely.area(shapely.difference(shapely.buffer(hole, 1.0), layer)) > 0


def check_together(key, units, rim, counts):
    """All units of a zoom and level together cover what the layer covers, and no hole is in them that it does not have."""
    z, level = key
    size = EXTENT << z
    lines = shapely.MultiLineString([numpy.asarray(line) * size for line in rim])
    layer = shapely.build_area(lines)
    together = shapely.union_all(units)
    near = shapely.buffer(shapely.boundary(layer), MOVED)
    left = shapely.difference(shapely.symmetric_difference(layer, together), near)
    if shapely.area(left) > 0:
        fault("all units together are not the layer", f"{z} {level}: {shapely.bounds(left).tolist()}")
    holes = [ring for polygon in shapely.get_parts(layer) for ring in polygon.interiors]
    known = shapely.STRtree(shapely.buffer([shapely.Polygon(hole) for hole in holes], MOVED)) if holes else None
    for polygon in shapely.get_parts(together):
        for ring in polygon.interiors:
            hole = shapely.Polygon(ring)
            if known is not None and len(known.query(hole, predicate="within")):
                continue
            if is_bay(hole, layer):
                counts["bays closed at the rim"] += 1
            else:
                fault("a hole", f"{z} {level}: {shapely.bounds(ring).tolist()}")


def check_whole(key, whole, pieces):
    moved = [shapely.transform(area, lambda points, x=x, y=y: points + (x * EXTENT, y * EXTENT)) for x, y, area in pieces]
    union = shapely.union_all(moved)
    if shapely.area(shapely.symmetric_difference(union, whole)) == 0:
        return union, False
    # Cut points may be off by one: nothing then lies further from the border than that.
    if shapely.area(shapely.difference(shapely.symmetric_difference(union, whole), shapely.buffer(shapely.boundary(whole), 1.0))) > 0:
        fault("the parts are not the unit", f"{key}")
    return union, True


def main(path):
    parts, wholes, counts = collections.defaultdict(list), {}, collections.Counter()
    names, zooms = collections.defaultdict(collections.Counter), set()
    rims, together = {}, collections.defaultdict(list)
    for head, body in records(path):
        if "gaps" in head:
            global GAPS
            GAPS = head["gaps"]
        elif "rim" in head:
            rims[head["rim"]] = json.loads(body)
        elif "tile" in head:
            z, x, y = head["tile"]
            layers = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True})
            check_tile(z, x, y, layers, parts, names[z])
            zooms.add(z)
            counts["tiles"] += 1
        else:
            wholes[tuple(head["unit"])] = json.loads(body)
    for key, rings in wholes.items():
        z, level, unit = key
        if names[z][level, unit] != 1:
            fault("a name does not stand in exactly one tile", f"{key}: {names[z][level, unit]}")
        counts["units"] += 1
        if not rings:
            counts["units without area"] += 1
            if parts[key]:
                fault("a unit without area has one in a tile", f"{key}")
            continue
        union, is_off = check_whole(key, from_rings(rings), parts[key])
        together[z, level].append(union)
        counts["units with cut points off by one"] += is_off
        check_strips(key, parts[key])
    for (z, level), units in together.items():
        check_together((z, level), units, rims[level], counts)
        counts["zooms and levels without a hole of their own"] += 1
    for key in parts:
        if key not in wholes and wholes:
            fault("an area of no unit", f"{key}")
    print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())), f"at zooms {min(zooms)} to {max(zooms)}")
    for kind, count in faults.items():
        print(f"{count} × {kind}")
    return 1 if faults or not counts["tiles"] else 0


GAPS = False

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
