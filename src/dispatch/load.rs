use super::dates::Dates;
use crate::boundary::UnitCode;

/// A figure of a unit that is kept elsewhere: residents of the household registers, components of the components census.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadRow {
    pub unit: UnitCode,
    /// What the figure is of, as it is asked for.
    pub name: String,
    /// From 0 up.
    pub value: f64,
    pub dates: Dates,
    pub note: String,
}
