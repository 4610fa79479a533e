"""Draws what a bench of tiles has measured, for docs/tiles.md.

Usage: tiles_plot.py FIGURES FOLDER; FIGURES has the lines `figure NAME VALUE UNIT` of the bench `tiles`. Writes growth.svg, how long a zoom
takes to be drawn, and cost.svg, how many tiles of a zoom one core makes in a second.
"""

import math
import os
import re
import sys

LEFT, RIGHT, TOP, BOTTOM = 58, 395, 18, 190
COLOURS = ["#36c", "#a33", "#383"]


def read(path, name):
    """Returns the figures of a kind, by number of grids and zoom."""
    found = {}
    for line in open(path):
        match = re.match(rf"figure tiles_{name}_z(\d+)_(\d+) ([0-9.]+) ", line)
        if match:
            zoom, grids, value = int(match[1]), int(match[2]), float(match[3])
            found.setdefault(grids, {})[zoom] = value
    return found


def draw(found, title):
    """A line for each number of grids, over zooms, on a logarithmic scale."""
    values = [value for by_zoom in found.values() for value in by_zoom.values() if value > 0]
    zooms = sorted({zoom for by_zoom in found.values() for zoom in by_zoom})
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    x = lambda zoom: LEFT + (zoom - zooms[0]) * (RIGHT - LEFT) / (zooms[-1] - zooms[0])
    y = lambda value: BOTTOM - (math.log10(max(value, 10**low)) - low) * (BOTTOM - TOP) / (high - low)
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 470 230" font-family="sans-serif" font-size="12">', '  <rect width="470" height="230" fill="#fff"/>']
    for power in range(low, high + 1):
        at = y(10**power)
        lines.append(f'  <path d="M{LEFT} {at:.1f}H{RIGHT}" stroke="#ddd"/><text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{10**power:,}</text>')
    lines += [f'  <text x="{x(zoom):.0f}" y="{BOTTOM + 17}" text-anchor="middle">{zoom}</text>' for zoom in zooms if zoom % 2 == 0]
    for colour, (grids, by_zoom) in zip(COLOURS, sorted(found.items())):
        points = "L".join(f"{x(zoom):.0f} {y(value):.1f}" for zoom, value in sorted(by_zoom.items()))
        last = y(by_zoom[max(by_zoom)])
        lines.append(f'  <path d="M{points}" fill="none" stroke="{colour}" stroke-width="2"/><text x="{RIGHT + 5}" y="{last + 4:.1f}" fill="{colour}">{grids:,}</text>')
    lines.append(f'  <text x="{LEFT}" y="12">{title}</text><text x="{RIGHT}" y="{BOTTOM + 32}" text-anchor="end">zoom</text>')
    return "\n".join(lines + ["</svg>"]) + "\n"


def main(figures, folder):
    for file, name, title in [
        ("growth.svg", "zoom_build", "ms to draw all units of a zoom, two cores, by number of grids"),
        ("cost.svg", "cold", "tiles a second, one core, gzip, by number of grids"),
    ]:
        found = {grids: {zoom: value for zoom, value in by_zoom.items() if zoom >= 2} for grids, by_zoom in read(figures, name).items()}
        with open(os.path.join(folder, file), "w") as out:
            out.write(draw(found, title))


if __name__ == "__main__":
    main(*sys.argv[1:])
