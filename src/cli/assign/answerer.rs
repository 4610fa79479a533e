use std::borrow::Cow;
use std::sync::OnceLock;

use anyhow::bail;
use rustc_hash::FxHashSet;

use crate::boundary::{Position, UnitCode};
use crate::import::{Crs, parse_position, to_half_width};
use crate::index::{Located, Status};
use crate::snapshot::{LayerSnapshot, Query, Snapshot};
use crate::topology::UnitIndex;

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
pub(super) enum Value {
    Nothing,
    Text(String),
    Number(f64),
    Flag(bool),
}

/// What is added to one row, in the order of the fields, and why the row is invalid where it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Addition {
    pub values: Vec<Value>,
    pub error: Option<String>,
}

/// Answers rows for one layer, level and moment.
pub(super) struct Answerer<'a> {
    snapshot: &'a Snapshot,
    layer: &'a LayerSnapshot,
    query: &'a Query,
    depth: usize,
    crs: Crs,
    fields: Vec<Field>,
    needs_distances: bool,
    needs_keeper: bool,
    /// By unit. All rows ask for the same moment, so a keeper is found once.
    keepers: Vec<OnceLock<Keeper>>,
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

impl<'a> Answerer<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, query: &'a Query, crs: Crs, fields: Vec<Field>) -> anyhow::Result<Self> {
        let (layer, depth) = snapshot.find_level(query)?;
        let needs = |wanted: &[Field]| fields.iter().any(|field| wanted.contains(field));
        let unit_count = layer.coverage().levels()[depth].units().len();
        Ok(Self {
            snapshot,
            layer,
            query,
            depth,
            crs,
            needs_distances: needs(&[
                Field::Distance,
                Field::Ambiguous,
                Field::Alternatives,
                Field::NearestCode,
                Field::NearestDistance,
                Field::Path,
            ]),
            needs_keeper: needs(&[Field::WorkerId, Field::WorkerName, Field::WorkerPhone, Field::Post, Field::ResponsibleFrom]),
            fields,
            keepers: std::iter::repeat_with(OnceLock::new).take(unit_count).collect(),
        })
    }

    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Answers one row.
    pub(super) fn answer(&self, lon: &str, lat: &str) -> Addition {
        match parse_position(to_half_width(lon).trim(), to_half_width(lat).trim(), &self.crs) {
            Ok(position) => Addition { values: self.values(position), error: None },
            Err((column, detail)) => self.refuse(format!("{column}: {detail}")),
        }
    }

    /// Says why a row cannot be answered.
    pub(super) fn refuse(&self, error: String) -> Addition {
        let value = |field: &Field| if *field == Field::Status { Value::Text("invalid".into()) } else { Value::Nothing };
        Addition { values: self.fields.iter().map(value).collect(), error: Some(error) }
    }

    fn values(&self, position: Position) -> Vec<Value> {
        let located = self.locate(position);
        let keeper = if self.needs_keeper { self.keeper(position, &located) } else { Keeper::default() };
        self.fields.iter().map(|field| self.value(*field, position, &located, &keeper)).collect()
    }

    fn locate(&self, position: Position) -> Located {
        let index = self.layer.index();
        let owner = index.owner(position, self.depth);
        // Distances cost far more than the owner; they are measured only where somebody asked.
        if self.needs_distances || (self.needs_keeper && owner.status == Status::Gap) {
            return index.locate(position, self.depth, self.snapshot.settings().doubt_distance_m);
        }
        let path = Vec::new();
        Located { status: owner.status, unit: owner.unit, path, distance_to_border_m: None, alternatives: Vec::new(), nearest: None }
    }

    fn keeper(&self, position: Position, located: &Located) -> Keeper {
        match located.unit {
            Some(unit) if self.has_whole_chain(unit) => self.keepers[unit.0 as usize]
                .get_or_init(|| self.find_keeper(&self.layer.index().path(position, self.depth, Some(unit))))
                .clone(),
            unit => self.find_keeper(&self.layer.index().path(position, self.depth, unit)),
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

    fn value(&self, field: Field, position: Position, located: &Located, keeper: &Keeper) -> Value {
        let levels = self.layer.coverage().levels();
        let code = |unit: UnitIndex| levels[self.depth].unit(unit).code.to_string();
        let text = |text: &str| if text.is_empty() { Value::Nothing } else { Value::Text(text.to_owned()) };
        let optional = |value: Option<Value>| value.unwrap_or(Value::Nothing);
        let join = |codes: Vec<String>, by| text(&codes.join(by));
        match field {
            Field::GridCode => optional(located.unit.map(|unit| Value::Text(code(unit)))),
            Field::GridName => optional(located.unit.map(|unit| text(&levels[self.depth].unit(unit).name))),
            Field::Path => join(located.path.iter().map(|&(depth, unit)| levels[depth].unit(unit).code.to_string()).collect(), "/"),
            Field::WorkerId => text(&keeper.id),
            Field::WorkerName => text(&keeper.name),
            Field::WorkerPhone => text(&keeper.phone),
            Field::Post => text(&keeper.post),
            Field::ResponsibleFrom => text(&keeper.from),
            Field::Status => text(located.status.as_str()),
            Field::Distance => optional(located.distance_to_border_m.map(to_millimetres)),
            Field::Ambiguous => {
                let doubt_m = self.snapshot.settings().doubt_distance_m;
                Value::Flag(located.distance_to_border_m.is_some_and(|distance_m| distance_m < doubt_m))
            }
            Field::Alternatives => join(located.alternatives.iter().map(|neighbour| code(neighbour.unit)).collect(), ";"),
            Field::NearestCode => optional(located.nearest.map(|nearest| Value::Text(code(nearest.unit)))),
            Field::NearestDistance => optional(located.nearest.map(|nearest| to_millimetres(nearest.distance_m))),
            Field::Lon => Value::Number(position.lon),
            Field::Lat => Value::Number(position.lat),
        }
    }
}

/// A millimetre is finer than any boundary is surveyed.
fn to_millimetres(distance_m: f64) -> Value {
    Value::Number((distance_m * 1000.0).round() / 1000.0)
}
