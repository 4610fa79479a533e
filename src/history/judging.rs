use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rustc_hash::FxHashMap;

use crate::boundary::{GenerationId, LayerName, Level, Position, Territory, UnitCode};
use crate::config::IndicatorConfig;
use crate::dispatch::indicator::{CaseFacts, Evaluation, Grouping, Indicator, Period, Weight};
use crate::store::{CaseFilter, CaseOrder, LONG_LIFE, Store, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    #[error("cannot read cases or boundaries")]
    Store(#[from] StoreError),
    #[error("generation {generation} of layer {layer}, by which cases were taken in, has no level {level}; it has {known}")]
    NoLevel { layer: LayerName, generation: GenerationId, level: Level, known: String },
    #[error("more than {most} cases have a part in the period, which is as many as are judged here")]
    TooMany { most: usize },
}

/// Cases read from the store at once.
const PAGE: usize = 2_000;

/// What is to be judged.
#[derive(Clone, Debug)]
pub struct Judged {
    pub grouping: Grouping,
    /// The level of the units; none for the finest. Ignored for other groups.
    pub level: Option<Level>,
    pub layer: LayerName,
    pub period: Period,
    /// Only cases in units of this.
    pub territory: Territory,
    /// More cases than this are not read; none for any number.
    pub cases_max: Option<usize>,
}

/// How well cases were handled, and where they happened.
#[derive(Clone, Debug)]
pub struct Judgement {
    pub evaluation: Evaluation,
    /// Names of the groups that have one: of units as the generation that met them last has them, of departments as their tasks do.
    pub names: BTreeMap<String, String>,
    /// Position and category of the cases reported in the period.
    pub places: Vec<(Position, String)>,
    pub case_count: usize,
}

/// Reads all cases that can have a part in a period and judges them.
///
/// # Errors
/// The store fails, the layer has no such level, or there are more cases than `cases_max`.
pub fn judge(store: &dyn Store, asked: &Judged) -> Result<Judgement, JudgeError> {
    let mut units = Units { layer: asked.layer.clone(), level: asked.level.clone(), known: FxHashMap::default(), names: BTreeMap::new() };
    let mut found = Judgement {
        evaluation: Evaluation::new(asked.grouping, asked.period.clone()),
        names: BTreeMap::new(),
        places: Vec::new(),
        case_count: 0,
    };
    for filter in parts_of(asked) {
        read(store, asked, filter, &mut units, &mut found)?;
    }
    found.evaluation = found.evaluation.finish();
    found.names.append(&mut units.names);
    Ok(found)
}

/// Returns what is to be read: of cases that were reported before the period those that have a part in it, and all that were reported in
/// it. What was reported later was neither due nor done within it.
fn parts_of(asked: &Judged) -> [CaseFilter; 3] {
    let period = &asked.period;
    // A look at a place is due so long after the event that asked for it.
    let part_from = period.verify_limit.and_then(|limit| period.from.checked_sub(limit).ok()).unwrap_or(period.from);
    // What was reported before and has a part from then on has a long life.
    let near = part_from.checked_sub(LONG_LIFE).unwrap_or(Timestamp::MIN);
    let part_from = Some(part_from);
    let all = CaseFilter { territory: asked.territory.clone(), order: CaseOrder::Reported, counts: false, ..CaseFilter::first(PAGE) };
    [
        CaseFilter { reported_to: Some(near), part_from, is_long: true, ..all.clone() },
        CaseFilter { reported_from: Some(near), reported_to: Some(period.from), part_from, ..all.clone() },
        CaseFilter { reported_from: Some(period.from), reported_to: Some(period.to), ..all },
    ]
}

fn read(store: &dyn Store, asked: &Judged, mut filter: CaseFilter, units: &mut Units, found: &mut Judgement) -> Result<(), JudgeError> {
    loop {
        let page = store.load_case_records(&filter)?;
        for record in &page.records {
            let facts = CaseFacts::of(&record.case, &record.events, asked.period.as_of);
            if !asked.territory.has_place(facts.grid.as_ref()) {
                continue;
            }
            found.case_count += 1;
            if let Some(max) = asked.cases_max.filter(|max| found.case_count > *max) {
                return Err(JudgeError::TooMany { most: max });
            }
            if asked.grouping == Grouping::Unit
                && let Some(generation) = facts.generation
            {
                units.load(store, generation)?;
            }
            found.evaluation.add(&facts, |grid, generation| units.find(grid, generation));
            if asked.grouping == Grouping::Department {
                let named = record.events.iter().flat_map(|event| &event.facts.departments).filter(|named| !named.name.is_empty());
                found.names.extend(named.map(|named| (named.department.to_string(), named.name.clone())));
            }
            if asked.period.holds_report_of(&facts) {
                found.places.push((facts.position, facts.category.clone()));
            }
        }
        match page.records.last() {
            Some(last) if page.has_more => {
                filter.go_on_after(&last.case);
            }
            _ => return Ok(()),
        }
    }
}

/// For each generation that cases were taken in by, the unit of the wanted level over each grid.
struct Units {
    layer: LayerName,
    level: Option<Level>,
    known: FxHashMap<GenerationId, FxHashMap<UnitCode, UnitCode>>,
    names: BTreeMap<String, String>,
}

impl Units {
    fn load(&mut self, store: &dyn Store, generation: GenerationId) -> Result<(), JudgeError> {
        if self.known.contains_key(&generation) {
            return Ok(());
        }
        let stored = store.load_generation(&self.layer, generation)?;
        let depth = match &self.level {
            None => stored.shapes.iter().rposition(|shapes| !shapes.is_empty()).unwrap_or(0),
            Some(level) => {
                let missing = || {
                    let known = stored.layer.levels.iter().map(Level::as_str).collect::<Vec<_>>().join(", ");
                    JudgeError::NoLevel { layer: self.layer.clone(), generation, level: level.clone(), known }
                };
                stored.layer.depth_of(level).ok_or_else(missing)?
            }
        };
        let mut parents: FxHashMap<&UnitCode, &UnitCode> = FxHashMap::default();
        for shape in stored.shapes.iter().skip(depth + 1).flatten() {
            parents.extend(shape.unit.parent.as_ref().map(|parent| (&shape.unit.code, parent)));
        }
        let wanted: FxHashMap<&UnitCode, &str> =
            stored.shapes.get(depth).into_iter().flatten().map(|shape| (&shape.unit.code, shape.unit.name.as_str())).collect();
        let over = |code: &UnitCode| {
            // A damaged store might have a circle of parents; no layer has as many levels as this looks at.
            let mut path = std::iter::successors(Some(code), |code| parents.get(code).copied()).take(stored.shapes.len() + 1);
            path.find(|code| wanted.contains_key(code)).cloned()
        };
        let all = stored.shapes.iter().skip(depth).flatten().map(|shape| &shape.unit.code);
        let found: FxHashMap<UnitCode, UnitCode> = all.filter_map(|code| Some((code.clone(), over(code)?))).collect();
        self.names.extend(wanted.iter().filter(|(_, name)| !name.is_empty()).map(|(code, name)| (code.to_string(), (*name).to_owned())));
        self.known.insert(generation, found);
        Ok(())
    }

    fn find(&self, grid: &UnitCode, generation: GenerationId) -> Option<UnitCode> {
        self.known.get(&generation)?.get(grid).cloned()
    }
}

/// Puts what the settings say of judging to a period.
pub fn period_of(config: &IndicatorConfig, from: Timestamp, to: Timestamp, as_of: Timestamp, time_zone: &TimeZone) -> Period {
    let limit = |hours: Option<f64>| hours.map(|hours| SignedDuration::from_secs_f64(hours * 3_600.0));
    Period {
        from,
        to,
        as_of,
        time_zone: time_zone.clone(),
        office_sources: config.office_sources.iter().map(|word| word.to_lowercase()).collect(),
        filing_limit: limit(config.filing_hours),
        verify_limit: limit(config.verify_hours),
    }
}

/// Returns what counts in the score, as the settings say.
///
/// # Errors
/// Names a code that is no indicator's.
pub fn weights_of(config: &IndicatorConfig) -> Result<Vec<Weight>, String> {
    let weight = |(code, weight): (&String, &f64)| match Indicator::find(code) {
        Some(indicator) => Ok(Weight { indicator, weight: *weight }),
        None => Err(format!("indicators.weights names {code:?}, which is no indicator")),
    };
    config.weights.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::workflow::{ActionName, CaseEvent, Effect, Facts, StateName};
    use crate::dispatch::{Case, CaseId, Reporter, Role};
    use crate::store::{CaseWrite, MemoryStore, NewCase};

    fn at(text: &str) -> Timestamp {
        format!("2026-{text}:00Z").parse().unwrap()
    }

    /// A case that is reported, and at each time thereafter goes to `checking` and back.
    fn case(id: u128, reported: &str, asked: &[&str]) -> CaseWrite {
        let reported_at = at(reported);
        let event = |seq: u32, at: Timestamp, effect: Effect| CaseEvent {
            seq,
            at,
            author: "a".into(),
            role: Role::Worker,
            action: ActionName(effect.as_str().into()),
            effect,
            state: StateName(if effect == Effect::Verify { "checking" } else { "open" }.into()),
            is_end: false,
            facts: Facts::default(),
        };
        let mut events = vec![event(1, reported_at, Effect::Report)];
        events.extend((2..).zip(asked).map(|(seq, asked)| event(seq, at(asked), Effect::Verify)));
        let case = Case {
            id: CaseId(uuid::Uuid::from_u128(id)),
            position: Position { lon: 111.6, lat: 26.2 },
            given: String::new(),
            category: "C1".into(),
            description: String::new(),
            source: String::new(),
            reported_at,
            district: None,
            grid: None,
            generation: None,
            holder: None,
        };
        CaseWrite::Add(Box::new(NewCase {
            case,
            events,
            photos: Vec::new(),
            reporter: Reporter::default(),
            token: None,
            near: None,
            border_m: None,
        }))
    }

    #[test]
    fn what_was_reported_long_ago_counts_with_what_falls_into_the_period() {
        let store = MemoryStore::default();
        // A look that was asked for on the last day of June is due on the first of July, and nobody has looked: also of a case that
        // had been there for just less than a month, and of one that had been there for longer. Of the others nothing falls into July.
        let cases = vec![
            case(1, "05-31T12:00", &["06-30T10:00"]),
            case(2, "03-01T12:00", &["06-30T10:00"]),
            case(3, "06-20T12:00", &["06-30T10:00"]),
            case(4, "05-31T12:00", &["06-29T10:00"]),
            case(5, "07-02T12:00", &[]),
            case(6, "08-02T12:00", &["08-03T12:00"]),
        ];
        store.write_cases(cases).unwrap();
        let config = IndicatorConfig { verify_hours: Some(24.0), ..IndicatorConfig::default() };
        let period = period_of(&config, at("07-01T00:00"), at("08-01T00:00"), at("09-01T00:00"), &TimeZone::UTC);
        let asked = Judged {
            grouping: Grouping::Department,
            level: None,
            layer: LayerName::parse("grid").unwrap(),
            period,
            territory: Territory::Whole,
            cases_max: Some(4),
        };
        let judged = judge(&store, &asked).unwrap();
        let total = &judged.evaluation.total;
        assert_eq!((total.should_verify, total.verified_on_time, total.reports, judged.case_count), (3, 0, 1, 4));
    }
}
