use rustc_hash::{FxHashMap, FxHashSet};

use super::balance::Limit;
use super::compactness::Ground;
use super::graph::BaseGraph;
use crate::boundary::{Place, UnitCode, reading_order};

/// Base units with their names, loads, communities and districts of today, wherever they were read from.
#[derive(Clone, Debug, Default)]
pub struct Base {
    pub codes: Vec<UnitCode>,
    pub graph: BaseGraph,
    pub ground: Ground,
    pub variables: Vec<Variable>,
    pub communities: Named,
    /// Without names where there is no plan of today.
    pub today: Named,
    pub residents: Option<Vec<f64>>,
    /// Names that no new district may get, as units had them that have ended.
    pub spent: FxHashSet<String>,
    /// What no district may have more of.
    pub limits: Vec<Limit>,
    /// Units of which each gets a district of its own.
    pub seeds: Vec<u32>,
    /// What the planner should know about where the units came from.
    pub notes: Vec<String>,
}

/// A figure that is to be shared out evenly, with how much it matters beside others.
#[derive(Clone, Debug)]
pub struct Variable {
    pub name: String,
    pub weight: f64,
    pub values: Vec<f64>,
}

/// Which of some named things each unit belongs to.
#[derive(Clone, Debug, Default)]
pub struct Named {
    pub names: Vec<String>,
    pub of: Vec<Option<u32>>,
}

impl Named {
    /// Numbers names in their order; an empty one is none.
    pub fn new(texts: Vec<Option<String>>) -> Self {
        let texts: Vec<Option<String>> = texts.into_iter().map(|text| text.filter(|text| !text.is_empty())).collect();
        let mut names: Vec<String> = texts.iter().flatten().cloned().collect();
        names.sort_unstable();
        names.dedup();
        let number: FxHashMap<&str, u32> = (0u32..).zip(&names).map(|(at, name)| (name.as_str(), at)).collect();
        let of = texts.iter().map(|text| number.get(text.as_deref()?).copied()).collect();
        Self { names, of }
    }

    /// Numbers things that have numbers already anew: those that are named by a unit, in the order of their names.
    pub fn renumbered<'a>(of: Vec<Option<u32>>, name: impl Fn(u32) -> &'a str) -> Self {
        let mut numbers = vec![None; of.iter().flatten().max().map_or(0, |last| *last as usize + 1)];
        of.iter().flatten().for_each(|known| numbers[*known as usize] = Some(0));
        let mut named: Vec<(&str, u32)> =
            (0u32..).zip(&numbers).filter(|(_, number)| number.is_some()).map(|(at, _)| (name(at), at)).collect();
        named.sort_unstable();
        (0u32..).zip(&named).for_each(|(number, (_, known))| numbers[*known as usize] = Some(number));
        let names = named.into_iter().map(|(name, _)| name.to_owned()).collect();
        Self { names, of: of.into_iter().map(|known| numbers[known? as usize]).collect() }
    }

    pub fn find(&self, name: &str) -> Option<u32> {
        self.names.iter().position(|known| known == name).map(|at| at as u32)
    }
}

/// Why base units cannot be planned with as was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseError {
    #[error("unit {0} has no parent")]
    NoParent(UnitCode),
    #[error("no unit and no district of today that could be locked is called {}{}", names.join(", "), and_more(*more))]
    UnknownLocks { names: Vec<String>, more: usize },
    #[error("unit {0} is locked but is in no district today; do not lock it")]
    LockedNowhere(UnitCode),
    #[error("locks keep units in their district of today, and no plan of today is known")]
    LocksWithoutPlan,
}

/// Returns one load of several: the one variable as it is; of several the weighted sum of each unit's share of all, so that a large unit
/// of measure does not drown the others.
pub fn weigh_together(variables: &[Variable], units: usize) -> Vec<f64> {
    if let [only] = variables {
        return only.values.clone();
    }
    let mut load = vec![0.0; units];
    let weights: f64 = variables.iter().map(|variable| variable.weight).sum();
    for variable in variables {
        let all: f64 = variable.values.iter().sum();
        if all > 0.0 {
            let factor = variable.weight / weights / all * units as f64;
            load.iter_mut().zip(&variable.values).for_each(|(load, value)| *load += factor * value);
        }
    }
    load
}

/// Returns the community of each unit; all are one where none is named.
///
/// # Errors
/// Communities are named, and this unit is in none.
pub fn home_of(communities: &Named, units: usize) -> Result<Vec<u32>, usize> {
    if communities.names.is_empty() {
        return Ok(vec![0; units]);
    }
    communities.of.iter().enumerate().map(|(unit, community)| community.ok_or(unit)).collect()
}

fn and_more(count: usize) -> String {
    if count > 0 { format!(" and {count} more") } else { String::new() }
}

/// Names of unknown locks that are told.
const NAMED_MAX: usize = 5;

impl Base {
    /// Returns the load that is balanced: the one variable as it is; of several the weighted sum of each unit's share of all.
    pub fn load(&self) -> Vec<f64> {
        weigh_together(&self.variables, self.codes.len())
    }

    /// Returns the community of each unit; all are one where none is named.
    ///
    /// # Errors
    /// Communities are named, and a unit is in none.
    pub fn community(&self) -> Result<Vec<u32>, BaseError> {
        home_of(&self.communities, self.codes.len()).map_err(|unit| BaseError::NoParent(self.codes[unit].clone()))
    }

    pub fn community_name(&self, community: u32) -> &str {
        self.communities.names.get(community as usize).map_or("", String::as_str)
    }

    /// Returns which units are locked by codes of units, or of districts of today with all of theirs.
    ///
    /// # Errors
    /// A code is neither's, or a unit is in no district today.
    pub fn locks(&self, codes: &[String]) -> Result<Vec<bool>, BaseError> {
        if !codes.is_empty() && self.today.names.is_empty() {
            return Err(BaseError::LocksWithoutPlan);
        }
        let mut is_locked = vec![false; self.codes.len()];
        let place: FxHashMap<&str, usize> = self.codes.iter().enumerate().map(|(at, code)| (code.as_str(), at)).collect();
        let mut unknown = Vec::new();
        for code in codes {
            let district = self.today.find(code);
            if let Some(at) = place.get(code.as_str()) {
                is_locked[*at] = true;
            } else if district.is_some() {
                self.today.of.iter().zip(&mut is_locked).filter(|(of, _)| **of == district).for_each(|(_, is_locked)| *is_locked = true);
            } else {
                unknown.push(code.clone());
            }
        }
        if !unknown.is_empty() {
            let more = unknown.len().saturating_sub(NAMED_MAX);
            unknown.truncate(NAMED_MAX);
            return Err(BaseError::UnknownLocks { names: unknown, more });
        }
        let homeless = is_locked.iter().zip(&self.today.of).position(|(is_locked, today)| *is_locked && today.is_none());
        match homeless {
            Some(at) => Err(BaseError::LockedNowhere(self.codes[at].clone())),
            None => Ok(is_locked),
        }
    }

    /// Leaves units out, and the districts and communities that have no others. Borders with what is left out are outer ones then.
    #[must_use]
    pub fn keep(&self, keeps: &[bool]) -> Self {
        fn kept<T: Clone>(values: &[T], keeps: &[bool]) -> Vec<T> {
            values.iter().zip(keeps).filter(|(_, keeps)| **keeps).map(|(value, _)| value.clone()).collect()
        }
        let named = |named: &Named| {
            let name = |of: &Option<u32>| of.map(|of| named.names[of as usize].clone());
            Named::new(kept(&named.of, keeps).iter().map(name).collect())
        };
        Self {
            codes: kept(&self.codes, keeps),
            graph: self.graph.keep(keeps),
            ground: self.ground.keep(keeps),
            variables: self.variables.iter().map(|known| Variable { values: kept(&known.values, keeps), ..known.clone() }).collect(),
            communities: named(&self.communities),
            today: named(&self.today),
            residents: self.residents.as_ref().map(|residents| kept(residents, keeps)),
            limits: self.limits.iter().map(|limit| Limit { values: kept(&limit.values, keeps), ..limit.clone() }).collect(),
            seeds: self.kept_seeds(keeps),
            // A name stays taken by a district that is left out.
            spent: self.spent.iter().chain(&self.today.names).cloned().collect(),
            notes: self.notes.clone(),
        }
    }

    fn kept_seeds(&self, keeps: &[bool]) -> Vec<u32> {
        let mut places = Vec::with_capacity(keeps.len());
        let mut next = 0;
        for keeps in keeps {
            places.push(next);
            next += u32::from(*keeps);
        }
        self.seeds.iter().filter(|seed| keeps[**seed as usize]).map(|seed| places[*seed as usize]).collect()
    }

    /// Names the districts of a plan: those of today as they are, new ones by a number behind their community, in the order of reading.
    pub fn name_districts(&self, district_of: &[u32], community_of: &[Option<u32>]) -> Vec<String> {
        let mut names: Vec<String> = self.today.names.clone();
        let known = names.len();
        names.resize(community_of.len().max(known), String::new());
        let mut sums = vec![(0.0, 0.0, 0.0); names.len()];
        for (unit, district) in self.graph.units().iter().zip(district_of) {
            let sum = &mut sums[*district as usize];
            *sum = (sum.0 + unit.x_m * unit.area_m2, sum.1 + unit.y_m * unit.area_m2, sum.2 + unit.area_m2);
        }
        let mut new: Vec<usize> = (known..names.len()).filter(|at| community_of[*at].is_some()).collect();
        new.sort_by_key(|at| community_of[*at]);
        let known_names: FxHashSet<&str> = self.today.names.iter().map(String::as_str).collect();
        for group in new.chunk_by(|a, b| community_of[*a] == community_of[*b]) {
            let places: Vec<Place> = group
                .iter()
                .map(|at| sums[*at])
                .map(|(x, y, area)| {
                    let area = area.max(f64::MIN_POSITIVE);
                    Place { lon: x / area, lat: y / area, height_deg: area.sqrt() }
                })
                .collect();
            let community = community_of[group[0]].map_or("", |community| self.community_name(community));
            let digits = group.len().to_string().len().max(if community.is_empty() { 1 } else { 3 });
            let mut number = 0;
            for at in reading_order(&places) {
                let name = loop {
                    number += 1;
                    let name = format!("{community}{number:0digits$}");
                    if !known_names.contains(name.as_str()) && !self.spent.contains(&name) {
                        break name;
                    }
                };
                names[group[at]] = name;
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::BaseUnit;

    /// Four units in a row, `a` and `b` in district 1, `c` and `d` in 2.
    fn row() -> Base {
        let of = |texts: [&str; 4]| Named::new(texts.map(|text| Some(text.to_owned())).to_vec());
        Base {
            codes: ["a", "b", "c", "d"].map(|code| UnitCode::parse(code).unwrap()).to_vec(),
            graph: BaseGraph::new(vec![BaseUnit { area_m2: 1.0, ..BaseUnit::default() }; 4], &[(0, 1, 3.0), (1, 2, 4.0), (2, 3, 5.0)]),
            ground: Ground::new(vec![Vec::new(); 4]),
            variables: vec![Variable { name: "homes".into(), weight: 1.0, values: vec![1.0, 2.0, 3.0, 4.0] }],
            communities: of(["x", "x", "x", "x"]),
            today: of(["1", "1", "2", "2"]),
            ..Base::default()
        }
    }

    #[test]
    fn numbers_of_others_become_our_own_in_the_order_of_names() {
        let named = Named::renumbered(vec![Some(7), None, Some(2), Some(7)], |at| if at == 7 { "a" } else { "b" });
        assert_eq!((named.names, named.of), (vec!["a".to_owned(), "b".to_owned()], vec![Some(0), None, Some(1), Some(0)]));
    }

    #[test]
    fn a_lock_names_a_unit_or_a_district_with_all_of_its_units() {
        let lock = |codes: &[&str]| row().locks(&codes.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(lock(&["b", "2"]), Ok(vec![false, true, true, true]));
        assert_eq!(lock(&["b", "z"]), Err(BaseError::UnknownLocks { names: vec!["z".into()], more: 0 }));
        let homeless = Base { today: Named::new(vec![Some("1".into()), None, None, None]), ..row() };
        assert_eq!(homeless.locks(&["c".into()]), Err(BaseError::LockedNowhere(UnitCode::parse("c").unwrap())));
        assert_eq!(Base { today: Named::default(), ..row() }.locks(&["a".into()]), Err(BaseError::LocksWithoutPlan));
    }

    #[test]
    fn what_is_left_out_leaves_an_outer_border_and_keeps_its_name() {
        let kept = row().keep(&[true, true, true, false]);
        assert_eq!(kept.graph.unit(2).rim_m, 5.0);
        assert_eq!(kept.graph.borders().collect::<Vec<_>>(), [(0, 1, 3.0), (1, 2, 4.0)]);
        assert_eq!((kept.load(), kept.today.of.clone()), (vec![1.0, 2.0, 3.0], vec![Some(0), Some(0), Some(1)]));
        let alone = row().keep(&[true, true, false, false]);
        assert_eq!(alone.today.names, ["1"]);
        let names = alone.name_districts(&[0, 1], &[Some(0), Some(0)]);
        assert_eq!(names, ["1", "x001"]);
        let spent = Base { spent: FxHashSet::from_iter(["x001".to_owned()]), ..alone };
        assert_eq!(spent.name_districts(&[0, 1], &[Some(0), Some(0)])[1], "x002", "a name that has ended is not given again");
    }
}
