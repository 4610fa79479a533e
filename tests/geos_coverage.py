"""Counts by GEOS what `gridkeeper check --snap-m 0` counts: python3 tests/geos_coverage.py ../shared/data [NAME…] [--routes] [--plane CRS]

Prints one line a layer; with --routes also the holes that other ways through GEOS find; with --plane on another plane, such as
EPSG:32618. Needs shapely >= 2.1, as `make bench` installs it, ogr2ogr, and the real data beside the project.
"""

import argparse
import functools
import json
import pathlib
import subprocess

import numpy
import shapely
from shapely.geometry import shape

FOLDERS = ("dc", "cn_hunan", "cn_beijing", "cn_shenzhen", "cn_chongqing", "seattle", "repair", "mn_precincts")
# The program's own rule, HAIRLINE_SHARE in src/topology/hairline.rs.
HAIRLINE_SHARE = 1e-12
SHUFFLES = 3
GRIDS = (2e-9, 1e-8, 1e-7)


def read(path, plane):
    """Reads the areas of a layer, all digits of the coordinates kept."""
    if path.suffix == ".gz" and plane is None:
        source = subprocess.run(["gzip", "-dc", path], check=True, capture_output=True).stdout
    else:
        # 17 digits tell every double; a .gz and a .zip are read where they are.
        options = ["-lco", "COORDINATE_PRECISION=17", "-lco", "SIGNIFICANT_FIGURES=17"] + (["-t_srs", plane] if plane else [])
        virtual = f"/vsi{'gzip' if path.suffix == '.gz' else 'zip'}/{path}"
        source = subprocess.run(["ogr2ogr", "-f", "GeoJSON", *options, "/vsistdout/", virtual], check=True, capture_output=True).stdout
    return numpy.array([shape(feature["geometry"]) for feature in json.loads(source)["features"] if feature["geometry"]])


def holes_of(area):
    return [shapely.polygons(ring) for part in shapely.get_parts(area) if part.geom_type == "Polygon" for ring in part.interiors]


def is_hairline(hole):
    return 2 * hole.area / hole.length <= HAIRLINE_SHARE * numpy.abs(shapely.get_coordinates(hole)).max()


def uncovered_faces(units):
    """The faces of all rims noded together that no unit covers."""
    rims = shapely.get_parts(shapely.union_all(shapely.boundary(units)))
    faces = shapely.get_parts(shapely.polygonize(rims))
    covered, _ = shapely.STRtree(units).query(shapely.point_on_surface(faces), predicate="intersects")
    return numpy.delete(faces, numpy.unique(covered))


def routes(units):
    yield "union_all_reversed", lambda: holes_of(shapely.union_all(units[::-1]))
    for seed in range(SHUFFLES):
        yield f"union_all_shuffled_{seed}", lambda: holes_of(shapely.union_all(numpy.random.default_rng(seed).permutation(units)))
    yield "one_after_another", lambda: holes_of(functools.reduce(shapely.union, units))
    for grid in GRIDS:
        yield f"union_all_on_grid_{grid:g}", lambda: holes_of(shapely.union_all(units, grid_size=grid))
    yield "faces_of_noded_rims", lambda: uncovered_faces(units)
    yield "coverage_union", lambda: holes_of(shapely.coverage_union_all(units))


def count(path, plane, with_routes):
    units = shapely.force_2d(read(path, plane))
    valid = shapely.is_valid(units)
    unmatched = shapely.coverage_invalid_edges(units)
    fixed = numpy.where(valid, units, shapely.make_valid(units))
    union = shapely.union_all(fixed)
    holes = holes_of(union)
    one, other = shapely.STRtree(fixed).query(fixed, predicate="intersects")
    one, other = one[one < other], other[one < other]
    areas = shapely.area(shapely.intersection(fixed[one], fixed[other]))
    figures = {
        "features": len(units),
        "invalid": int((~valid).sum()),
        "bad_edge_features": int((~shapely.is_empty(unmatched)).sum()),
        "bad_length": f"{shapely.length(unmatched).sum():.9g}",
        "holes": len(holes),
        "wide_holes": sum(not is_hairline(hole) for hole in holes),
        "overlapping_pairs": int(shapely.relate_pattern(fixed[one], fixed[other], "2********").sum()),
        "pairs_with_area": int((areas > 0).sum()),
        "overlap_area": f"{shapely.area(fixed).sum() - shapely.area(union):.9g}",
        "pair_area": f"{areas.sum():.9g}",
        "hole_area": f"{sum(hole.area for hole in holes):.9g}",
        "parts": len(shapely.get_parts(union)),
    }
    print(f"{path.parent.name}/{path.name}", *(f"{name}={value}" for name, value in figures.items()), flush=True)
    for name, find in routes(fixed) if with_routes else ():
        try:
            found = find()
            print(f"  {name} holes={len(found)} wide_holes={sum(not is_hairline(hole) for hole in found)}", flush=True)
        except shapely.errors.GEOSException as error:
            print(f"  {name} refuses: {str(error)[:80]}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--routes", action="store_true")
    parser.add_argument("--plane")
    asked = parser.parse_args()
    for folder in FOLDERS:
        for path in sorted((asked.data / folder).iterdir()):
            is_layer = path.suffix in (".zip", ".gz") and ".csv" not in path.name
            if is_layer and (not asked.names or any(name in path.name for name in asked.names)):
                count(path, asked.plane, asked.routes)


if __name__ == "__main__":
    main()
