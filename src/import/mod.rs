//! Boundary files in: formats, text encodings and reference systems are dealt with here, once, at the edge.
//!
//! [`read_boundaries`] gives features in longitude and latitude with everything that is wrong with them, and loses none
//! in silence. Each format has a reader that makes a [`RawFile`]; [`assemble`] does the rest, alike for all.

mod addresses;
mod assemble;
mod boundary_file;
mod calendars;
mod categories;
mod container;
mod costs;
mod coverage;
mod encoding;
mod error;
mod fields;
mod flatgeobuf;
mod geojson;
mod guess;
mod incidents;
mod kml;
mod loads;
mod own;
mod progress;
mod raw;
mod report;
mod reproject;
mod responsibilities;
mod roster;
mod rule_row;
mod shapefile;
mod skills;
mod strict_json;
mod table;

pub use addresses::read_addresses;
pub use assemble::assemble;
pub use boundary_file::{BoundaryFile, ReadOptions, SourceFeature, read_boundaries};
pub use calendars::read_calendars;
pub use categories::read_categories;
pub use costs::{read_costs, read_funds};
pub use coverage::{CoverageError, read_coverage};
pub use encoding::{find_encoding, guess_encoding};
pub use error::ImportError;
pub use fields::{FieldChoice, FoundFields};
pub use incidents::{IncidentRow, LAT_COLUMNS, LON_COLUMNS, parse_position, read_incidents};
pub use loads::read_loads;
pub use progress::Progress;
pub use raw::{RawFeature, RawFile, RawGeometry, RawPolygon, StatedCrs};
pub use report::{unit_label, write_report};
pub use reproject::{Crs, CrsError, bd09_to_gcj02, bd09_to_wgs84, gcj02_to_bd09, gcj02_to_wgs84, wgs84_to_bd09, wgs84_to_gcj02};
pub use responsibilities::read_responsibilities;
pub use roster::{RosterImport, RowProblem, parse_moment, read_roster};
pub use skills::read_skills;
pub use strict_json::{StrictJsonError, read_strict_json};
pub use table::{TABLE_BYTES_MAX, Table, TableError, TableRow, decode_text, to_half_width, to_text};
