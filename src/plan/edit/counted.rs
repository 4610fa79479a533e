//! What is counted in units that were split or merged: the draft's own loads go into their field, and other fields are told of.

use serde_json::Value;

use super::board::Board;
use super::draft::Draft;
use crate::boundary::UnitCode;

/// The field that the loads of a draft were read from.
#[derive(Debug)]
pub(super) struct LoadField {
    name: String,
    /// For each depth how it is written; none where it is not.
    forms: Vec<Option<Form>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Number,
    Text,
}

/// Units of a level that were split, merged or redrawn, and what the base counts in units of the level beside the load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recounted {
    pub depth: usize,
    /// In the byte order of codes.
    pub units: Vec<UnitCode>,
    /// Fields with numbers, ordered.
    pub fields: Vec<String>,
}

impl LoadField {
    /// Looks how the base writes a field. Coarser units whose field is not the sum of what they hold are counted by somebody else, and are
    /// left as they are.
    pub fn new(board: &Board, name: &str) -> Self {
        let form = |depth: usize| {
            let (mut form, mut is_sum) = (None, true);
            for (unit, figures) in board.base.levels()[depth].units().iter().zip(&board.base_figures[depth]) {
                let Some(value) = unit.properties.get(name).filter(|value| !value.is_null()) else { continue };
                form = form.or(Some(if value.is_string() { Form::Text } else { Form::Number }));
                is_sum &= to_number(value).is_some_and(|number| !is_another(number, figures.load));
            }
            form.filter(|_| is_sum || depth == board.finest)
        };
        Self { name: name.to_owned(), forms: (0..board.base.levels().len()).map(form).collect() }
    }
}

impl Board {
    /// Returns the field of loads and what it is to say of a unit whose load is not that of the base.
    pub fn load_to_write(&self, depth: usize, unit: u32) -> Option<(&str, Value)> {
        let field = self.load_field.as_ref()?;
        let (form, load) = (field.forms[depth]?, self.figures[depth][unit as usize].load);
        let is_kept = self.base_figures[depth].get(unit as usize).is_some_and(|base| !is_another(load, base.load));
        (!is_kept).then(|| (field.name.as_str(), to_value(load, form)))
    }
}

impl Draft {
    /// Returns the units of which something else is counted than in the base, level by level, with the fields that say what it was there.
    pub fn recounted(&self) -> Vec<Recounted> {
        let board = &self.board;
        let mut found = Vec::new();
        for depth in 0..board.units.len() {
            let there = board.units[depth].iter().zip(&board.figures[depth]).filter(|(_, figures)| figures.is_recounted);
            let mut units: Vec<UnitCode> = there.filter_map(|(state, _)| state.unit.as_ref()).map(|unit| unit.code.clone()).collect();
            if units.is_empty() {
                continue;
            }
            units.sort_unstable();
            let own = board.load_field.as_ref().filter(|field| field.forms[depth].is_some()).map(|field| field.name.as_str());
            let properties = board.base.levels()[depth].units().iter().flat_map(|unit| unit.properties.iter());
            let mut fields: Vec<&String> = Vec::new();
            for (name, _) in properties.filter(|(name, value)| value.is_number() && Some(name.as_str()) != own) {
                if let Err(at) = fields.binary_search(&name) {
                    fields.insert(at, name);
                }
            }
            if !fields.is_empty() {
                found.push(Recounted { depth, units, fields: fields.into_iter().cloned().collect() });
            }
        }
        found
    }
}

/// Whether two sums of the same parts differ by more than rounding.
fn is_another(a: f64, b: f64) -> bool {
    (a - b).abs() > 1e-9 * a.abs().max(b.abs()).max(1.0)
}

fn to_number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Writes a load; a whole one as a whole number, which is how most are counted.
fn to_value(load: f64, form: Form) -> Value {
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    let is_whole = load.fract() == 0.0 && load.abs() < WHOLE_MAX;
    match form {
        Form::Text => Value::from(load.to_string()),
        #[expect(clippy::cast_possible_truncation, reason = "whole and small enough")]
        Form::Number if is_whole => Value::from(load as i64),
        Form::Number => Value::from(load),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::boundary::{Accepted, UnitShape};
    use crate::plan::edit::{Move, Operation};
    use crate::topology::town::{Town, check_all};

    /// A draft of a town whose finest units have a count, as a number or a text. The level above has the sums, and the coarsest some other.
    fn counted(is_text: bool) -> Draft {
        let gaps = Accepted { gap: true, ..Accepted::default() };
        let count = |at: usize| if is_text { Value::from((at + 1).to_string()) } else { Value::from(at + 1) };
        let coverage = (0u64..).find_map(|seed| {
            let mut shapes = Town::new(seed).shapes();
            let mut sums: BTreeMap<UnitCode, usize> = BTreeMap::new();
            for (at, shape) in shapes[2].iter_mut().enumerate() {
                *sums.entry(shape.unit.parent.clone()?).or_default() += at + 1;
                shape.unit.properties.insert("count".into(), count(at));
                shape.unit.properties.insert("rooms".into(), 3.into());
            }
            for shape in &mut shapes[1] {
                shape.unit.properties.insert("count".into(), count(sums.get(&shape.unit.code)? - 1));
            }
            shapes[0].iter_mut().for_each(|shape| drop(shape.unit.properties.insert("count".into(), 7.into())));
            check_all(shapes, gaps).coverage
        });
        let coverage = coverage.unwrap();
        let loads: Vec<f64> = coverage.levels()[2].units().iter().map(|unit| to_number(&unit.properties["count"]).unwrap()).collect();
        Draft::new(Arc::new(coverage), &loads, Vec::new()).unwrap().with_load_field(Some("count"))
    }

    fn values(draft: &Draft, depth: usize) -> BTreeMap<UnitCode, Value> {
        let value = |shape: UnitShape| (shape.unit.code, shape.unit.properties.get("count").cloned().unwrap_or_default());
        draft.shapes(depth).into_iter().map(value).collect()
    }

    fn sum(values: &BTreeMap<UnitCode, Value>) -> f64 {
        values.values().map(|value| to_number(value).unwrap()).sum()
    }

    #[test]
    fn loads_are_written_into_their_field_as_the_base_writes_it() {
        for is_text in [false, true] {
            let mut draft = counted(is_text);
            let (before, above, top) = (values(&draft, 2), values(&draft, 1), values(&draft, 0));
            let codes: Vec<UnitCode> = before.keys().cloned().collect();
            let level = draft.base().levels()[2].level().clone();
            let merge =
                |a: &UnitCode, b: &UnitCode| Operation::Merge { level: level.clone(), units: vec![a.clone(), b.clone()], into: None };
            let mut pairs = codes.iter().flat_map(|a| codes.iter().map(move |b| (a, b)));
            let (a, b) = pairs.find(|(a, b)| a != b && draft.apply(&[merge(a, b)]).is_ok()).unwrap();
            let after = values(&draft, 2);
            let both = to_number(&before[a]).unwrap() + to_number(&before[b]).unwrap();
            assert_eq!(after[a], to_value(both, if is_text { Form::Text } else { Form::Number }));
            assert_eq!((sum(&after), values(&draft, 1)), (sum(&before), above.clone()), "what lies above has the same");
            let recounted = draft.recounted();
            assert_eq!(recounted, [Recounted { depth: 2, units: vec![a.clone()], fields: vec!["rooms".into()] }]);
            // A unit that goes elsewhere changes what lies above, but not what is counted there by others.
            let parents: Vec<UnitCode> = above.keys().cloned().collect();
            let mut moves = codes.iter().flat_map(|unit| parents.iter().map(move |to| (unit, to)));
            let reassign = |unit: &UnitCode, to: &UnitCode| {
                let moves = vec![Move { unit: unit.clone(), to: to.clone() }];
                Operation::Reassign { level: level.clone(), moves, creates: false }
            };
            let is_moved = |(unit, to): &(&UnitCode, &UnitCode)| {
                let parent = draft.find(2, unit).and_then(|unit| unit.unit.parent);
                parent.is_some_and(|parent| parent != **to) && draft.apply(&[reassign(unit, to)]).is_ok()
            };
            let (_, to) = moves.find(is_moved).unwrap();
            let sums = values(&draft, 1);
            assert!(to_number(&sums[to]) > to_number(&above[to]) && sum(&sums) == sum(&above), "{sums:?}");
            assert_eq!(values(&draft, 0), top);
            while draft.undo() {}
            assert_eq!((values(&draft, 2), draft.recounted()), (before, vec![]));
        }
    }
}
