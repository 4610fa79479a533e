//! Codes for units that begin.

use rustc_hash::FxHashSet;

use super::board::Board;
use super::refusal::{Reason, Refusal, Refused};
use crate::boundary::{Segment, UnitCode, free_codes};

impl Board {
    /// Returns codes for units that begin out of one: those given, and where they do not suffice the first that are free below its
    /// parent, by the scheme of the layer; where that has none, its own code with a number behind it.
    pub fn codes_for(&self, depth: usize, unit: u32, count: usize, given: &[UnitCode]) -> Refused<Vec<UnitCode>> {
        let mut codes: Vec<UnitCode> = given.iter().take(count).cloned().collect();
        for (at, code) in codes.iter().enumerate() {
            self.check_free(depth, code)?;
            if codes[..at].contains(code) {
                return Err(Refusal::new(Reason::Repeated, format!("the code {code} is given twice")).of([code.clone()]));
            }
        }
        let wanted = count - codes.len();
        if wanted == 0 {
            return Ok(codes);
        }
        let more = match self.segment_below(depth, unit) {
            Some((parent, segment)) => {
                let mut taken = self.codes_below(depth, &parent);
                taken.extend(codes.iter().cloned());
                free_codes(&parent, wanted, &segment, &taken).map_err(|error| Refusal::new(Reason::CodeTaken, error.to_string()))?
            }
            None => self.numbered(depth, unit, wanted, &codes)?,
        };
        codes.extend(more);
        Ok(codes)
    }

    fn segment_below(&self, depth: usize, unit: u32) -> Option<(UnitCode, Segment)> {
        let (level, parent) = (self.base.levels()[depth].level(), self.units[depth][unit as usize].parent?);
        let scheme = self.base.layer().scheme.as_ref()?;
        let segment = scheme.segments.iter().find(|segment| segment.level == *level)?;
        let code = self.code(depth - 1, parent);
        // Foreign codes are not continued by a scheme that they do not follow.
        scheme.check(&code, self.base.levels()[depth - 1].level()).ok()?;
        Some((code, segment.clone()))
    }

    /// Returns the codes of a level, past ones too, that begin with another.
    fn codes_below(&self, depth: usize, prefix: &UnitCode) -> FxHashSet<UnitCode> {
        let begins = |code: &UnitCode| code.as_str().starts_with(prefix.as_str());
        let units = self.base.levels()[depth].units();
        let base = units[units.partition_point(|unit| unit.code < *prefix)..].iter().map(|unit| &unit.code).take_while(|code| begins(code));
        let spent = &self.spent[depth];
        let spent = spent[spent.partition_point(|code| code < prefix)..].iter().take_while(|code| begins(code));
        let begun = self.units[depth][units.len()..].iter().filter_map(|state| state.unit.as_ref().map(|unit| &unit.code));
        base.chain(spent).chain(begun.filter(|code| begins(code))).cloned().collect()
    }

    fn numbered(&self, depth: usize, unit: u32, wanted: usize, taken: &[UnitCode]) -> Refused<Vec<UnitCode>> {
        let own = self.code(depth, unit);
        let mut codes = Vec::new();
        let mut number = 2;
        while codes.len() < wanted {
            let code = UnitCode::parse(&format!("{own}-{number}")).map_err(|error| Refusal::new(Reason::CodeTaken, error.to_string()))?;
            if self.check_free(depth, &code).is_ok() && !taken.contains(&code) {
                codes.push(code);
            }
            number += 1;
        }
        Ok(codes)
    }
}
