use serde::Serialize;
use utoipa::ToSchema;

use crate::plan::{Census, StaffRow, StaffTable, Staffing};

/// Workers shared out among the communities of a city.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StaffingView {
    pub notes: Vec<String>,
    pub staffing: StaffingSumView,
    /// What today's numbers come to; null where no plan of today is known.
    pub today: Option<StaffingSumView>,
    /// The fewest workers with whom nobody is over the ceiling, where there is one.
    pub fewest_under_ceiling: Option<u64>,
    pub parents: Vec<ParentStaffView>,
    pub what_if: Vec<StaffingSumView>,
}

/// What a number of workers comes to, where a parent's load is shared evenly among its own.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StaffingSumView {
    pub workers: u32,
    pub load_min: f64,
    /// Null where a parent has load and nobody to carry it.
    pub load_max: Option<f64>,
    pub load_mean: f64,
    /// Codes of parents that have load and no worker.
    pub without_workers: Vec<String>,
    /// Workers who carry more than the ceiling, and one for each parent without workers.
    pub over_ceiling: u32,
    /// What all of them cost, where it is known what one does.
    pub cost: Option<f64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParentStaffView {
    /// The code; empty where all is one.
    pub parent: String,
    pub load: f64,
    pub workers_today: Option<u32>,
    pub workers: u32,
    pub load_per_worker: f64,
    pub fewest_under_ceiling: Option<u32>,
}

impl StaffingView {
    pub fn new(table: &StaffTable, census: &Census) -> Self {
        let row = |row: &StaffRow| ParentStaffView {
            parent: census.community_name(row.community).to_owned(),
            load: row.load,
            workers_today: row.today,
            workers: row.workers,
            load_per_worker: row.load_per_worker(),
            fewest_under_ceiling: row.fewest,
        };
        let sum = |staffing: &Staffing| StaffingSumView::new(staffing, census);
        Self {
            notes: census.notes.clone(),
            staffing: sum(&table.staffing),
            today: table.today.as_ref().map(sum),
            fewest_under_ceiling: table.fewest(),
            parents: table.rows.iter().map(row).collect(),
            what_if: table.what_if.iter().map(sum).collect(),
        }
    }

    /// Writes the workers of each parent: `parent,load,workers_today,workers,load_per_worker`.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut write = |row: [String; 5]| writer.write_record(row).expect("writing into memory cannot fail");
        write(["parent", "load", "workers_today", "workers", "load_per_worker"].map(ToOwned::to_owned));
        for row in &self.parents {
            let today = row.workers_today.map_or_else(String::new, |today| today.to_string());
            write([row.parent.clone(), row.load.to_string(), today, row.workers.to_string(), row.load_per_worker.to_string()]);
        }
        writer.into_inner().expect("writing into memory cannot fail")
    }
}

impl StaffingSumView {
    fn new(staffing: &Staffing, census: &Census) -> Self {
        let name = |community: &u32| census.community_name(*community).to_owned();
        Self {
            workers: staffing.workers,
            load_min: staffing.load_min,
            load_max: staffing.load_max,
            load_mean: staffing.load_mean,
            without_workers: staffing.without_workers.iter().map(name).collect(),
            over_ceiling: staffing.over_ceiling,
            cost: staffing.cost,
        }
    }
}
