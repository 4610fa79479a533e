-- What was done to drafts, entry by entry; rows are only added. What a draft is follows from its generation and these.
CREATE TABLE gk_draft_entry (
  layer TEXT NOT NULL,
  -- The number of the generation that is the draft.
  draft INTEGER NOT NULL,
  -- Counted from 1 within the draft.
  revision INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  author TEXT NOT NULL,
  at DATETIME NOT NULL,
  PRIMARY KEY (layer, draft, revision)
);
