//! Base units as the commands work on them, wherever they were read from.

use anyhow::{bail, ensure};
use rustc_hash::FxHashMap;

use crate::boundary::{Place, UnitCode, reading_order};
use crate::plan::{BaseGraph, Ground};

/// Base units with their names, loads, communities and districts of today.
pub struct Base {
    pub codes: Vec<UnitCode>,
    pub graph: BaseGraph,
    pub ground: Ground,
    pub variables: Vec<Variable>,
    pub communities: Named,
    /// Without names where there is no plan of today.
    pub today: Named,
    pub residents: Option<Vec<f64>>,
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

    pub fn find(&self, name: &str) -> Option<u32> {
        self.names.iter().position(|known| known == name).map(|at| at as u32)
    }
}

impl Base {
    /// Returns the load that is balanced: the one variable as it is; of several the weighted sum of each unit's share of all.
    pub fn load(&self) -> Vec<f64> {
        if let [only] = self.variables.as_slice() {
            return only.values.clone();
        }
        let mut load = vec![0.0; self.codes.len()];
        let weights: f64 = self.variables.iter().map(|variable| variable.weight).sum();
        for variable in &self.variables {
            let all: f64 = variable.values.iter().sum();
            if all > 0.0 {
                let factor = variable.weight / weights / all * self.codes.len() as f64;
                load.iter_mut().zip(&variable.values).for_each(|(load, value)| *load += factor * value);
            }
        }
        load
    }

    /// Returns the community of each unit; all are one where none is named.
    pub fn community(&self) -> anyhow::Result<Vec<u32>> {
        if self.communities.names.is_empty() {
            return Ok(vec![0; self.codes.len()]);
        }
        let of = self.communities.of.iter().zip(&self.codes);
        of.map(|(community, code)| (*community).ok_or_else(|| anyhow::anyhow!("unit {code} has no parent"))).collect()
    }

    pub fn community_name(&self, community: u32) -> &str {
        self.communities.names.get(community as usize).map_or("", String::as_str)
    }

    /// Returns which units are locked by codes of units, or of districts of today with all of theirs.
    pub fn locks(&self, codes: &[String]) -> anyhow::Result<Vec<bool>> {
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
                unknown.push(code.as_str());
            }
        }
        const NAMED_MAX: usize = 5;
        if !unknown.is_empty() {
            let more = unknown.len().saturating_sub(NAMED_MAX);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            bail!("--lock names no unit and no district of today: {}{more}", unknown[..unknown.len().min(NAMED_MAX)].join(", "));
        }
        let homeless = is_locked.iter().zip(&self.today.of).position(|(is_locked, today)| *is_locked && today.is_none());
        if let Some(at) = homeless {
            bail!("unit {} is locked but is in no district today; leave it out of --lock", self.codes[at]);
        }
        ensure!(
            codes.is_empty() || !self.today.names.is_empty(),
            "--lock keeps units in their district of today, and no plan of today is known"
        );
        Ok(is_locked)
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
        let taken: rustc_hash::FxHashSet<String> = self.today.names.iter().cloned().collect();
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
                    if !taken.contains(&name) {
                        break name;
                    }
                };
                names[group[at]] = name;
            }
        }
        names
    }
}
