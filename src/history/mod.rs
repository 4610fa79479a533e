//! What the store's generations were, are and will be: made into what answers, now and as of any time, and compared.
//!
//! [`resolve`] says which generation a time or a number means, from the list that every snapshot carries. [`load_snapshot`] and
//! [`load_as_of`] build from the store; an [`Archive`] keeps what was built for other times than now, each once and all of it
//! within a budget. [`compare`] tells how one generation came of another, and [`attribute`] what positions are in any of them;
//! `lineage` does the computing. Everything here reads the store and writes nothing.

mod archive;
mod attribution;
mod comparison;
mod drafts;
mod flights;
mod judging;
mod listing;
mod load;
mod pricing;
mod resolve;
mod shelf;
mod standing;
mod step;
mod unheld;
mod weighing;

pub use archive::{Archive, ArchiveCounts, ArchiveError, Parts};
pub use attribution::{Attribution, Attributor, attribute, load_attributor};
pub use comparison::{Asked, Comparison, HistoryError, MeasuredPair, PairError, compare, measure_pair};
pub use drafts::{
    Approval, Beginning, BrokenLock, DraftEnd, DraftError, DraftSession, Drawing, Inherited, LoggedEntry, NAMED_UNITS_MAX, NotPublished,
    OPERATIONS_MAX, Prepared, Readiness, TextError, Wish, beginning_of, draw, entries_of_import, load_drawn, load_drawn_coverage,
    load_drawn_from, look_over, operations_to_json, parse_operations, parse_polygons, prepare, spent_codes,
};
pub use judging::{JudgeError, Judged, Judgement, judge, period_of, weights_of};
pub use listing::{ListedGeneration, Listing, find_generation, list_generations};
pub use load::{
    LoadError, StoreUnavailable, load_as_of, load_coverage, load_histories, load_layer, load_roster, load_rules, load_snapshot,
};
pub use pricing::{Priced, UnitPrice, price};
pub use resolve::{AsOf, AsOfError, Resolved, resolve};
pub use standing::{Standing, next_generation, standing_of};
pub use unheld::{KeptUnheld, Unheld, find_unheld, find_unheld_by, find_unheld_of};
pub use weighing::{
    AREA_KM2, BaseChoice, DraftCensus, DraftGround, DraftGroundError, Figures, GroundChoice, LOADS_MAX, TodayOf, UNITS, WISH_CORNERS_MAX,
    WORKLOAD, WantedLimit, WantedLoad, WeighError, join_limits, monthly_cost, parse_limits, parse_loads, parse_numbers, parse_wishes,
    survey, take_census, to_figure, to_name, weigh, weigh_base, weigh_census,
};
