use std::ops::{AddAssign, Range, SubAssign};

use geo_types::Coord;

use super::address::{EXTENT, TileAddress, ZOOM_MAX, from_world, grid_size, to_world};
use super::layers::ClusterTiles;
use super::snap::GridPoint;
use super::wire::{Kind, LayerWriter, TileTooLarge, put_value};
use crate::boundary::Position;

/// Binary digits of a place along each side: those of the finest grid.
const PLACE_BITS: u8 = ZOOM_MAX + EXTENT.ilog2() as u8;

/// A place on the finest grid of the Mercator square, in the order of a Z-curve: what lies in a tile, or in a square of one, follows
/// each other.
///
/// Morton, "A computer oriented geodetic data base" (1966).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceKey(u64);

impl PlaceKey {
    pub fn of(position: Position) -> Self {
        let world = to_world(Coord::from(position));
        let size = grid_size(ZOOM_MAX);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what lies outside is brought to the rim")]
        let [x, y] = [world.x, world.y].map(|at| (at * size).clamp(0.0, size - 1.0) as u64);
        Self(spread(x) | spread(y) << 1)
    }

    /// Returns the places of a tile of the Mercator square.
    pub fn in_tile(tile: TileAddress) -> Range<Self> {
        let digits = 2 * u32::from(PLACE_BITS - tile.z());
        let first = spread(u64::from(tile.x())) | spread(u64::from(tile.y())) << 1;
        Self(first << digits)..Self((first + 1) << digits)
    }

    /// Returns the square of a tile of some zoom in which points are gathered, told by its first place; none at near zooms, where each
    /// stands by itself.
    ///
    /// Squares of a zoom are made of four of the next, and each lies in one tile, so at every zoom each point is counted once.
    pub fn square(self, z: u8, tiles: ClusterTiles) -> Option<Self> {
        (z <= tiles.clusters_max_zoom).then(|| self.one_of(z, tiles.squares))
    }

    /// Returns the square in which points of a near tile are gathered where it has too many to show each.
    pub fn fine_square(self, z: u8, tiles: ClusterTiles) -> Self {
        self.one_of(z, tiles.fine_squares)
    }

    /// Returns the first place of the square that it lies in, of so many along each side of a tile.
    fn one_of(self, z: u8, squares: u32) -> Self {
        let digits = 2 * (u32::from(PLACE_BITS - z) - squares.ilog2());
        Self(self.0 >> digits << digits)
    }

    /// Returns the squares of a tile in the order of their places; none at near zooms.
    pub fn squares(tile: TileAddress, tiles: ClusterTiles) -> impl Iterator<Item = Range<Self>> {
        let all = Self::in_tile(tile);
        let digits = 2 * (u32::from(PLACE_BITS - tile.z()) - tiles.squares.ilog2());
        let count = if tile.z() <= tiles.clusters_max_zoom { (all.end.0 - all.start.0) >> digits } else { 0 };
        (0..count).map(move |at| Self(all.start.0 + (at << digits))..Self(all.start.0 + ((at + 1) << digits)))
    }

    /// Returns the column and the row on the finest grid.
    fn cell(self) -> [u64; 2] {
        [gather(self.0), gather(self.0 >> 1)]
    }
}

/// Puts a nought between the digits of a number.
fn spread(number: u64) -> u64 {
    let mut spread = number & 0xffff_ffff;
    for (shift, mask) in [(16, 0x0000_ffff_0000_ffff), (8, 0x00ff_00ff_00ff_00ff), (4, 0x0f0f_0f0f_0f0f_0f0f)] {
        spread = (spread | spread << shift) & mask;
    }
    spread = (spread | spread << 2) & 0x3333_3333_3333_3333;
    (spread | spread << 1) & 0x5555_5555_5555_5555
}

/// Takes every other digit of a number.
fn gather(number: u64) -> u64 {
    let mut found = number & 0x5555_5555_5555_5555;
    for (shift, mask) in [(1, 0x3333_3333_3333_3333), (2, 0x0f0f_0f0f_0f0f_0f0f), (4, 0x00ff_00ff_00ff_00ff)] {
        found = (found | found >> shift) & mask;
    }
    found = (found | found >> 8) & 0x0000_ffff_0000_ffff;
    (found | found >> 16) & 0xffff_ffff
}

/// Places added up, so that their middle is known without them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaceSum {
    columns: u64,
    rows: u64,
    count: u64,
}

impl PlaceSum {
    pub fn count(&self) -> u64 {
        self.count
    }

    fn middle(&self) -> [u64; 2] {
        [self.columns, self.rows].map(|sum| sum / self.count.max(1))
    }
}

impl From<PlaceKey> for PlaceSum {
    fn from(place: PlaceKey) -> Self {
        let [columns, rows] = place.cell();
        Self { columns, rows, count: 1 }
    }
}

impl AddAssign for PlaceSum {
    fn add_assign(&mut self, other: Self) {
        self.columns += other.columns;
        self.rows += other.rows;
        self.count += other.count;
    }
}

impl SubAssign for PlaceSum {
    fn sub_assign(&mut self, other: Self) {
        self.columns -= other.columns;
        self.rows -= other.rows;
        self.count -= other.count;
    }
}

impl FromIterator<PlaceKey> for PlaceSum {
    fn from_iter<I: IntoIterator<Item = PlaceKey>>(places: I) -> Self {
        places.into_iter().fold(Self::default(), |mut sum, place| {
            sum += Self::from(place);
            sum
        })
    }
}

/// The rectangle around some places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceRect {
    min: [u64; 2],
    max: [u64; 2],
}

impl PlaceRect {
    /// Returns the rectangle around places; none where there are none.
    pub fn around(places: impl IntoIterator<Item = PlaceKey>) -> Option<Self> {
        let single = |place: PlaceKey| Self { min: place.cell(), max: place.cell() };
        places.into_iter().map(single).reduce(Self::with)
    }

    /// Returns the rectangle around both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let each = |of: fn(u64, u64) -> u64, a: [u64; 2], b: [u64; 2]| [of(a[0], b[0]), of(a[1], b[1])];
        Self { min: each(u64::min, self.min, other.min), max: each(u64::max, self.max, other.max) }
    }

    /// Returns west, south, east and north, degrees, to a cell of the finest grid: some centimetres.
    pub fn to_degrees(self) -> [f64; 4] {
        #[expect(clippy::cast_precision_loss, reason = "the finest grid fits 32 bits")]
        let world = |cell: [u64; 2]| cell.map(|at| (at as f64 + 0.5) / grid_size(ZOOM_MAX));
        let [low, high] = [self.min, self.max].map(world).map(|[x, y]| from_world(Coord { x, y }));
        [low.x, high.y, high.x, low.y]
    }
}

/// What one feature of a tile of points says.
#[derive(Clone, Debug)]
pub struct PointFeature {
    pub id: Option<u64>,
    at: [u64; 2],
    pub fields: Vec<(String, serde_json::Value)>,
}

impl PointFeature {
    /// Makes a feature in the middle of some places.
    pub fn amid(places: &PlaceSum, id: Option<u64>, fields: Vec<(String, serde_json::Value)>) -> Self {
        debug_assert!(places.count > 0, "a feature stands somewhere");
        Self { id, at: places.middle(), fields }
    }
}

/// Writes a tile with one layer of points, as MVT 2.1; none where there are none.
///
/// # Errors
/// A tile of more than 2 GiB.
pub fn write_points(layer: &str, tile: TileAddress, features: &[PointFeature]) -> Result<Option<Vec<u8>>, TileTooLarge> {
    let mut keys: Vec<&str> = features.iter().flat_map(|feature| &feature.fields).map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    let encode = |value: &serde_json::Value| {
        let mut bytes = Vec::new();
        put_value(value, &mut bytes);
        bytes
    };
    let values: Vec<Vec<Vec<u8>>> =
        features.iter().map(|feature| feature.fields.iter().map(|(_, value)| encode(value)).collect()).collect();
    let mut writer = LayerWriter::new(Kind::Point, tile.origin(), keys.clone());
    let shift = ZOOM_MAX - tile.z();
    for (feature, values) in features.iter().zip(&values) {
        for ((key, _), value) in feature.fields.iter().zip(values) {
            let key = keys.binary_search(&key.as_str()).expect("all keys are listed");
            writer.tag(key, value, false);
        }
        let place: GridPoint = feature.at.map(|at| i32::try_from(at >> shift).expect("the finest grid fits 32 bits"));
        writer.feature(feature.id, place, &[]);
    }
    let mut bytes = Vec::new();
    writer.finish(layer, &mut bytes)?;
    Ok((!bytes.is_empty()).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fast_mvt::{MvtGeometry, MvtReaderRef, MvtValueRef};
    use proptest::prelude::*;

    use super::*;

    const TILES: ClusterTiles = ClusterTiles::up_to(14);

    /// All tiles of a zoom that hold a point, drawn, by their addresses.
    fn draw(places: &[PlaceKey], z: u8) -> BTreeMap<(u32, u32), Vec<u8>> {
        let address = |place: &PlaceKey| {
            let [x, y] = place.cell().map(|at| u32::try_from(at >> (PLACE_BITS - z)).unwrap());
            TileAddress::new(z, x, y).unwrap()
        };
        let mut tiles = BTreeMap::new();
        for tile in places.iter().map(address) {
            let range = PlaceKey::in_tile(tile);
            let inside = &places[places.partition_point(|place| *place < range.start)..places.partition_point(|place| *place < range.end)];
            let gathered = |a: &PlaceKey, b: &PlaceKey| a.square(z, TILES).is_some_and(|square| b.square(z, TILES) == Some(square));
            let count = |group: &[PlaceKey]| vec![("count".to_owned(), group.len().into())];
            let features: Vec<_> =
                inside.chunk_by(gathered).map(|group| PointFeature::amid(&group.iter().copied().collect(), None, count(group))).collect();
            tiles.insert((tile.x(), tile.y()), write_points("incidents", tile, &features).unwrap().unwrap());
        }
        tiles
    }

    /// The counts in a tile, whose points must all lie in it.
    fn counts(tile: &[u8]) -> Vec<u64> {
        let reader = MvtReaderRef::new(tile).unwrap();
        let features: Vec<_> = reader.layers().flat_map(|layer| layer.features().collect::<Vec<_>>()).collect();
        let count = |feature: &fast_mvt::MvtFeatureRef| {
            let MvtGeometry::Point(at) = feature.geometry().unwrap() else { panic!("no point") };
            assert!((0..EXTENT).contains(&at.x()) && (0..EXTENT).contains(&at.y()), "{at:?}");
            match feature.properties_vec().unwrap()[..] {
                [("count", MvtValueRef::UInt(count))] => count,
                ref other => panic!("{other:?}"),
            }
        };
        features.iter().map(count).collect()
    }

    proptest! {
        #[test]
        fn at_every_zoom_the_counts_add_up_to_all_points(
            near in prop::collection::vec((111.5..111.7, 26.1..26.3), 1..200),
            far in prop::collection::vec((-180.0..=180.0, -90.0..=90.0), 0..20),
        ) {
            let mut places: Vec<PlaceKey> =
                near.iter().chain(&far).map(|(lon, lat)| PlaceKey::of(Position { lon: *lon, lat: *lat })).collect();
            places.sort_unstable();
            for z in 0..=16 {
                let tiles = draw(&places, z);
                let all: Vec<u64> = tiles.values().flat_map(|tile| counts(tile)).collect();
                prop_assert_eq!(all.iter().sum::<u64>(), places.len() as u64, "zoom {}", z);
                prop_assert!(z <= 14 || all.iter().all(|count| *count == 1));
            }
        }
    }

    #[test]
    fn a_place_is_told_by_its_digits() {
        for number in [0, 1, 5, 0x1fff_ffff, 0x1234_5678] {
            assert_eq!(gather(spread(number)), number);
        }
        let corner = PlaceKey::of(Position { lon: -180.0, lat: 89.0 });
        assert_eq!((corner.cell(), corner.0), ([0, 0], 0));
        assert_eq!(PlaceKey::of(Position { lon: 180.0, lat: -89.0 }).cell(), [(1 << PLACE_BITS) - 1; 2]);
        let world = PlaceKey::in_tile(TileAddress::new(0, 0, 0).unwrap());
        assert_eq!((world.start.0, world.end.0), (0, 1 << (2 * PLACE_BITS)));
        let east = PlaceKey::in_tile(TileAddress::new(1, 1, 0).unwrap());
        assert!(east.contains(&PlaceKey::of(Position { lon: 111.0, lat: 26.0 })));
    }

    #[test]
    fn a_rectangle_is_around_its_places() {
        let at = [(111.6, 26.2), (-75.0, -33.5), (12.0, 60.25)].map(|(lon, lat)| PlaceKey::of(Position { lon, lat }));
        let found = PlaceRect::around(at).unwrap().to_degrees();
        assert!(found.iter().zip([-75.0, -33.5, 111.6, 60.25]).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        assert_eq!(PlaceRect::around([]), None);
    }

    #[test]
    fn far_out_near_places_are_one_and_near_by_they_are_not() {
        let places = [111.600, 111.601].map(|lon| PlaceKey::of(Position { lon, lat: 26.2 }));
        let drawn = |z: u8| draw(&places, z).values().flat_map(|tile| counts(tile)).collect::<Vec<_>>();
        assert_eq!(drawn(5), [2]);
        assert_eq!(drawn(16), [1, 1]);
    }
}
