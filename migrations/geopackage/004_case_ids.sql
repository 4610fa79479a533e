-- Ids of cases that were taken out of the store this one is a copy of, so that a case that is sent again stays known.
CREATE TABLE gk_case_id (
  id TEXT NOT NULL PRIMARY KEY,
  reported_at DATETIME NOT NULL
);
