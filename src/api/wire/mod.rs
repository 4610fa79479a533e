//! What answers look like on the wire, for the service and for `--json` on the command line alike.

mod balance;
mod cases;
mod generations;
mod locate;
mod photos;
mod plan;
mod rules;
mod staffing;
mod transfers;

pub use balance::{BalanceView, ChangeView, CommunityForecastView, FindingView, ForecastView, VariableView};
pub use cases::{
    ActionView, AlarmView, AppointedView, CaseTag, ClockFactView, ClockView, EscalationView, EventView, IncidentTaken, IncidentView,
    NearView, PlaceView, ReporterView, RulingApplied, TaskView, actions_of,
};
pub use generations::{
    ComparisonView, GenerationView, KeeperView, LevelTotals, LevelView, TransferView, UNHELD_CODES_MAX, UnheldView, UnitView,
};
pub use locate::{AlternativeView, GridView, HolderView, LocateAnswer, PathView, PositionView, ResponsibleView, WorkerView};
pub use photos::PhotoView;
pub use plan::{AgainstView, CommunityView, CompactnessView, DistrictView, EvennessView, MeasuresView, PairView};
pub use rules::{CategoryView, ConditionView, DepartmentView, DueView, LimitsView, RespondingView, RuleView, RulingView};
pub use staffing::{ParentStaffView, StaffingSumView, StaffingView};
