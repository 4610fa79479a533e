-- Photos of cases. Their bytes are personal, as they may show people: they are taken out when a photo is erased, and the row stays.
CREATE TABLE gk_photo (
  id TEXT NOT NULL PRIMARY KEY,
  case_id TEXT NOT NULL,
  at DATETIME NOT NULL,
  author TEXT NOT NULL,
  role TEXT NOT NULL,
  media_type TEXT NOT NULL,
  -- As it is shown, pixels.
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  -- Of the bytes as they are kept.
  sha256 BLOB NOT NULL,
  erased_at DATETIME,
  -- Null where they were erased. The last column, so that the others are read without it.
  bytes BLOB
);
CREATE INDEX gk_photo_by_case ON gk_photo (case_id);
