"""Measures distances to borders with GeographicLib and compares them: python3 tests/geodesic_distances.py FILE.json

The file has `units`, each a list of closed rings of [lon, lat], and `rows` of [lon, lat, unit, distance_m]. For each row the distance from
the point to the nearest border of the unit is measured, to the foot on the edge that is straight in degrees; the
greatest difference is printed, in metres. Needs geographiclib.
"""
import json, math, sys
from geographiclib.geodesic import Geodesic

GOLDEN = (math.sqrt(5) - 1) / 2


def geodesic_m(lon, lat, to):
    return Geodesic.WGS84.Inverse(lat, lon, to[1], to[0], Geodesic.DISTANCE)["s12"]


def short_way(lon):
    return (lon + 180) % 360 - 180


def rough_m(lon, lat, a, b):
    """The distance on a sphere that is flat around the point: off by a few hundredths where it counts."""
    scale = math.cos(math.radians(lat)) * 111_320, 110_900
    ax, ay = short_way(a[0] - lon) * scale[0], (a[1] - lat) * scale[1]
    dx, dy = (b[0] - a[0]) * scale[0], (b[1] - a[1]) * scale[1]
    length2 = dx * dx + dy * dy
    t = 0 if length2 == 0 else min(1, max(0, -(ax * dx + ay * dy) / length2))
    return math.hypot(ax + t * dx, ay + t * dy), t, math.sqrt(length2)


def edge_m(lon, lat, a, b):
    """The least geodesic distance along the edge, by golden sections around the rough foot."""
    rough, t, length = rough_m(lon, lat, a, b)
    at = lambda t: (a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]))
    # Where the scale is off by a twentieth, the foot is off by as much of the distance.
    reach = 1 if length == 0 else min(1, (rough / 10 + 1) / length)
    low, high = max(0, t - reach), min(1, t + reach)
    best = min(geodesic_m(lon, lat, at(low)), geodesic_m(lon, lat, at(high)))
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    to_left, to_right = geodesic_m(lon, lat, at(left)), geodesic_m(lon, lat, at(right))
    # Half a millimetre along the edge is less than a micrometre of the distance, but where the point itself is as near.
    while (high - low) * length > 5e-4:
        if to_left <= to_right:
            high, right, to_right = right, left, to_left
            left = high - GOLDEN * (high - low)
            to_left = geodesic_m(lon, lat, at(left))
        else:
            low, left, to_left = left, right, to_right
            right = low + GOLDEN * (high - low)
            to_right = geodesic_m(lon, lat, at(right))
    return min(best, to_left, to_right)


def border_m(lon, lat, rings):
    edges = [(rough_m(lon, lat, a, b)[0], a, b) for ring in rings for a, b in zip(ring, ring[1:])]
    worth = min(edge[0] for edge in edges) * 1.1 + 0.01
    return min(edge_m(lon, lat, a, b) for rough, a, b in edges if rough <= worth)


def main():
    data = json.load(open(sys.argv[1]))
    worst, where = 0.0, None
    for lon, lat, unit, distance_m in data["rows"]:
        difference = abs(border_m(lon, lat, data["units"][unit]) - distance_m)
        if difference > worst:
            worst, where = difference, (lon, lat, unit, distance_m)
    print(f"{worst:.9f}")
    print(f"{len(data['rows'])} distances, the worst at {where}", file=sys.stderr)


main()
