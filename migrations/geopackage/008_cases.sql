-- The life of cases: what each is now, its history, who reported it, and keys by which a report is known again.

-- Personal as well; empty where none was given. Reporters stand among the people under ids of their own.
ALTER TABLE gk_person ADD COLUMN email TEXT NOT NULL DEFAULT '';

-- What lists are filtered by; the history says the same. Null for a mere record, which has none.
ALTER TABLE gk_case ADD COLUMN state TEXT;
-- The number of its last event.
ALTER TABLE gk_case ADD COLUMN version INTEGER;
-- 1 while it has not ended, else 0.
ALTER TABLE gk_case ADD COLUMN is_open INTEGER;
-- 1 where text, media and exact position may be shown to all, else 0.
ALTER TABLE gk_case ADD COLUMN is_published INTEGER;
-- When the next of its clocks runs out; null while none runs.
ALTER TABLE gk_case ADD COLUMN due_at DATETIME;
-- Ids of departments that have it, each between line breaks.
ALTER TABLE gk_case ADD COLUMN departments TEXT;
-- The cell of some 110 m in which it lies, by which those near it are found.
ALTER TABLE gk_case ADD COLUMN cell INTEGER;
ALTER TABLE gk_case ADD COLUMN reporter INTEGER REFERENCES gk_person (key);
CREATE INDEX gk_case_by_cell ON gk_case (cell, reported_at) WHERE cell IS NOT NULL;
CREATE INDEX gk_case_published ON gk_case (reported_at) WHERE is_published = 1;
CREATE INDEX gk_case_open ON gk_case (id) WHERE is_open = 1;
CREATE INDEX gk_case_by_due ON gk_case (due_at) WHERE is_open = 1;

-- What happened to cases; rows are only added. The numbers grow in the order of writing, so that who follows them misses none.
CREATE TABLE gk_case_event (
  number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  case_id TEXT NOT NULL,
  reported_at DATETIME NOT NULL,
  seq INTEGER NOT NULL,
  at DATETIME NOT NULL,
  author TEXT NOT NULL,
  role TEXT NOT NULL,
  action TEXT NOT NULL,
  effect TEXT NOT NULL,
  state TEXT NOT NULL,
  is_end INTEGER NOT NULL,
  facts TEXT NOT NULL,
  UNIQUE (case_id, seq)
);

-- Addresses to which events are sent, by whom, and how far that is.
CREATE TABLE gk_webhook (
  id TEXT NOT NULL PRIMARY KEY,
  url TEXT NOT NULL,
  secret BLOB NOT NULL,
  effects TEXT NOT NULL,
  scope TEXT NOT NULL,
  author TEXT NOT NULL,
  created_at DATETIME NOT NULL,
  ended_at DATETIME,
  cursor INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  failing_since DATETIME,
  next_at DATETIME,
  last_error TEXT NOT NULL,
  lease_holder TEXT,
  lease_until DATETIME
);

-- Events that could not be sent. The state is dead, again or sent.
CREATE TABLE gk_dead_letter (
  webhook TEXT NOT NULL REFERENCES gk_webhook (id),
  number INTEGER NOT NULL,
  case_id TEXT NOT NULL,
  at DATETIME NOT NULL,
  error TEXT NOT NULL,
  state TEXT NOT NULL,
  PRIMARY KEY (webhook, number)
) WITHOUT ROWID;

-- Keys under which reports were sent and what they were, as SHA-256, so that a report that is sent again is taken in once.
CREATE TABLE gk_case_token (
  key BLOB NOT NULL PRIMARY KEY,
  body BLOB NOT NULL,
  case_id TEXT NOT NULL,
  at DATETIME NOT NULL
) WITHOUT ROWID;
