//! Excel workbooks: the first sheet, read and written whole. Values are kept; colours, widths and formulas are not.

use std::io::{BufReader, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use calamine::{Data, Reader as _, Xlsx};
use rayon::prelude::*;
use rust_xlsxwriter::{Format, Workbook, Worksheet};

use super::PositionFields;
use super::answerer::{Addition, Answerer, Value, free_names};
use crate::import::to_text;

pub(super) fn assign(input: &Path, out: &mut dyn Write, answerer: &Answerer<'_>, names: &PositionFields) -> anyhow::Result<u64> {
    let file = std::fs::File::open(input).context("cannot open the workbook")?;
    let mut workbook = Xlsx::new(BufReader::new(file)).context("cannot read the workbook")?;
    let sheet_name = workbook.sheet_names().first().cloned().context("the workbook has no sheet")?;
    let range = workbook.worksheet_range(&sheet_name).context("cannot read the first sheet")?;
    let mut rows = range.rows();
    let Some(header) = rows.next() else { bail!("the first sheet is empty; its first row must name the columns") };
    let headers: Vec<String> = header.iter().map(to_text).collect();
    let (lon, lat) = names.find(&headers)?;
    let rows: Vec<&[Data]> = rows.collect();
    let additions: Vec<Addition> = rows.par_iter().map(|row| answerer.answer(&to_text(&row[lon]), &to_text(&row[lat]))).collect();
    let invalid_count = additions.iter().filter(|addition| addition.error.is_some()).count();

    let mut result = Workbook::new();
    let sheet = result.add_worksheet();
    sheet.set_name(&sheet_name)?;
    write_cells(sheet, 0, 0, header)?;
    let first = u16::try_from(header.len()).context("the sheet has more columns than a workbook can have")?;
    let added_names = free_names(answerer.fields(), headers.iter().map(String::as_str));
    sheet.write_row(0, first, added_names.iter().map(AsRef::as_ref))?;
    for ((number, cells), addition) in (1..).zip(rows).zip(&additions) {
        write_cells(sheet, number, 0, cells)?;
        write_addition(sheet, number, first, addition)?;
    }
    out.write_all(&result.save_to_buffer()?).context("cannot write the workbook")?;
    Ok(invalid_count as u64)
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

fn write_addition(sheet: &mut Worksheet, row: u32, first: u16, addition: &Addition) -> anyhow::Result<()> {
    let error = addition.error.clone().map_or(Value::Nothing, Value::Text);
    for (column, value) in (first..).zip(addition.values.iter().chain([&error])) {
        match value {
            Value::Nothing => {}
            Value::Text(text) => {
                sheet.write(row, column, text)?;
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
