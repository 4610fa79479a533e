//! Operations of drafts as JSON, the same on the wire and in the store.

use geo_types::Coord;
use serde_json::{Map, Value, json};

use crate::boundary::{Level, UnitCode};
use crate::plan::edit::{LINE_CORNERS_MAX, Move, Operation, Reach, Rings, SNAP_WITHIN_M_DEFAULT, SNAP_WITHIN_M_MAX};

/// Operations of one step: one that is refused takes all others back, so nobody gains by more.
pub const OPERATIONS_MAX: usize = 100;

/// Units that one operation names; a city's plan has as many blocks.
pub const NAMED_UNITS_MAX: usize = 200_000;

const NAME_CHARS_MAX: usize = 200;

/// Why a text is no operation: the place in it, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {detail}")]
pub struct TextError {
    pub place: String,
    pub detail: String,
}

/// Reads one operation or a list of them.
///
/// # Errors
/// Says which member of which operation is missing, unknown or wrong.
pub fn parse_operations(value: &Value) -> Result<Vec<Operation>, TextError> {
    let list = match value {
        Value::Array(list) => &list[..],
        one => std::slice::from_ref(one),
    };
    if list.is_empty() || list.len() > OPERATIONS_MAX {
        return Err(TextError {
            place: "body".into(),
            detail: format!("a step has 1 to {OPERATIONS_MAX} operations, this has {}", list.len()),
        });
    }
    let parse = |(at, value): (usize, &Value)| {
        let place = if list.len() == 1 { String::new() } else { format!("[{at}].") };
        Members::of(value, place)?.operation()
    };
    list.iter().enumerate().map(parse).collect()
}

pub fn operations_to_json(operations: &[Operation]) -> Value {
    operations.iter().map(to_json).collect()
}

fn to_json(operation: &Operation) -> Value {
    let place = |c: &Coord<f64>| json!([c.x, c.y]);
    let line = |line: &[Coord<f64>]| line.iter().map(place).collect::<Value>();
    let rings = |rings: &Rings| rings.iter().map(|ring| line(ring)).collect::<Value>();
    let codes = |codes: &[UnitCode]| codes.iter().map(|code| Value::from(code.as_str())).collect::<Value>();
    let mut value = match operation {
        Operation::Reassign { level, moves, creates } => {
            let moves: Value = moves.iter().map(|Move { unit, to }| json!({ "unit": unit.as_str(), "to": to.as_str() })).collect();
            json!({ "op": "reassign", "level": level.as_str(), "assignments": moves, "create": creates })
        }
        Operation::Split { level, unit, line: cut, codes: given, names } => {
            json!({ "op": "split", "level": level.as_str(), "unit": unit.as_str(), "line": line(cut), "codes": codes(given), "names": names })
        }
        Operation::Merge { level, units, into } => {
            json!({ "op": "merge", "level": level.as_str(), "units": codes(units), "into": into.as_ref().map(UnitCode::as_str) })
        }
        Operation::MoveVertex { at, to, .. } => json!({ "op": "move_vertex", "at": place(at), "to": place(to) }),
        Operation::MoveEdge { edge, by, .. } => json!({ "op": "move_edge", "edge": line(edge), "by": place(by) }),
        Operation::InsertVertex { at, to, .. } => json!({ "op": "insert_vertex", "at": place(at), "to": to.as_ref().map(place) }),
        Operation::DeleteVertex { at, .. } => json!({ "op": "delete_vertex", "at": place(at) }),
        Operation::Draw { level, code, name, rings: drawn, .. } => {
            json!({ "op": "draw", "level": level.as_str(), "code": code.as_str(), "name": name, "polygon": rings(drawn) })
        }
        Operation::Reshape { level, unit, polygons, .. } => {
            let polygons: Value = polygons.iter().map(rings).collect();
            json!({ "op": "reshape", "level": level.as_str(), "unit": unit.as_str(), "polygons": polygons })
        }
        Operation::Change { level, unit, code, name, parent } => json!({
            "op": "change", "level": level.as_str(), "unit": unit.as_str(), "code": code.as_ref().map(UnitCode::as_str), "name": name,
            "parent": parent.as_ref().map(UnitCode::as_str),
        }),
        Operation::Lock { level, units, is_locked } => {
            json!({ "op": "lock", "level": level.as_str(), "units": codes(units), "locked": is_locked })
        }
    };
    if let Operation::MoveVertex { reach, .. }
    | Operation::MoveEdge { reach, .. }
    | Operation::InsertVertex { reach, .. }
    | Operation::DeleteVertex { reach, .. } = operation
    {
        value["within_m"] = reach.within_m.into();
        value["with_parents"] = reach.with_parents.into();
    }
    if let Operation::Draw { within_m, .. } | Operation::Reshape { within_m, .. } = operation {
        value["within_m"] = (*within_m).into();
    }
    value
}

/// The members of an operation, taken out one after the other; what is left is unknown.
struct Members<'a> {
    members: Map<String, Value>,
    place: String,
    op: &'a str,
}

impl<'a> Members<'a> {
    fn of(value: &'a Value, place: String) -> Result<Self, TextError> {
        let error = |detail: &str| TextError { place: format!("{place}op"), detail: detail.to_owned() };
        let members = value.as_object().ok_or_else(|| error("an operation is an object"))?;
        let op = members.get("op").and_then(Value::as_str).ok_or_else(|| error("is missing; it names the operation"))?;
        // What is null is as good as left out.
        let members = members.iter().filter(|(name, value)| *name != "op" && !value.is_null());
        Ok(Self { members: members.map(|(name, value)| (name.clone(), value.clone())).collect(), place, op })
    }

    fn operation(mut self) -> Result<Operation, TextError> {
        let operation = match self.op {
            "reassign" => {
                let (level, moves) = (self.level()?, self.moves()?);
                Operation::Reassign { level, moves, creates: self.flag("create")? }
            }
            "split" => Operation::Split {
                level: self.level()?,
                unit: self.need("unit", code)?,
                line: self.need("line", line)?,
                codes: self.find("codes", codes)?.unwrap_or_default(),
                names: self.find("names", names)?.unwrap_or_default(),
            },
            "merge" => Operation::Merge { level: self.level()?, units: self.need("units", codes)?, into: self.find("into", code)? },
            "move_vertex" => Operation::MoveVertex { at: self.need("at", place)?, to: self.need("to", place)?, reach: self.reach()? },
            "move_edge" => Operation::MoveEdge { edge: self.need("edge", edge)?, by: self.need("by", place)?, reach: self.reach()? },
            "insert_vertex" => Operation::InsertVertex { at: self.need("at", place)?, to: self.find("to", place)?, reach: self.reach()? },
            "delete_vertex" => Operation::DeleteVertex { at: self.need("at", place)?, reach: self.reach()? },
            "draw" => Operation::Draw {
                level: self.level()?,
                code: self.need("code", code)?,
                name: self.find("name", name)?.unwrap_or_default(),
                rings: self.need("polygon", polygon)?,
                // What was drawn before there was a tolerance stays where it was drawn.
                within_m: self.snapping()?.unwrap_or_default(),
            },
            "reshape" => Operation::Reshape {
                level: self.level()?,
                unit: self.need("unit", code)?,
                polygons: self.need("polygons", parse_polygons)?,
                within_m: self.snapping()?.unwrap_or(SNAP_WITHIN_M_DEFAULT),
            },
            "change" => Operation::Change {
                level: self.level()?,
                unit: self.need("unit", code)?,
                code: self.find("code", code)?,
                name: self.find("name", name)?,
                parent: self.find("parent", code)?,
            },
            "lock" => Operation::Lock {
                level: self.level()?,
                units: self.need("units", codes)?,
                is_locked: self.need("locked", |value| value.as_bool().ok_or_else(|| "is no true or false".to_owned()))?,
            },
            other => {
                let known = "reassign, split, merge, move_vertex, move_edge, insert_vertex, delete_vertex, draw, reshape, change or lock";
                return Err(self.error("op", format!("{other:?} is none of {known}")));
            }
        };
        match self.members.keys().next() {
            Some(unknown) => Err(self.error(unknown, format!("is no member of {}", self.op))),
            None => Ok(operation),
        }
    }

    fn level(&mut self) -> Result<Level, TextError> {
        self.need("level", |value| Level::parse(text(value)?).map_err(|error| error.to_string()))
    }

    fn moves(&mut self) -> Result<Vec<Move>, TextError> {
        let listed = self.find("assignments", |value| {
            let list = value.as_array().ok_or("is no list")?;
            let one = |value: &Value| {
                let member = |name: &str| value.get(name).ok_or_else(|| format!("lacks {name} in one of its objects")).and_then(code);
                Ok(Move { unit: member("unit")?, to: member("to")? })
            };
            bounded(list)?.iter().map(one).collect::<Result<Vec<_>, String>>()
        })?;
        if let Some(listed) = listed {
            return Ok(listed);
        }
        let (units, to) = (self.need("units", codes)?, self.need("to", code)?);
        Ok(units.into_iter().map(|unit| Move { unit, to: to.clone() }).collect())
    }

    fn reach(&mut self) -> Result<Reach, TextError> {
        let within_m = self.find("within_m", |value| {
            let within_m = value.as_f64().filter(|within_m| (0.0..=Reach::WITHIN_M_MAX).contains(within_m));
            within_m.ok_or_else(|| format!("is no number from 0 to {}", Reach::WITHIN_M_MAX))
        })?;
        Ok(Reach { within_m: within_m.unwrap_or(Reach::WITHIN_M_DEFAULT), with_parents: self.flag("with_parents")? })
    }

    fn snapping(&mut self) -> Result<Option<f64>, TextError> {
        self.find("within_m", |value| {
            let within_m = value.as_f64().filter(|within_m| (0.0..=SNAP_WITHIN_M_MAX).contains(within_m));
            within_m.ok_or_else(|| format!("is no number from 0 to {SNAP_WITHIN_M_MAX}"))
        })
    }

    fn flag(&mut self, member: &str) -> Result<bool, TextError> {
        Ok(self.find(member, |value| value.as_bool().ok_or_else(|| "is no true or false".to_owned()))?.unwrap_or(false))
    }

    fn need<T>(&mut self, member: &str, parse: impl Fn(&Value) -> Result<T, String>) -> Result<T, TextError> {
        self.find(member, parse)?.ok_or_else(|| self.error(member, "is missing".into()))
    }

    fn find<T>(&mut self, member: &str, parse: impl Fn(&Value) -> Result<T, String>) -> Result<Option<T>, TextError> {
        let found = self.members.remove(member);
        found.map(|value| parse(&value).map_err(|detail| self.error(member, detail))).transpose()
    }

    fn error(&self, member: &str, detail: String) -> TextError {
        TextError { place: format!("{}{member}", self.place), detail }
    }
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "is no text".to_owned())
}

fn code(value: &Value) -> Result<UnitCode, String> {
    UnitCode::parse(text(value)?).map_err(|error| error.to_string())
}

fn name(value: &Value) -> Result<String, String> {
    let name = text(value)?;
    let count = name.chars().count();
    if count > NAME_CHARS_MAX { Err(format!("has {count} characters, more than {NAME_CHARS_MAX}")) } else { Ok(name.to_owned()) }
}

fn bounded(list: &[Value]) -> Result<&[Value], String> {
    if list.len() > NAMED_UNITS_MAX { Err(format!("has {} entries, more than {NAMED_UNITS_MAX}", list.len())) } else { Ok(list) }
}

fn codes(value: &Value) -> Result<Vec<UnitCode>, String> {
    bounded(value.as_array().ok_or("is no list")?)?.iter().map(code).collect()
}

fn names(value: &Value) -> Result<Vec<String>, String> {
    bounded(value.as_array().ok_or("is no list")?)?.iter().map(name).collect()
}

fn place(value: &Value) -> Result<Coord<f64>, String> {
    let numbers = value.as_array().map(|list| list.iter().map(Value::as_f64).collect::<Option<Vec<_>>>());
    match numbers.flatten().as_deref() {
        Some([x, y, ..]) if x.is_finite() && y.is_finite() => Ok(Coord { x: *x, y: *y }),
        _ => Err("is no position of longitude and latitude".into()),
    }
}

fn line(value: &Value) -> Result<Vec<Coord<f64>>, String> {
    let list = value.as_array().ok_or("is no list of positions")?;
    if list.len() > LINE_CORNERS_MAX {
        return Err(format!("has {} positions, more than {LINE_CORNERS_MAX}", list.len()));
    }
    list.iter().map(place).collect()
}

fn edge(value: &Value) -> Result<[Coord<f64>; 2], String> {
    line(value)?.try_into().map_err(|_| "is no pair of positions".to_owned())
}

fn polygon(value: &Value) -> Result<Rings, String> {
    parse_polygons(&Value::Array(vec![value.clone()])).map(|mut polygons| polygons.remove(0))
}

/// Reads the coordinates of a multipolygon of GeoJSON.
///
/// # Errors
/// Says what is missing, or that there are too many positions.
pub fn parse_polygons(value: &Value) -> Result<Vec<Rings>, String> {
    let lists = |value: &Value| value.as_array().filter(|list| !list.is_empty()).cloned();
    let mut corners = 0;
    let mut polygons = Vec::new();
    for rings in lists(value).ok_or("is no list of polygons")? {
        let mut read = Rings::new();
        for ring in lists(&rings).ok_or("is no list of rings")? {
            let ring = line(&ring)?;
            corners += ring.len();
            if corners > LINE_CORNERS_MAX {
                return Err(format!("has more than {LINE_CORNERS_MAX} positions"));
            }
            read.push(ring);
        }
        polygons.push(read);
    }
    Ok(polygons)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations() -> Value {
        json!([
            { "op": "reassign", "level": "grid", "assignments": [{ "unit": "1", "to": "a" }], "create": true },
            { "op": "split", "level": "grid", "unit": "1", "line": [[0.1, 0.2], [1e-7, 3.0]], "codes": ["2"], "names": ["新"] },
            { "op": "merge", "level": "grid", "units": ["1", "2"], "into": "2" },
            { "op": "move_vertex", "at": [1.0, 2.0], "to": [1.5, 2.5], "within_m": 2.5, "with_parents": true },
            { "op": "move_edge", "edge": [[1.0, 2.0], [1.5, 2.5]], "by": [0.1, 0.1], "within_m": 1.0, "with_parents": false },
            { "op": "insert_vertex", "at": [1.0, 2.0], "to": [1.5, 2.5], "within_m": 1.0, "with_parents": false },
            { "op": "delete_vertex", "at": [1.0, 2.0], "within_m": 1.0, "with_parents": false },
            { "op": "draw", "level": "grid", "code": "9", "name": "n", "polygon": [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]], "within_m": 0.5 },
            { "op": "reshape", "level": "grid", "unit": "1", "polygons": [[[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]]], "within_m": 0.1 },
            { "op": "change", "level": "grid", "unit": "1", "code": "3", "name": "x", "parent": "b" },
            { "op": "lock", "level": "grid", "units": ["1"], "locked": true },
        ])
    }

    #[test]
    fn an_operation_is_written_as_it_was_read() {
        let value = operations();
        let read = parse_operations(&value).unwrap();
        assert_eq!(operations_to_json(&read), value);
        let short = json!({ "op": "reassign", "level": "grid", "units": ["1", "2"], "to": "a" });
        let read = parse_operations(&short).unwrap();
        assert_eq!(parse_operations(&operations_to_json(&read)).unwrap(), read);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (value, place) in [
            (json!([]), "body"),
            (json!(5), "op"),
            (json!({ "op": "fly" }), "op"),
            (json!({ "op": "lock", "level": "grid", "units": ["1"] }), "locked"),
            (json!({ "op": "lock", "level": "Grid", "units": ["1"], "locked": true }), "level"),
            (json!({ "op": "lock", "level": "grid", "units": ["1 2"], "locked": true }), "units"),
            (json!({ "op": "lock", "level": "grid", "units": ["1"], "locked": true, "to": "x" }), "to"),
            (json!({ "op": "delete_vertex", "at": [1.0] }), "at"),
            (json!({ "op": "delete_vertex", "at": [1.0, 2.0], "within_m": 1e9 }), "within_m"),
            (json!({ "op": "draw", "level": "grid", "code": "9", "polygon": [] }), "polygon"),
            (json!({ "op": "reshape", "level": "grid", "unit": "9", "polygons": [[5]] }), "polygons"),
            (json!({ "op": "reshape", "level": "grid", "unit": "9", "polygons": [[[[1, 2]]]], "within_m": 11 }), "within_m"),
            (
                json!([{ "op": "delete_vertex", "at": [1.0, 1.0] }, { "op": "reassign", "level": "grid", "assignments": [{}] }]),
                "[1].assignments",
            ),
        ] {
            assert_eq!(parse_operations(&value).unwrap_err().place, place, "{value}");
        }
    }
}
