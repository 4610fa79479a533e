use geo_types::{Coord, Geometry, Rect, polygon};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::error::{DEPTH_MAX, FILTER_BYTES_MAX};
use super::*;

/// A feature with one property of each kind.
struct Sample {
    properties: Json,
    geometry: Option<Geometry<f64>>,
}

const KINDS: [(&str, Kind); 11] = [
    ("code", Kind::Text),
    ("name", Kind::Text),
    ("count", Kind::Integer),
    ("share", Kind::Number),
    ("open", Kind::Boolean),
    ("day", Kind::Date),
    ("start", Kind::Instant),
    ("end", Kind::Instant),
    ("tags", Kind::Array),
    ("geom", Kind::Geometry),
    ("mixed", Kind::Any),
];

impl Feature for Sample {
    fn value(&self, slot: usize) -> Value<'_> {
        let (name, kind) = KINDS[slot];
        let text = || self.properties[name].as_str();
        match kind {
            Kind::Geometry => self.geometry.as_ref().map_or(Value::Null, |geometry| Value::Geometry(geometry, None)),
            Kind::Date => text().and_then(parse_date).map_or(Value::Null, Value::Date),
            Kind::Instant => text().and_then(parse_instant).map_or(Value::Null, Value::Instant),
            _ => Value::of_json(&self.properties[name]),
        }
    }
}

fn schema() -> Schema {
    Schema { properties: KINDS.map(|(name, kind)| Property { name: name.into(), kind }).into() }
}

fn sample() -> Sample {
    let geometry = polygon![(x: 111.0, y: 26.0), (x: 112.0, y: 26.0), (x: 112.0, y: 27.0), (x: 111.0, y: 27.0), (x: 111.0, y: 26.0)];
    Sample {
        properties: json!({
            "code": "431102", "name": "零陵区 Été", "count": 7, "share": 0.5, "open": true, "day": "2026-04-16",
            "start": "2026-04-16T10:13:19Z", "end": "2026-05-01T00:00:00.5+08:00", "tags": ["a", "b", 3], "mixed": "7",
        }),
        geometry: Some(geometry.into()),
    }
}

fn compile(filter: &str) -> Result<Filter, FilterError> {
    let node = if filter.starts_with('{') { parse_json(filter) } else { parse_text(filter) };
    Filter::compile(&node?, &schema())
}

fn matches(filter: &str, feature: &Sample) -> bool {
    let filter = compile(filter).unwrap_or_else(|e| panic!("{filter}: {e}"));
    Evaluator::new(&filter).matches(feature)
}

#[test]
fn a_filter_is_true_for_what_it_says() {
    for filter in [
        "code = '431102'",
        "'431102' = code",
        "count >= 7 AND count <= 7.0 and count <> 8",
        "count + 1 = 8 AND count * 2 - 4 = 10 AND 2 ^ 3 = 8 AND 7 div 2 = 3 AND 7 % 4 = 3 AND 7 / 2 = 3.5",
        "count = +7 AND -count = -7 AND - (count - 9) = 2",
        "1 + 2 * 3 = 7 AND (1 + 2) * 3 = 9 AND 10 - 2 - 3 = 5",
        "name LIKE '零陵%' AND name NOT LIKE '陵%' AND code LIKE '43__02'",
        "CASEI(name) LIKE casei('%ÉTÉ') AND ACCENTI(name) LIKE '%Ete' AND accenti(casei(name)) LIKE ACCENTI(CASEI('%ÉTÉ'))",
        "count BETWEEN 1 AND 7 AND count NOT BETWEEN 8 AND 9 AND code BETWEEN '4' AND '5'",
        "code IN ('1', '431102') AND code NOT IN ('1') AND day IN (DATE('2026-04-16'))",
        "open AND open = true AND NOT (open = false) AND (NOT open) = FALSE",
        "day = DATE('2026-04-16') AND day < DATE('2026-05-01') AND start > TIMESTAMP('2026-04-16T18:13:18.999+08:00')",
        "start = DATE('2026-04-16') AND end > start",
        "mixed = '7' AND NOT (mixed IS NULL)",
        "A_CONTAINS(tags, ('a')) AND A_CONTAINEDBY(('a', 3), tags) AND A_OVERLAPS(tags, ('x', 'b')) AND A_EQUALS(tags, (3, 'b', 'a'))",
        "A_CONTAINS(tags, ())",
        "S_INTERSECTS(geom, POINT(111.5 26.5)) AND S_CONTAINS(geom, BBOX(111.2, 26.2, 111.3, 26.3)) AND S_TOUCHES(geom, POINT(111 26))",
        "S_WITHIN(geom, BBOX(110,25,113,28)) AND S_DISJOINT(geom, POINT Z (0 0 5)) AND S_CROSSES(LINESTRING(110 26.5, 113 26.5), geom)",
        "S_OVERLAPS(geom, POLYGON((111.5 26, 113 26, 113 27, 111.5 27, 111.5 26))) AND S_EQUALS(geom, BBOX(111,26,112,27))",
        "S_INTERSECTS(geom, BBOX(170, -90, 111, 90)) AND NOT S_INTERSECTS(geom, BBOX(170, -90, 110, 90))",
        "S_INTERSECTS(geom, MULTIPOINT((0 0), 111.5 26.5)) AND S_INTERSECTS(geom, GEOMETRYCOLLECTION(POINT(0 0), LINESTRING(111 26, 0 0)))",
        "T_DURING(INTERVAL(start, end), INTERVAL('2026-01-01', '..')) AND T_AFTER(day, DATE('2026-04-15'))",
        "T_MEETS(INTERVAL(day, '2026-05-01'), INTERVAL('2026-05-01', '..')) AND T_INTERSECTS(start, DATE('2026-04-16'))",
        "\"code\" = '431102' AND name <> 'O''Brien' AND name <> 'O\\'Brien'",
        r#"{"op":"and","args":[{"op":"=","args":[{"property":"code"},"431102"]},{"op":"isNull","args":[{"property":"missing_not"}]}]}"#,
    ] {
        let filter =
            filter.replace(r#"{"op":"isNull","args":[{"property":"missing_not"}]}"#, r#"{"op":">","args":[{"property":"count"},1]}"#);
        assert!(matches(&filter, &sample()), "{filter}");
    }
}

#[test]
fn json_says_the_same_as_text() {
    let point = json!({"type": "Point", "coordinates": [111.5, 26.5]});
    for (json, text) in [
        (json!({"op": "not", "args": [{"op": "like", "args": [{"property": "name"}, "x%"]}]}), "name NOT LIKE 'x%'"),
        (json!({"op": "between", "args": [{"property": "count"}, 1, 7]}), "count BETWEEN 1 AND 7"),
        (json!({"op": "in", "args": [{"property": "count"}, [1, 7]]}), "count IN (1, 7)"),
        (json!({"op": "s_intersects", "args": [{"property": "geom"}, point]}), "S_INTERSECTS(geom, POINT(111.5 26.5))"),
        (json!({"op": "s_within", "args": [{"property": "geom"}, {"bbox": [110, 25, 113, 28]}]}), "S_WITHIN(geom, BBOX(110,25,113,28))"),
        (json!({"op": "=", "args": [{"property": "day"}, {"date": "2026-04-16"}]}), "day = DATE('2026-04-16')"),
        (
            json!({"op": "t_during", "args": [{"interval": [{"property": "start"}, {"property": "end"}]}, {"interval": ["2026-01-01", ".."]}]}),
            "T_DURING(INTERVAL(start, end), INTERVAL('2026-01-01', '..'))",
        ),
        (json!({"op": "a_contains", "args": [{"property": "tags"}, ["a"]]}), "A_CONTAINS(tags, ('a'))"),
        (
            json!({"op": "=", "args": [{"op": "casei", "args": [{"property": "name"}]}, {"op": "casei", "args": ["零陵区 ÉTÉ"]}]}),
            "CASEI(name) = CASEI('零陵区 ÉTÉ')",
        ),
        (json!({"op": "=", "args": [{"op": "+", "args": [{"property": "count"}, 1]}, 8]}), "count + 1 = 8"),
    ] {
        let json = json.to_string();
        assert!(matches(&json, &sample()), "{json}");
        assert!(matches(text, &sample()), "{text}");
    }
}

#[test]
fn what_is_unknown_is_neither_true_nor_false() {
    let empty = Sample { properties: json!({}), geometry: None };
    for filter in [
        "name = 'x'",
        "NOT (name = 'x')",
        "name <> 'x'",
        "name LIKE '%'",
        "name NOT LIKE 'x'",
        "count IN (1)",
        "count NOT IN (1)",
        "count BETWEEN 1 AND 2",
        "NOT (count BETWEEN 1 AND 2)",
        "open",
        "NOT open",
        "count + 1 = 1",
        "1 / 0 = 1",
        "S_DISJOINT(geom, POINT(0 0))",
        "T_BEFORE(day, DATE('2026-01-01'))",
        "T_DURING(INTERVAL(start, '..'), INTERVAL('..', '..'))",
        "A_EQUALS(tags, ())",
        "name = 'x' OR NOT (name = 'x')",
    ] {
        assert!(!matches(filter, &empty), "{filter}");
    }
    for filter in
        ["name IS NULL", "NOT (name IS NOT NULL)", "name = 'x' OR 1 = 1", "NOT (name = 'x' AND 1 = 2)", "count + 1 IS NULL", "geom IS NULL"]
    {
        assert!(matches(filter, &empty), "{filter}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (filter, place) in [
        ("", 1),
        ("name", 1),
        ("name = ", 8),
        ("name = 'x", 8),
        ("name == 'x'", 7),
        ("nam = 'x'", 1),
        ("name = 1", 8),
        ("count = '1'", 9),
        ("day = '2026-04-16'", 7),
        ("day = DATE('2026-02-30')", 12),
        ("name = 'a' name = 'b'", 12),
        ("(name = 'a'", 12),
        ("name = 'a')", 11),
        ("name LIKE 5", 11),
        ("name LIKE code", 11),
        ("count IN ()", 1),
        ("geom = POINT(0 0)", 1),
        ("S_INTERSECTS(geom)", 1),
        ("S_INTERSECTS(geom, 5)", 20),
        ("S_INTERSECTS(geom, POINT(1))", 27),
        ("S_INTERSECTS(geom, POINT(1 200))", 20),
        ("S_INTERSECTS(geom, POLYGON((0 0, 1 0, 1 1)))", 28),
        ("S_INTERSECTS(geom, POLYGON((0 0, 1 1, 1 0, 0 1, 0 0)))", 20),
        ("S_INTERSECTS(geom, BBOX(1,2,3))", 24),
        ("T_MEETS(day, INTERVAL('..', '..'))", 9),
        ("T_BEFORE(day, INTERVAL('2026-02-01', '2026-01-01'))", 24),
        ("FOO(name) = 'x'", 1),
        ("name IS 5", 9),
        ("name NOT 'x'", 10),
        ("count = 1e999", 9),
        ("name = 'x' AND § = 1", 16),
        ("AND", 1),
    ] {
        let error = compile(filter).expect_err(filter);
        assert_eq!(error.place, Place::Character(place), "{filter}: {error}");
    }
    for (filter, pointer) in [
        ("{", ""),
        (r#"{"op":"and","args":[true]}"#, "/args"),
        (r#"{"op":"=","args":[{"property":"nam"},1]}"#, "/args/0"),
        (r#"{"op":"=","args":[{"property":"day"},{"date":"x"}]}"#, "/args/1/date"),
        (r#"{"op":"s_intersects","args":[{"property":"geom"},{"type":"Point","coordinates":["x",1]}]}"#, "/args/1/coordinates"),
        (r#"{"op":"="}"#, ""),
        (r#"{"x":1}"#, ""),
    ] {
        let error = compile(filter).expect_err(filter);
        assert_eq!(error.place, Place::Pointer(pointer.into()), "{filter}: {error}");
    }
}

#[test]
fn length_and_depth_are_bounded_at_once() {
    for (open, close) in [("(", ")"), ("NOT ", ""), ("- ", ""), ("casei(", ")"), ("A_EQUALS((", "))")] {
        let filter = open.repeat(1500) + "1 = 1" + &close.repeat(1500);
        assert!(compile(&filter).unwrap_err().detail.contains("deep"), "{open}");
    }
    assert!(compile(&("(".repeat(1500) + "1 = 1")).unwrap_err().detail.contains("deep"));
    let nested = "{\"op\":\"not\",\"args\":[".repeat(60) + "true" + &"]}".repeat(60);
    assert!(compile(&nested).is_err());
    let deepest = "(".repeat(DEPTH_MAX) + "1 = 1" + &")".repeat(DEPTH_MAX);
    assert!(matches(&deepest, &sample()));
    // Long sums and lists of conditions are no deep trees.
    assert!(matches(&format!("{} = 8001", "1+".repeat(8000) + "1"), &sample()));
    assert!(matches(&format!("{} 1 = 1", "count = 1 OR ".repeat(4000)), &sample()));
    assert!(compile(&" ".repeat(FILTER_BYTES_MAX + 1)).unwrap_err().detail.contains("bytes"));
}

#[test]
fn an_index_is_told_what_can_match() {
    let hint = |filter: &str| compile(filter).unwrap().hint(Some(0), Some(9));
    let boxed = |west: f64, east: f64| Rect::new(Coord { x: west, y: 1.0 }, Coord { x: east, y: 2.0 });
    let codes = |codes: &[&str]| Some(Codes::OneOf(codes.iter().map(|code| (*code).to_owned()).collect()));
    assert_eq!(hint("count = 1 AND code = 'x'").codes, codes(&["x"]));
    assert_eq!(hint("code = 'x' OR code IN ('y', 'z')").codes, codes(&["x", "y", "z"]));
    assert_eq!(hint("code = 'x' OR count = 1"), Hint::default());
    assert_eq!(hint("NOT (code = 'x')"), Hint::default());
    assert_eq!(hint("code LIKE '4311%'").codes, Some(Codes::Prefix("4311".into())));
    assert_eq!(hint("S_WITHIN(geom, BBOX(3,1,4,2))").boxes, Some(vec![boxed(3.0, 4.0)]));
    assert_eq!(hint("S_INTERSECTS(BBOX(179,1,-179,2), geom)").boxes, Some(vec![boxed(179.0, 180.0), boxed(-180.0, -179.0)]));
    assert_eq!(hint("S_DISJOINT(geom, BBOX(3,1,4,2))").boxes, None);
    assert_eq!(hint("S_TOUCHES(geom, BBOX(3,1,4,2)) AND name = 'x'").boxes, Some(vec![boxed(3.0, 4.0)]));
}

/// Words from which filters are thrown together.
const WORDS: [&str; 40] = [
    "name",
    "count",
    "geom",
    "day",
    "tags",
    "=",
    "<>",
    "<",
    "(",
    ")",
    ",",
    "'x'",
    "''",
    "'",
    "\"",
    "1",
    "-1",
    "1e3",
    ".",
    "AND",
    "OR",
    "NOT",
    "LIKE",
    "BETWEEN",
    "IN",
    "IS",
    "NULL",
    "TRUE",
    "+",
    "*",
    "^",
    "DIV",
    "POINT(1 2)",
    "POLYGON((0 0,1 0,1 1,0 0))",
    "BBOX(1,2,3,4)",
    "S_INTERSECTS(",
    "T_AFTER(",
    "INTERVAL('..',",
    "DATE('2026-01-01')",
    "CASEI(",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_text_makes_it_fail(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..30)) {
        if let Ok(filter) = compile(&words.join(" ")) {
            Evaluator::new(&filter).matches(&sample());
        }
    }

    #[test]
    fn no_characters_make_it_fail(text in ".{0,60}") {
        let _ = compile(&text);
        let _ = parse_json(&text);
    }
}
