//! Webhooks, how far each is, and their dead letters.

use jiff::Timestamp;
use rusqlite::{Row, Transaction, params};
use uuid::Uuid;

use super::connection::{Failure, corrupt};
use super::keys::note;
use crate::boundary::UnitCode;
use crate::dispatch::CaseId;
use crate::store::audit::Action;
use crate::store::times::{parse_time, time_text};
use crate::store::webhooks::{DeadLetter, Delivery, Keeper, Lease, LetterState, Topic, Webhook, WebhookId};

const COLUMNS: &str = "id, url, secret, effects, scope, author, created_at, ended_at, cursor, attempts, failing_since, next_at, last_error";

pub(super) fn add_webhook(transaction: &Transaction<'_>, webhook: &Webhook) -> Result<(), Failure> {
    let effects: Vec<&str> = webhook.topics.iter().map(|topic| topic.as_str()).collect();
    let scope: Vec<&str> = webhook.scope.iter().map(UnitCode::as_str).collect();
    let added = transaction.execute(
        "INSERT INTO gk_webhook (id, url, secret, effects, scope, author, created_at, cursor, attempts, last_error)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, '') ON CONFLICT (id) DO NOTHING",
        params![
            webhook.id.0.to_string(),
            webhook.url,
            webhook.secret,
            effects.join(" "),
            scope.join(" "),
            webhook.author,
            time_text(webhook.created_at),
            clamped(webhook.delivery.cursor)
        ],
    )?;
    if added == 1 { note(transaction, &Action::AddWebhook(webhook), &webhook.author, webhook.created_at) } else { Ok(()) }
}

pub(super) fn end_webhook(transaction: &Transaction<'_>, id: WebhookId, author: &str, at: Timestamp) -> Result<bool, Failure> {
    let sql = "UPDATE gk_webhook SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL";
    let ended = transaction.execute(sql, (id.0.to_string(), time_text(at)))?;
    if ended == 1 {
        note(transaction, &Action::EndWebhook { id, at }, author, at)?;
    }
    Ok(ended == 1)
}

pub(super) fn load_webhooks(transaction: &Transaction<'_>) -> Result<Vec<Webhook>, Failure> {
    let mut statement = transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM gk_webhook ORDER BY id"))?;
    let mut rows = statement.query([])?;
    let mut webhooks = Vec::new();
    while let Some(row) = rows.next()? {
        webhooks.push(read_webhook(row)?);
    }
    Ok(webhooks)
}

pub(super) fn find_webhook(transaction: &Transaction<'_>, id: WebhookId) -> Result<Option<Webhook>, Failure> {
    let mut statement = transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM gk_webhook WHERE id = ?1"))?;
    let mut rows = statement.query([id.0.to_string()])?;
    rows.next()?.map(read_webhook).transpose()
}

/// Takes the webhooks that nobody else sends for.
pub(super) fn claim_webhooks(transaction: &Transaction<'_>, lease: Lease) -> Result<Vec<WebhookId>, Failure> {
    let sql = "UPDATE gk_webhook SET lease_holder = ?1, lease_until = ?3
         WHERE ended_at IS NULL AND (lease_holder IS NULL OR lease_holder = ?1 OR lease_until < ?2) RETURNING id";
    let mut statement = transaction.prepare_cached(sql)?;
    let mut rows = statement.query((lease.holder.to_string(), time_text(lease.now), time_text(lease.until)))?;
    let mut claimed = Vec::new();
    while let Some(row) = rows.next()? {
        claimed.push(WebhookId(uuid_of(&row.get::<_, String>(0)?)?));
    }
    claimed.sort_unstable();
    Ok(claimed)
}

pub(super) fn save_delivery(
    transaction: &Transaction<'_>,
    id: WebhookId,
    from: u64,
    delivery: &Delivery,
    letters: &[DeadLetter],
) -> Result<bool, Failure> {
    let kept = transaction
        .prepare_cached(
            "UPDATE gk_webhook SET cursor = ?2, attempts = ?3, failing_since = ?4, next_at = ?5, last_error = ?6
             WHERE id = ?1 AND cursor = ?7 AND (?8 IS NULL OR lease_holder = ?8)",
        )?
        .execute(params![
            id.0.to_string(),
            clamped(delivery.cursor),
            delivery.attempts,
            delivery.failing_since.map(time_text),
            delivery.next_at.map(time_text),
            delivery.last_error,
            clamped(from),
            delivery.sender().map(|holder| holder.to_string())
        ])?;
    if kept == 0 {
        return Ok(false);
    }
    if let Keeper::Replay { after, at } = delivery.keeper {
        replay(transaction, id, after, at)?;
    }
    let mut put = transaction.prepare_cached(
        "INSERT INTO gk_dead_letter (webhook, number, case_id, at, error, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (webhook, number) DO UPDATE SET at = excluded.at, error = excluded.error, state = excluded.state
         WHERE ?7 IS NULL OR gk_dead_letter.at = ?7",
    )?;
    for letter in letters {
        put.execute(params![
            id.0.to_string(),
            clamped(letter.number),
            letter.case.map(|case| case.0.to_string()),
            time_text(letter.at),
            letter.error,
            letter.state.as_str(),
            letter.read_at.map(time_text)
        ])?;
    }
    Ok(true)
}

/// Leaves the letters after an event to the cursor, or has the dead ones sent again.
fn replay(transaction: &Transaction<'_>, id: WebhookId, after: Option<u64>, at: Timestamp) -> Result<(), Failure> {
    let (id, at) = (id.0.to_string(), time_text(at));
    match after {
        Some(after) => {
            let sql = "UPDATE gk_dead_letter SET state = 'sent', at = ?2 WHERE webhook = ?1 AND number > ?3 AND state <> 'sent'";
            transaction.execute(sql, (id, at, clamped(after)))?;
        }
        None => {
            let sql = "UPDATE gk_dead_letter SET state = 'again', at = ?2 WHERE webhook = ?1 AND state IN ('dead', 'again')";
            transaction.execute(sql, (id, at))?;
        }
    }
    Ok(())
}

/// Returns the letters that were not sent yet, in the order of their events.
pub(super) fn load_dead_letters(transaction: &Transaction<'_>, id: WebhookId, limit: usize) -> Result<Vec<DeadLetter>, Failure> {
    let mut statement = transaction.prepare_cached(
        "SELECT number, case_id, at, error, state FROM gk_dead_letter WHERE webhook = ?1 AND state <> 'sent' ORDER BY number LIMIT ?2",
    )?;
    let mut rows = statement.query((id.0.to_string(), i64::try_from(limit).unwrap_or(i64::MAX)))?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        let state: String = row.get(4)?;
        let at = parse_time(&row.get::<_, String>(2)?).map_err(|e| corrupt("dead letter", &e))?;
        letters.push(DeadLetter {
            webhook: id,
            number: row.get(0)?,
            case: row.get::<_, Option<String>>(1)?.map(|case| uuid_of(&case)).transpose()?.map(CaseId),
            at,
            error: row.get(3)?,
            state: LetterState::parse(&state).ok_or_else(|| corrupt("dead letter", &format!("the state {state:?}")))?,
            read_at: Some(at),
        });
    }
    Ok(letters)
}

fn read_webhook(row: &Row<'_>) -> Result<Webhook, Failure> {
    let time = |at: usize| -> Result<Option<Timestamp>, Failure> {
        row.get::<_, Option<String>>(at)?.map(|text| parse_time(&text).map_err(|e| corrupt("webhook", &e))).transpose()
    };
    let (effects, scope): (String, String) = (row.get(3)?, row.get(4)?);
    let topic = |text: &str| Topic::parse(text).ok_or_else(|| corrupt("webhook", &format!("the effect {text:?}")));
    Ok(Webhook {
        id: WebhookId(uuid_of(&row.get::<_, String>(0)?)?),
        url: row.get(1)?,
        secret: row.get(2)?,
        topics: effects.split_whitespace().map(topic).collect::<Result<_, _>>()?,
        scope: scope.split_whitespace().map(UnitCode::parse).collect::<Result<_, _>>().map_err(|e| corrupt("webhook", &e))?,
        author: row.get(5)?,
        created_at: time(6)?.unwrap_or_default(),
        ended_at: time(7)?,
        delivery: Delivery {
            cursor: row.get(8)?,
            attempts: row.get(9)?,
            failing_since: time(10)?,
            next_at: time(11)?,
            last_error: row.get(12)?,
            keeper: Keeper::Anyone,
        },
    })
}

fn uuid_of(text: &str) -> Result<Uuid, Failure> {
    Uuid::parse_str(text).map_err(|e| corrupt("webhook", &e))
}

fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
