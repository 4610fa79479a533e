use std::borrow::Cow;
use std::sync::OnceLock;

use anyhow::bail;
use geo_types::Coord;
use rustc_hash::FxHashSet;

use crate::boundary::{Position, UnitCode};
use crate::dispatch::Worker;
use crate::import::{Crs, parse_position, to_half_width};
use crate::index::{Located, MaybeUnit, Owner, Status};
use crate::snapshot::{LayerSnapshot, Query, Snapshot};
use crate::topology::{CoverageLevel, UnitIndex};

/// What is added where nothing else is asked for.
pub(super) const FIELDS_DEFAULT: &str = "grid_code,worker_id,status,distance_to_border_m,ambiguous";

/// One column that can be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    GridCode,
    GridName,
    Path,
    WorkerId,
    WorkerName,
    WorkerPhone,
    Post,
    ResponsibleFrom,
    Status,
    Distance,
    Ambiguous,
    Alternatives,
    NearestCode,
    NearestDistance,
    Lon,
    Lat,
}

const FIELDS: [(&str, Field); 16] = [
    ("grid_code", Field::GridCode),
    ("grid_name", Field::GridName),
    ("path", Field::Path),
    ("worker_id", Field::WorkerId),
    ("worker_name", Field::WorkerName),
    ("worker_phone", Field::WorkerPhone),
    ("post", Field::Post),
    ("responsible_from", Field::ResponsibleFrom),
    ("status", Field::Status),
    ("distance_to_border_m", Field::Distance),
    ("ambiguous", Field::Ambiguous),
    ("alternatives", Field::Alternatives),
    ("nearest_code", Field::NearestCode),
    ("nearest_distance_m", Field::NearestDistance),
    ("lon_wgs84", Field::Lon),
    ("lat_wgs84", Field::Lat),
];

/// The name of the column that says why a row is invalid.
pub(super) const ERROR: &str = "error";

/// One cell that is added.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Number(f64),
    Flag(bool),
}

/// What kind of values a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Flag,
}

/// Answers rows for one layer, level and moment.
pub(super) struct Answerer<'a> {
    snapshot: &'a Snapshot,
    layer: &'a LayerSnapshot,
    query: &'a Query,
    depth: usize,
    crs: Crs,
    fields: Vec<Field>,
    needs: Needs,
    /// By unit; empty where no field asks for keepers. All rows ask for the same moment, so a keeper is found once.
    keepers: Vec<OnceLock<Box<Keeper>>>,
}

/// What was found out about a position together with others.
pub(super) struct Found {
    owner: Owner,
    /// Where distances are asked for.
    located: Option<Box<Located>>,
}

/// What the fields need beyond the owner.
#[derive(Clone, Copy, Debug)]
struct Needs {
    distances: bool,
    keeper: bool,
    path: bool,
    /// A value that is different for two positions in the same unit.
    position: bool,
}

#[derive(Clone, Debug, Default)]
struct Keeper {
    id: String,
    name: String,
    phone: String,
    post: String,
    from: String,
}

/// Reads the list of `--fields`.
pub(super) fn parse_fields(list: &str) -> anyhow::Result<Vec<Field>> {
    let known = || FIELDS.map(|(name, _)| name).join(", ");
    let parse = |name: &str| match FIELDS.iter().find(|(known, _)| *known == name.trim()) {
        Some((_, field)) => Ok(*field),
        None => bail!("there is no field {name:?}; known are {}", known()),
    };
    list.split(',').map(parse).collect()
}

impl Field {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Distance | Self::NearestDistance | Self::Lon | Self::Lat => Kind::Number,
            Self::Ambiguous => Kind::Flag,
            _ => Kind::Text,
        }
    }

    pub(super) fn name(self) -> &'static str {
        FIELDS.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }
}

/// Returns the names under which the fields and the error are added to what has the names `taken`. A name that is taken gets a
/// number, `grid_code_2`, so that nothing of the input is overwritten and no name stands twice.
pub(super) fn free_names<'a>(fields: &[Field], taken: impl IntoIterator<Item = &'a str>) -> Vec<Cow<'static, str>> {
    let mut taken: FxHashSet<String> = taken.into_iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let mut find = |name: &'static str| {
        let numbered = (2_u32..).map(|number| Cow::Owned(format!("{name}_{number}")));
        let free = std::iter::once(Cow::Borrowed(name)).chain(numbered).find(|name| taken.insert(name.to_string()));
        free.unwrap_or(Cow::Borrowed(name))
    };
    fields.iter().copied().map(Field::name).chain([ERROR]).map(&mut find).collect()
}

impl Needs {
    fn of(fields: &[Field]) -> Self {
        let any = |wanted: &[Field]| fields.iter().any(|field| wanted.contains(field));
        let distances = any(&[Field::Distance, Field::Ambiguous, Field::Alternatives, Field::NearestCode, Field::NearestDistance]);
        Self {
            distances,
            keeper: any(&[Field::WorkerId, Field::WorkerName, Field::WorkerPhone, Field::Post, Field::ResponsibleFrom]),
            path: any(&[Field::Path]),
            position: distances || any(&[Field::Lon, Field::Lat]),
        }
    }
}

impl<'a> Answerer<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, query: &'a Query, crs: Crs, fields: Vec<Field>) -> anyhow::Result<Self> {
        let (layer, depth) = snapshot.find_level(query)?;
        let needs = Needs::of(&fields);
        let keeper_count = if needs.keeper { layer.coverage().levels()[depth].units().len() } else { 0 };
        let keepers = std::iter::repeat_with(OnceLock::new).take(keeper_count).collect();
        Ok(Self { snapshot, layer, query, depth, crs, fields, needs, keepers })
    }

    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Returns the names of what is added where no name is taken.
    pub(super) fn added_names(&self) -> Vec<String> {
        free_names(&self.fields, []).into_iter().map(Cow::into_owned).collect()
    }

    /// How many units there are of the level that is looked at.
    pub(super) fn unit_count(&self) -> usize {
        self.layer.coverage().levels()[self.depth].units().len()
    }

    /// Waits until lookups are as quick as they get.
    pub(super) fn wait(&self) {
        self.layer.index().wait();
    }

    /// Whether anything that is added can be more than ASCII. An error repeats what stands in its row, and the reference system.
    pub(super) fn adds_beyond_ascii(&self) -> bool {
        let (levels, workers) = (self.layer.coverage().levels(), self.snapshot.roster().workers());
        let is_in_codes =
            |levels: &[CoverageLevel]| levels.iter().flat_map(CoverageLevel::units).any(|unit| !unit.code.as_str().is_ascii());
        let is_in_keepers = |part: fn(&Worker) -> &str| workers.iter().any(|worker| !part(worker).is_ascii());
        let adds = |field: &Field| match field {
            Field::GridCode | Field::Alternatives | Field::NearestCode => is_in_codes(&levels[self.depth..=self.depth]),
            Field::Path => is_in_codes(&levels[..=self.depth]),
            Field::GridName => levels[self.depth].units().iter().any(|unit| !unit.name.is_ascii()),
            Field::WorkerId => is_in_keepers(|worker| &worker.id.0),
            Field::WorkerName => is_in_keepers(|worker| &worker.name),
            Field::WorkerPhone => is_in_keepers(|worker| &worker.phone),
            Field::Post | Field::ResponsibleFrom | Field::Status | Field::Distance => false,
            Field::Ambiguous | Field::NearestDistance | Field::Lon | Field::Lat => false,
        };
        !self.crs.to_string().is_ascii() || self.fields.iter().any(adds)
    }

    /// Reads the position of a row.
    ///
    /// # Errors
    /// Says why it cannot be used.
    pub(super) fn read(&self, lon: &str, lat: &str) -> Result<Position, String> {
        self.read_plain(lon.as_bytes(), lat.as_bytes()).map_or_else(
            || {
                parse_position(to_half_width(lon).trim(), to_half_width(lat).trim(), &self.crs)
                    .map_err(|(column, detail)| format!("{column}: {detail}"))
            },
            Ok,
        )
    }

    /// Reads a position that is written as most are; none says nothing.
    pub(super) fn read_plain(&self, lon: &[u8], lat: &[u8]) -> Option<Position> {
        let given = Coord { x: read_number(lon.trim_ascii())?, y: read_number(lat.trim_ascii())? };
        let at = if self.crs.is_lon_lat() { given } else { self.crs.to_wgs84(given).ok()? };
        Position::new(at.x, at.y).ok()
    }

    /// Makes the position of two numbers.
    ///
    /// # Errors
    /// Says why it cannot be used.
    pub(super) fn convert(&self, lon: f64, lat: f64) -> Result<Position, String> {
        let at = self.crs.to_wgs84(Coord { x: lon, y: lat }).map_err(|error| format!("{error}; check the reference system"))?;
        Position::new(at.x, at.y).map_err(|error| format!("{error}; check the columns and the reference system"))
    }

    /// Finds out about many positions, in their order, what is found faster for many together: the owner, and where it is asked the
    /// distances, which cost far more.
    pub(super) fn find_all(&self, positions: &[Position], found: &mut Vec<Found>) {
        let index = self.layer.index();
        found.clear();
        if self.needs.distances {
            let doubt_m = self.snapshot.settings().doubt_distance_m;
            index.locate_all(positions, self.depth, doubt_m, |_, located| {
                let owner = Owner { status: located.status, unit: located.unit };
                found.push(Found { owner, located: Some(Box::new(located)) });
            });
            return;
        }
        let owned = |owner: Owner| Found { owner, located: None };
        if self.layer.coverage().accepted().overlap {
            found.extend(positions.iter().map(|position| owned(index.owner(*position, self.depth))));
            return;
        }
        let mut units = vec![MaybeUnit::default(); positions.len()];
        index.owners(positions, self.depth, &mut units);
        // Where units cannot overlap, who owns a position has it inside.
        let owner = |(unit, position): (&MaybeUnit, &Position)| match unit.get() {
            Some(unit) => Owner { status: Status::Inside, unit: Some(unit) },
            None => index.owner(*position, self.depth),
        };
        found.extend(units.iter().zip(positions).map(owner).map(owned));
    }

    /// Returns a number below [`Self::same_count`] that stands for the values of all positions with this owner; none where values differ
    /// from one position to the next.
    pub(super) fn find_same(&self, found: &Found) -> Option<usize> {
        let owner = found.owner;
        if self.needs.position {
            return None;
        }
        let climbs = self.needs.keeper || self.needs.path;
        match (owner.status, owner.unit) {
            (Status::Inside, Some(unit)) if !climbs || self.has_whole_chain(unit) => Some(unit.0 as usize + 2),
            (Status::Outside, None) => Some(0),
            // A coarser unit may hold the gap, and have a keeper.
            (Status::Gap, None) if !climbs => Some(1),
            _ => None,
        }
    }

    /// Returns the end of the numbers of [`Self::find_same`]; 0 where there are none.
    pub(super) fn same_count(&self) -> usize {
        if self.needs.position { 0 } else { self.unit_count() + 2 }
    }

    /// Returns the values of a row without a position, in the order of the fields.
    pub(super) fn refuse(&self) -> Vec<Value<'static>> {
        let value = |field: &Field| if *field == Field::Status { Value::Text("invalid".into()) } else { Value::Nothing };
        self.fields.iter().map(value).collect()
    }

    /// Returns the values of a row, in the order of the fields.
    pub(super) fn answer(&self, position: Position, found: &Found) -> Vec<Value<'_>> {
        let located = found.located.as_deref().map_or_else(|| Cow::Owned(self.locate(position, found.owner)), Cow::Borrowed);
        let keeper = if self.needs.keeper { self.keeper(position, &located) } else { Cow::Owned(Keeper::default()) };
        self.fields.iter().map(|field| self.value(*field, position, &located, &keeper)).collect()
    }

    /// What the owner alone says.
    fn locate(&self, position: Position, owner: Owner) -> Located {
        let path = if self.needs.path { self.layer.index().path(position, self.depth, owner.unit) } else { Vec::new() };
        Located { status: owner.status, unit: owner.unit, path, distance_to_border_m: None, alternatives: Vec::new(), nearest: None }
    }

    fn keeper(&self, position: Position, located: &Located) -> Cow<'_, Keeper> {
        let find = |unit: Option<UnitIndex>| self.find_keeper(&self.layer.index().path(position, self.depth, unit));
        match located.unit {
            Some(unit) if self.has_whole_chain(unit) => {
                Cow::Borrowed(self.keepers[unit.0 as usize].get_or_init(|| Box::new(find(Some(unit)))))
            }
            unit => Cow::Owned(find(unit)),
        }
    }

    /// Whether the parents' table leads from a unit to the coarsest level, so that its keeper does not depend on the position.
    fn has_whole_chain(&self, unit: UnitIndex) -> bool {
        let levels = self.layer.coverage().levels();
        let climb = |at: Option<UnitIndex>, depth: usize| at.and_then(|at| levels[depth].parent(at));
        (1..=self.depth).rev().fold(Some(unit), climb).is_some()
    }

    fn find_keeper(&self, path: &[(usize, UnitIndex)]) -> Keeper {
        let levels = self.layer.coverage().levels();
        let upwards: Vec<UnitCode> = path.iter().rev().map(|&(depth, unit)| levels[depth].unit(unit).code.clone()).collect();
        let duty = self.snapshot.roster().find_duty(&upwards, self.query.at);
        duty.holder.map_or_else(Keeper::default, |holder| Keeper {
            id: holder.worker.id.to_string(),
            name: holder.worker.name.clone(),
            phone: holder.worker.phone.clone(),
            post: holder.post.as_str().to_owned(),
            from: holder.from.to_string(),
        })
    }

    fn value<'s>(&'s self, field: Field, position: Position, located: &Located, keeper: &Cow<'s, Keeper>) -> Value<'s> {
        let levels = self.layer.coverage().levels();
        let code = |depth: usize, unit: UnitIndex| levels[depth].unit(unit).code.as_str();
        let optional = |value: Option<Value<'s>>| value.unwrap_or(Value::Nothing);
        let join = |codes: Vec<&str>, by| text(Cow::Owned(codes.join(by)));
        let kept = |part: fn(&Keeper) -> &String| match keeper {
            Cow::Borrowed(keeper) => text(part(keeper).as_str().into()),
            Cow::Owned(keeper) => text(part(keeper).clone().into()),
        };
        match field {
            Field::GridCode => optional(located.unit.map(|unit| text(code(self.depth, unit).into()))),
            Field::GridName => optional(located.unit.map(|unit| text(levels[self.depth].unit(unit).name.as_str().into()))),
            Field::Path => join(located.path.iter().map(|&(depth, unit)| code(depth, unit)).collect(), "/"),
            Field::WorkerId => kept(|keeper| &keeper.id),
            Field::WorkerName => kept(|keeper| &keeper.name),
            Field::WorkerPhone => kept(|keeper| &keeper.phone),
            Field::Post => kept(|keeper| &keeper.post),
            Field::ResponsibleFrom => kept(|keeper| &keeper.from),
            Field::Status => text(located.status.as_str().into()),
            Field::Distance => optional(located.distance_to_border_m.map(to_millimetres)),
            Field::Ambiguous => {
                let doubt_m = self.snapshot.settings().doubt_distance_m;
                Value::Flag(located.distance_to_border_m.is_some_and(|distance_m| distance_m < doubt_m))
            }
            Field::Alternatives => join(located.alternatives.iter().map(|neighbour| code(self.depth, neighbour.unit)).collect(), ";"),
            Field::NearestCode => optional(located.nearest.map(|nearest| text(code(self.depth, nearest.unit).into()))),
            Field::NearestDistance => optional(located.nearest.map(|nearest| to_millimetres(nearest.distance_m))),
            Field::Lon => Value::Number(position.lon),
            Field::Lat => Value::Number(position.lat),
        }
    }
}

fn text(text: Cow<'_, str>) -> Value<'_> {
    if text.is_empty() { Value::Nothing } else { Value::Text(text) }
}

/// A millimetre is finer than any boundary is surveyed.
fn to_millimetres(distance_m: f64) -> Value<'static> {
    Value::Number((distance_m * 1000.0).round() / 1000.0)
}

/// Reads a number that is written in ASCII; the result is that of [`str::parse`] to the bit. What is no finite number is none, so that
/// the usual way of reading says why it cannot be used.
fn read_number(text: &[u8]) -> Option<f64> {
    fast_float2::parse(text).ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sees that a number is the one that the standard library reads, which reads what is not read here.
    fn check(text: &str) {
        let expected = text.parse().ok().filter(|number: &f64| number.is_finite());
        assert_eq!(read_number(text.as_bytes()).map(f64::to_bits), expected.map(f64::to_bits), "{text:?}");
    }

    #[test]
    fn what_is_no_plain_decimal_is_the_number_that_the_standard_library_reads_or_none() {
        for text in ["0", "-0", "5.", ".5", "+1", "1e2", "1.1162E+2", "-1e-5", "1e-400", "9007199254740993", "123456789012345678901"] {
            assert!(read_number(text.as_bytes()).is_some(), "{text}");
            check(text);
        }
        for text in
            ["", "-", ".", "+", "e5", "1e", "1e+", "nan", "-NaN", "inf", "Infinity", "1e400", "1 ", "1.2.3", "--1", "1_0", "0x1", "１"]
        {
            assert_eq!(read_number(text.as_bytes()), None, "{text}");
            check(text);
        }
    }

    proptest! {
        #[test]
        fn a_number_is_the_one_that_the_standard_library_reads(text in "-?[0-9]{0,25}\\.?[0-9]{0,25}") {
            check(&text);
        }

        #[test]
        fn a_position_is_the_one_that_the_standard_library_reads(degrees in -180.0_f64..180.0, digits in 0_usize..18) {
            let text = format!("{degrees:.digits$}");
            prop_assert!(read_number(text.as_bytes()).is_some());
            check(&text);
        }

        #[test]
        fn what_may_be_a_number_is_one_where_the_standard_library_says_so(text in "[-+]?(inf|nan|infinity|[0-9]{0,3})\\.?[0-9]{0,3}([eE][-+]?[0-9]{0,4})?") {
            check(&text);
        }
    }
}
