-- The rules of dispatch: tables of categories, responsibilities and calendars, each import with all of its rows.
-- A row goes on from import to import of its kind where it stays the same in the same place.

CREATE TABLE gk_rules (
  number INTEGER NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('categories', 'responsibilities', 'calendars', 'costs', 'funds', 'loads')),
  created_at DATETIME NOT NULL,
  effective_from DATETIME NOT NULL,
  author TEXT NOT NULL
);

-- A filing condition of a category. Limits read like `2 work_day`; null where there is none.
CREATE TABLE gk_category (
  key INTEGER NOT NULL PRIMARY KEY,
  place INTEGER NOT NULL,
  code TEXT NOT NULL,
  major TEXT,
  major_name TEXT NOT NULL,
  name TEXT NOT NULL,
  condition TEXT NOT NULL,
  filing TEXT NOT NULL,
  closing TEXT NOT NULL,
  zone TEXT,
  dispatch_limit TEXT,
  handle_limit TEXT,
  check_limit TEXT,
  total_limit TEXT,
  private INTEGER NOT NULL,
  valid_from DATETIME,
  valid_to DATETIME,
  from_rules INTEGER NOT NULL REFERENCES gk_rules (number),
  to_rules INTEGER REFERENCES gk_rules (number)
);

-- A department of a rule. A null category is all of them, a null unit everywhere.
CREATE TABLE gk_responsibility (
  key INTEGER NOT NULL PRIMARY KEY,
  place INTEGER NOT NULL,
  category TEXT,
  unit_code TEXT,
  role TEXT NOT NULL,
  rank INTEGER NOT NULL,
  department_id TEXT NOT NULL,
  department TEXT NOT NULL,
  valid_from DATETIME,
  valid_to DATETIME,
  from_rules INTEGER NOT NULL REFERENCES gk_rules (number),
  to_rules INTEGER REFERENCES gk_rules (number)
);

-- What posts cost, in hundredths of the currency for one person and month. A null unit is everywhere, a null post every one.
CREATE TABLE gk_cost (
  key INTEGER NOT NULL PRIMARY KEY,
  place INTEGER NOT NULL,
  unit_code TEXT,
  post TEXT,
  monthly_cents INTEGER NOT NULL,
  note TEXT NOT NULL,
  valid_from DATETIME,
  valid_to DATETIME,
  from_rules INTEGER NOT NULL REFERENCES gk_rules (number),
  to_rules INTEGER REFERENCES gk_rules (number)
);

-- Who pays for them: an amount for the time between its dates.
CREATE TABLE gk_fund (
  key INTEGER NOT NULL PRIMARY KEY,
  place INTEGER NOT NULL,
  source TEXT NOT NULL,
  kind TEXT NOT NULL,
  amount_cents INTEGER NOT NULL,
  unit_code TEXT,
  post TEXT,
  note TEXT NOT NULL,
  valid_from DATETIME,
  valid_to DATETIME,
  from_rules INTEGER NOT NULL REFERENCES gk_rules (number),
  to_rules INTEGER REFERENCES gk_rules (number)
);

-- Figures of units that are kept elsewhere.
CREATE TABLE gk_load (
  key INTEGER NOT NULL PRIMARY KEY,
  place INTEGER NOT NULL,
  unit_code TEXT NOT NULL,
  name TEXT NOT NULL,
  value REAL NOT NULL,
  note TEXT NOT NULL,
  valid_from DATETIME,
  valid_to DATETIME,
  from_rules INTEGER NOT NULL REFERENCES gk_rules (number),
  to_rules INTEGER REFERENCES gk_rules (number)
);

-- Hours of a week, a holiday, a make-up day, or a unit with its calendar and zone.
CREATE TABLE gk_calendar (
  key INTEGER NOT NULL PRIMARY KEY,
  place INTEGER NOT NULL,
  calendar TEXT,
  kind TEXT NOT NULL,
  days TEXT,
  hours TEXT,
  time_zone TEXT,
  work_day_hours INTEGER,
  unit_code TEXT,
  zone TEXT,
  note TEXT NOT NULL,
  valid_from DATETIME,
  valid_to DATETIME,
  from_rules INTEGER NOT NULL REFERENCES gk_rules (number),
  to_rules INTEGER REFERENCES gk_rules (number)
);
