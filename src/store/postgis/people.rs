//! The one table with personal fields.

use deadpool_postgres::Transaction;
use jiff::Timestamp;

use super::connection::Failure;
use super::keys::note_change;
use super::photos::erase_photo;
use super::roster::worker_id;
use super::values::{Time, to_text};
use crate::dispatch::{PhotoId, WorkerId};
use crate::store::audit::Action;
use crate::store::case_records::PhotoFile;
use crate::store::records::{ErasureReason, PersonDigest, PersonRecord};

/// What makes a row blank.
const IS_BLANK: &str = "name = '' AND phone = '' AND email = ''";

/// Who reported a case leaves with its end.
const ENDED: &str = "SELECT c.reporter AS person, max(e.at) AS at FROM gk_case AS c
     JOIN gk_case_event AS e ON e.case_id = c.id AND e.seq = c.version
     WHERE c.reporter IS NOT NULL AND c.is_open = 0 GROUP BY c.reporter";

pub(super) async fn load_people(tx: &Transaction<'_>) -> Result<Vec<PersonRecord>, Failure> {
    let sql = format!(
        "SELECT p.worker_id, {IS_BLANK},
                EXISTS (SELECT 1 FROM gk_worker AS w WHERE w.person = p.key AND w.to_roster IS NULL),
                coalesce(
                  (SELECT max(r.created_at) FROM gk_worker AS w JOIN gk_roster AS r ON r.number = w.to_roster WHERE w.person = p.key),
                  ended.at)
         FROM gk_person AS p LEFT JOIN ({ENDED}) AS ended ON ended.person = p.key"
    );
    let mut people = Vec::new();
    for row in tx.query(&sql, &[]).await? {
        let (is_blank, is_on_roster): (bool, bool) = (row.get(1), row.get(2));
        let left_at = row.try_get::<_, Option<Time>>(3)?.map(|time| time.0).filter(|_| !is_on_roster);
        people.push(PersonRecord { id: worker_id(row.get(0)), is_blank, is_on_roster, left_at });
    }
    // Photos may show people, and leave with the end of their case as well.
    let sql = "SELECT o.id, o.erased_at IS NOT NULL, e.at FROM gk_photo AS o JOIN gk_case AS c ON c.id = o.case_id
         LEFT JOIN gk_case_event AS e ON e.case_id = c.id AND e.reported_at = c.reported_at AND e.seq = c.version AND c.is_open = 0";
    for row in tx.query(sql, &[]).await? {
        let left_at = row.try_get::<_, Option<Time>>(2)?.map(|time| time.0);
        people.push(PersonRecord { id: PhotoFile::person(PhotoId(row.get(0))), is_blank: row.get(1), is_on_roster: false, left_at });
    }
    // The escape for what PostgreSQL cannot hold sorts elsewhere than what it stands for.
    people.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(people)
}

pub(super) async fn erase_person(
    tx: &Transaction<'_>,
    id: &WorkerId,
    reason: ErasureReason,
    author: &str,
    at: Timestamp,
) -> Result<bool, Failure> {
    if let Some(photo) = PhotoFile::of_person(id) {
        return erase_photo(tx, photo, reason, author, at).await;
    }
    let sql = format!("UPDATE gk_person SET name = '', phone = '', email = '' WHERE worker_id = $1 AND NOT ({IS_BLANK})");
    tx.execute("DELETE FROM gk_position WHERE worker = (SELECT key FROM gk_person WHERE worker_id = $1)", &[&to_text(&id.0)]).await?;
    let is_erased = tx.execute(&sql, &[&to_text(&id.0)]).await? > 0;
    if is_erased {
        note_change(tx, &Action::ErasePerson { person: PersonDigest::of(id), reason }, author, at).await?;
        let sql = "SELECT o.id FROM gk_photo AS o JOIN gk_case AS c ON c.id = o.case_id JOIN gk_person AS p ON p.key = c.reporter
             WHERE p.worker_id = $1 AND o.erased_at IS NULL ORDER BY o.id";
        for row in tx.query(sql, &[&to_text(&id.0)]).await? {
            erase_photo(tx, PhotoId(row.get(0)), reason, author, at).await?;
        }
    }
    Ok(is_erased)
}

#[cfg(test)]
mod tests {
    use crate::store::PostgisStore;
    use crate::store::postgis::scratch::Scratch;

    #[test]
    fn nobody_whom_a_case_may_name_is_taken_out_of_the_table() {
        let Some(database) = Scratch::create() else { return };
        PostgisStore::open_or_create(database.address()).unwrap();
        database.run("INSERT INTO gk_person (key, worker_id, name, phone) VALUES (1, 'W1', 'a', '')");
        for statement in ["DELETE FROM gk_person", "UPDATE gk_person SET key = 2", "TRUNCATE gk_person CASCADE"] {
            let told = database.refuse(statement);
            assert!(told.contains("cases name who stands in it"), "{statement}: {told}");
        }
        database.run("UPDATE gk_person SET name = '' WHERE key = 1");
    }
}
