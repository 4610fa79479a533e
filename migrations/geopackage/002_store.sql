-- What gridkeeper keeps. Its tables begin with gk_, which no feature table does.
-- Nothing is deleted: rows end. Times are UTC to the millisecond, in the form that GeoPackage asks of DATETIME.

-- One row, counted up by every write that running services must follow.
CREATE TABLE gk_version (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  number INTEGER NOT NULL
);
INSERT INTO gk_version VALUES (1, 0);

-- Who wrote what, and when.
CREATE TABLE gk_audit (
  number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  at DATETIME NOT NULL,
  author TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL
);

-- Named texts beside the data.
CREATE TABLE gk_note (
  name TEXT NOT NULL PRIMARY KEY,
  text TEXT NOT NULL
);

-- Every level of every layer that ever had a unit, and the view under which a GIS sees it.
CREATE TABLE gk_level (
  key INTEGER NOT NULL PRIMARY KEY,
  layer TEXT NOT NULL,
  level TEXT NOT NULL,
  view_name TEXT NOT NULL UNIQUE,
  UNIQUE (layer, level)
);

-- Generations are counted within their layer. levels and scheme are JSON; accepted lists kinds of fault.
CREATE TABLE gk_generation (
  key INTEGER NOT NULL PRIMARY KEY,
  layer TEXT NOT NULL,
  number INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('draft', 'published')),
  effective_from DATETIME NOT NULL,
  created_at DATETIME NOT NULL,
  author TEXT NOT NULL,
  note TEXT NOT NULL,
  parent INTEGER,
  levels TEXT NOT NULL,
  scheme TEXT,
  accepted TEXT NOT NULL,
  UNIQUE (layer, number)
);

-- A unit's id and code, bound to each other forever.
CREATE TABLE gk_unit (
  key INTEGER NOT NULL PRIMARY KEY,
  level INTEGER NOT NULL REFERENCES gk_level (key),
  code TEXT NOT NULL,
  id TEXT NOT NULL UNIQUE,
  UNIQUE (level, code)
);

-- What a unit was, from one published generation until another, which no longer has it so.
-- A version that only a draft has begins and ends with the draft's number, so that no published generation has it.
CREATE TABLE gk_unit_version (
  fid INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  unit INTEGER NOT NULL REFERENCES gk_unit (key),
  level INTEGER NOT NULL REFERENCES gk_level (key),
  from_generation INTEGER NOT NULL,
  to_generation INTEGER,
  valid_from DATETIME NOT NULL,
  valid_to DATETIME,
  name TEXT NOT NULL,
  parent TEXT,
  properties TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  geom MULTIPOLYGON NOT NULL
);
CREATE INDEX gk_unit_version_by_level ON gk_unit_version (level, to_generation);
CREATE INDEX gk_unit_version_by_unit ON gk_unit_version (unit);

-- All units of a draft, those that it shares with published generations too.
CREATE TABLE gk_draft_unit (
  generation INTEGER NOT NULL REFERENCES gk_generation (key),
  version INTEGER NOT NULL REFERENCES gk_unit_version (fid),
  PRIMARY KEY (generation, version)
) WITHOUT ROWID;

-- The generation of each layer that is in effect now; a future one takes over by itself.
CREATE VIEW gk_current AS
  SELECT layer, max(number) AS number
  FROM gk_generation
  WHERE state = 'published' AND effective_from <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  GROUP BY layer;

-- The only table with personal fields. Everything else refers to its key, so that a row can be blanked and history stays.
CREATE TABLE gk_person (
  key INTEGER NOT NULL PRIMARY KEY,
  worker_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  phone TEXT NOT NULL
);

CREATE TABLE gk_roster (
  number INTEGER NOT NULL PRIMARY KEY,
  created_at DATETIME NOT NULL,
  author TEXT NOT NULL
);

CREATE TABLE gk_worker (
  key INTEGER NOT NULL PRIMARY KEY,
  person INTEGER NOT NULL REFERENCES gk_person (key),
  from_roster INTEGER NOT NULL REFERENCES gk_roster (number),
  to_roster INTEGER REFERENCES gk_roster (number)
);
CREATE INDEX gk_worker_live ON gk_worker (person) WHERE to_roster IS NULL;

CREATE TABLE gk_assignment (
  key INTEGER NOT NULL PRIMARY KEY,
  unit_code TEXT NOT NULL,
  person INTEGER NOT NULL REFERENCES gk_person (key),
  post TEXT NOT NULL,
  department TEXT NOT NULL,
  valid_from DATETIME NOT NULL,
  valid_to DATETIME,
  shift TEXT NOT NULL,
  from_roster INTEGER NOT NULL REFERENCES gk_roster (number),
  to_roster INTEGER REFERENCES gk_roster (number)
);
CREATE INDEX gk_assignment_live ON gk_assignment (unit_code) WHERE to_roster IS NULL;

CREATE TABLE gk_case (
  key INTEGER NOT NULL PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  lon DOUBLE NOT NULL,
  lat DOUBLE NOT NULL,
  given TEXT NOT NULL,
  category TEXT NOT NULL,
  description TEXT NOT NULL,
  source TEXT NOT NULL,
  reported_at DATETIME NOT NULL,
  grid TEXT,
  generation INTEGER,
  holder INTEGER REFERENCES gk_person (key)
);
CREATE INDEX gk_case_by_grid ON gk_case (grid);
CREATE INDEX gk_case_by_time ON gk_case (reported_at);

CREATE TABLE gk_key (
  hash BLOB NOT NULL PRIMARY KEY,
  role TEXT NOT NULL,
  scope TEXT NOT NULL,
  note TEXT NOT NULL,
  created_at DATETIME NOT NULL,
  revoked_at DATETIME
);

-- One registered table without geometry tells GDAL to list only what is registered, so that none of the others shows.
INSERT INTO gpkg_contents (table_name, data_type, identifier, description)
VALUES ('gk_generation', 'attributes', 'gk_generation', 'The published versions of the boundaries');
