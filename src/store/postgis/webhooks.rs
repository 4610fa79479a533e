//! Webhooks, how far each is, and their dead letters.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;

use super::connection::{Failure, corrupt};
use super::keys::note;
use super::values::{Time, from_text, to_text};
use crate::boundary::UnitCode;
use crate::dispatch::CaseId;
use crate::store::audit::Action;
use crate::store::webhooks::{DeadLetter, Delivery, Keeper, Lease, LetterState, Topic, Webhook, WebhookId};

const COLUMNS: &str = "id, url, secret, effects, scope, author, created_at, ended_at, cursor, attempts, failing_since, next_at, last_error";

pub(super) async fn add_webhook(tx: &Transaction<'_>, webhook: &Webhook) -> Result<(), Failure> {
    let effects = webhook.topics.iter().map(|topic| topic.as_str()).collect::<Vec<_>>().join(" ");
    let scope = webhook.scope.iter().map(UnitCode::as_str).collect::<Vec<_>>().join(" ");
    let added = tx
        .execute(
            "INSERT INTO gk_webhook (id, url, secret, effects, scope, author, created_at, cursor, attempts, last_error)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, '') ON CONFLICT (id) DO NOTHING",
            &[
                &webhook.id.0,
                &to_text(&webhook.url),
                &webhook.secret,
                &effects,
                &scope,
                &to_text(&webhook.author),
                &Time(webhook.created_at),
                &clamped(webhook.delivery.cursor),
            ],
        )
        .await?;
    if added == 1 { note(tx, &Action::AddWebhook(webhook), &webhook.author, webhook.created_at).await } else { Ok(()) }
}

pub(super) async fn end_webhook(tx: &Transaction<'_>, id: WebhookId, author: &str, at: Timestamp) -> Result<bool, Failure> {
    let ended = tx.execute("UPDATE gk_webhook SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL", &[&id.0, &Time(at)]).await?;
    if ended == 1 {
        note(tx, &Action::EndWebhook { id, at }, author, at).await?;
    }
    Ok(ended == 1)
}

pub(super) async fn load_webhooks(tx: &Transaction<'_>) -> Result<Vec<Webhook>, Failure> {
    let rows = tx.query(&format!("SELECT {COLUMNS} FROM gk_webhook ORDER BY id"), &[]).await?;
    rows.iter().map(read_webhook).collect()
}

pub(super) async fn find_webhook(tx: &Transaction<'_>, id: WebhookId) -> Result<Option<Webhook>, Failure> {
    tx.query_opt(&format!("SELECT {COLUMNS} FROM gk_webhook WHERE id = $1"), &[&id.0]).await?.as_ref().map(read_webhook).transpose()
}

/// Takes the webhooks that nobody else sends for.
pub(super) async fn claim_webhooks(tx: &Transaction<'_>, lease: Lease) -> Result<Vec<WebhookId>, Failure> {
    let sql = "UPDATE gk_webhook SET lease_holder = $1, lease_until = $3
         WHERE ended_at IS NULL AND (lease_holder IS NULL OR lease_holder = $1 OR lease_until < $2) RETURNING id";
    let rows = tx.query(sql, &[&lease.holder, &Time(lease.now), &Time(lease.until)]).await?;
    let mut claimed: Vec<WebhookId> = rows.iter().map(|row| WebhookId(row.get(0))).collect();
    claimed.sort_unstable();
    Ok(claimed)
}

pub(super) async fn save_delivery(
    tx: &Transaction<'_>,
    id: WebhookId,
    from: u64,
    delivery: &Delivery,
    letters: &[DeadLetter],
) -> Result<bool, Failure> {
    let attempts = i32::try_from(delivery.attempts).unwrap_or(i32::MAX);
    let kept = tx
        .execute(
            "UPDATE gk_webhook SET cursor = $2, attempts = $3, failing_since = $4, next_at = $5, last_error = $6
             WHERE id = $1 AND cursor = $7 AND ($8::uuid IS NULL OR lease_holder = $8)",
            &[
                &id.0,
                &clamped(delivery.cursor),
                &attempts,
                &delivery.failing_since.map(Time),
                &delivery.next_at.map(Time),
                &to_text(&delivery.last_error),
                &clamped(from),
                &delivery.sender(),
            ],
        )
        .await?;
    if kept == 0 {
        return Ok(false);
    }
    if let Keeper::Replay { after, at } = delivery.keeper {
        replay(tx, id, after, at).await?;
    }
    for letter in letters {
        tx.execute(
            "INSERT INTO gk_dead_letter (webhook, number, case_id, at, error, state) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (webhook, number) DO UPDATE SET at = excluded.at, error = excluded.error, state = excluded.state
             WHERE $7::timestamptz IS NULL OR gk_dead_letter.at = $7",
            &[
                &id.0,
                &clamped(letter.number),
                &letter.case.map(|case| case.0),
                &Time(letter.at),
                &to_text(&letter.error),
                &letter.state.as_str(),
                &letter.read_at.map(Time),
            ],
        )
        .await?;
    }
    Ok(true)
}

/// Leaves the letters after an event to the cursor, or has the dead ones sent again.
async fn replay(tx: &Transaction<'_>, id: WebhookId, after: Option<u64>, at: Timestamp) -> Result<(), Failure> {
    match after {
        Some(after) => {
            let sql = "UPDATE gk_dead_letter SET state = 'sent', at = $2 WHERE webhook = $1 AND number > $3 AND state <> 'sent'";
            tx.execute(sql, &[&id.0, &Time(at), &clamped(after)]).await?;
        }
        None => {
            let sql = "UPDATE gk_dead_letter SET state = 'again', at = $2 WHERE webhook = $1 AND state IN ('dead', 'again')";
            tx.execute(sql, &[&id.0, &Time(at)]).await?;
        }
    }
    Ok(())
}

/// Returns the letters that were not sent yet, in the order of their events.
pub(super) async fn load_dead_letters(tx: &Transaction<'_>, id: WebhookId, limit: usize) -> Result<Vec<DeadLetter>, Failure> {
    let sql =
        "SELECT number, case_id, at, error, state FROM gk_dead_letter WHERE webhook = $1 AND state <> 'sent' ORDER BY number LIMIT $2";
    let rows = tx.query(sql, &[&id.0, &i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
    let letter = |row: &Row| {
        let state: &str = row.get(4);
        let at = row.try_get::<_, Time>(2)?.0;
        Ok(DeadLetter {
            webhook: id,
            number: u64::try_from(row.get::<_, i64>(0)).map_err(|e| corrupt("dead letter", &e))?,
            case: row.get::<_, Option<uuid::Uuid>>(1).map(CaseId),
            at,
            error: from_text(row.get(3)),
            state: LetterState::parse(state).ok_or_else(|| corrupt("dead letter", &format!("the state {state:?}")))?,
            read_at: Some(at),
        })
    };
    rows.iter().map(letter).collect()
}

fn read_webhook(row: &Row) -> Result<Webhook, Failure> {
    let (effects, scope): (&str, &str) = (row.get(3), row.get(4));
    let topic = |text: &str| Topic::parse(text).ok_or_else(|| corrupt("webhook", &format!("the effect {text:?}")));
    let time = |at: usize| -> Result<Option<Timestamp>, Failure> { Ok(row.try_get::<_, Option<Time>>(at)?.map(|time| time.0)) };
    Ok(Webhook {
        id: WebhookId(row.get(0)),
        url: from_text(row.get(1)),
        secret: row.get(2),
        topics: effects.split_whitespace().map(topic).collect::<Result<_, _>>()?,
        scope: scope.split_whitespace().map(UnitCode::parse).collect::<Result<_, _>>().map_err(|e| corrupt("webhook", &e))?,
        author: from_text(row.get(5)),
        created_at: row.try_get::<_, Time>(6)?.0,
        ended_at: time(7)?,
        delivery: Delivery {
            cursor: u64::try_from(row.get::<_, i64>(8)).map_err(|e| corrupt("webhook", &e))?,
            attempts: u32::try_from(row.get::<_, i32>(9)).map_err(|e| corrupt("webhook", &e))?,
            failing_since: time(10)?,
            next_at: time(11)?,
            last_error: from_text(row.get(12)),
            keeper: Keeper::Anyone,
        },
    })
}

fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
