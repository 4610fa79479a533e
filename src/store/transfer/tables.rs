//! The tables that both SQL back ends have, name for name.

/// What a column holds. Any column may hold nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Integer,
    Real,
    /// A text of the program's own making: a code, a name of a level, a word of a list.
    Code,
    /// A text as somebody gave it, with any character in it.
    Text,
    /// Kept letter by letter: the order of its members and the digits of its numbers count.
    Json,
    Bytes,
    Time,
    Uuid,
    /// A multipolygon, every coordinate bit for bit.
    Boundary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    /// Those of the key come first.
    pub columns: &'static [Column],
    pub key_columns: usize,
}

impl Table {
    pub fn key(&self) -> &'static [Column] {
        &self.columns[..self.key_columns]
    }

    pub fn rest(&self) -> &'static [Column] {
        &self.columns[self.key_columns..]
    }

    /// Returns the column's place in a row.
    pub fn place_of(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == column)
    }
}

macro_rules! table {
    ($name:literal, $keys:literal, $($column:ident: $kind:ident),+) => {
        Table { name: $name, columns: &[$(Column { name: stringify!($column), kind: Kind::$kind }),+], key_columns: $keys }
    };
}

/// All that is copied, in the order in which it is: a row comes after those that it refers to, generations after all that they show,
/// so that nothing of one is seen before all of it is there, and the audit log last, so that it tells how far a copy is.
pub static TABLES: [Table; 33] = [
    table!("gk_level", 1, key: Integer, layer: Code, level: Code),
    table!("gk_unit", 1, key: Integer, level: Integer, code: Code, id: Uuid),
    table!("gk_person", 1, key: Integer, worker_id: Text, name: Text, phone: Text, email: Text),
    table!(
        "gk_unit_version", 1,
        fid: Integer, unit: Integer, level: Integer, from_generation: Integer, to_generation: Integer, valid_from: Time, valid_to: Time,
        name: Text, parent: Code, properties: Json, fingerprint: Bytes, geom: Boundary
    ),
    table!("gk_roster", 1, number: Integer, created_at: Time, author: Text, layer: Code, generation: Integer),
    table!("gk_worker", 1, key: Integer, person: Integer, from_roster: Integer, to_roster: Integer),
    table!(
        "gk_assignment", 1,
        key: Integer, unit_code: Code, person: Integer, post: Code, department: Text, valid_from: Time, valid_to: Time, shift: Code,
        from_roster: Integer, to_roster: Integer
    ),
    table!("gk_rules", 1, number: Integer, kind: Code, created_at: Time, effective_from: Time, author: Text),
    table!(
        "gk_category", 1,
        key: Integer, place: Integer, code: Code, major: Code, major_name: Text, name: Text, condition: Text, filing: Text, closing: Text,
        zone: Text, dispatch_limit: Code, handle_limit: Code, check_limit: Code, total_limit: Code, private: Integer, skill: Text,
        valid_from: Time, valid_to: Time, from_rules: Integer, to_rules: Integer
    ),
    table!(
        "gk_responsibility", 1,
        key: Integer, place: Integer, category: Code, unit_code: Code, role: Code, rank: Integer, department_id: Text, department: Text,
        valid_from: Time, valid_to: Time, from_rules: Integer, to_rules: Integer
    ),
    table!(
        "gk_calendar", 1,
        key: Integer, place: Integer, calendar: Text, kind: Code, days: Code, hours: Code, time_zone: Text, work_day_hours: Integer,
        unit_code: Code, zone: Text, note: Text, valid_from: Time, valid_to: Time, from_rules: Integer, to_rules: Integer
    ),
    table!(
        "gk_cost", 1,
        key: Integer, place: Integer, unit_code: Code, post: Code, monthly_cents: Integer, note: Text, valid_from: Time, valid_to: Time,
        from_rules: Integer, to_rules: Integer
    ),
    table!(
        "gk_fund", 1,
        key: Integer, place: Integer, source: Text, kind: Code, amount_cents: Integer, unit_code: Code, post: Code, note: Text,
        valid_from: Time, valid_to: Time, from_rules: Integer, to_rules: Integer
    ),
    table!(
        "gk_load", 1,
        key: Integer, place: Integer, unit_code: Code, name: Text, value: Real, note: Text, valid_from: Time, valid_to: Time,
        from_rules: Integer, to_rules: Integer
    ),
    table!("gk_key", 1, hash: Bytes, role: Code, scope: Code, layers: Code, note: Text, worker: Text, created_at: Time, expires_at: Time, revoked_at: Time),
    table!("gk_note", 1, name: Text, text: Text),
    table!(
        "gk_case", 1,
        id: Uuid, district: Code, reported_at: Time, lon: Real, lat: Real, given: Text, category: Text, description: Text, source: Text,
        grid: Code, generation: Integer, holder: Integer, state: Text, version: Integer, is_open: Integer, is_published: Integer, due_at: Time,
        departments: Text, cell: Integer, reporter: Integer, alarm_at: Time, border_m: Real, people: Text,
        part_until: Time, is_long: Integer
    ),
    // Here the ids of cases that were taken out: those of the others stand with the cases.
    table!("gk_case_id", 1, id: Uuid, reported_at: Time),
    table!(
        "gk_case_event", 1,
        number: Integer, case_id: Uuid, reported_at: Time, seq: Integer, at: Time, author: Text, role: Code, action: Text, effect: Code,
        state: Text, is_end: Integer, facts: Json
    ),
    table!(
        "gk_photo", 1,
        id: Uuid, case_id: Uuid, at: Time, author: Text, role: Code, media_type: Code, width: Integer, height: Integer, sha256: Bytes,
        erased_at: Time, bytes: Bytes
    ),
    table!(
        "gk_webhook", 1,
        id: Uuid, url: Text, secret: Bytes, effects: Code, scope: Code, author: Text, created_at: Time, ended_at: Time, cursor: Integer,
        attempts: Integer, failing_since: Time, next_at: Time, last_error: Text
    ),
    table!(
        "gk_dead_letter", 2,
        webhook: Uuid, number: Integer, case_id: Uuid, at: Time, error: Text, state: Code
    ),
    table!("gk_notice", 3, worker: Integer, number: Integer, kind: Code, case_id: Uuid, at: Time),
    table!(
        "gk_entry", 1,
        id: Uuid, kind: Code, at: Time, author: Text, lon: Real, lat: Real, radius_m: Real, unit_code: Code, worker: Integer, case_id: Uuid,
        text: Text, expires_at: Time, ended_at: Time, ended_by: Text, ended_text: Text
    ),
    table!("gk_address_table", 1, number: Integer, created_at: Time, author: Text),
    table!(
        "gk_address", 1,
        key: Integer, kind: Code, zone: Text, street: Text, plate: Text, name: Text, alias: Text, lon: Real, lat: Real, from_table: Integer,
        to_table: Integer
    ),
    table!("gk_case_token", 1, key: Bytes, body: Bytes, case_id: Uuid, at: Time),
    table!(
        "gk_generation", 1,
        key: Integer, layer: Code, number: Integer, state: Code, effective_from: Time, created_at: Time, author: Text, note: Text,
        parent: Integer, restores: Integer, levels: Json, scheme: Json, accepted: Code, seal: Bytes
    ),
    table!("gk_publication", 1, number: Integer, layer: Code, generation: Integer),
    table!("gk_draft_unit", 2, generation: Integer, version: Integer),
    table!("gk_draft_entry", 3, layer: Code, draft: Integer, revision: Integer, kind: Code, body: Text, author: Text, at: Time),
    table!("gk_audit", 1, number: Integer, at: Time, author: Text, action: Code, subject: Text, before: Text, after: Text),
    // One row without a key; it is set when all else is verified.
    table!("gk_version", 0, number: Integer),
];
