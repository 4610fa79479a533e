//! Borders in dispute: what dispatchers rule about a place, which later cases there follow, and what keepers report to planners.

mod reports;
mod rulings;

pub use reports::{
    __path_list_border_reports, __path_list_my_border_reports, __path_report_border, __path_settle_border_report, list_border_reports,
    list_my_border_reports, report_border, settle_border_report,
};
pub use rulings::{
    __path_add_ruling, __path_end_ruling, __path_list_rulings, add_ruling, end_ruling, list_rulings, open_rulings, to_rulings,
};
