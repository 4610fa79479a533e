use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::Field;
use parquet::schema::parser::parse_message_type;

use crate::small_town::{EAST, SmallTown, WEST, text};

const SCHEMA: &str = "message table {
    REQUIRED INT64 id (TIMESTAMP(MICROS, true));
    OPTIONAL DOUBLE lon;
    OPTIONAL BYTE_ARRAY lat (STRING);
    OPTIONAL group tags (LIST) { REPEATED group list { OPTIONAL BYTE_ARRAY element (STRING); } }
}";

/// Two row groups of three rows: west, east, and one without a position.
fn write_table(path: &Path) {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::default()))
        .set_key_value_metadata(Some(vec![KeyValue::new("owner".into(), "office".to_owned())]))
        .build();
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::new(properties)).unwrap();
    for _ in 0..2 {
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&[1, 2, 3], None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&[111.605, 111.615], Some(&[1, 1, 0]), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let lat = ["26.205", " 26.205", "26.205"].map(ByteArray::from);
        column.typed::<ByteArrayType>().write_batch(&lat, Some(&[1, 1, 1]), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let tags = ["a", "b"].map(ByteArray::from);
        column.typed::<ByteArrayType>().write_batch(&tags, Some(&[3, 3, 0, 1]), Some(&[0, 1, 0, 0])).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.close().unwrap();
}

#[test]
fn a_parquet_table_keeps_its_columns_and_row_groups_and_gains_typed_ones() {
    let town = SmallTown::build();
    let (input, output) = (town.path("in.parquet"), town.path("out.parquet"));
    write_table(&input);
    town.succeed(&["assign", text(&input), "-o", text(&output), "--fields", "grid_code,status,distance_to_border_m,ambiguous"]);
    let (before, after) =
        (SerializedFileReader::new(File::open(&input).unwrap()).unwrap(), SerializedFileReader::new(File::open(&output).unwrap()).unwrap());
    let (file, schema) = (after.metadata().file_metadata(), after.metadata().file_metadata().schema());
    let names: Vec<&str> = schema.get_fields().iter().map(|field| field.name()).collect();
    assert_eq!(names, ["id", "lon", "lat", "tags", "grid_code", "status", "distance_to_border_m", "ambiguous", "error"]);
    assert_eq!(&schema.get_fields()[..4], before.metadata().file_metadata().schema().get_fields());
    assert!(file.key_value_metadata().unwrap().iter().any(|entry| entry.key == "owner"));
    assert_eq!(after.num_row_groups(), 2);
    let code = after.metadata().row_group(1).column(4);
    assert_eq!(code.compression(), before.metadata().row_group(0).column(0).compression());
    assert!(code.encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY));

    let rows: Vec<Vec<Field>> =
        after.get_row_iter(None).unwrap().map(|row| row.unwrap().get_column_iter().map(|(_, field)| field.clone()).collect()).collect();
    let given: Vec<Vec<Field>> =
        before.get_row_iter(None).unwrap().map(|row| row.unwrap().get_column_iter().map(|(_, field)| field.clone()).collect()).collect();
    assert_eq!(rows.len(), 6);
    for (row, given) in rows.iter().zip(&given) {
        assert_eq!(&row[..4], given);
    }
    for group in rows.chunks(3) {
        assert_eq!(
            (&group[0][4], &group[0][5], &group[0][7]),
            (&Field::Str(WEST.into()), &Field::Str("inside".into()), &Field::Bool(false))
        );
        assert!(matches!(group[0][6], Field::Double(metres) if (499.0..501.0).contains(&metres)), "{:?}", group[0][6]);
        assert_eq!((&group[1][4], &group[1][8]), (&Field::Str(EAST.into()), &Field::Null));
        assert_eq!((&group[2][4], &group[2][5], &group[2][7]), (&Field::Null, &Field::Str("invalid".into()), &Field::Null));
        assert!(matches!(&group[2][8], Field::Str(error) if error.contains("is empty")), "{:?}", group[2][8]);
    }
}

#[test]
fn what_is_no_parquet_or_has_no_plain_position_is_refused_and_leaves_no_file() {
    let town = SmallTown::build();
    let good = town.path("good.parquet");
    write_table(&good);
    let bytes = std::fs::read(&good).unwrap();
    let torn = town.write("torn.parquet", &bytes[..bytes.len() - 9]);
    for (input, more, part) in [
        (&torn, &[][..], "Parquet"),
        (&good, &["--lon-field", "tags", "--lat-field", "lat"][..], "tags"),
        (&good, &["--lon-field", "id", "--lat-field", "lat"][..], "id"),
    ] {
        let output = town.run(&[&["assign", text(input), "-o", "out.parquet"], more].concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && told.contains(part), "{part} in {told}");
        assert!(!town.path("out.parquet").exists());
    }
}
