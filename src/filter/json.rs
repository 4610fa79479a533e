use geo_types::{Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point};
use serde_json::{Map, Value};

use super::calls;
use super::error::{FilterError, Place, check_depth, check_length};
use super::literal::{parse_date, parse_instant};
use super::syntax::{Comparison, Node, NodeKind, Operator};
use super::wkt::{to_line, to_polygon, to_ring};

/// Reads a filter of CQL2 JSON, OGC 21-065r2, section 8.
///
/// # Errors
/// Says at which member it is wrong, or that it is too long or nested too deep.
pub fn parse_json(filter: &str) -> Result<Node, FilterError> {
    let root = Place::Pointer(String::new());
    check_length(filter, &root)?;
    // The library bounds the nesting itself, so that this cannot exhaust the stack.
    let value: Value = serde_json::from_str(filter).map_err(|e| FilterError::new(&root, format!("it is no JSON: {e}"), "mend the JSON"))?;
    Reader { depth: 0 }.node(&value, &Place::Pointer(String::new()))
}

struct Reader {
    depth: usize,
}

impl Reader {
    fn node(&mut self, value: &Value, place: &Place) -> Result<Node, FilterError> {
        self.depth += 1;
        check_depth(self.depth, place)?;
        let kind = match value {
            Value::Bool(value) => NodeKind::Boolean(*value),
            Value::Number(number) => number
                .as_i64()
                .map(NodeKind::Integer)
                .or_else(|| number.as_f64().map(NodeKind::Number))
                .ok_or_else(|| FilterError::new(place, format!("{number} is too large"), "write a smaller number"))?,
            Value::String(text) => NodeKind::Text(text.clone()),
            Value::Array(values) => NodeKind::Array(self.nodes(values, place)?),
            Value::Object(members) => self.object(members, place)?,
            Value::Null => return Err(FilterError::new(place, "null cannot be compared with", "use the operator isNull")),
        };
        self.depth -= 1;
        Ok(Node::new(place.clone(), kind))
    }

    fn nodes(&mut self, values: &[Value], place: &Place) -> Result<Vec<Node>, FilterError> {
        values.iter().enumerate().map(|(at, value)| self.node(value, &within(place, &at.to_string()))).collect()
    }

    fn object(&mut self, members: &Map<String, Value>, place: &Place) -> Result<NodeKind, FilterError> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        if let Some(op) = text("op") {
            return self.operation(op, members, place);
        }
        if let Some(name) = text("property") {
            return Ok(NodeKind::Property(name.to_owned()));
        }
        for (name, parse) in [("date", to_date as fn(&str) -> Option<NodeKind>), ("timestamp", to_instant)] {
            if let Some(given) = text(name) {
                return parse(given)
                    .ok_or_else(|| FilterError::new(&within(place, name), format!("{given:?} is no {name}"), "write it as in RFC 3339"));
            }
        }
        if let Some(Value::Array(ends)) = members.get("interval") {
            let place = within(place, "interval");
            let ends: Vec<Node> = ends
                .iter()
                .enumerate()
                .map(|(at, end)| self.interval_end(end, &within(&place, &at.to_string())))
                .collect::<Result<_, _>>()?;
            let count = ends.len();
            let ends: [Node; 2] = ends.try_into().map_err(|_| calls::wrong_count(&place, "interval", count, 2))?;
            return Ok(NodeKind::Interval(Box::new(ends)));
        }
        if let Some(Value::Array(numbers)) = members.get("bbox") {
            let place = within(place, "bbox");
            let numbers = numbers.iter().map(|number| number.as_f64().ok_or_else(|| no_number(&place))).collect::<Result<Vec<_>, _>>()?;
            return calls::bbox(&numbers, &place);
        }
        if members.contains_key("type") {
            return Ok(NodeKind::Geometry(self.geometry(members, place)?));
        }
        let remedy = "it needs op, property, date, timestamp, interval, bbox, or the type of a geometry";
        Err(FilterError::new(place, "the object is no part of a filter", remedy))
    }

    fn interval_end(&mut self, end: &Value, place: &Place) -> Result<Node, FilterError> {
        match end {
            Value::String(text) => calls::interval_end(text, place),
            other => self.node(other, place),
        }
    }

    fn operation(&mut self, op: &str, members: &Map<String, Value>, place: &Place) -> Result<NodeKind, FilterError> {
        let Some(Value::Array(args)) = members.get("args") else {
            return Err(FilterError::new(place, format!("the operation {op:?} has no array of args"), "add one"));
        };
        let args_place = within(place, "args");
        let name = op.to_ascii_lowercase();
        if calls::takes_arrays(&name) {
            return Ok(NodeKind::Call(name, self.nodes(args, &args_place)?));
        }
        let mut nodes = self.nodes(args, &args_place)?;
        let count = nodes.len();
        let exactly = |expected: usize| if count == expected { Ok(()) } else { Err(calls::wrong_count(&args_place, op, count, expected)) };
        if let Some(comparison) = to_comparison(op) {
            exactly(2)?;
            return Ok(NodeKind::Compare(comparison, pair(nodes)));
        }
        if let Some(operator) = to_operator(&name) {
            if operator == Operator::Subtract && count == 1 {
                return Ok(NodeKind::Negate(Box::new(nodes.remove(0))));
            }
            if count < 2 {
                return Err(calls::wrong_count(&args_place, op, count, 2));
            }
            let rest = nodes.split_off(1).into_iter().map(|node| (operator, node)).collect();
            return Ok(NodeKind::Chain(Box::new(nodes.remove(0)), rest));
        }
        Ok(match name.as_str() {
            "and" | "or" if count < 2 => return Err(calls::wrong_count(&args_place, op, count, 2)),
            "and" => NodeKind::And(nodes),
            "or" => NodeKind::Or(nodes),
            "not" => {
                exactly(1)?;
                NodeKind::Not(Box::new(nodes.remove(0)))
            }
            "isnull" => {
                exactly(1)?;
                NodeKind::IsNull(Box::new(nodes.remove(0)))
            }
            "like" => {
                exactly(2)?;
                NodeKind::Like(pair(nodes))
            }
            "between" => {
                exactly(3)?;
                let nodes: [Node; 3] = nodes.try_into().expect("there are three of them");
                NodeKind::Between(Box::new(nodes))
            }
            "in" => {
                exactly(2)?;
                let list = nodes.pop().expect("there are two of them");
                let NodeKind::Array(list_nodes) = list.kind else {
                    return Err(FilterError::new(&list.place, "the second argument of in is no array", "give a list of values"));
                };
                NodeKind::In(Box::new(nodes.remove(0)), list_nodes)
            }
            _ => NodeKind::Call(name, nodes),
        })
    }

    fn geometry(&mut self, members: &Map<String, Value>, place: &Place) -> Result<Geometry<f64>, FilterError> {
        self.depth += 1;
        check_depth(self.depth, place)?;
        let tag = members.get("type").and_then(Value::as_str).unwrap_or_default();
        let at = within(place, "coordinates");
        let coordinates =
            || members.get("coordinates").ok_or_else(|| FilterError::new(place, "the geometry has no coordinates", "add them"));
        let geometry = match tag {
            "Point" => Point(coordinate(coordinates()?, &at)?).into(),
            "LineString" => line(coordinates()?, &at)?.into(),
            "Polygon" => to_polygon(each(coordinates()?, &at, ring)?).into(),
            "MultiPoint" => MultiPoint(each(coordinates()?, &at, |value, at| coordinate(value, at).map(Point))?).into(),
            "MultiLineString" => MultiLineString(each(coordinates()?, &at, line)?).into(),
            "MultiPolygon" => MultiPolygon(each(coordinates()?, &at, |value, at| each(value, at, ring).map(to_polygon))?).into(),
            "GeometryCollection" => {
                let at = within(place, "geometries");
                let Some(Value::Array(parts)) = members.get("geometries") else {
                    return Err(FilterError::new(place, "the collection has no geometries", "add them"));
                };
                let part = |(number, part): (usize, &Value)| {
                    let at = within(&at, &number.to_string());
                    part.as_object()
                        .ok_or_else(|| FilterError::new(&at, "it is no geometry", "write GeoJSON"))
                        .map(|part| (part.clone(), at))
                };
                let parts: Vec<_> = parts.iter().enumerate().map(part).collect::<Result<_, _>>()?;
                if parts.is_empty() {
                    return Err(FilterError::new(&at, "an empty geometry has no place", "give it geometries"));
                }
                let parts = parts.iter().map(|(part, at)| self.geometry(part, at)).collect::<Result<_, _>>()?;
                Geometry::GeometryCollection(GeometryCollection(parts))
            }
            other => return Err(FilterError::new(place, format!("{other:?} is no kind of geometry"), "write GeoJSON")),
        };
        self.depth -= 1;
        Ok(geometry)
    }
}

fn within(place: &Place, member: &str) -> Place {
    match place {
        Place::Pointer(pointer) => Place::Pointer(format!("{pointer}/{member}")),
        Place::Character(_) => place.clone(),
    }
}

fn pair(nodes: Vec<Node>) -> Box<[Node; 2]> {
    Box::new(nodes.try_into().expect("there are two of them"))
}

fn to_date(text: &str) -> Option<NodeKind> {
    parse_date(text).map(NodeKind::Date)
}

fn to_instant(text: &str) -> Option<NodeKind> {
    parse_instant(text).map(NodeKind::Instant)
}

fn to_comparison(op: &str) -> Option<Comparison> {
    Some(match op {
        "=" => Comparison::Equal,
        "<>" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn to_operator(op: &str) -> Option<Operator> {
    Some(match op {
        "+" => Operator::Add,
        "-" => Operator::Subtract,
        "*" => Operator::Multiply,
        "/" => Operator::Divide,
        "%" => Operator::Modulo,
        "div" => Operator::WholeDivide,
        "^" => Operator::Power,
        _ => return None,
    })
}

fn no_number(place: &Place) -> FilterError {
    FilterError::new(place, "a coordinate is no number", "write numbers")
}

fn each<T>(value: &Value, place: &Place, item: impl Fn(&Value, &Place) -> Result<T, FilterError>) -> Result<Vec<T>, FilterError> {
    let Value::Array(values) = value else { return Err(FilterError::new(place, "it is no array", "write GeoJSON")) };
    if values.is_empty() {
        return Err(FilterError::new(place, "an empty geometry has no place", "give it coordinates"));
    }
    values.iter().enumerate().map(|(at, value)| item(value, &within(place, &at.to_string()))).collect()
}

fn coordinate(value: &Value, place: &Place) -> Result<Coord<f64>, FilterError> {
    let numbers: Option<Vec<f64>> = value.as_array().and_then(|values| values.iter().map(Value::as_f64).collect());
    match numbers.as_deref() {
        Some([x, y] | [x, y, _] | [x, y, _, _]) => Ok(Coord { x: *x, y: *y }),
        _ => Err(FilterError::new(place, "it is no position", "give longitude and latitude as two numbers")),
    }
}

fn line(value: &Value, place: &Place) -> Result<LineString<f64>, FilterError> {
    to_line(each(value, place, coordinate)?, place)
}

fn ring(value: &Value, place: &Place) -> Result<LineString<f64>, FilterError> {
    to_ring(each(value, place, coordinate)?, place)
}
