//! Tables of addresses.

use super::incidents::parse_position;
use super::reproject::Crs;
use super::roster::RowProblem;
use super::table::{Table, TableError};
use crate::dispatch::{AddressKind, AddressRow};

const KIND: [&str; 4] = ["kind", "地址类型", "类型", "类别"];
const ZONE: [&str; 6] = ["zone", "片区", "小区", "小区名称", "基本区域", "村"];
const STREET: [&str; 5] = ["street", "街巷", "街路巷", "道路", "街巷名称"];
const PLATE: [&str; 5] = ["plate", "门牌", "门牌号", "楼牌号", "门楼牌"];
const NAME: [&str; 6] = ["name", "poi", "名称", "兴趣点", "标志物", "地名"];
const ALIAS: [&str; 4] = ["alias", "别名", "简称", "俗称"];
const LON: [&str; 4] = ["lon", "longitude", "经度", "x"];
const LAT: [&str; 4] = ["lat", "latitude", "纬度", "y"];

/// Reads a table of addresses: `zone`, `street`, `plate`, `name`, `alias`, `kind`, `lon`, `lat`. Where no kind is given, it is that of
/// the finest part that is: a name makes a place, a number a door, a street, a quarter.
///
/// # Errors
/// A column is missing. What is wrong with rows is in the second list; where there is one, nothing should be stored.
pub fn read_addresses(table: &Table, crs: &Crs) -> Result<(Vec<AddressRow>, Vec<RowProblem>), TableError> {
    let (lon, lat) = (table.require_column(&LON)?, table.require_column(&LAT)?);
    let [kind, zone, street, plate, name, alias] = [&KIND[..], &ZONE, &STREET, &PLATE, &NAME, &ALIAS].map(|names| table.find_column(names));
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for row in &table.rows {
        let text = |column: Option<usize>| row.cell(column).trim().to_owned();
        let mut problem = |column: &'static str, detail: String| problems.push(RowProblem { row: row.number, column, detail });
        let position = match parse_position(row.cell(Some(lon)), row.cell(Some(lat)), crs) {
            Ok(position) => Some(position),
            Err((column, detail)) => {
                problem(column, detail);
                None
            }
        };
        let parts = [text(zone), text(street), text(plate), text(name)];
        if parts.iter().all(String::is_empty) {
            problem("name", "zone, street, plate and name are all empty; give one of them".into());
        }
        let [zone, street, plate, name] = parts;
        let finest = if !name.is_empty() {
            AddressKind::Poi
        } else if !plate.is_empty() {
            AddressKind::Plate
        } else if !street.is_empty() {
            AddressKind::Street
        } else {
            AddressKind::Zone
        };
        let given = text(kind);
        let kind = if given.is_empty() { Some(finest) } else { read_kind(&given) };
        if kind.is_none() {
            problem("kind", format!("{given:?} is no kind of address; known are zone 小区, street 街巷, plate 门牌, poi 兴趣点"));
        }
        if let (Some(kind), Some(position)) = (kind, position) {
            rows.push(AddressRow { kind, zone, street, plate, name, alias: text(alias), position });
        }
    }
    Ok((rows, problems))
}

fn read_kind(text: &str) -> Option<AddressKind> {
    AddressKind::parse(&text.to_lowercase()).or(match text {
        "片区" | "小区" | "村" | "基本区域" => Some(AddressKind::Zone),
        "街巷" | "街路巷" | "道路" => Some(AddressKind::Street),
        "门牌" | "楼牌" | "门楼牌" | "门牌号" => Some(AddressKind::Plate),
        "兴趣点" | "标志物" | "地名" | "poi点" | "POI" => Some(AddressKind::Poi),
        _ => None,
    })
}
