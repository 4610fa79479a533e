//! The lives of cases: new ones, their next events, and their histories. One transaction takes many writes in few statements, for each
//! of them is a way to the server and back.

use std::borrow::Cow;
use std::collections::BTreeMap;

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio_postgres::Row;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::cases::{self, COLUMNS, copy_cases, find_time, read_case};
use super::conditions::Conditions;
use super::connection::{Failure, corrupt};
use super::generations::{from_id, load_generations};
use super::ledger;
use super::listen::CASES_CHANNEL;
use super::lists::page_of;
use super::months;
use super::photos::add_photo;
use super::roster::person_keys;
use super::values::{Time, from_text, to_text};
use crate::boundary::{Generation, GenerationId, LayerName, Position};
use crate::dispatch::workflow::{CaseEvent, NoticeKind, notices_of};
use crate::dispatch::{Case, CaseId, Reporter, WorkerId, cell_of, cells_around, distance_m};
use crate::store::case_records::{
    CaseRecord, CaseRecordPage, CaseWrite, CaseWritten, DUPLICATES_MAX, NewCase, NewEvent, NumberedEvent, Standing,
};
use crate::store::event_text::EventRow;
use crate::store::records::CaseFilter;
use crate::store::webhooks::NumberedPublication;

const EVENT: &str = "e.seq, e.at, e.author, e.role, e.action, e.effect, e.state, e.is_end, e.facts::text";

/// An event on its way into the table.
struct Entry<'w> {
    case: CaseId,
    reported_at: Timestamp,
    event: Cow<'w, CaseEvent>,
    /// How many cases are open since that were not before: 1, 0, or -1 where it ends the case.
    opened: i64,
    /// The keys of those who are told of it by name.
    notices: Vec<(i64, NoticeKind)>,
}

/// A new case that is taken in, with its places among the writes and the entries.
struct Taken<'w> {
    new: &'w NewCase,
    at: usize,
    entry: usize,
}

pub(super) async fn write_cases(tx: &Transaction<'_>, geometry: &Type, writes: &[CaseWrite]) -> Result<Vec<CaseWritten>, Failure> {
    let mut written: Vec<Option<CaseWritten>> = vec![None; writes.len()];
    let mut entries = Vec::new();
    let news: Vec<(usize, &NewCase)> = writes.iter().enumerate().filter_map(|(at, write)| Some((at, write.as_add()?))).collect();
    let nexts: Vec<(usize, &NewEvent)> = writes.iter().enumerate().filter_map(|(at, write)| Some((at, write.as_append()?.0))).collect();
    // Locks are taken in one order by all writers: months, then people, then ids and cases in their order, and the counter last, as from
    // there on they come one after the other.
    let taken = if news.is_empty() { Vec::new() } else { add(tx, geometry, &news, &mut written, &mut entries).await? };
    if !nexts.is_empty() {
        append(tx, geometry, &nexts, &mut written, &mut entries).await?;
    }
    for (write, written) in writes.iter().zip(&written) {
        add_photos(tx, write, written.as_ref()).await?;
    }
    if !entries.is_empty() {
        let number = give_numbers(tx, &entries).await?;
        // Asked for when all who came before have committed theirs.
        let near = find_near(tx, &taken).await?;
        for (taken, near) in taken.iter().zip(near) {
            if let Some(CaseWritten::Added(first)) = &mut written[taken.at] {
                first.facts.duplicates.clone_from(&near);
            }
            entries[taken.entry].event.to_mut().facts.duplicates = near;
        }
        insert_events(tx, number, &entries).await?;
    }
    Ok(written.into_iter().map(|written| written.unwrap_or(CaseWritten::Refused)).collect())
}

/// Keeps the photos of a write that was taken.
async fn add_photos(tx: &Transaction<'_>, write: &CaseWrite, written: Option<&CaseWritten>) -> Result<(), Failure> {
    match (write, written) {
        (CaseWrite::Add(new), Some(CaseWritten::Added(_))) => {
            for photo in &new.photos {
                add_photo(tx, photo).await?;
            }
            Ok(())
        }
        (CaseWrite::AppendPhoto(both), Some(CaseWritten::Appended)) => add_photo(tx, &both.1).await,
        _ => Ok(()),
    }
}

/// Writes new cases but for their events, and returns those that are taken in.
async fn add<'w>(
    tx: &Transaction<'_>,
    geometry: &Type,
    news: &[(usize, &'w NewCase)],
    written: &mut [Option<CaseWritten>],
    entries: &mut Vec<Entry<'w>>,
) -> Result<Vec<Taken<'w>>, Failure> {
    let times = || news.iter().map(|(_, new)| new.case.reported_at);
    months::ensure_all(tx, &["gk_case", "gk_case_event"], times()).await?;
    let reporters: Vec<(WorkerId, &Reporter)> = news
        .iter()
        .filter(|(_, new)| !new.reporter.is_empty())
        .map(|(_, new)| (WorkerId(format!("reporter {}", new.case.id.0).into()), &new.reporter))
        .collect();
    let holders = news.iter().filter_map(|(_, new)| new.case.holder.as_ref());
    let people = person_keys(tx, holders.chain(reporters.iter().map(|(id, _)| id))).await?;
    let tokens = take_tokens(tx, news).await?;
    let candidates: Vec<(usize, &NewCase)> =
        news.iter().zip(&tokens).filter(|(_, repeated)| repeated.is_none()).map(|(new, _)| *new).collect();
    let mut fresh = enter_ids(tx, &candidates).await?;
    let mut taken: Vec<(usize, &'w NewCase)> = Vec::new();
    for (&(at, new), token) in news.iter().zip(tokens) {
        written[at] = Some(match token {
            Some(repeated) => repeated,
            None if fresh.remove(&new.case.id.0) => {
                taken.push((at, new));
                continue;
            }
            None => CaseWritten::Refused,
        });
    }
    let standings: Vec<Standing> =
        taken.iter().map(|(_, new)| new.standing().ok_or_else(|| corrupt("case", &"it has no first event"))).collect::<Result<_, _>>()?;
    let keys: FxHashMap<CaseId, i64> = taken
        .iter()
        .filter_map(|(_, new)| Some((new.case.id, *people.get(&WorkerId(format!("reporter {}", new.case.id.0).into()))?)))
        .collect();
    put_reporters(tx, &reporters, &people).await?;
    let cases =
        taken.iter().zip(&standings).map(|((_, new), standing)| (&new.case, Some(standing), keys.get(&new.case.id).copied(), new.border_m));
    copy_cases(tx, geometry, &people, cases).await?;
    let mut placed = Vec::new();
    for ((at, new), standing) in taken.into_iter().zip(&standings) {
        placed.push(Taken { new, at, entry: entries.len() });
        written[at] = Some(CaseWritten::Added(Box::new(new.events[0].clone())));
        entries.extend(new.events.iter().enumerate().map(|(place, event)| Entry {
            case: new.case.id,
            reported_at: new.case.reported_at,
            event: Cow::Borrowed(event),
            opened: i64::from(place == 0 && standing.is_open),
            notices: Vec::new(),
        }));
    }
    Ok(placed)
}

/// Enters the ids of cases, and returns those that are new.
async fn enter_ids(tx: &Transaction<'_>, news: &[(usize, &NewCase)]) -> Result<FxHashSet<Uuid>, Failure> {
    let ids: Vec<Uuid> = news.iter().map(|(_, new)| new.case.id.0).collect();
    let times: Vec<Time> = news.iter().map(|(_, new)| Time(new.case.reported_at)).collect();
    let enter = tx
        .prepare_cached(
            "INSERT INTO gk_case_id (id, reported_at)
             SELECT n.id, n.reported_at FROM unnest($1::uuid[], $2::timestamptz[]) WITH ORDINALITY AS n (id, reported_at, place)
             ORDER BY n.id, n.place
             ON CONFLICT (id) DO NOTHING RETURNING id",
        )
        .await?;
    Ok(tx.query(&enter, &[&ids, &times]).await?.iter().map(|row| row.get(0)).collect())
}

/// Enters the tokens of reports, and returns for each whether it was taken in before.
async fn take_tokens(tx: &Transaction<'_>, news: &[(usize, &NewCase)]) -> Result<Vec<Option<CaseWritten>>, Failure> {
    let mut found = vec![None; news.len()];
    let tokens: Vec<_> = news.iter().filter_map(|(_, new)| Some((new.token?, new.case.id.0, new.events.first()?.at))).collect();
    if tokens.is_empty() {
        return Ok(found);
    }
    let keys: Vec<&[u8]> = tokens.iter().map(|(token, ..)| &token.key[..]).collect();
    let bodies: Vec<&[u8]> = tokens.iter().map(|(token, ..)| &token.body[..]).collect();
    let cases: Vec<Uuid> = tokens.iter().map(|(_, case, _)| *case).collect();
    let times: Vec<Time> = tokens.iter().map(|(.., at)| Time(*at)).collect();
    // Of two reports of one key in a batch the first counts; one that another process is writing is waited for.
    let enter = tx
        .prepare_cached(
            "INSERT INTO gk_case_token (key, body, case_id, at)
             SELECT n.key, n.body, n.case_id, n.at FROM unnest($1::bytea[], $2::bytea[], $3::uuid[], $4::timestamptz[]) WITH ORDINALITY AS n (key, body, case_id, at, place)
             ORDER BY n.key, n.place
             ON CONFLICT (key) DO NOTHING",
        )
        .await?;
    let entered = tx.execute(&enter, &[&keys, &bodies, &cases, &times]).await?;
    if usize::try_from(entered).is_ok_and(|entered| entered == tokens.len()) {
        return Ok(found);
    }
    let find = tx.prepare_cached("SELECT key, body, case_id FROM gk_case_token WHERE key = ANY ($1)").await?;
    let rows = tx.query(&find, &[&keys]).await?;
    let known: FxHashMap<&[u8], (&[u8], Uuid)> = rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
    for ((_, new), found) in news.iter().zip(&mut found) {
        let Some(token) = new.token else { continue };
        let Some((body, case)) = known.get(&token.key[..]) else { continue };
        if *case != new.case.id.0 {
            *found = Some(CaseWritten::Repeated { case: CaseId(*case), is_same_body: *body == token.body });
        }
    }
    Ok(found)
}

pub(super) async fn forget_tokens(tx: &Transaction<'_>, before: Timestamp, limit: usize) -> Result<usize, Failure> {
    let sql = "DELETE FROM gk_case_token WHERE key IN (SELECT key FROM gk_case_token WHERE at < $1 ORDER BY at, key LIMIT $2)";
    let forgotten = tx.execute(sql, &[&Time(before), &i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
    Ok(usize::try_from(forgotten).unwrap_or(usize::MAX))
}

async fn put_reporters(
    tx: &Transaction<'_>,
    reporters: &[(WorkerId, &Reporter)],
    people: &FxHashMap<WorkerId, i64>,
) -> Result<(), Failure> {
    if reporters.is_empty() {
        return Ok(());
    }
    let keys: Vec<i64> = reporters.iter().map(|(id, _)| people[id]).collect();
    let texts =
        |text: fn(&Reporter) -> &str| reporters.iter().map(|(_, reporter)| to_text(text(reporter)).into_owned()).collect::<Vec<String>>();
    tx.execute(
        "UPDATE gk_person AS p SET name = n.name, phone = n.phone, email = n.email
         FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS n (key, name, phone, email) WHERE p.key = n.key",
        &[&keys, &texts(|reporter| &reporter.name), &texts(|reporter| &reporter.phone), &texts(|reporter| &reporter.email)],
    )
    .await?;
    Ok(())
}

/// Returns for each new case the newest cases near it, nearest first: those that are stored, and those before it among the new ones, which
/// are stored as well by now.
async fn find_near(tx: &Transaction<'_>, taken: &[Taken<'_>]) -> Result<Vec<Vec<(CaseId, f64)>>, Failure> {
    let mut found: Vec<Vec<(CaseId, f64)>> = vec![Vec::new(); taken.len()];
    let (mut places, mut cells, mut since, mut until) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut of_batch: FxHashMap<i64, Vec<usize>> = FxHashMap::default();
    for (at, Taken { new, .. }) in taken.iter().enumerate() {
        let Some(near) = new.near else { continue };
        for cell in cells_around(new.case.position, near.distance_m) {
            let earlier = of_batch.get(&cell).into_iter().flatten().rev().take(DUPLICATES_MAX).map(|other| &taken[*other].new.case);
            let is_in_time = |other: &&Case| other.reported_at >= near.since && other.reported_at <= new.case.reported_at;
            let with_distance = |other: &Case| (other.id, distance_m(new.case.position, other.position));
            found[at].extend(earlier.filter(is_in_time).map(with_distance).filter(|(_, far)| *far <= near.distance_m));
            places.push(i32::try_from(at).map_err(|e| corrupt("batch", &e))?);
            cells.push(cell);
            since.push(Time(near.since));
            until.push(Time(new.case.reported_at));
        }
        of_batch.entry(cell_of(new.case.position)).or_default().push(at);
    }
    if places.is_empty() {
        return Ok(found);
    }
    // Bounds of time are given for months and the index of cells. Those of each place are no bounds to an index, which would be that of times
    // alone: of a month without statistics, two bounds look as if they left nothing, and it reads all of a day for each place.
    let sql = "SELECT n.place, c.id, c.lon, c.lat
         FROM unnest($1::integer[], $2::bigint[], $3::timestamptz[], $4::timestamptz[]) AS n (place, cell, since, until)
         CROSS JOIN LATERAL (SELECT id, lon, lat FROM gk_case WHERE cell = n.cell AND reported_at + interval '0' BETWEEN n.since AND n.until
                               AND reported_at BETWEEN $6 AND $7 AND id <> ALL ($8) ORDER BY reported_at DESC LIMIT $5) AS c";
    let limit = i64::try_from(DUPLICATES_MAX).unwrap_or(i64::MAX);
    // All of them lie within these.
    let (first, last) = (since.iter().min_by_key(|at| at.0), until.iter().max_by_key(|at| at.0));
    let own: Vec<Uuid> = taken.iter().map(|taken| taken.new.case.id.0).collect();
    for row in tx.query(&tx.prepare_cached(sql).await?, &[&places, &cells, &since, &until, &limit, &first, &last, &own]).await? {
        let at = usize::try_from(row.get::<_, i32>(0)).map_err(|e| corrupt("batch", &e))?;
        let new = taken[at].new;
        let far = distance_m(new.case.position, Position { lon: row.get(2), lat: row.get(3) });
        if new.near.is_some_and(|near| far <= near.distance_m) {
            found[at].push((CaseId(row.get(1)), far));
        }
    }
    for found in &mut found {
        found.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        found.truncate(DUPLICATES_MAX);
    }
    Ok(found)
}

async fn append<'w>(
    tx: &Transaction<'_>,
    geometry: &Type,
    nexts: &[(usize, &'w NewEvent)],
    written: &mut [Option<CaseWritten>],
    entries: &mut Vec<Entry<'w>>,
) -> Result<(), Failure> {
    let ids: Vec<Uuid> = nexts.iter().map(|(_, next)| next.case.0).collect();
    let moved = nexts.iter().filter_map(|(_, next)| next.event.facts.place.as_ref()?.holder.as_ref());
    let told = nexts.iter().flat_map(|(_, next)| notices_of(&next.event)).map(|(worker, _)| worker);
    let people = person_keys(tx, moved.chain(told)).await?;
    let when = tx.prepare_cached("SELECT id, reported_at FROM gk_case_id WHERE id = ANY ($1)").await?;
    let rows = tx.query(&when, &[&ids]).await?;
    let times = rows.iter().map(|row| row.try_get::<_, Time>(1)).collect::<Result<Vec<_>, _>>()?;
    let (Some(first), Some(last)) = (times.iter().min_by_key(|t| t.0), times.iter().max_by_key(|t| t.0)) else { return Ok(()) };
    // The times say in which months' partitions to look.
    let sql = "SELECT id, version, reported_at, is_open = 1 FROM gk_case WHERE id = ANY ($1) AND reported_at BETWEEN $2 AND $3 ORDER BY id FOR UPDATE";
    let rows = tx.query(&tx.prepare_cached(sql).await?, &[&ids, first, last]).await?;
    let mut known: FxHashMap<Uuid, (Option<i32>, Timestamp, bool)> = FxHashMap::default();
    for row in &rows {
        known.insert(row.get(0), (row.get(1), row.try_get::<_, Time>(2)?.0, row.get::<_, Option<bool>>(3).unwrap_or_default()));
    }
    for &(at, next) in nexts {
        let Some((Some(version), reported_at, is_open)) = known.get_mut(&next.case.0) else {
            written[at] = Some(CaseWritten::Refused);
            continue;
        };
        let seen = u32::try_from(*version).map_err(|e| corrupt("case", &e))?;
        if seen + 1 != next.event.seq {
            written[at] = Some(CaseWritten::Stale { version: seen });
            continue;
        }
        *version += 1;
        let was_open = std::mem::replace(is_open, !next.after.is_end);
        let opened = i64::from(*is_open) - i64::from(was_open);
        stand(tx, next, *reported_at).await?;
        if let Some(place) = &next.event.facts.place {
            let holder = place.holder.as_ref().map(|id| people[id]);
            cases::move_case(tx, geometry, (next.case, *reported_at), place, holder).await?;
        }
        let notices = notices_of(&next.event).into_iter().map(|(worker, kind)| (people[worker], kind)).collect();
        entries.push(Entry { case: next.case, reported_at: *reported_at, event: Cow::Borrowed(&next.event), opened, notices });
        written[at] = Some(CaseWritten::Appended);
    }
    Ok(())
}

async fn stand(tx: &Transaction<'_>, next: &NewEvent, reported_at: Timestamp) -> Result<(), Failure> {
    let standing = Standing::of(&next.after);
    let category = next.event.facts.category.as_deref().map(to_text);
    let version = i32::try_from(standing.version).map_err(|e| corrupt("case", &e))?;
    let update = tx
        .prepare_cached(
            "UPDATE gk_case SET state = $3, version = $4, is_open = $5, due_at = $6, departments = $7, is_published = $8,
               category = coalesce($9, category), alarm_at = $10, people = $11, part_until = $12, is_long = $13
             WHERE id = $1 AND reported_at = $2",
        )
        .await?;
    tx.execute(
        &update,
        &[
            &next.case.0,
            &Time(reported_at),
            &standing.state,
            &version,
            &i32::from(standing.is_open),
            &standing.due_at.map(Time),
            &to_text(&standing.departments),
            &i32::from(standing.is_published),
            &category,
            &standing.alarm_at.map(Time),
            &to_text(&standing.people),
            &Time(standing.part_until),
            &i32::from(standing.is_long(reported_at)),
        ],
    )
    .await?;
    Ok(())
}

/// Gives events their numbers, and returns the first. From here until all is committed other writers of events wait, so that nobody sees
/// a number before all smaller ones.
async fn give_numbers(tx: &Transaction<'_>, entries: &[Entry<'_>]) -> Result<i64, Failure> {
    let count = i64::try_from(entries.len()).map_err(|e| corrupt("batch", &e))?;
    // Of each month how many cases are open since that were not, and which of these events is its last, counted from 1.
    let mut touched: BTreeMap<Timestamp, (i64, i64)> = BTreeMap::new();
    for (at, entry) in (1..).zip(entries) {
        let (opened, last) = touched.entry(months::begin_of(entry.reported_at)).or_default();
        (*opened, *last) = (*opened + entry.opened, at);
    }
    let months: Vec<Time> = touched.keys().map(|month| Time(*month)).collect();
    let (opened, lasts): (Vec<i64>, Vec<i64>) = touched.into_values().unzip();
    let give = "WITH n AS (UPDATE gk_case_counter SET last_number = last_number + $1 RETURNING last_number AS number), m AS (
           INSERT INTO gk_case_month (month, open_cases, last_event)
           SELECT b.month, b.opened, n.number - $1 + b.last FROM n, unnest($3::timestamptz[], $4::bigint[], $5::bigint[]) AS b (month, opened, last)
           ON CONFLICT (month) DO UPDATE
           SET open_cases = gk_case_month.open_cases + excluded.open_cases, last_event = excluded.last_event
         ) SELECT number, pg_notify($2, '') FROM n";
    let row = tx.query_one(&tx.prepare_cached(give).await?, &[&count, &CASES_CHANNEL, &months, &opened, &lasts]).await?;
    Ok(row.get::<_, i64>(0) - count + 1)
}

/// Writes events, and who is told of them.
async fn insert_events(tx: &Transaction<'_>, first: i64, entries: &[Entry<'_>]) -> Result<(), Failure> {
    let types = [
        Type::INT8,
        Type::UUID,
        Type::TIMESTAMPTZ,
        Type::INT4,
        Type::TIMESTAMPTZ,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        // A json column takes the bytes of a text.
        Type::TEXT,
    ];
    let columns = "number, case_id, reported_at, seq, at, author, role, action, effect, state, is_end, facts";
    let copy = tx.prepare_cached(&format!("COPY gk_case_event ({columns}) FROM STDIN (FORMAT binary)")).await?;
    let sink = tx.copy_in(&copy).await?;
    let mut copy = std::pin::pin!(BinaryCopyInWriter::new(sink, &types));
    for (number, Entry { case, reported_at, event, .. }) in (first..).zip(entries) {
        let row = EventRow::of(event);
        let seq = i32::try_from(row.seq).map_err(|e| corrupt("event", &e))?;
        let fields: [&(dyn ToSql + Sync); 12] = [
            &number,
            &case.0,
            &Time(*reported_at),
            &seq,
            &Time(row.at),
            &to_text(&row.author),
            &row.role,
            &to_text(&row.action),
            &row.effect,
            &to_text(&row.state),
            &i32::from(row.is_end),
            &row.facts,
        ];
        copy.as_mut().write(&fields).await?;
    }
    copy.finish().await?;
    let numbered = (first..).zip(entries);
    let notices = numbered
        .flat_map(|(number, entry)| entry.notices.iter().map(move |(worker, kind)| (number, entry.case, entry.event.at, *worker, *kind)));
    ledger::add_notices(tx, &notices.collect::<Vec<_>>()).await?;
    Ok(())
}

pub(super) async fn find_reporter(tx: &Transaction<'_>, id: CaseId) -> Result<Option<Reporter>, Failure> {
    let Some(reported_at) = find_time(tx, id).await? else { return Ok(None) };
    let sql = "SELECT p.name, p.phone, p.email FROM gk_case AS c JOIN gk_person AS p ON p.key = c.reporter
         WHERE c.id = $1 AND c.reported_at = $2";
    let found = tx.query_opt(&tx.prepare_cached(sql).await?, &[&id.0, &reported_at]).await?;
    Ok(found.map(|row| Reporter { name: from_text(row.get(0)), phone: from_text(row.get(1)), email: from_text(row.get(2)) }))
}

pub(super) async fn find_case_record(tx: &Transaction<'_>, id: CaseId) -> Result<Option<CaseRecord>, Failure> {
    let Some(case) = cases::find_case(tx, id).await? else { return Ok(None) };
    Ok(with_histories(tx, vec![case]).await?.pop())
}

pub(super) async fn find_case_records(tx: &Transaction<'_>, ids: &[CaseId]) -> Result<Vec<CaseRecord>, Failure> {
    let cases = cases::find_cases(tx, ids).await?;
    with_histories(tx, cases).await
}

pub(super) async fn load_case_records(tx: &Transaction<'_>, filter: &CaseFilter) -> Result<CaseRecordPage, Failure> {
    let (cases, has_more) = page_of(tx, filter).await?;
    Ok(CaseRecordPage { records: with_histories(tx, cases).await?, has_more })
}

async fn with_histories(tx: &Transaction<'_>, cases: Vec<Case>) -> Result<Vec<CaseRecord>, Failure> {
    let ids: Vec<Uuid> = cases.iter().map(|case| case.id.0).collect();
    let times = || cases.iter().map(|case| case.reported_at);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(Vec::new()) };
    // An event is kept in the month of its case.
    let sql = format!(
        "SELECT {EVENT}, e.case_id FROM gk_case_event AS e WHERE e.case_id = ANY ($1) AND e.reported_at BETWEEN $2 AND $3 ORDER BY e.seq"
    );
    let mut histories: FxHashMap<Uuid, Vec<CaseEvent>> = FxHashMap::default();
    for row in tx.query(&tx.prepare_cached(&sql).await?, &[&ids, &Time(first), &Time(last)]).await? {
        histories.entry(row.get(9)).or_default().push(read_event(&row, 0)?);
    }
    let record = |case: Case| CaseRecord { events: histories.remove(&case.id.0).unwrap_or_default(), case };
    Ok(cases.into_iter().map(record).collect())
}

pub(super) async fn load_case_events(tx: &Transaction<'_>, after: u64, limit: usize) -> Result<Vec<NumberedEvent>, Failure> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let spans = months::find_after(tx, after).await?;
    let mut conditions = Conditions::default();
    let after = conditions.value(after);
    conditions.terms.push(format!("e.number > {after}"));
    // Said of both, as a bound of the one is not taken over to the other.
    conditions.add_spans("e.reported_at", &spans);
    conditions.add_spans("c.reported_at", &spans);
    let limit = conditions.value(limit);
    let sql = format!(
        "SELECT {COLUMNS}, c.is_published, e.number, {EVENT} FROM gk_case_event AS e
         JOIN gk_case AS c ON c.id = e.case_id AND c.reported_at = e.reported_at
         LEFT JOIN gk_person AS p ON p.key = c.holder {} ORDER BY e.number LIMIT {limit}",
        conditions.sql()
    );
    let rows = conditions.query(tx, &sql).await?;
    let event = |row: &Row| {
        let is_published = row.get::<_, Option<i32>>(12) == Some(1);
        let number = u64::try_from(row.get::<_, i64>(13)).map_err(|e| corrupt("event", &e))?;
        Ok(NumberedEvent { number, case: read_case(row)?, event: read_event(row, 14)?, is_published })
    };
    rows.iter().map(event).collect()
}

pub(super) async fn newest_happening(tx: &Transaction<'_>) -> Result<u64, Failure> {
    let number: i64 = tx.query_one(&tx.prepare_cached("SELECT last_number FROM gk_case_counter").await?, &[]).await?.get(0);
    u64::try_from(number).map_err(|e| corrupt("event", &e))
}

/// Notes as an event that a generation was published. From here until all is committed writers of events wait.
pub(super) async fn add_publication(tx: &Transaction<'_>, generation: &Generation) -> Result<(), Failure> {
    tx.execute(
        "WITH n AS (UPDATE gk_case_counter SET last_number = last_number + 1 RETURNING last_number AS number)
         INSERT INTO gk_publication (number, layer, generation) SELECT n.number, $1, $2 FROM n",
        &[&generation.layer.as_str(), &from_id(generation.id)?],
    )
    .await?;
    tx.execute("SELECT pg_notify($1, '')", &[&CASES_CHANNEL]).await?;
    Ok(())
}

pub(super) async fn load_publications(tx: &Transaction<'_>, after: u64, limit: usize) -> Result<Vec<NumberedPublication>, Failure> {
    let sql = "SELECT number, layer, generation FROM gk_publication WHERE number > $1 ORDER BY number LIMIT $2";
    let (after, limit) = (i64::try_from(after).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
    let mut publications = Vec::new();
    let mut known: BTreeMap<LayerName, Vec<Generation>> = BTreeMap::new();
    for row in tx.query(sql, &[&after, &limit]).await? {
        let broken = |error: &dyn std::fmt::Display| corrupt("publication", error);
        let layer = LayerName::parse(row.get(1)).map_err(|e| broken(&e))?;
        let id = GenerationId(u32::try_from(row.get::<_, i32>(2)).map_err(|e| broken(&e))?);
        if !known.contains_key(&layer) {
            known.insert(layer.clone(), load_generations(tx, &layer).await?);
        }
        let found = known[&layer].iter().find(|known| known.id == id).cloned();
        let generation = found.ok_or_else(|| broken(&format!("generation {id} of layer {layer} is missing")))?;
        publications.push(NumberedPublication { number: u64::try_from(row.get::<_, i64>(0)).map_err(|e| broken(&e))?, generation });
    }
    Ok(publications)
}

fn read_event(row: &Row, from: usize) -> Result<CaseEvent, Failure> {
    let text = |at: usize| from_text(row.get(from + at));
    let read = EventRow {
        seq: u32::try_from(row.get::<_, i32>(from)).map_err(|e| corrupt("event", &e))?,
        at: row.try_get::<_, Time>(from + 1)?.0,
        author: text(2),
        role: text(3),
        action: text(4),
        effect: text(5),
        state: text(6),
        is_end: row.get::<_, i32>(from + 7) != 0,
        facts: row.get(from + 8),
    };
    read.read().map_err(|e| corrupt("event", &e))
}

impl CaseWrite {
    fn as_add(&self) -> Option<&NewCase> {
        if let Self::Add(new) = self { Some(new) } else { None }
    }
}
