"""Counts by GEOS what `gridkeeper check --snap-m 0` counts: python3 tests/geos_coverage.py ../shared/data [NAME…]

Needs shapely >= 2.1, fiona and the real data beside the project. Prints one line a layer.
"""
import gzip, json, pathlib, sys
import fiona, numpy as np, shapely
from shapely.geometry import shape

ROOT = pathlib.Path(sys.argv[1])
names = sys.argv[2:]
files = [p for d in ("dc", "cn_hunan", "cn_beijing", "cn_shenzhen", "cn_chongqing", "seattle", "repair", "mn_precincts")
         for p in sorted((ROOT / d).iterdir()) if p.suffix in (".zip", ".gz") and ".csv" not in p.name]

def read(path):
    if path.suffix == ".gz":
        feats = json.load(gzip.open(path))["features"]
        return np.array([shape(f["geometry"]) for f in feats if f["geometry"]])
    with fiona.open(f"zip://{path}") as src:
        return np.array([shape(f["geometry"]) for f in src if f["geometry"]])

# The program's own rule, HAIRLINE_SHARE in src/topology/hairline.rs.
def is_hairline(hole):
    return 2 * hole.area / hole.length <= 1e-12 * np.abs(shapely.get_coordinates(hole)).max()

for path in files:
    if names and not any(n in path.name for n in names):
        continue
    g = shapely.force_2d(read(path))
    valid = shapely.is_valid(g)
    bad = shapely.coverage_invalid_edges(g)
    bad_features = int((~shapely.is_empty(bad)).sum())
    fixed = np.where(valid, g, shapely.make_valid(g))
    union = shapely.union_all(fixed)
    parts = shapely.get_parts(union)
    holes = [shapely.polygons(ring) for part in parts if part.geom_type == "Polygon" for ring in part.interiors]
    wide_holes = sum(not is_hairline(hole) for hole in holes)
    tree = shapely.STRtree(fixed)
    a, b = tree.query(fixed, predicate="intersects")
    keep = a < b
    inter = shapely.intersection(fixed[a[keep]], fixed[b[keep]])
    areas = shapely.area(inter)
    relate = shapely.relate_pattern(fixed[a[keep]], fixed[b[keep]], "2********")
    print(f"{path.parent.name}/{path.name} features={len(g)} invalid={int((~valid).sum())} bad_edge_features={bad_features} "
          f"bad_length={shapely.length(bad).sum():.9g} holes={len(holes)} wide_holes={wide_holes} overlapping_pairs={int(relate.sum())} pairs_with_area={int((areas > 0).sum())} "
          f"overlap_area={shapely.area(fixed).sum() - shapely.area(union):.9g} pair_area={areas.sum():.9g} hole_area={sum(hole.area for hole in holes):.9g} parts={len(parts)}", flush=True)
