//! Lists of cases: pages in some order, what maps show, and counts.
//!
//! Cases are kept by months, and a statement that may find something in each of them is planned over the tables of all years with all their
//! indexes, which takes longer than what it then reads. So it is said in which months to look wherever that can be known.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;

use super::cases::{read_case, select};
use super::conditions::Conditions;
use super::connection::{Failure, corrupt};
use super::months;
use super::roster::worker_id;
use super::values::{Time, from_text, to_text};
use crate::boundary::{CodeRun, Position, Territory, UnitCode};
use crate::dispatch::{Case, CaseId, WorkerId};
use crate::store::case_records::{CaseMark, CaseMarkPage};
use crate::store::records::{CASES_LOOKED_AT, CaseFilter, CaseOrder, CasePage};
use crate::store::times::to_milliseconds;

/// Counts the open cases of each holder who has more than so many, the most first.
pub(super) async fn count_open(tx: &Transaction<'_>, filter: &CaseFilter, more_than: usize) -> Result<Vec<(WorkerId, usize)>, Failure> {
    let mut conditions = Conditions::within(tx, &CaseFilter { is_open: Some(true), ..filter.clone() }).await?;
    conditions.terms.push("c.holder IS NOT NULL".to_owned());
    let more_than = conditions.value(i64::try_from(more_than).unwrap_or(i64::MAX));
    let sql = format!(
        "SELECT p.worker_id, o.n FROM (
           SELECT c.holder, count(*) AS n FROM gk_case AS c {} GROUP BY c.holder HAVING count(*) > {more_than}
         ) AS o JOIN gk_person AS p ON p.key = o.holder ORDER BY o.n DESC, p.worker_id",
        conditions.sql()
    );
    let rows = conditions.query(tx, &sql).await?;
    let count = |row: &Row| (worker_id(row.get(0)), usize::try_from(row.get::<_, i64>(1)).unwrap_or_default());
    Ok(rows.iter().map(count).collect())
}

pub(super) async fn load_cases(tx: &Transaction<'_>, filter: &CaseFilter) -> Result<CasePage, Failure> {
    let mut matched = None;
    if filter.counts {
        let conditions = Conditions::within(tx, filter).await?;
        let sql = format!("SELECT count(*) FROM gk_case AS c {}", conditions.sql());
        let count: i64 = tx.query_one(&sql, &conditions.values()).await?.get(0);
        matched = Some(usize::try_from(count).unwrap_or(usize::MAX));
    }
    let (cases, has_more) = page_of(tx, filter).await?;
    Ok(CasePage { cases, matched, has_more })
}

/// Returns a page of cases in the order of their ids, and whether there are more.
pub(super) async fn page_of(tx: &Transaction<'_>, filter: &CaseFilter) -> Result<(Vec<Case>, bool), Failure> {
    read_page(tx, filter, &select(), read_case).await
}

/// Returns a page of what maps show of cases.
pub(super) async fn load_case_marks(tx: &Transaction<'_>, filter: &CaseFilter) -> Result<CaseMarkPage, Failure> {
    let select = "SELECT c.id, c.lon, c.lat, c.category, c.reported_at, c.grid, c.state, c.is_open, c.due_at FROM gk_case AS c";
    let (marks, has_more) = read_page(tx, filter, select, read_mark).await?;
    Ok(CaseMarkPage { marks, has_more })
}

async fn read_page<T>(
    tx: &Transaction<'_>,
    filter: &CaseFilter,
    select: &str,
    read: impl Fn(&Row) -> Result<T, Failure>,
) -> Result<(Vec<T>, bool), Failure> {
    let order = if filter.is_newest_first { "DESC" } else { "ASC" };
    let first = filter.order.column().map(|column| format!("c.{column} {order}, ")).unwrap_or_default();
    let tail = format!("ORDER BY {first}c.id {order}");
    let is_sought = filter.order == CaseOrder::Id && !is_of_open(filter);
    let found = if is_sought { seek(tx, filter, select, &tail).await? } else { None };
    let rows = match found {
        Some(rows) => rows,
        None if is_sought && filter.may_be_seldom() => gather(tx, filter, select, &tail).await?,
        None => {
            let mut conditions = Conditions::of_page(tx, filter).await?;
            let limit = conditions.limit(filter);
            conditions.query(tx, &format!("{select} {} {tail} {limit}", conditions.sql())).await?
        }
    };
    let mut cases = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let has_more = cases.len() > filter.limit;
    cases.truncate(filter.limit);
    Ok((cases, has_more))
}

/// Looks at some cases one by one, in the months of these alone; none where they fill no page.
async fn seek(tx: &Transaction<'_>, filter: &CaseFilter, select: &str, tail: &str) -> Result<Option<Vec<Row>>, Failure> {
    let [first, last] = CASES_LOOKED_AT;
    // Where nothing is left out, as many as are asked for fill it, but for those of months that were taken out.
    let page = filter.limit.saturating_add(1);
    let looks = if filter.may_be_seldom() { vec![first, last] } else { vec![page, last] };
    for looked_at in looks.into_iter().filter(|looked_at| filter.may_be_seldom() || *looked_at >= page) {
        let Some(look) = months::look(tx, filter.after.map(|after| after.0), filter.is_newest_first, looked_at).await? else {
            return Ok(Some(Vec::new()));
        };
        let mut near = Conditions::default();
        near.add_span("c.reported_at", look.between);
        let [least, greatest] = look.ids.map(|id| near.value(id));
        near.terms.push(format!("c.id BETWEEN {least} AND {greatest}"));
        let near_sql = format!("(SELECT c.* FROM gk_case AS c {} OFFSET 0) AS c", near.sql());
        let mut wanted = near.around();
        wanted.add(filter);
        let limit = wanted.limit(filter);
        let sql = format!("{} {} {tail} {limit}", select.replacen("gk_case AS c", &near_sql, 1), wanted.sql());
        let found = wanted.query_planned_once(tx, &sql).await?;
        // Those that were looked at are all that there are, or enough.
        if look.count < looked_at || found.len() > filter.limit {
            return Ok(Some(found));
        }
        if filter.may_be_seldom() && !filter.may_be_filled(found.len(), looked_at, last) {
            break;
        }
    }
    Ok(None)
}

/// Finds all that are wanted by indexes, before they are put in order.
async fn gather(tx: &Transaction<'_>, filter: &CaseFilter, select: &str, tail: &str) -> Result<Vec<Row>, Failure> {
    let mut conditions = Conditions::of(filter);
    let of = |part: &str, conditions: &Conditions| format!("SELECT c.* FROM gk_case AS c {} AND c.is_open {part}", conditions.sql());
    let mut parts = vec![of("IS DISTINCT FROM 1", &conditions)];
    if filter.is_open.is_none() {
        conditions.add_spans("c.reported_at", &months::find_open(tx).await?);
        parts.push(of("= 1", &conditions));
    }
    let found = format!("({} OFFSET 0) AS c", parts.join(" UNION ALL "));
    // Outside, so that no index of ids is taken for the way to them.
    let mut after = conditions.around();
    after.add_after(filter);
    let limit = after.limit(filter);
    let sql = format!("{} {} {tail} {limit}", select.replacen("gk_case AS c", &found, 1), after.sql());
    // Of one thing there is one index in each month that finds it, whatever the value.
    if filter.narrows_by_one() { after.query_planned_once(tx, &sql).await } else { after.query(tx, &sql).await }
}

/// Whether it asks only for what has not ended, of which it is known in which months it is.
fn is_of_open(filter: &CaseFilter) -> bool {
    // A clock that may run out, or of which a word is due, is one of such a case.
    filter.is_open == Some(true) || filter.due_before.is_some() || filter.alarm_by.is_some()
}

/// What a filter asks of a case `c`.
impl Conditions {
    /// What a page of the filter has to be, in the months in which it may be.
    async fn of_page(tx: &Transaction<'_>, filter: &CaseFilter) -> Result<Self, Failure> {
        let mut conditions = Self::within(tx, filter).await?;
        conditions.add_after(filter);
        Ok(conditions)
    }

    /// All that the filter asks for, in the months in which it may be.
    async fn within(tx: &Transaction<'_>, filter: &CaseFilter) -> Result<Self, Failure> {
        let mut conditions = Self::of(filter);
        if is_of_open(filter) {
            conditions.add_spans("c.reported_at", &months::find_open(tx).await?);
        }
        Ok(conditions)
    }

    fn of(filter: &CaseFilter) -> Self {
        let mut conditions = Self::default();
        conditions.add(filter);
        conditions
    }

    /// Adds all that the filter asks for, but not behind which it goes on.
    fn add(&mut self, filter: &CaseFilter) {
        if let Some([west, south, east, north]) = filter.bbox {
            self.add_window(west, south, east, north);
        }
        self.add_territory(&filter.territory);
        if let Some(prefix) = &filter.grid_prefix {
            let upper = self.value(format!("{}{}", to_text(prefix), char::MAX));
            let prefix = self.value(to_text(prefix).into_owned());
            self.terms.push(format!("c.grid >= {prefix} AND c.grid <= {upper} AND starts_with(c.grid, {prefix})"));
        }
        match filter.categories.as_slice() {
            [] => {}
            [category] => self.add_equal("c.category", category),
            several => {
                let mut several: Vec<String> = several.iter().map(|category| to_text(category).into_owned()).collect();
                several.sort_unstable();
                let [first, last] = [several.first(), several.last()].map(|end| self.value(end.cloned()));
                let several = self.value(several);
                self.terms.push(format!("c.category BETWEEN {first} AND {last} AND c.category = ANY ({several})"));
            }
        }
        if let Some(from) = filter.reported_from {
            let from = self.value(Time(to_milliseconds_up(from)));
            self.terms.push(format!("c.reported_at >= {from}"));
        }
        if let Some(to) = filter.reported_to {
            let to = self.value(Time(to_milliseconds_up(to)));
            self.terms.push(format!("c.reported_at < {to}"));
        }
        if let Some(state) = &filter.state {
            self.add_equal("c.state", state);
        }
        // As the index is written, which takes no parameter.
        self.terms.extend(filter.is_open.map(|is_open| format!("c.is_open = {}", i32::from(is_open))));
        self.terms.extend(filter.is_published.map(|is_published| format!("c.is_published = {}", i32::from(is_published))));
        if let Some(before) = filter.due_before {
            let before = self.value(Time(to_milliseconds_up(before)));
            self.terms.push(format!("c.due_at < {before}"));
        }
        if let Some(by) = filter.alarm_by {
            let by = self.value(Time(by));
            self.terms.push(format!("c.alarm_at <= {by}"));
        }
        if let Some(worker) = &filter.worker {
            let id = self.value(to_text(&worker.0).into_owned());
            let framed = self.value(to_text(&format!("\n{worker}\n")).into_owned());
            let own = format!("c.holder = (SELECT key FROM gk_person WHERE worker_id = {id})");
            self.terms.push(format!("({own} OR strpos(c.people, {framed}) > 0)"));
        }
        if filter.is_near_border {
            self.terms.push("c.border_m IS NOT NULL".to_owned());
        }
        if filter.is_long {
            self.terms.push("c.is_long = 1".to_owned());
        }
        if let Some(from) = filter.part_from {
            let from = self.value(Time(to_milliseconds_up(from)));
            self.terms.push(format!("c.part_until >= {from}"));
        }
        if let Some(department) = &filter.department {
            let department = self.value(to_text(department).into_owned());
            self.terms.push(format!("string_to_array(c.departments, E'\\n') @> ARRAY[{department}]"));
        }
    }

    /// Asks for one text. Written as a range, of which a plan for all values expects few rows, so that it takes the index; of a text it expects
    /// as many as an average one has, which are all where a month knows one alone.
    fn add_equal(&mut self, column: &str, text: &str) {
        let text = self.value(to_text(text).into_owned());
        self.terms.push(format!("{column} BETWEEN {text} AND {text}"));
    }

    fn add_after(&mut self, filter: &CaseFilter) {
        let Some(after) = filter.after else { return };
        let id = self.value(after.0);
        let than = if filter.is_newest_first { "<" } else { ">" };
        let term = match filter.went_on_after() {
            Some(at) => {
                let at = self.value(Time(to_milliseconds_up(at)));
                format!("(c.reported_at <> {at} OR c.id {than} {id})")
            }
            None => format!("c.id {than} {id}"),
        };
        self.terms.push(term);
    }

    /// Each case is held against the span of the runs, and of several against each.
    fn add_territory(&mut self, territory: &Territory) {
        let Some(runs) = territory.runs() else { return };
        let [Some(first), Some(last)] = [runs.first(), runs.last()] else { return self.terms.push("false".to_owned()) };
        let [from, to] = [&first.first, &last.last].map(|code| self.value(code.to_string()));
        self.terms.push(format!("c.grid BETWEEN {from} AND {to}"));
        if runs.len() > 1 {
            let ends = |end: fn(&CodeRun) -> &UnitCode| runs.iter().map(|run| end(run).to_string()).collect::<Vec<String>>();
            let firsts = self.value(ends(|run| &run.first));
            let lasts = self.value(ends(|run| &run.last));
            let run = format!("unnest({firsts}::text[], {lasts}::text[]) AS run (first, last)");
            self.terms.push(format!("EXISTS (SELECT 1 FROM {run} WHERE c.grid BETWEEN run.first AND run.last)"));
        }
    }

    /// The index compares rounded boxes, so the numbers themselves decide.
    fn add_window(&mut self, west: f64, south: f64, east: f64, north: f64) {
        let [w, s, e, n] = [west, south, east, north].map(|bound| self.value(bound));
        let near = |w: &str, e: &str| format!("c.geom && ST_MakeEnvelope({w}, {s}, {e}, {n}, 4326)");
        let (near, within) = if west <= east {
            (near(&w, &e), format!("c.lon BETWEEN {w} AND {e}"))
        } else {
            (format!("({} OR {})", near(&w, "180"), near("-180", &e)), format!("(c.lon >= {w} OR c.lon <= {e})"))
        };
        self.terms.extend([near, within, format!("c.lat BETWEEN {s} AND {n}")]);
    }

    /// One more than asked for tells whether there are more. A value like others, so that pages of all sizes are one statement.
    fn limit(&mut self, filter: &CaseFilter) -> String {
        let limit = i64::try_from(filter.limit.saturating_add(1)).unwrap_or(i64::MAX);
        format!("LIMIT {}", self.value(limit))
    }
}

/// A bound between two milliseconds lies, for times kept to the millisecond, at the later.
fn to_milliseconds_up(at: Timestamp) -> Timestamp {
    let cut = to_milliseconds(at);
    if cut >= at { cut } else { cut.checked_add(jiff::SignedDuration::from_millis(1)).unwrap_or(at) }
}

fn read_mark(row: &Row) -> Result<CaseMark, Failure> {
    let broken = |detail: &dyn std::fmt::Display| corrupt("case", detail);
    Ok(CaseMark {
        id: CaseId(row.get(0)),
        position: Position::new(row.get(1), row.get(2)).map_err(|e| broken(&e))?,
        category: from_text(row.get(3)),
        reported_at: row.try_get::<_, Time>(4)?.0,
        grid: row.get::<_, Option<&str>>(5).map(UnitCode::parse).transpose().map_err(|e| broken(&e))?,
        state: row.get::<_, Option<String>>(6).map(from_text),
        is_open: row.get::<_, Option<i32>>(7).map(|is_open| is_open == 1),
        due_at: row.try_get::<_, Option<Time>>(8)?.map(|Time(at)| at),
    })
}

#[cfg(test)]
mod tests {
    use deadpool_postgres::Transaction;
    use jiff::SignedDuration;

    use crate::dispatch::workflow::Effect;
    use crate::store::conformance::{add, event, new, next};
    use crate::store::postgis::connection::Connections;
    use crate::store::postgis::scratch::Scratch;
    use crate::store::{CaseFilter, PostgisStore, Store};

    #[test]
    fn what_is_kept_of_months_is_what_a_count_says() {
        let Some(database) = Scratch::create() else { return };
        let store = PostgisStore::open_or_create(database.address()).unwrap();
        let connections = Connections::open_or_create(database.address()).unwrap();
        let months = || -> Vec<(String, i64, i64)> {
            let sql =
                "SELECT to_char(month AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), open_cases, last_event FROM gk_case_month ORDER BY 1";
            let read =
                async |tx: &Transaction<'_>| Ok(tx.query(sql, &[]).await?.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect());
            connections.read("ask", read).unwrap()
        };
        let reported = |id: u128, days: i64| {
            let mut new = new(id, 111.0, None);
            new.case.reported_at += SignedDuration::from_hours(24 * days);
            add(new)
        };
        store.write_cases((1..=8).map(|id| reported(id, 20 * (id as i64 - 1))).collect()).unwrap();
        let at = new(1, 111.0, None).case.reported_at;
        for (id, seq, effect, is_end) in [
            (1, 2, Effect::Close, true),
            (5, 2, Effect::Note, false),
            (2, 2, Effect::Close, true),
            (1, 3, Effect::Reopen, false),
            (8, 2, Effect::Close, true),
            (1, 4, Effect::Close, true),
        ] {
            let state = if is_end { "closed" } else { "open" };
            store.write_cases(vec![next(&store, id, event(seq, effect, state, is_end, at))]).unwrap();
        }
        // Two events of one case in one batch, the second of which it did not wait for.
        let close = next(&store, 3, event(2, Effect::Close, "closed", true, at));
        store.write_cases(vec![close.clone(), close]).unwrap();
        let kept = months();
        assert_eq!(kept.iter().map(|(_, open, _)| open).sum::<i64>(), 4, "{kept:?}");
        assert!(kept.iter().any(|(_, open, _)| *open == 0), "{kept:?}");
        database.run("SELECT gk_count_months()");
        assert_eq!(months(), kept);
        // One who knows nothing of months is told so, rather than hiding what is open.
        let told = database.refuse("UPDATE gk_case_counter SET number = number + 1");
        assert!(told.contains("does not exist"), "{told}");
        // A database that had none is counted when it is brought up to date.
        database.run(
            "DROP TABLE gk_case_month; DROP FUNCTION gk_count_months; ALTER TABLE gk_case_counter RENAME COLUMN last_number TO number;
             ALTER TABLE gk_category DROP COLUMN skill; DELETE FROM gk_migration WHERE version >= 10",
        );
        let store = PostgisStore::open_or_create(database.address()).unwrap();
        assert_eq!(months(), kept);
        let open = CaseFilter { is_open: Some(true), ..CaseFilter::first(9) };
        assert_eq!(store.load_cases(&open).unwrap().cases.len(), 4);
        let numbers: Vec<u64> = (0..20).flat_map(|after| store.load_case_events(after, 1).unwrap()).map(|event| event.number).collect();
        assert_eq!(numbers, (1..=15).collect::<Vec<u64>>());
    }
}
