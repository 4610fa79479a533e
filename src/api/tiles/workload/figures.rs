use std::sync::Arc;

use jiff::Timestamp;

use crate::api::tiles::incidents::{Board, OpenCase};
use crate::boundary::Territory;
use crate::dispatch::Roster;
use crate::history::attribute;
use crate::snapshot::LayerSnapshot;
use crate::tile::UnitFigures;
use crate::topology::{CoverageLevel, UnitIndex};

/// What is told of each unit, in this order.
pub const NAMES: [&str; 4] = ["open", "overdue", "vacant", "units"];

/// The open cases, the late ones of them, the finest units without a keeper, and all finest units.
type Numbers = [u64; 4];

/// Adds up what is told of the units of a layer, from the finest level to the coarsest; with the time at which it is to be done again,
/// because a clock runs out or nobody holds a post any more.
///
/// `territory` has the units of which something is told. A case counts where the
/// unit stands that it was given to, or, where there is none of this code any more, where it lies.
pub fn add_up(
    board: &Board,
    layer: &Arc<LayerSnapshot>,
    roster: &Roster,
    territory: &Territory,
    now: Timestamp,
) -> (UnitFigures, Option<Timestamp>) {
    let levels = layer.coverage().levels();
    let mut numbers: Vec<Vec<Numbers>> = levels.iter().map(|level| vec![[0; 4]; level.units().len()]).collect();
    let mut until: Option<Timestamp> = None;
    if let Some(finest) = layer.coverage().finest_depth() {
        let level = &levels[finest];
        for (unit, numbers) in level.units().iter().zip(&mut numbers[finest]) {
            *numbers = [0, 0, roster.is_vacant(&unit.code, now).into(), 1];
        }
        for case in board.open() {
            let Some(unit) = unit_of(layer, level, &case) else { continue };
            let [open, overdue, ..] = &mut numbers[finest][unit.0 as usize];
            *open += 1;
            *overdue += u64::from(case.due_at.is_some_and(|due| due < now));
            until = until.into_iter().chain(case.due_at.filter(|due| *due >= now)).min();
        }
        let drawn: Vec<usize> = (0..=finest).filter(|depth| !levels[*depth].is_empty()).collect();
        for pair in drawn.windows(2).rev() {
            let [coarse, fine] = [pair[0], pair[1]];
            for (at, unit) in levels[fine].units().iter().enumerate() {
                let parent = unit.parent.as_ref().and_then(|code| levels[coarse].find(code));
                if let Some(parent) = parent {
                    let own = numbers[fine][at];
                    let sum = &mut numbers[coarse][parent.0 as usize];
                    *sum = std::array::from_fn(|number| sum[number] + own[number]);
                }
            }
        }
    }
    let told: Vec<Vec<Option<Numbers>>> = levels
        .iter()
        .zip(&numbers)
        .map(|(level, numbers)| {
            level.units().iter().zip(numbers).map(|(unit, numbers)| territory.has(&unit.code).then_some(*numbers)).collect()
        })
        .collect();
    (UnitFigures::new(NAMES, &told), until)
}

fn unit_of(layer: &LayerSnapshot, level: &CoverageLevel, case: &OpenCase<'_>) -> Option<UnitIndex> {
    let given = case.grid.and_then(|code| level.find(code));
    given.or_else(|| level.find(&attribute(layer.index(), layer.generation().id, case.position).grid?))
}
