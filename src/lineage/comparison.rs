use std::collections::BTreeMap;

use geo_types::MultiPolygon;
use rustc_hash::FxHashMap;

use super::kind::{Kind, Kinds};
use super::overlay::{Overlay, ROUNDING_M2, Slivers, is_sliver_m2};
use super::owner::Owned;
use super::residents::read_residents;
use crate::boundary::{Level, UnitCode, UnitShape};
use crate::dispatch::{Post, WorkerId};

/// How a level of one generation came to be that of another.
#[derive(Clone, Debug)]
pub struct LevelComparison {
    pub level: Level,
    /// The units in which the generations differ, in the order of their codes.
    pub from: Vec<UnitShape>,
    pub to: Vec<UnitShape>,
    /// Where the ground of the old units went, by old unit, then by new unit; ground that no old unit had stands last.
    pub transfers: Vec<Transfer>,
    pub counts: Counts,
    pub slivers: Slivers,
    /// The field that residents were read from, where they were asked for and are known.
    pub residents_field: Option<String>,
}

/// Ground that went from an old unit to a new one, from an old one to none, or from none to a new one.
#[derive(Clone, Debug)]
pub struct Transfer {
    pub kind: Kind,
    /// Places in the lists of the comparison.
    pub from: Option<usize>,
    pub to: Option<usize>,
    pub area_m2: f64,
    /// The share of the old unit's area, and of the new unit's.
    pub share_of_from: Option<f64>,
    pub share_of_to: Option<f64>,
    /// Empty where the ground went to no unit or came from none.
    pub ground: MultiPolygon<f64>,
    /// Known where cases were counted.
    pub load: Option<Load>,
    /// Known where the old unit says how many live in it.
    pub residents: Option<Residents>,
    /// Who answers for the old unit before the change and for the new one after it; known where they were asked for.
    pub before: Option<Keeping>,
    pub after: Option<Keeping>,
}

/// Cases that lie in the ground of a transfer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    pub cases: usize,
    /// Of them those that have not ended.
    pub open: usize,
    pub share_of_from: Option<f64>,
    pub share_of_to: Option<f64>,
}

/// Residents of the ground of a transfer, estimated: those of the old unit by the share of its area, as if they lived evenly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Residents {
    pub count: f64,
    pub share_of_from: f64,
    /// Of all that are estimated for the new unit.
    pub share_of_to: Option<f64>,
}

/// Who answers for a unit, whatever the hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeper {
    pub worker: WorkerId,
    pub name: String,
    pub post: Post,
    /// The unit that the worker holds: the unit itself or an ancestor.
    pub unit: UnitCode,
}

/// A unit with what is above it, and who answers for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// The codes of the unit and of what is above it, from the unit upwards.
    pub path: Vec<UnitCode>,
    /// None where nobody does.
    pub keeper: Option<Keeper>,
}

/// How many units became what. Old units are counted, but new ones of those merged and begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Units that are what they were, those included in which only vertices differ that move no ground.
    pub unchanged: usize,
    pub by_kind: BTreeMap<Kind, usize>,
}

impl Counts {
    pub fn of(&self, kind: Kind) -> usize {
        self.by_kind.get(&kind).copied().unwrap_or_default()
    }

    /// Returns how many units differ.
    pub fn changed(&self) -> usize {
        self.by_kind.values().sum()
    }
}

impl LevelComparison {
    /// Compares the units of a level in which two generations differ; `alike` more are the same in both. `may_overlap` says that units of a
    /// generation overlap each other by an accepted fault.
    ///
    /// The areas of an old unit's transfers, with those of its slivers, add up to its own area.
    pub fn new(level: Level, from: Vec<UnitShape>, to: Vec<UnitShape>, alike: usize, may_overlap: bool) -> Self {
        let overlay = Overlay::new(&from, &to, may_overlap);
        let kinds = Kinds::of(&overlay, &from, &to);
        let counts = count(&kinds, alike);
        let mut slivers = overlay.slivers;
        let mut transfers = Vec::with_capacity(overlay.pieces.len());
        for (piece, kind) in overlay.pieces.into_iter().zip(&kinds.pieces) {
            let Some(kind) = *kind else { continue };
            let (from_m2, to_m2) = (overlay.from_m2[piece.from], overlay.to_m2[piece.to]);
            transfers.push(Transfer {
                share_of_from: Some(piece.area_m2 / from_m2),
                share_of_to: Some(piece.area_m2 / to_m2),
                ground: piece.ground,
                ..Transfer::new(kind, Some(piece.from), Some(piece.to), piece.area_m2)
            });
        }
        for (at, area_m2) in overlay.lost_m2.iter().enumerate() {
            if is_worth(*area_m2, &mut slivers) {
                let share_of_from = Some(area_m2 / overlay.from_m2[at]);
                transfers.push(Transfer { share_of_from, ..Transfer::new(Kind::Ended, Some(at), None, *area_m2) });
            }
        }
        for (at, area_m2) in overlay.gained_m2.iter().enumerate() {
            if is_worth(*area_m2, &mut slivers) {
                let share_of_to = Some(area_m2 / overlay.to_m2[at]);
                transfers.push(Transfer { share_of_to, ..Transfer::new(Kind::Begun, None, Some(at), *area_m2) });
            }
        }
        let place = |at: Option<usize>| at.unwrap_or(usize::MAX);
        transfers.sort_by_key(|transfer| (place(transfer.from), place(transfer.to)));
        Self { level, from, to, transfers, counts, slivers, residents_field: None }
    }

    /// Counts cases: for each of them who of the old and who of the new units owns its position.
    pub fn add_cases(&mut self, owners: impl IntoIterator<Item = (Owned, Owned)>) {
        let by_pair: FxHashMap<(Option<usize>, Option<usize>), usize> =
            self.transfers.iter().enumerate().map(|(at, transfer)| ((transfer.from, transfer.to), at)).collect();
        let (mut of_from, mut of_to) = (vec![0; self.from.len()], vec![0; self.to.len()]);
        let mut of_transfer = vec![0; self.transfers.len()];
        // A unit that is what it was has no transfer, and its cases are nobody's news.
        let (from_listed, to_listed) =
            (listed(&self.transfers, self.from.len(), |t| t.from), listed(&self.transfers, self.to.len(), |t| t.to));
        for (before, after) in owners {
            let unit = |owned: Owned| if let Owned::By(at) = owned { Some(at) } else { None };
            let (before, after) = (unit(before), unit(after));
            before.iter().for_each(|at| of_from[*at] += 1);
            after.iter().for_each(|at| of_to[*at] += 1);
            match by_pair.get(&(before, after)) {
                Some(transfer) => of_transfer[*transfer] += 1,
                None if before.is_some_and(|at| from_listed[at]) || after.is_some_and(|at| to_listed[at]) => self.slivers.cases += 1,
                None => {}
            }
        }
        let share = |cases: usize, all: usize| (all > 0).then(|| cases as f64 / all as f64);
        for (transfer, cases) in self.transfers.iter_mut().zip(of_transfer) {
            let share_of_from = transfer.from.and_then(|at| share(cases, of_from[at]));
            let share_of_to = transfer.to.and_then(|at| share(cases, of_to[at]));
            transfer.load = Some(Load { cases, open: 0, share_of_from, share_of_to });
        }
    }

    /// Counts those of the cases that have not ended; all of them were counted before.
    pub fn add_open_cases(&mut self, owners: impl IntoIterator<Item = (Owned, Owned)>) {
        let by_pair: FxHashMap<(Option<usize>, Option<usize>), usize> =
            self.transfers.iter().enumerate().map(|(at, transfer)| ((transfer.from, transfer.to), at)).collect();
        let unit = |owned: Owned| if let Owned::By(at) = owned { Some(at) } else { None };
        for (before, after) in owners {
            let transfer = by_pair.get(&(unit(before), unit(after))).map(|at| &mut self.transfers[*at]);
            if let Some(load) = transfer.and_then(|transfer| transfer.load.as_mut()) {
                // A case that came in between the two readings is none of those that were counted.
                load.open = load.cases.min(load.open + 1);
            }
        }
    }

    /// Estimates residents from a field of the old units, by area.
    pub fn add_residents(&mut self, field: &str) {
        let mut of_to = vec![0.0; self.to.len()];
        for transfer in &mut self.transfers {
            let (Some(at), Some(share_of_from)) = (transfer.from, transfer.share_of_from) else { continue };
            let Some(all) = read_residents(&self.from[at].unit.properties, field) else { continue };
            let count = all * share_of_from;
            transfer.residents = Some(Residents { count, share_of_from, share_of_to: None });
            transfer.to.iter().for_each(|at| of_to[*at] += count);
        }
        for transfer in &mut self.transfers {
            if let (Some(residents), Some(at)) = (&mut transfer.residents, transfer.to)
                && of_to[at] > 0.0
            {
                residents.share_of_to = Some(residents.count / of_to[at]);
            }
        }
        self.residents_field = Some(field.to_owned());
    }
}

impl Transfer {
    fn new(kind: Kind, from: Option<usize>, to: Option<usize>, area_m2: f64) -> Self {
        Self {
            kind,
            from,
            to,
            area_m2,
            share_of_from: None,
            share_of_to: None,
            ground: MultiPolygon(Vec::new()),
            load: None,
            residents: None,
            before: None,
            after: None,
        }
    }

    /// Whether somebody else answers for the ground after the change than before it; false where keepers were not asked for.
    pub fn changes_hands(&self) -> bool {
        let worker = |keeping: &Keeping| keeping.keeper.as_ref().map(|keeper| keeper.worker.clone());
        self.before.as_ref().zip(self.after.as_ref()).is_some_and(|(before, after)| worker(before) != worker(after))
    }
}

/// Notes ground between a unit and nothing that is too small to tell of. What rounding leaves, on either side of nought, is none.
fn is_worth(area_m2: f64, slivers: &mut Slivers) -> bool {
    if !is_sliver_m2(area_m2) {
        return true;
    }
    if area_m2 > ROUNDING_M2 {
        slivers.count += 1;
        slivers.area_m2 += area_m2;
    }
    false
}

fn listed(transfers: &[Transfer], count: usize, unit: impl Fn(&Transfer) -> Option<usize>) -> Vec<bool> {
    let mut listed = vec![false; count];
    transfers.iter().filter_map(unit).for_each(|at| listed[at] = true);
    listed
}

fn count(kinds: &Kinds, alike: usize) -> Counts {
    let mut counts = Counts { unchanged: alike, by_kind: BTreeMap::new() };
    for kind in &kinds.from {
        match kind {
            None => counts.unchanged += 1,
            Some(Kind::Merged | Kind::Begun) => {}
            Some(kind) => *counts.by_kind.entry(*kind).or_default() += 1,
        }
    }
    for kind in kinds.to.iter().flatten().filter(|kind| matches!(kind, Kind::Merged | Kind::Begun)) {
        *counts.by_kind.entry(*kind).or_default() += 1;
    }
    counts
}
