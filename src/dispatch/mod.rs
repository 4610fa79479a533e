//! Who answers for a unit: workers, their posts and shifts, and what happened where; and the rules of dispatch, by which a case of a
//! category goes to departments with a time limit.

mod address;
mod border_ruling;
mod calendar;
mod category;
mod clock;
mod cost;
mod dates;
mod incident;
pub mod indicator;
mod limit;
mod load;
mod nearby;
pub mod photo;
mod responsibility;
mod role;
mod roster;
mod rules;
mod shift;
mod skill;
mod walk;
pub mod workflow;

pub use address::{ADDRESS_CHARS_MAX, AddressBook, AddressKind, AddressRow, Candidate, Meaning};
pub use border_ruling::{BorderRuling, BorderRulings, RULING_RADIUS_M_MAX};
pub use calendar::{
    Calendar, CalendarEntry, CalendarName, CalendarRow, Calendars, DAY_SPAN_MAX, DEFAULT_CALENDAR, DaySpan, WORK_DAY_HOURS,
    WORK_DAY_HOURS_MAX, Weekdays, WeekdaysError, WorkHours, WorkHoursError, calendar_names, default_of,
};
pub use category::{CONDITION_SIGN, Categories, Category, CategoryCode, CategoryCodeError, CategoryRow, Limits, Stage, Zone};
pub use clock::{Pause, due, due_with_pauses, elapsed, postponed, remaining};
pub use cost::{CostRow, Coverage, FundKind, FundRow, PostCost, SourceCover, cover, staff_costs};
pub use dates::Dates;
pub use incident::{Case, CaseId, Reporter, check_told_time};
pub use limit::{Clock, LIMIT_MAX, Limit, LimitError};
pub use load::LoadRow;
pub use nearby::{DUPLICATE_DISTANCE_M_MAX, cell_of, cells_around, distance_m};
pub use photo::{Photo, PhotoId, PhotoMedia};
pub use responsibility::{Breadth, DepartmentId, DepartmentRole, Departments, Responsibilities, ResponsibilityRow, Responsible};
pub use role::Role;
pub use roster::{Assignment, Duty, Holder, Post, Roster, RosterMark, RosterTerm, Worker, WorkerId};
pub use rules::{Asked, CategoryError, Due, RuleBook, RuleKind, RuleSet, RuleTable, Rules, Ruling, Terms};
pub use shift::{Moment, Shift, ShiftError};
pub use skill::{SKILL_BYTES_MAX, Skill, find_lapsing};
pub use walk::{WALK_PLACES_MAX, legs_m, walk_order};
