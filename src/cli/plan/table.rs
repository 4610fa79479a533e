use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use rustc_hash::FxHashMap;

use crate::boundary::UnitCode;
use crate::import::Table;

/// Usual names of the columns of a plan.
const UNIT_NAMES: &[&str] = &["unit_code", "unit", "code", "编码", "单元编码"];
const DISTRICT_NAMES: &[&str] = &["district", "parent", "网格", "上级编码"];

/// Which district a unit goes to, as a row of a plan says it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanRow {
    /// As a person counts rows in a spreadsheet.
    pub number: u64,
    pub unit: UnitCode,
    /// Empty where the unit goes to none.
    pub district: String,
}

/// Reads a plan that this program or somebody else has made, CSV or XLSX: `unit_code,district`. What is said twice counts once.
///
/// # Errors
/// A column is missing, a row has no unit, or two rows send a unit to different districts.
pub fn read_plan(path: &Path) -> anyhow::Result<Vec<PlanRow>> {
    let table = Table::read(path)?;
    let (unit, district) = (table.require_column(UNIT_NAMES)?, table.require_column(DISTRICT_NAMES)?);
    let (mut rows, mut known) = (Vec::with_capacity(table.rows.len()), FxHashMap::<UnitCode, usize>::default());
    for row in &table.rows {
        let at = || format!("{}: row {}", path.display(), row.number);
        let code = UnitCode::parse(row.cell(Some(unit))).with_context(|| format!("{} has no {}", at(), UNIT_NAMES[0]))?;
        let district = row.cell(Some(district)).to_owned();
        if let Some(PlanRow { number, district: before, .. }) = known.get(&code).map(|known| &rows[*known]) {
            let said = if before.is_empty() { "no district" } else { before };
            ensure!(*before == district, "{}: unit {code} is in {said} already, by row {number}", at());
            continue;
        }
        known.insert(code.clone(), rows.len());
        rows.push(PlanRow { number: row.number, unit: code, district });
    }
    if rows.iter().all(|row| row.district.is_empty()) {
        bail!("{} puts no unit into a district", path.display());
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(u64, String, String)>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.csv");
        std::fs::write(&path, text).unwrap();
        let rows = read_plan(&path).map_err(|error| format!("{error:#}"))?;
        Ok(rows.into_iter().map(|row| (row.number, row.unit.to_string(), row.district)).collect())
    }

    #[test]
    fn a_plan_has_its_columns_under_any_of_their_names_and_says_a_thing_twice_for_once() {
        let expected: Vec<_> = [(2, "a", "1"), (3, "b", ""), (4, "c", "2")].map(|(row, a, b)| (row, a.to_owned(), b.to_owned())).into();
        for head in ["unit_code,district", "编码,网格", "单元编码,上级编码", "code,parent", "Unit,District"] {
            assert_eq!(read(&format!("{head}\na,1\nb,\nc,2\na,1\n")).as_ref(), Ok(&expected), "{head}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_plan_is_told_with_its_row() {
        let refused = |text: &str| read(text).unwrap_err();
        assert!(refused("unit_code,district\na,1\nb,1\na,2\n").ends_with("row 4: unit a is in 1 already, by row 2"));
        assert!(refused("unit_code,district\na,1\n,1\n").contains("row 3 has no unit_code"));
        assert!(refused("unit_code,where\na,1\n").contains("no column district"));
        assert!(refused("unit_code,district\na,\n").ends_with("puts no unit into a district"));
    }
}
