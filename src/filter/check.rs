use std::borrow::Cow;
use std::cmp::Ordering;

use geo::{CoordsIter, Validation};
use geo_types::{Coord, Geometry, Rect};

use super::array::ArrayRelation;
use super::calls::wrong_count;
use super::error::{FilterError, Place};
use super::expression::Expression;
use super::fold::Fold;
use super::hint::Hint;
use super::like::Pattern;
use super::schema::{Kind, Schema};
use super::spatial::{self, SpatialRelation};
use super::syntax::{Node, NodeKind};
use super::temporal::TemporalRelation;
use super::value::{Value, compare};

/// A filter that fits the properties it was made for.
#[derive(Clone, Debug)]
pub struct Filter {
    pub(super) root: Expression,
    /// The geometries that it names, in the order in which [`Expression::Geometry`] counts them.
    pub(super) geometries: Vec<Geometry<f64>>,
}

impl Filter {
    /// Sees that every name is known and every operand of a kind that its operator takes.
    ///
    /// # Errors
    /// The place of the first that is not, with what may stand there.
    pub fn compile(node: &Node, schema: &Schema) -> Result<Self, FilterError> {
        let mut checker = Checker { schema, geometries: Vec::new() };
        let root = checker.truth(node)?;
        Ok(Self { root, geometries: checker.geometries })
    }

    /// Returns which features may match at all, by the property that is their code and the one that is their geometry.
    pub fn hint(&self, code: Option<usize>, geometry: Option<usize>) -> Hint {
        Hint::of(&self.root, &self.geometries, code, geometry)
    }
}

struct Checker<'s> {
    schema: &'s Schema,
    geometries: Vec<Geometry<f64>>,
}

impl Checker<'_> {
    fn truth(&mut self, node: &Node) -> Result<Expression, FilterError> {
        self.of_kind(node, Kind::Boolean, "a condition, such as name = 'x', may stand there")
    }

    fn of_kind(&mut self, node: &Node, kind: Kind, remedy: &str) -> Result<Expression, FilterError> {
        let expression = self.expression(node)?;
        if expression.kind().fits(kind) {
            return Ok(expression);
        }
        Err(FilterError::new(&node.place, format!("{} stands where {kind} should", expression.kind()), remedy))
    }

    fn number(&mut self, node: &Node) -> Result<Expression, FilterError> {
        let expression = self.expression(node)?;
        if expression.kind().is_number() {
            return Ok(expression);
        }
        Err(FilterError::new(&node.place, format!("{} cannot be reckoned with", expression.kind()), "use numbers"))
    }

    fn scalar(&mut self, node: &Node) -> Result<Expression, FilterError> {
        let expression = self.expression(node)?;
        if expression.kind().is_scalar() {
            return Ok(expression);
        }
        let remedy = "compare geometries by S_… functions, intervals by T_…, arrays by A_…";
        Err(FilterError::new(&node.place, format!("{} cannot be compared so", expression.kind()), remedy))
    }

    fn expression(&mut self, node: &Node) -> Result<Expression, FilterError> {
        Ok(match &node.kind {
            NodeKind::Boolean(value) => Expression::Literal(Value::Boolean(*value)),
            NodeKind::Integer(value) => Expression::Literal(Value::Integer(*value)),
            NodeKind::Number(value) => Expression::Literal(Value::Number(*value)),
            NodeKind::Text(text) => Expression::Literal(Value::Text(Cow::Owned(text.clone()))),
            NodeKind::Date(date) => Expression::Literal(Value::Date(*date)),
            NodeKind::Instant(at) => Expression::Literal(Value::Instant(*at)),
            NodeKind::Open => return Err(FilterError::new(&node.place, "an open end stands outside an interval", "take it out")),
            NodeKind::Interval(ends) => self.interval(ends)?,
            NodeKind::Geometry(geometry) => self.geometry(geometry.clone(), &node.place)?,
            NodeKind::Bbox(numbers) => self.bbox(*numbers, &node.place)?,
            NodeKind::Property(name) => self.property(name, &node.place)?,
            NodeKind::Array(nodes) => Expression::Array(nodes.iter().map(|node| self.expression(node)).collect::<Result<_, _>>()?),
            NodeKind::And(nodes) => Expression::And(nodes.iter().map(|node| self.truth(node)).collect::<Result<_, _>>()?),
            NodeKind::Or(nodes) => Expression::Or(nodes.iter().map(|node| self.truth(node)).collect::<Result<_, _>>()?),
            NodeKind::Not(node) => Expression::Not(Box::new(self.truth(node)?)),
            NodeKind::Compare(comparison, nodes) => {
                let left = self.scalar(&nodes[0])?;
                let right = self.alike(&nodes[1], left.kind())?;
                Expression::Compare(*comparison, Box::new([left, right]))
            }
            NodeKind::Like(nodes) => {
                let value = self.of_kind(&nodes[0], Kind::Text, "LIKE compares texts")?;
                Expression::Like(Box::new(value), Pattern::new(&pattern(&nodes[1])?))
            }
            NodeKind::Between(nodes) => {
                let value = self.scalar(&nodes[0])?;
                let (low, high) = (self.alike(&nodes[1], value.kind())?, self.alike(&nodes[2], value.kind())?);
                Expression::Between(Box::new([value, low, high]))
            }
            NodeKind::In(node, list) => {
                let value = self.scalar(node)?;
                if list.is_empty() {
                    return Err(FilterError::new(&node.place, "the list of IN is empty", "give it values"));
                }
                let list = list.iter().map(|node| self.alike(node, value.kind())).collect::<Result<_, _>>()?;
                Expression::In(Box::new(value), list)
            }
            NodeKind::IsNull(node) => Expression::IsNull(Box::new(self.expression(node)?)),
            NodeKind::Negate(node) => Expression::Negate(Box::new(self.number(node)?)),
            NodeKind::Chain(first, rest) => {
                let first = self.number(first)?;
                let rest = rest.iter().map(|(operator, node)| Ok((*operator, self.number(node)?))).collect::<Result<_, _>>()?;
                Expression::Chain(Box::new(first), rest)
            }
            NodeKind::Call(name, args) => self.call(name, args, &node.place)?,
        })
    }

    /// Checks what is compared with a value of this kind.
    fn alike(&mut self, node: &Node, kind: Kind) -> Result<Expression, FilterError> {
        let expression = self.scalar(node)?;
        if expression.kind().fits(kind) {
            return Ok(expression);
        }
        let remedy = match (kind, expression.kind()) {
            (Kind::Date | Kind::Instant, Kind::Text) | (Kind::Text, Kind::Date | Kind::Instant) => {
                "write moments as DATE('2026-01-31') or TIMESTAMP('2026-01-31T08:00:00Z')"
            }
            (Kind::Text, Kind::Integer | Kind::Number) => "put texts into single quotes",
            (Kind::Integer | Kind::Number, Kind::Text) => "write numbers without quotes",
            _ => "compare values of the same kind",
        };
        Err(FilterError::new(&node.place, format!("{} is compared with {kind}", expression.kind()), remedy))
    }

    fn property(&self, name: &str, place: &Place) -> Result<Expression, FilterError> {
        match self.schema.find(name) {
            Some(slot) => Ok(Expression::Property(slot, self.schema.properties[slot].kind)),
            None => {
                let known: Vec<_> = self.schema.properties.iter().map(|property| property.name.as_str()).collect();
                Err(FilterError::new(place, format!("there is no property {name}"), format!("there are {}", known.join(", "))))
            }
        }
    }

    fn interval(&mut self, ends: &[Node; 2]) -> Result<Expression, FilterError> {
        let mut end = |node: &Node| -> Result<Option<Expression>, FilterError> {
            if node.kind == NodeKind::Open {
                return Ok(None);
            }
            self.of_kind(node, Kind::Instant, "an interval has days or times as its ends, or '..'").map(Some)
        };
        let found = [end(&ends[0])?, end(&ends[1])?];
        if let [Some(Expression::Literal(from)), Some(Expression::Literal(to))] = &found
            && compare(from, to) == Some(Ordering::Greater)
        {
            return Err(FilterError::new(&ends[0].place, "the interval begins after its end", "put the earlier time first"));
        }
        Ok(Expression::Interval(Box::new(found)))
    }

    fn geometry(&mut self, geometry: Geometry<f64>, place: &Place) -> Result<Expression, FilterError> {
        // Holes too, of which the box of a polygon says nothing.
        geometry.coords_iter().try_for_each(|coord| check_range(Rect::new(coord, coord), place))?;
        geometry.check_validation().map_err(|e| FilterError::new(place, format!("the geometry is not valid: {e}"), "mend the geometry"))?;
        self.geometries.push(geometry);
        Ok(Expression::Geometry(self.geometries.len() - 1))
    }

    fn bbox(&mut self, [west, south, east, north]: [f64; 4], place: &Place) -> Result<Expression, FilterError> {
        check_range(Rect::new(Coord { x: west, y: south }, Coord { x: east, y: north }), place)?;
        self.geometries.push(spatial::box_geometry(west, south, east, north));
        Ok(Expression::Geometry(self.geometries.len() - 1))
    }

    fn call(&mut self, name: &str, args: &[Node], place: &Place) -> Result<Expression, FilterError> {
        if let Some(fold) = [("casei", Fold::Case), ("accenti", Fold::Accents)].into_iter().find(|(known, _)| *known == name) {
            let [text] = args else { return Err(wrong_count(place, name, args.len(), 1)) };
            let text = self.of_kind(text, Kind::Text, "it takes a text")?;
            return Ok(match text {
                Expression::Literal(Value::Text(text)) => Expression::Literal(Value::Text(Cow::Owned(fold.1.apply(&text)))),
                text => Expression::Fold(fold.1, Box::new(text)),
            });
        }
        if let Some(relation) = SpatialRelation::parse(name) {
            let args = self.pair(name, args, place, |checker, node| {
                checker.of_kind(node, Kind::Geometry, "it takes the geometry property, or well-known text such as POINT(111.6 26.2)")
            })?;
            return Ok(Expression::Spatial(relation, args));
        }
        if let Some(relation) = TemporalRelation::parse(name) {
            let args = self.pair(name, args, place, |checker, node| checker.temporal(relation, node))?;
            return Ok(Expression::Temporal(relation, args));
        }
        if let Some(relation) = ArrayRelation::parse(name) {
            let args =
                self.pair(name, args, place, |checker, node| checker.of_kind(node, Kind::Array, "it takes arrays, such as ('a', 'b')"))?;
            return Ok(Expression::Arrays(relation, args));
        }
        let remedy = "there are casei, accenti, and the functions of CQL2 that begin with s_, t_ and a_";
        Err(FilterError::new(place, format!("there is no function {name}"), remedy))
    }

    fn pair(
        &mut self,
        name: &str,
        args: &[Node],
        place: &Place,
        check: impl Fn(&mut Self, &Node) -> Result<Expression, FilterError>,
    ) -> Result<Box<[Expression; 2]>, FilterError> {
        let [left, right] = args else { return Err(wrong_count(place, name, args.len(), 2)) };
        Ok(Box::new([check(self, left)?, check(self, right)?]))
    }

    fn temporal(&mut self, relation: TemporalRelation, node: &Node) -> Result<Expression, FilterError> {
        let expression = self.expression(node)?;
        let is_fit = match expression.kind() {
            Kind::Interval | Kind::Any => true,
            Kind::Date | Kind::Instant => relation.takes_instants(),
            _ => false,
        };
        if is_fit {
            return Ok(expression);
        }
        let remedy = if relation.takes_instants() {
            "it takes DATE, TIMESTAMP, INTERVAL and properties of them"
        } else {
            "it takes INTERVAL(from, to)"
        };
        Err(FilterError::new(&node.place, format!("{} stands where a time should", expression.kind()), remedy))
    }
}

/// Returns the text of a pattern, which is a literal, maybe folded.
fn pattern(node: &Node) -> Result<String, FilterError> {
    match &node.kind {
        NodeKind::Text(text) => Ok(text.clone()),
        NodeKind::Call(name, args) if name == "casei" && args.len() == 1 => Ok(Fold::Case.apply(&pattern(&args[0])?)),
        NodeKind::Call(name, args) if name == "accenti" && args.len() == 1 => Ok(Fold::Accents.apply(&pattern(&args[0])?)),
        _ => Err(FilterError::new(&node.place, "the pattern of LIKE is no text", "write it in single quotes")),
    }
}

fn check_range(bounds: Rect<f64>, place: &Place) -> Result<(), FilterError> {
    for (at, limit, what) in [
        (bounds.min().x, 180.0, "longitude"),
        (bounds.max().x, 180.0, "longitude"),
        (bounds.min().y, 90.0, "latitude"),
        (bounds.max().y, 90.0, "latitude"),
    ] {
        if !(-limit..=limit).contains(&at) {
            let remedy = "give longitude before latitude, or say the reference system by filter-crs";
            return Err(FilterError::new(place, format!("the {what} {at} is out of range"), remedy));
        }
    }
    Ok(())
}
