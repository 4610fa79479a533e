//! The rules of dispatch.

use super::Place;
use super::samples::{category, day, responsibility, rules};
use crate::dispatch::{
    CalendarEntry, CalendarName, CalendarRow, CostRow, Dates, DaySpan, FundKind, FundRow, Limit, Limits, LoadRow, Post, RuleKind,
    RuleTable, Weekdays, WorkHours, Zone,
};
use crate::store::conformance::samples::code;

pub fn rules_come_back_as_they_were_written(place: &Place) {
    let store = place();
    assert_eq!((store.find_rules().unwrap(), store.load_rules().unwrap()), (None, vec![]));
    for (number, table) in (1..).zip(rules()) {
        assert_eq!(store.replace_rules(&table, day(10), "a", day(2)).unwrap(), number);
        let kept = place().load_rules().unwrap();
        let last = kept.last().unwrap();
        assert_eq!((last.number, last.effective_from, last.created_at), (number, day(10), day(2)));
        assert_eq!((&last.table, kept.len() as u64), (&table, number));
        assert_eq!(place().find_rules().unwrap(), Some(number));
    }
}

pub fn each_import_of_rules_keeps_its_rows(place: &Place) {
    let store = place();
    let first = RuleTable::Categories(vec![category("E0110"), category("E0111"), category("E0112")]);
    let second = RuleTable::Categories(vec![category("E0110"), category("E0112")]);
    let other = RuleTable::Responsibilities(vec![responsibility(Some("E0110"), Some("4311"), "D1")]);
    let none = RuleTable::Categories(Vec::new());
    for table in [&first, &other, &second, &none, &first] {
        store.replace_rules(table, day(3), "a", day(3)).unwrap();
    }
    let found: Vec<_> = place().load_rules().unwrap().into_iter().map(|set| (set.number, set.table)).collect();
    assert_eq!(found, [(1, first.clone()), (2, other), (3, second), (4, none), (5, first)]);
}

pub fn odd_texts_of_rules_come_back(place: &Place) {
    let store = place();
    let text = "'; DROP TABLE gk_rules; --\u{FDD0}\0\u{200b}🗺";
    let mut row = category("E\"'\u{200b}");
    (row.name, row.filing, row.zone) = (text.into(), text.into(), Some(Zone(text.into())));
    row.limits = Limits { total: Limit::parse("0.125 work_day").ok(), ..Limits::default() };
    let week = CalendarEntry::Week {
        days: Weekdays::parse("1-7").unwrap(),
        hours: WorkHours::parse("").unwrap(),
        time_zone: "Europe/Berlin".into(),
        work_day_hours: 24,
    };
    let span = DaySpan { first: jiff::civil::date(2026, 12, 31), last: jiff::civil::date(2027, 1, 3) };
    let calendar = |entry| CalendarRow { calendar: Some(CalendarName(text.into())), entry, note: text.into(), dates: Dates::ALWAYS };
    let unit = CalendarEntry::Unit { unit: code("4311"), zone: None };
    let entries = [week, CalendarEntry::Holiday(span), CalendarEntry::Workday(span, None), unit];
    let tables = [
        RuleTable::Categories(vec![row]),
        RuleTable::Responsibilities(vec![responsibility(None, None, text)]),
        RuleTable::Calendars(entries.map(calendar).to_vec()),
        RuleTable::Costs(vec![CostRow { unit: None, post: None, monthly_cents: i64::MAX, dates: Dates::ALWAYS, note: text.into() }]),
        RuleTable::Funds(vec![FundRow {
            source: text.into(),
            kind: FundKind::Social,
            amount_cents: -1,
            unit: None,
            post: Some(Post::Backup),
            dates: Dates::ALWAYS,
            note: text.into(),
        }]),
        RuleTable::Loads(vec![LoadRow {
            unit: code("4311"),
            name: text.into(),
            value: f64::MIN_POSITIVE,
            dates: Dates::ALWAYS,
            note: text.into(),
        }]),
    ];
    for table in &tables {
        store.replace_rules(table, day(1), text, day(1)).unwrap();
    }
    let found: Vec<RuleTable> = place().load_rules().unwrap().into_iter().map(|set| set.table).collect();
    assert_eq!(found, tables);
    assert_eq!(tables.each_ref().map(RuleTable::kind), RuleKind::ALL);
}
