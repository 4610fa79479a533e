//! Excel workbooks: the first sheet, read and written whole. Values are kept; colours, widths and formulas are not.

use std::io::{BufReader, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use calamine::{Data, Reader as _, Xlsx};
use rayon::prelude::*;
use rust_xlsxwriter::{Format, Workbook, Worksheet};

use super::PositionFields;
use super::answerer::{Answerer, Value, free_names};
use super::tally::{Faults, Tally};
use crate::boundary::Position;
use crate::import::to_text;

pub(super) fn assign(
    input: &Path,
    out: &mut dyn Write,
    answerer: &Answerer<'_>,
    names: &PositionFields,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let file = std::fs::File::open(input).context("cannot open the workbook")?;
    let mut workbook = Xlsx::new(BufReader::new(file)).context("cannot read the workbook")?;
    let sheet_name = workbook.sheet_names().first().cloned().context("the workbook has no sheet")?;
    let range = workbook.worksheet_range(&sheet_name).context("cannot read the first sheet")?;
    let mut rows = range.rows();
    let Some(header) = rows.next() else { bail!("the first sheet is empty; its first row must name the columns") };
    let headers: Vec<String> = header.iter().map(to_text).collect();
    let (lon, lat) = names.find(&headers)?;
    let rows: Vec<&[Data]> = rows.collect();
    let read = |row: &&[Data]| answerer.read(&to_text(&row[lon]), &to_text(&row[lat]));
    let positions: Vec<Result<Position, String>> = rows.par_iter().map(read).collect();
    let additions: Vec<Vec<Value<'_>>> = positions.par_iter().map(|position| answer(answerer, position)).collect();

    let mut result = Workbook::new();
    let sheet = result.add_worksheet();
    sheet.set_name(&sheet_name)?;
    write_cells(sheet, 0, 0, header)?;
    let first = u16::try_from(header.len()).context("the sheet has more columns than a workbook can have")?;
    let added_names = free_names(answerer.fields(), headers.iter().map(String::as_str));
    sheet.write_row(0, first, added_names.iter().map(AsRef::as_ref))?;
    let mut faults = Faults::default();
    for (((number, cells), position), addition) in (1..).zip(&rows).zip(&positions).zip(&additions) {
        write_cells(sheet, number, 0, cells)?;
        let error = position.as_ref().err().map(|error| Value::Text(error.into()));
        write_addition(sheet, number, first, addition.iter().chain(&error))?;
        if let Err(error) = position {
            faults.add(u64::from(number) - 1, error);
        }
    }
    out.write_all(&result.save_to_buffer()?).context("cannot write the workbook")?;
    tally.count_from(2);
    tally.add(rows.len() as u64, &faults);
    Ok(())
}

fn answer<'v>(answerer: &'v Answerer<'_>, position: &Result<Position, String>) -> Vec<Value<'v>> {
    let Ok(position) = *position else { return answerer.refuse() };
    let mut found = Vec::new();
    answerer.find_all(&[position], &mut found);
    answerer.answer(position, &found[0])
}

fn write_cells(sheet: &mut Worksheet, row: u32, first: u16, cells: &[Data]) -> anyhow::Result<()> {
    for (column, cell) in (first..).zip(cells) {
        match cell {
            Data::Empty => {}
            Data::Int(number) => {
                sheet.write(row, column, *number)?;
            }
            Data::Float(number) => {
                sheet.write(row, column, *number)?;
            }
            Data::Bool(value) => {
                sheet.write(row, column, *value)?;
            }
            Data::DateTime(moment) => {
                // The number of days, shown as what it is.
                let shown = if moment.as_f64() < 1.0 { "hh:mm:ss" } else { "yyyy-mm-dd hh:mm:ss" };
                sheet.write_with_format(row, column, moment.as_f64(), &Format::new().set_num_format(shown))?;
            }
            Data::Error(error) => {
                sheet.write(row, column, error.to_string())?;
            }
            Data::String(_) | Data::DateTimeIso(_) | Data::DurationIso(_) => {
                sheet.write(row, column, to_text(cell))?;
            }
        }
    }
    Ok(())
}

fn write_addition<'v>(sheet: &mut Worksheet, row: u32, first: u16, values: impl Iterator<Item = &'v Value<'v>>) -> anyhow::Result<()> {
    for (column, value) in (first..).zip(values) {
        match value {
            Value::Nothing => {}
            Value::Text(text) => {
                sheet.write(row, column, text.as_ref())?;
            }
            Value::Number(number) => {
                sheet.write(row, column, *number)?;
            }
            Value::Flag(flag) => {
                sheet.write(row, column, *flag)?;
            }
        }
    }
    Ok(())
}
