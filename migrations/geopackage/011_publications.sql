-- That generations were published, as events beside those of cases: both are numbered together.
CREATE TABLE gk_publication (
  number INTEGER NOT NULL PRIMARY KEY,
  layer TEXT NOT NULL,
  generation INTEGER NOT NULL,
  UNIQUE (layer, generation)
);

-- Events that could not be sent, without a case where they are publications. The state is dead, again or sent.
CREATE TABLE gk_dead_letter_of_all (
  webhook TEXT NOT NULL REFERENCES gk_webhook (id),
  number INTEGER NOT NULL,
  case_id TEXT,
  at DATETIME NOT NULL,
  error TEXT NOT NULL,
  state TEXT NOT NULL,
  PRIMARY KEY (webhook, number)
) WITHOUT ROWID;
INSERT INTO gk_dead_letter_of_all (webhook, number, case_id, at, error, state)
  SELECT webhook, number, case_id, at, error, state FROM gk_dead_letter;
DROP TABLE gk_dead_letter;
ALTER TABLE gk_dead_letter_of_all RENAME TO gk_dead_letter;
