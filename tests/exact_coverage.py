"""Counts the gaps and overlaps of layers in fractions, nothing rounded: python3 tests/exact_coverage.py ../shared/data [NAME…]

The dumb reference beside `gridkeeper check --snap-m 0` and tests/geos_coverage.py, which both round where edges cross. Edges that no
neighbour has are cut where they meet; the faces between them are walked around, and each counts the units that cover it. Needs what
tests/geos_coverage.py needs.
"""

import collections
import functools
import pathlib
import sys
from fractions import Fraction

import numpy
import shapely
from geos_coverage import FOLDERS, HAIRLINE_SHARE, read

# A cross product of doubles is off by less than this share of its two terms: 4 roundings of 2^-53 each, twice over.
DOUBT = 1e-14


def directed_edges(units):
    """Returns the vertices, and for each edge its two vertices and its unit, which lies to the left."""
    numbers, vertices, edges = {}, [], []
    for unit, geometry in enumerate(units):
        for part in shapely.get_parts(geometry):
            for at, ring in enumerate([part.exterior, *part.interiors]):
                coordinates = shapely.get_coordinates(ring) + 0.0
                if shapely.is_ccw(ring) != (at == 0):
                    coordinates = coordinates[::-1]
                around = []
                for vertex in map(tuple, coordinates.tolist()):
                    if vertex not in numbers:
                        numbers[vertex] = len(vertices)
                        vertices.append(vertex)
                    if not around or around[-1] != numbers[vertex]:
                        around.append(numbers[vertex])
                edges.extend((start, end, unit) for start, end in zip(around, around[1:]))
    return vertices, edges


def without_matches(edges):
    """Leaves out what two neighbours have, in opposite directions, and nobody else."""
    alike = collections.defaultdict(list)
    for edge in edges:
        alike[frozenset(edge[:2])].append(edge)
    is_matched = lambda group: len(group) == 2 and group[0][0] == group[1][1] and group[0][2] != group[1][2]
    return [edge for group in alike.values() if not is_matched(group) for edge in group]


def turn(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def surely_turns(a, b, c):
    """The sign of `turn` where doubles tell it, else 0."""
    left, right = (b[0] - a[0]) * (c[1] - a[1]), (b[1] - a[1]) * (c[0] - a[0])
    bound = DOUBT * (abs(left) + abs(right))
    return (left - right > bound) - (left - right < -bound)


def is_within(point, a, b):
    return point not in (a, b) and all(min(a[i], b[i]) <= point[i] <= max(a[i], b[i]) for i in (0, 1))


class Walls:
    """Edges cut where they meet. Crossing one from right to left, so many units more cover the ground."""

    def __init__(self, vertices, edges):
        rises = collections.Counter()
        for start, end, _ in edges:
            rises[(min(start, end), max(start, end))] += 1 if start < end else -1
        self.points, self.numbers = [], {}
        exact = [tuple(map(Fraction, vertex)) for vertex in vertices]
        lines = list(rises)
        cuts = self.find_cuts(vertices, exact, lines)
        pieces = collections.Counter()
        for line, found in zip(lines, cuts):
            a, b = exact[line[0]], exact[line[1]]
            along = lambda number: sum((self.points[number][i] - a[i]) * (b[i] - a[i]) for i in (0, 1))
            chain = [self.number(a), *sorted(found, key=along), self.number(b)]
            for start, end in zip(chain, chain[1:]):
                pieces[(min(start, end), max(start, end))] += rises[line] if start < end else -rises[line]
        self.walls = [(start, end, rise) for (start, end), rise in pieces.items() if rise]

    def number(self, point):
        if point not in self.numbers:
            self.numbers[point] = len(self.points)
            self.points.append(point)
        return self.numbers[point]

    def find_cuts(self, vertices, exact, lines):
        cuts = [set() for _ in lines]
        shapes = shapely.linestrings(numpy.array([[vertices[a], vertices[b]] for a, b in lines]))
        near = shapely.STRtree(shapes).query(shapely.box(*shapely.bounds(shapes).T))
        for one, other in near[:, near[0] < near[1]].T:
            (a, b), (c, d) = lines[one], lines[other]
            if surely_turns(vertices[a], vertices[b], vertices[c]) * surely_turns(vertices[a], vertices[b], vertices[d]) > 0:
                continue
            if surely_turns(vertices[c], vertices[d], vertices[a]) * surely_turns(vertices[c], vertices[d], vertices[b]) > 0:
                continue
            a, b, c, d = exact[a], exact[b], exact[c], exact[d]
            of_c, of_d, of_a, of_b = turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)
            if of_c * of_d < 0 and of_a * of_b < 0:
                share = of_c / (of_c - of_d)
                crossing = self.number(tuple(c[i] + share * (d[i] - c[i]) for i in (0, 1)))
                cuts[one].add(crossing)
                cuts[other].add(crossing)
                continue
            for line, side, point, ends in ((one, of_c, c, (a, b)), (one, of_d, d, (a, b)), (other, of_a, a, (c, d)), (other, of_b, b, (c, d))):
                if side == 0 and is_within(point, *ends):
                    cuts[line].add(self.number(point))
        return cuts

    def faces(self):
        """Yields the signed area, how many units cover it, and the corners of each cycle around a face."""
        # A side of a wall is its number times two, and one more where it is walked from its end; it is told by where it starts.
        start = lambda side: self.walls[side >> 1][side & 1]
        stars = collections.defaultdict(list)
        for side in range(2 * len(self.walls)):
            stars[start(side)].append(side)
        following = {}
        for corner, sides in stars.items():
            at = self.points[corner]
            way = {side: tuple(self.points[start(side ^ 1)][i] - at[i] for i in (0, 1)) for side in sides}
            is_lower = lambda d: not (d[1] > 0 or (d[1] == 0 and d[0] > 0))

            def compare(one, other):
                u, v = way[one], way[other]
                return is_lower(u) - is_lower(v) or (-1 if u[0] * v[1] > u[1] * v[0] else u[0] * v[1] < u[1] * v[0])

            sides.sort(key=functools.cmp_to_key(compare))
            following.update((side ^ 1, sides[at - 1]) for at, side in enumerate(sides))
        cycle_of, cycles = {}, []
        for side in range(2 * len(self.walls)):
            if side not in cycle_of:
                cycle = []
                while side not in cycle_of:
                    cycle_of[side] = len(cycles)
                    cycle.append(side)
                    side = following[side]
                cycles.append(cycle)
        corners = [[self.points[start(side)] for side in cycle] for cycle in cycles]
        areas = [sum(p[0] * q[1] - q[0] * p[1] for p, q in zip(around, around[1:] + around[:1])) / 2 for around in corners]
        covers = self.find_covers(cycles, cycle_of, areas, start)
        return zip(areas, covers, corners)

    def find_covers(self, cycles, cycle_of, areas, start):
        covers = [None] * len(cycles)
        for first, cycle in enumerate(cycles):
            if areas[first] > 0:
                continue
            covers[first] = self.cover_beside(min((start(side) for side in cycle), key=lambda number: self.points[number]))
            waiting = [first]
            while waiting:
                here = waiting.pop()
                for side in cycles[here]:
                    rise, beyond = self.walls[side >> 1][2], cycle_of[side ^ 1]
                    cover = covers[here] + (rise if side & 1 else -rise)
                    if covers[beyond] is None:
                        covers[beyond] = cover
                        waiting.append(beyond)
                    assert covers[beyond] == cover, "both sides of every wall agree"
        return covers

    @functools.cached_property
    def boxes(self):
        ends = numpy.array([[[float(v) for v in self.points[n]] for n in wall[:2]] for wall in self.walls])
        return ends[:, :, 1].min(axis=1), ends[:, :, 1].max(axis=1), ends[:, :, 0].min(axis=1)

    def cover_beside(self, corner):
        """How many units cover what lies just to the west of a corner, walls at the corner aside: by the walls further west."""
        x, y = self.points[corner]
        low, high, west = self.boxes
        slack = 1e-6 * max(1.0, abs(float(x)), abs(float(y)))
        cover = 0
        for at in numpy.flatnonzero((low <= float(y) + slack) & (high >= float(y) - slack) & (west <= float(x) + slack)):
            start, end, rise = self.walls[at]
            a, b = self.points[start], self.points[end]
            if corner in (start, end) or (a[1] <= y) == (b[1] <= y):
                continue
            lower, upper, rise = (a, b, rise) if a[1] <= y else (b, a, -rise)
            if turn(lower, upper, (x, y)) < 0:
                cover -= rise
        return cover


def is_hairline(area, corners):
    ring = [tuple(map(float, corner)) for corner in corners]
    length = sum(numpy.hypot(p[0] - q[0], p[1] - q[1]) for p, q in zip(ring, ring[1:] + ring[:1]))
    return 2 * float(area) / length <= HAIRLINE_SHARE * max(abs(v) for corner in ring for v in corner)


def main():
    data, names = pathlib.Path(sys.argv[1]), sys.argv[2:]
    for path in sorted(path for folder in FOLDERS for path in (data / folder).iterdir()):
        if path.suffix not in (".zip", ".gz") or ".csv" in path.name or (names and not any(name in path.name for name in names)):
            continue
        vertices, edges = directed_edges(shapely.force_2d(read(path, None)))
        walls = Walls(vertices, without_matches(edges))
        inner = [face for face in walls.faces() if face[0] > 0]
        gaps = [(area, corners) for area, cover, corners in inner if cover == 0]
        wide = sum(not is_hairline(*gap) for gap in gaps)
        overlaps = sum(cover > 1 for _, cover, _ in inner)
        print(f"{path.parent.name}/{path.name} gaps={len(gaps)} wide_gaps={wide} overlaps={overlaps}", flush=True)


if __name__ == "__main__":
    main()
