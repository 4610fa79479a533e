use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::boundary::{Generation, UnitCode, UnitShape};
use crate::history::{Comparison, ListedGeneration, Unheld};
use crate::lineage::{Keeper, Keeping, Kind, LevelComparison, Transfer};

/// A generation as the service tells of it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct GenerationView {
    pub layer: String,
    pub generation: u32,
    /// `draft`, `past`, `current`, `future`, or `withdrawn` where it was taken back or overtaken before its day.
    pub state: &'static str,
    /// Whether it is the one that takes over next.
    pub next: bool,
    #[schema(value_type = String, format = DateTime)]
    pub effective_from: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Left out for the public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Left out for the public, as reasons name people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The generation it was made from.
    pub parent: Option<u32>,
    /// The earlier generation whose boundaries it brings back.
    pub restores: Option<u32>,
    /// How many units each level has; nothing of a draft that is being redrawn, whose own page tells of it.
    pub units: serde_json::Map<String, serde_json::Value>,
    /// Whom the roster leaves without a holder when it takes effect; told of the next generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unheld: Option<UnheldView>,
}

/// The units of the finest level that nobody of their own answers for.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct UnheldView {
    pub units: usize,
    /// Units for which nobody answers at all.
    pub by_nobody: usize,
    /// The first of them, in the order of codes.
    pub codes: Vec<String>,
    /// Units that nobody holds and for which somebody further up answers.
    pub by_ancestor: usize,
    pub roster_is_empty: bool,
}

/// Codes of unheld units that are told; the rest is counted.
pub const UNHELD_CODES_MAX: usize = 100;

/// How one generation came of another.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ComparisonView {
    pub layer: String,
    pub from: u32,
    pub to: u32,
    #[schema(value_type = String, format = DateTime)]
    pub from_effective: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub to_effective: Timestamp,
    /// Coarse to fine.
    pub levels: Vec<LevelView>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct LevelView {
    pub level: String,
    /// Units that are what they were.
    pub unchanged: usize,
    /// How many units became what; old units, but new ones of `merged` and `begun`.
    pub changed: BTreeMap<&'static str, usize>,
    /// What changes hands in all.
    pub totals: LevelTotals,
    pub slivers: SliversView,
    /// The field that residents were estimated from.
    pub residents_field: Option<String>,
    pub transfers: Vec<TransferView>,
}

/// What goes from one unit to another on a level, or to other hands.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
pub struct LevelTotals {
    /// Transfers of ground between units of different codes.
    pub transfers: usize,
    pub area_m2: f64,
    /// Estimated; left out where they are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residents: Option<f64>,
    /// Left out for the public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cases: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_cases: Option<usize>,
    /// Workers who get ground or lose it; left out for the public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
}

/// Ground that is left out because it is smaller than 1 m² or narrower than 0.2 m.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SliversView {
    pub count: usize,
    pub area_m2: f64,
    /// Cases in such ground; left out for the public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cases: Option<usize>,
}

/// Ground that went from an old unit to a new one.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct TransferView {
    /// `renamed`, `attributes`, `recoded`, `redrawn`, `split`, `merged`, `ended` or `begun`.
    pub kind: &'static str,
    /// Null where no unit had the ground.
    pub from: Option<UnitView>,
    /// Null where no unit has it.
    pub to: Option<UnitView>,
    pub area_m2: f64,
    /// Of the area of the old unit.
    pub share_of_from: Option<f64>,
    /// Of the area of the new unit.
    pub share_of_to: Option<f64>,
    /// Left out for the public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<CaseShareView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residents: Option<ResidentsView>,
    /// Who answers before and after; left out for the public, null where nobody does or the key does not reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keepers: Option<KeepersView>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct UnitView {
    pub code: String,
    pub name: String,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CaseShareView {
    pub cases: usize,
    /// Of them those that have not ended.
    pub open: usize,
    pub share_of_from: Option<f64>,
    pub share_of_to: Option<f64>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ResidentsView {
    /// Always true: residents of the old unit by its share of area.
    pub estimated: bool,
    pub count: f64,
    pub share_of_from: f64,
    pub share_of_to: Option<f64>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct KeepersView {
    pub before: Option<KeeperView>,
    pub after: Option<KeeperView>,
    /// Whether somebody else answers after than before; null where the key does not reach both units.
    pub changes_hands: Option<bool>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct KeeperView {
    pub worker: String,
    pub name: String,
    pub post: &'static str,
    /// The unit that the worker holds: the unit itself or one above it.
    pub unit: String,
}

impl GenerationView {
    pub fn new(listed: &ListedGeneration, for_insiders: bool) -> Self {
        let ListedGeneration { generation, standing, is_next, units, unheld } = listed;
        Self {
            layer: generation.layer.to_string(),
            generation: generation.id.0,
            state: standing.as_str(),
            next: *is_next,
            effective_from: generation.effective_from,
            created_at: generation.created_at,
            author: for_insiders.then(|| generation.author.clone()),
            note: for_insiders.then(|| generation.note.clone()),
            parent: generation.parent.map(|id| id.0),
            restores: generation.restores.map(|id| id.0),
            units: units.iter().map(|(level, count)| (level.to_string(), (*count).into())).collect(),
            unheld: unheld.as_ref().filter(|_| for_insiders).map(UnheldView::new),
        }
    }
}

impl UnheldView {
    pub fn new(unheld: &Unheld) -> Self {
        Self {
            units: unheld.unit_count,
            by_nobody: unheld.by_nobody.len(),
            codes: unheld.by_nobody.iter().take(UNHELD_CODES_MAX).map(ToString::to_string).collect(),
            by_ancestor: unheld.by_ancestor,
            roster_is_empty: unheld.roster_is_empty,
        }
    }
}

impl ComparisonView {
    /// `sees` tells whether personal data of the unit with this path may be shown.
    pub fn new(comparison: &Comparison, sees: &dyn Fn(&[UnitCode]) -> bool) -> Self {
        let effective = |generation: &Generation| generation.effective_from;
        Self {
            layer: comparison.to.layer.to_string(),
            from: comparison.from.id.0,
            to: comparison.to.id.0,
            from_effective: effective(&comparison.from),
            to_effective: effective(&comparison.to),
            levels: comparison.levels.iter().map(|level| LevelView::new(level, comparison, sees)).collect(),
        }
    }
}

impl LevelView {
    fn new(level: &LevelComparison, comparison: &Comparison, sees: &dyn Fn(&[UnitCode]) -> bool) -> Self {
        let changed = Kind::ALL.into_iter().map(|kind| (kind.as_str(), level.counts.of(kind))).filter(|(_, count)| *count > 0);
        let slivers = SliversView {
            count: level.slivers.count,
            area_m2: rounded(level.slivers.area_m2, AREA_STEP),
            cases: comparison.cases.map(|_| level.slivers.cases),
        };
        Self {
            level: level.level.to_string(),
            unchanged: level.counts.unchanged,
            changed: changed.collect(),
            totals: LevelTotals::new(level, comparison),
            slivers,
            residents_field: level.residents_field.clone(),
            transfers: level.transfers.iter().map(|transfer| TransferView::new(transfer, level, comparison.has_keepers, sees)).collect(),
        }
    }
}

impl LevelTotals {
    fn new(level: &LevelComparison, comparison: &Comparison) -> Self {
        let code = |shapes: &[UnitShape], at: Option<usize>| at.map(|at| shapes[at].unit.code.clone());
        let moves = |transfer: &&Transfer| code(&level.from, transfer.from) != code(&level.to, transfer.to);
        let moved: Vec<&Transfer> = level.transfers.iter().filter(moves).collect();
        let mut workers: Vec<&str> = Vec::new();
        for transfer in level.transfers.iter().filter(|transfer| transfer.changes_hands()) {
            let keepers = [&transfer.before, &transfer.after].into_iter().flatten().filter_map(|keeping| keeping.keeper.as_ref());
            workers.extend(keepers.map(|keeper| &*keeper.worker.0));
        }
        workers.sort_unstable();
        workers.dedup();
        let residents = || moved.iter().filter_map(|transfer| transfer.residents).map(|residents| residents.count).sum::<f64>();
        let loads = || moved.iter().filter_map(|transfer| transfer.load);
        Self {
            transfers: moved.len(),
            area_m2: rounded(moved.iter().map(|transfer| transfer.area_m2).sum(), AREA_STEP),
            residents: level.residents_field.as_ref().map(|_| rounded(residents(), AREA_STEP)),
            cases: comparison.cases.map(|_| loads().map(|load| load.cases).sum()),
            open_cases: comparison.cases.map(|_| loads().map(|load| load.open).sum()),
            workers: comparison.has_keepers.then_some(workers.len()),
        }
    }
}

/// Steps to which figures are written: a square millimetre's thousandfold, and shares of which a million add up to one.
const AREA_STEP: f64 = 1e3;
const SHARE_STEP: f64 = 1e9;

fn rounded(value: f64, step: f64) -> f64 {
    (value * step).round() / step
}

fn share(share: Option<f64>) -> Option<f64> {
    share.map(|share| rounded(share, SHARE_STEP))
}

impl TransferView {
    pub fn new(transfer: &Transfer, level: &LevelComparison, has_keepers: bool, sees: &dyn Fn(&[UnitCode]) -> bool) -> Self {
        let unit = |shapes: &[UnitShape], at: Option<usize>| {
            at.map(|at| UnitView { code: shapes[at].unit.code.to_string(), name: shapes[at].unit.name.clone() })
        };
        let seen = |keeping: &&Keeping| sees(&keeping.path);
        let keeper = |side: Option<&Keeping>| side.filter(seen)?.keeper.as_ref().map(KeeperView::new);
        let (before, after) = (transfer.before.as_ref(), transfer.after.as_ref());
        let sees_both = [before, after].into_iter().flatten().all(|keeping| sees(&keeping.path));
        Self {
            kind: transfer.kind.as_str(),
            from: unit(&level.from, transfer.from),
            to: unit(&level.to, transfer.to),
            area_m2: rounded(transfer.area_m2, AREA_STEP),
            share_of_from: share(transfer.share_of_from),
            share_of_to: share(transfer.share_of_to),
            load: transfer.load.map(|load| CaseShareView {
                cases: load.cases,
                open: load.open,
                share_of_from: share(load.share_of_from),
                share_of_to: share(load.share_of_to),
            }),
            residents: transfer.residents.map(|residents| ResidentsView {
                estimated: true,
                count: rounded(residents.count, AREA_STEP),
                share_of_from: rounded(residents.share_of_from, SHARE_STEP),
                share_of_to: share(residents.share_of_to),
            }),
            keepers: has_keepers.then(|| KeepersView {
                before: keeper(before),
                after: keeper(after),
                changes_hands: sees_both.then(|| transfer.changes_hands()),
            }),
        }
    }
}

impl KeeperView {
    fn new(keeper: &Keeper) -> Self {
        Self { worker: keeper.worker.to_string(), name: keeper.name.clone(), post: keeper.post.as_str(), unit: keeper.unit.to_string() }
    }
}
