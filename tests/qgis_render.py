"""Has QGIS draw vector tiles and features of a running service, and says whether what it drew is there.

Usage: qgis_render.py BASE_URL OUT_FOLDER. Needs the Debian package python3-qgis; the images are to be looked at.
"""

import json
import os
import sys
import urllib.request

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from qgis.core import (  # noqa: E402
    Qgis,
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsMapBoxGlStyleConverter,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
    QgsVectorTileLayer,
)
from qgis.PyQt.QtCore import QSize  # noqa: E402
from qgis.PyQt.QtGui import QColor  # noqa: E402

MERCATOR = QgsCoordinateReferenceSystem("EPSG:3857")
DEGREES = QgsCoordinateReferenceSystem("EPSG:4326")
PAPER = QColor("#ffffff")


def fetch(url):
    with urllib.request.urlopen(url) as response:
        return json.load(response)


def tiles_layer(base, style_name):
    """A layer of the boundaries' tiles, drawn as a style of the service says."""
    tilejson = fetch(f"{base}/tiles/boundaries")
    source = f"type=xyz&url={tilejson['tiles'][0]}&zmin={tilejson['minzoom']}&zmax={tilejson['maxzoom']}"
    layer = QgsVectorTileLayer(source, style_name)
    if not layer.isValid():
        sys.exit(f"QGIS cannot open the tiles: {source}")
    converter = QgsMapBoxGlStyleConverter()
    if converter.convert(fetch(f"{base}/styles/{style_name}")) != QgsMapBoxGlStyleConverter.Success:
        sys.exit(f"QGIS cannot read the style {style_name}: {converter.errorMessage()}")
    layer.setRenderer(converter.renderer())
    layer.setLabeling(converter.labeling())
    nameless = [style.styleName() for style in converter.labeling().styles() if not style.labelSettings().fieldName]
    if nameless:
        sys.exit(f"QGIS does not know what to write: {', '.join(nameless)}")
    return layer, tilejson["bounds"], converter.warnings()


def features_layer(base, collection):
    """A layer of a collection of OGC API Features, by the provider that speaks it."""
    layer = QgsVectorLayer(f"url='{base}' typename='{collection}' pageSize=1000", collection, "OAPIF")
    if not layer.isValid():
        sys.exit(f"QGIS cannot open the collection {collection}: {layer.error().message()}")
    return layer


def draw(layers, rectangle, path):
    """Draws layers and returns the share of the image that is no longer paper, and how many colours it has."""
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(MERCATOR)
    settings.setExtent(rectangle)
    settings.setOutputSize(QSize(1000, 720))
    settings.setBackgroundColor(PAPER)
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    errors = [f"{error.layerID}: {error.message}" for error in job.errors()]
    if errors:
        sys.exit(f"QGIS could not draw {path}: {errors}")
    image = job.renderedImage()
    image.save(path)
    colours, drawn = set(), 0
    places = [(x, y) for x in range(0, image.width(), 4) for y in range(0, image.height(), 4)]
    for x, y in places:
        colour = image.pixelColor(x, y).rgb()
        colours.add(colour)
        drawn += colour != PAPER.rgb()
    return drawn / len(places), len(colours)


def main():
    base, folder = sys.argv[1:3]
    os.makedirs(folder, exist_ok=True)
    # Kept, as all of QGIS ends with it.
    app = QgsApplication([], False)
    app.initQgis()
    print(f"QGIS {Qgis.QGIS_VERSION}")
    tiles, bounds, warnings = tiles_layer(base, "boundaries")
    transform = QgsCoordinateTransform(DEGREES, MERCATOR, QgsProject.instance())
    whole = transform.transformBoundingBox(QgsRectangle(*bounds))
    middle = whole.center()
    near = QgsRectangle(middle.x() - 3000, middle.y() - 2160, middle.x() + 3000, middle.y() + 2160)
    failed = False
    for name, rectangle in [("district", whole), ("near", near)]:
        share, colours = draw([tiles], rectangle, os.path.join(folder, f"qgis-tiles-{name}.png"))
        print(f"tiles, {name}: {share:.2f} of the image drawn, {colours} colours")
        failed |= share < 0.5 or colours < 8
    grids = features_layer(base, "grid")
    expected = fetch(f"{base}/collections/grid/items?limit=1")["numberMatched"]
    read = sum(1 for _ in grids.getFeatures())
    print(f"features: {read} of {expected} read, geometry {grids.wkbType()}, CRS {grids.crs().authid()}")
    failed |= read != expected
    share, _ = draw([grids], whole, os.path.join(folder, "qgis-features.png"))
    print(f"features: {share:.2f} of the image drawn")
    failed |= share < 0.3
    for warning in warnings:
        print(f"style: {warning}")
    sys.stdout.flush()
    # QGIS without a window crashes where Python takes its objects apart one by one.
    os._exit(1 if failed else 0)


main()
