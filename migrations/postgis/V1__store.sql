-- What gridkeeper keeps, for any number of services at once. Tables begin with gk_.
-- Nothing is deleted: rows end. Times are kept to the millisecond.
-- Texts that order answers are compared by their bytes, as every other back end does: COLLATE "C".

CREATE EXTENSION IF NOT EXISTS postgis;

CREATE TABLE gk_version (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  number bigint NOT NULL
);
COMMENT ON TABLE gk_version IS 'One row, counted up by every write that running services must follow';
COMMENT ON COLUMN gk_version.one IS 'Always true, so that there is one row';
COMMENT ON COLUMN gk_version.number IS 'Grows with every generation, roster, table of rules, key and note; also sent by NOTIFY gridkeeper';
INSERT INTO gk_version (number) VALUES (0);

CREATE TABLE gk_audit_counter (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  number bigint NOT NULL
);
COMMENT ON TABLE gk_audit_counter IS 'The number of the last audit entry; its row lock puts the entries of writers at once in one order';
COMMENT ON COLUMN gk_audit_counter.one IS 'Always true, so that there is one row';
COMMENT ON COLUMN gk_audit_counter.number IS 'The last number given';
INSERT INTO gk_audit_counter (number) VALUES (0);

CREATE TABLE gk_audit (
  number bigint NOT NULL,
  at timestamptz NOT NULL,
  author text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  before text,
  after text,
  PRIMARY KEY (number, at)
) PARTITION BY RANGE (at);
COMMENT ON TABLE gk_audit IS 'Who wrote what, and when; a partition a month';
COMMENT ON COLUMN gk_audit.number IS 'Grows in the order of writing';
COMMENT ON COLUMN gk_audit.at IS 'When it was written, as the writer''s clock says';
COMMENT ON COLUMN gk_audit.author IS 'Who wrote';
COMMENT ON COLUMN gk_audit.action IS 'publish, draft, open_draft, edit_draft, approve_draft, publish_draft, withdraw_draft, replace_roster, replace_categories, replace_responsibilities, replace_calendars, replace_costs, replace_funds, replace_addresses, add_cases, add_webhook, end_webhook, add_ruling, end_ruling, report_border, settle_border_report, give_consent, withdraw_consent, add_skill, end_skill, add_key, revoke_key, erase_person, save_note, detach_month, archive_month';
COMMENT ON COLUMN gk_audit.subject IS 'What was written, in words and figures; nothing personal';
COMMENT ON COLUMN gk_audit.before IS 'What was so before, as JSON; nothing personal';
COMMENT ON COLUMN gk_audit.after IS 'What is so since, as JSON; nothing personal';

-- The log is only added to. Old months leave it whole, detached, by `gridkeeper retention`.
CREATE FUNCTION gk_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: it is only added to', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- Partitions get this one by themselves.
CREATE TRIGGER gk_audit_is_only_added_to BEFORE UPDATE OR DELETE ON gk_audit FOR EACH ROW EXECUTE FUNCTION gk_refuse_change();
-- This one stands at each partition too, where it is made.
CREATE TRIGGER gk_audit_is_not_emptied BEFORE TRUNCATE ON gk_audit FOR EACH STATEMENT EXECUTE FUNCTION gk_refuse_change();

CREATE TABLE gk_note (
  name text COLLATE "C" PRIMARY KEY,
  text text NOT NULL
);
COMMENT ON TABLE gk_note IS 'Named texts beside the data';
COMMENT ON COLUMN gk_note.name IS 'The name under which the text is asked for';
COMMENT ON COLUMN gk_note.text IS 'The text, overwritten by the next of its name';

CREATE TABLE gk_level (
  key bigint PRIMARY KEY,
  layer text COLLATE "C" NOT NULL,
  level text COLLATE "C" NOT NULL,
  UNIQUE (layer, level)
);
COMMENT ON TABLE gk_level IS 'Every level of every layer that ever had a unit';
COMMENT ON COLUMN gk_level.key IS 'Names the level within this store';
COMMENT ON COLUMN gk_level.layer IS 'The layer, such as grid or police';
COMMENT ON COLUMN gk_level.level IS 'The level, such as street or community';

CREATE TABLE gk_generation (
  key bigint PRIMARY KEY,
  layer text COLLATE "C" NOT NULL,
  number integer NOT NULL,
  state text NOT NULL CHECK (state IN ('draft', 'published')),
  effective_from timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  author text NOT NULL,
  note text NOT NULL,
  parent integer,
  restores integer,
  levels json NOT NULL,
  scheme json,
  accepted text NOT NULL,
  seal bytea,
  UNIQUE (layer, number)
);
COMMENT ON TABLE gk_generation IS 'The published versions of each layer''s boundaries, and drafts';
COMMENT ON COLUMN gk_generation.key IS 'Names the generation within this store';
COMMENT ON COLUMN gk_generation.layer IS 'The layer';
COMMENT ON COLUMN gk_generation.number IS 'Counted from 1 within the layer';
COMMENT ON COLUMN gk_generation.state IS 'draft or published';
COMMENT ON COLUMN gk_generation.effective_from IS 'When it takes effect, which may lie ahead';
COMMENT ON COLUMN gk_generation.created_at IS 'When it was written';
COMMENT ON COLUMN gk_generation.author IS 'Who wrote it';
COMMENT ON COLUMN gk_generation.note IS 'A remark';
COMMENT ON COLUMN gk_generation.parent IS 'The number of the generation it was made from';
COMMENT ON COLUMN gk_generation.restores IS 'The number of the earlier generation whose boundaries it brings back';
COMMENT ON COLUMN gk_generation.levels IS 'The layer''s levels, coarse to fine';
COMMENT ON COLUMN gk_generation.scheme IS 'How codes are made up';
COMMENT ON COLUMN gk_generation.accepted IS 'The kinds of fault accepted by name';
COMMENT ON COLUMN gk_generation.seal IS 'SHA-256 over all that the check looked at, so that what was checked is known again';

CREATE TABLE gk_unit (
  key bigint PRIMARY KEY,
  level bigint NOT NULL REFERENCES gk_level (key),
  code text COLLATE "C" NOT NULL,
  id uuid NOT NULL UNIQUE,
  UNIQUE (level, code)
);
COMMENT ON TABLE gk_unit IS 'A unit''s id and code, bound to each other forever';
COMMENT ON COLUMN gk_unit.key IS 'Names the unit within this store';
COMMENT ON COLUMN gk_unit.level IS 'Its level';
COMMENT ON COLUMN gk_unit.code IS 'The official code';
COMMENT ON COLUMN gk_unit.id IS 'The stable id';

CREATE TABLE gk_unit_version (
  fid bigint PRIMARY KEY,
  unit bigint NOT NULL REFERENCES gk_unit (key),
  level bigint NOT NULL REFERENCES gk_level (key),
  from_generation integer NOT NULL,
  to_generation integer,
  valid_from timestamptz NOT NULL,
  valid_to timestamptz,
  name text NOT NULL,
  parent text COLLATE "C",
  properties json NOT NULL,
  fingerprint bytea NOT NULL,
  geom geometry(MultiPolygon, 4326) NOT NULL
);
CREATE INDEX gk_unit_version_by_level ON gk_unit_version (level, to_generation);
CREATE INDEX gk_unit_version_by_life ON gk_unit_version (level, from_generation, to_generation);
CREATE INDEX gk_unit_version_by_unit ON gk_unit_version (unit);
CREATE INDEX gk_unit_version_geom ON gk_unit_version USING gist (geom);
COMMENT ON TABLE gk_unit_version IS 'What a unit was, from one published generation until another, which no longer has it so';
COMMENT ON COLUMN gk_unit_version.fid IS 'Names the version within this store';
COMMENT ON COLUMN gk_unit_version.unit IS 'The unit';
COMMENT ON COLUMN gk_unit_version.level IS 'The unit''s level, again, for the index';
COMMENT ON COLUMN gk_unit_version.from_generation IS 'The first generation that has it';
COMMENT ON COLUMN gk_unit_version.to_generation IS 'The first that no longer has it; the same as from_generation where only a draft has it';
COMMENT ON COLUMN gk_unit_version.valid_from IS 'When it begins';
COMMENT ON COLUMN gk_unit_version.valid_to IS 'When it ends, exclusive';
COMMENT ON COLUMN gk_unit_version.name IS 'The name; empty where there is none';
COMMENT ON COLUMN gk_unit_version.parent IS 'The code of the unit of the next coarser level that holds it';
COMMENT ON COLUMN gk_unit_version.properties IS 'What its source says beside, in the order of its columns';
COMMENT ON COLUMN gk_unit_version.fingerprint IS 'SHA-256 over name, parent, properties and geometry';
COMMENT ON COLUMN gk_unit_version.geom IS 'Its boundary, longitude before latitude, WGS 84 degrees, bit for bit as published';

CREATE TABLE gk_draft_unit (
  generation bigint NOT NULL REFERENCES gk_generation (key),
  version bigint NOT NULL REFERENCES gk_unit_version (fid),
  PRIMARY KEY (generation, version)
);
COMMENT ON TABLE gk_draft_unit IS 'All units of a draft, those that it shares with published generations too';
COMMENT ON COLUMN gk_draft_unit.generation IS 'The draft';
COMMENT ON COLUMN gk_draft_unit.version IS 'A version that it has';

CREATE TABLE gk_person (
  key bigint PRIMARY KEY,
  worker_id text COLLATE "C" NOT NULL UNIQUE,
  name text NOT NULL,
  phone text NOT NULL,
  email text NOT NULL DEFAULT ''
);
COMMENT ON TABLE gk_person IS 'The only table with personal fields; all else refers to its key, so that a row can be blanked and history stays';
COMMENT ON COLUMN gk_person.key IS 'Names the person within this store';
COMMENT ON COLUMN gk_person.worker_id IS 'The id by which the office knows the worker; of who reports cases an id of its own';
COMMENT ON COLUMN gk_person.name IS 'Personal: the newest name';
COMMENT ON COLUMN gk_person.phone IS 'Personal: the newest phone';
COMMENT ON COLUMN gk_person.email IS 'Personal: the e-mail address of who reports; empty where none was given';

CREATE TABLE gk_roster (
  number bigint PRIMARY KEY,
  created_at timestamptz NOT NULL,
  author text NOT NULL,
  layer text COLLATE "C",
  generation integer
);
COMMENT ON TABLE gk_roster IS 'The rosters in the order of writing';
COMMENT ON COLUMN gk_roster.number IS 'Counted from 1';
COMMENT ON COLUMN gk_roster.created_at IS 'When it was written';
COMMENT ON COLUMN gk_roster.author IS 'Who wrote it';
COMMENT ON COLUMN gk_roster.layer IS 'The layer of the generation with which it takes effect; none takes effect when written';
COMMENT ON COLUMN gk_roster.generation IS 'The number of that generation';

CREATE TABLE gk_worker (
  key bigint PRIMARY KEY,
  person bigint NOT NULL REFERENCES gk_person (key),
  from_roster bigint NOT NULL REFERENCES gk_roster (number),
  to_roster bigint REFERENCES gk_roster (number)
);
CREATE INDEX gk_worker_live ON gk_worker (person) WHERE to_roster IS NULL;
COMMENT ON TABLE gk_worker IS 'Who stands on which rosters';
COMMENT ON COLUMN gk_worker.key IS 'Names the row';
COMMENT ON COLUMN gk_worker.person IS 'The worker';
COMMENT ON COLUMN gk_worker.from_roster IS 'The first roster that has it';
COMMENT ON COLUMN gk_worker.to_roster IS 'The first that no longer has it';

CREATE TABLE gk_assignment (
  key bigint PRIMARY KEY,
  unit_code text COLLATE "C" NOT NULL,
  person bigint NOT NULL REFERENCES gk_person (key),
  post text NOT NULL,
  department text NOT NULL,
  valid_from timestamptz NOT NULL,
  valid_to timestamptz,
  shift text NOT NULL,
  from_roster bigint NOT NULL REFERENCES gk_roster (number),
  to_roster bigint REFERENCES gk_roster (number)
);
CREATE INDEX gk_assignment_live ON gk_assignment (unit_code) WHERE to_roster IS NULL;
COMMENT ON TABLE gk_assignment IS 'Who holds which post at which unit';
COMMENT ON COLUMN gk_assignment.key IS 'Names the row';
COMMENT ON COLUMN gk_assignment.unit_code IS 'The unit';
COMMENT ON COLUMN gk_assignment.person IS 'The worker';
COMMENT ON COLUMN gk_assignment.post IS 'primary, backup or leader';
COMMENT ON COLUMN gk_assignment.department IS 'The department; empty where the roster names none';
COMMENT ON COLUMN gk_assignment.valid_from IS 'From when';
COMMENT ON COLUMN gk_assignment.valid_to IS 'Until when, exclusive';
COMMENT ON COLUMN gk_assignment.shift IS 'Hours of the day, HH:MM-HH:MM[;…]; empty for always';
COMMENT ON COLUMN gk_assignment.from_roster IS 'The first roster that has it';
COMMENT ON COLUMN gk_assignment.to_roster IS 'The first that no longer has it';

CREATE TABLE gk_rules (
  number bigint PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('categories', 'responsibilities', 'calendars', 'costs', 'funds', 'loads')),
  created_at timestamptz NOT NULL,
  effective_from timestamptz NOT NULL,
  author text NOT NULL
);
COMMENT ON TABLE gk_rules IS 'Imports of the rules of dispatch; of those of a kind that have taken effect the last counts';
COMMENT ON COLUMN gk_rules.number IS 'Counted from 1 over all kinds';
COMMENT ON COLUMN gk_rules.kind IS 'categories, responsibilities, calendars, costs or funds';
COMMENT ON COLUMN gk_rules.created_at IS 'When it was written';
COMMENT ON COLUMN gk_rules.effective_from IS 'When it takes effect, which may lie ahead';
COMMENT ON COLUMN gk_rules.author IS 'Who wrote it';

CREATE TABLE gk_category (
  key bigint PRIMARY KEY,
  place bigint NOT NULL,
  code text COLLATE "C" NOT NULL,
  major text COLLATE "C",
  major_name text NOT NULL,
  name text NOT NULL,
  condition text NOT NULL,
  filing text NOT NULL,
  closing text NOT NULL,
  zone text,
  dispatch_limit text,
  handle_limit text,
  check_limit text,
  total_limit text,
  private bigint NOT NULL,
  valid_from timestamptz,
  valid_to timestamptz,
  from_rules bigint NOT NULL REFERENCES gk_rules (number),
  to_rules bigint REFERENCES gk_rules (number)
);
COMMENT ON TABLE gk_category IS 'Categories, a row for each filing condition';
COMMENT ON COLUMN gk_category.key IS 'Names the row';
COMMENT ON COLUMN gk_category.place IS 'Its place in the table as imported';
COMMENT ON COLUMN gk_category.code IS 'The code of the category';
COMMENT ON COLUMN gk_category.major IS 'The code of the wider kind';
COMMENT ON COLUMN gk_category.major_name IS 'The name of the wider kind';
COMMENT ON COLUMN gk_category.name IS 'The name of the category';
COMMENT ON COLUMN gk_category.condition IS 'Tells the conditions of a category apart';
COMMENT ON COLUMN gk_category.filing IS 'When a case is filed';
COMMENT ON COLUMN gk_category.closing IS 'When it is closed';
COMMENT ON COLUMN gk_category.zone IS 'The zone of the city for which the limits are; none for all';
COMMENT ON COLUMN gk_category.dispatch_limit IS 'How long dispatching may take, such as 1 work_hour';
COMMENT ON COLUMN gk_category.handle_limit IS 'How long handling may take';
COMMENT ON COLUMN gk_category.check_limit IS 'How long checking may take';
COMMENT ON COLUMN gk_category.total_limit IS 'How long all of it may take';
COMMENT ON COLUMN gk_category.private IS '1 where only insiders see it, else 0';
COMMENT ON COLUMN gk_category.valid_from IS 'From when';
COMMENT ON COLUMN gk_category.valid_to IS 'Until when, exclusive';
COMMENT ON COLUMN gk_category.from_rules IS 'The first import that has it';
COMMENT ON COLUMN gk_category.to_rules IS 'The first that no longer has it';

CREATE TABLE gk_responsibility (
  key bigint PRIMARY KEY,
  place bigint NOT NULL,
  category text COLLATE "C",
  unit_code text COLLATE "C",
  role text NOT NULL,
  rank bigint NOT NULL,
  department_id text NOT NULL,
  department text NOT NULL,
  valid_from timestamptz,
  valid_to timestamptz,
  from_rules bigint NOT NULL REFERENCES gk_rules (number),
  to_rules bigint REFERENCES gk_rules (number)
);
COMMENT ON TABLE gk_responsibility IS 'Which departments answer for which categories at which units';
COMMENT ON COLUMN gk_responsibility.key IS 'Names the row';
COMMENT ON COLUMN gk_responsibility.place IS 'Its place in the table as imported';
COMMENT ON COLUMN gk_responsibility.category IS 'The category or its wider kind; none for all';
COMMENT ON COLUMN gk_responsibility.unit_code IS 'The unit with all below it; none for everywhere';
COMMENT ON COLUMN gk_responsibility.role IS 'lead or co';
COMMENT ON COLUMN gk_responsibility.rank IS 'The order in which co-departments are asked';
COMMENT ON COLUMN gk_responsibility.department_id IS 'The id by which the office knows the department';
COMMENT ON COLUMN gk_responsibility.department IS 'The name of the department';
COMMENT ON COLUMN gk_responsibility.valid_from IS 'From when';
COMMENT ON COLUMN gk_responsibility.valid_to IS 'Until when, exclusive';
COMMENT ON COLUMN gk_responsibility.from_rules IS 'The first import that has it';
COMMENT ON COLUMN gk_responsibility.to_rules IS 'The first that no longer has it';

CREATE TABLE gk_calendar (
  key bigint PRIMARY KEY,
  place bigint NOT NULL,
  calendar text,
  kind text NOT NULL,
  days text,
  hours text,
  time_zone text,
  work_day_hours bigint,
  unit_code text COLLATE "C",
  zone text,
  note text NOT NULL,
  valid_from timestamptz,
  valid_to timestamptz,
  from_rules bigint NOT NULL REFERENCES gk_rules (number),
  to_rules bigint REFERENCES gk_rules (number)
);
COMMENT ON TABLE gk_calendar IS 'When work is done, and which units have which calendar and zone';
COMMENT ON COLUMN gk_calendar.key IS 'Names the row';
COMMENT ON COLUMN gk_calendar.place IS 'Its place in the table as imported';
COMMENT ON COLUMN gk_calendar.calendar IS 'The calendar; none for all of them';
COMMENT ON COLUMN gk_calendar.kind IS 'week, holiday, workday or unit';
COMMENT ON COLUMN gk_calendar.days IS 'Days of the week, 1 for Monday, or the first and last day';
COMMENT ON COLUMN gk_calendar.hours IS 'Work periods, HH:MM-HH:MM[;…]; null on a make-up day for the usual ones';
COMMENT ON COLUMN gk_calendar.time_zone IS 'The name of the time zone; empty for that of the settings';
COMMENT ON COLUMN gk_calendar.work_day_hours IS 'How many work hours a work day has';
COMMENT ON COLUMN gk_calendar.unit_code IS 'The unit for which the calendar counts, with all below it';
COMMENT ON COLUMN gk_calendar.zone IS 'The zone of the city that the unit is of';
COMMENT ON COLUMN gk_calendar.note IS 'A remark, such as the name of a holiday';
COMMENT ON COLUMN gk_calendar.valid_from IS 'From when';
COMMENT ON COLUMN gk_calendar.valid_to IS 'Until when, exclusive';
COMMENT ON COLUMN gk_calendar.from_rules IS 'The first import that has it';
COMMENT ON COLUMN gk_calendar.to_rules IS 'The first that no longer has it';

CREATE TABLE gk_cost (
  key bigint PRIMARY KEY,
  place bigint NOT NULL,
  unit_code text COLLATE "C",
  post text,
  monthly_cents bigint NOT NULL,
  note text NOT NULL,
  valid_from timestamptz,
  valid_to timestamptz,
  from_rules bigint NOT NULL REFERENCES gk_rules (number),
  to_rules bigint REFERENCES gk_rules (number)
);
COMMENT ON TABLE gk_cost IS 'What posts cost';
COMMENT ON COLUMN gk_cost.key IS 'Names the row';
COMMENT ON COLUMN gk_cost.place IS 'Its place in the table as imported';
COMMENT ON COLUMN gk_cost.unit_code IS 'The unit with all below it; none for everywhere';
COMMENT ON COLUMN gk_cost.post IS 'primary, backup or leader; none for every post';
COMMENT ON COLUMN gk_cost.monthly_cents IS 'Hundredths of the currency for one person and month';
COMMENT ON COLUMN gk_cost.note IS 'A remark';
COMMENT ON COLUMN gk_cost.valid_from IS 'From when';
COMMENT ON COLUMN gk_cost.valid_to IS 'Until when, exclusive';
COMMENT ON COLUMN gk_cost.from_rules IS 'The first import that has it';
COMMENT ON COLUMN gk_cost.to_rules IS 'The first that no longer has it';

CREATE TABLE gk_fund (
  key bigint PRIMARY KEY,
  place bigint NOT NULL,
  source text NOT NULL,
  kind text NOT NULL,
  amount_cents bigint NOT NULL,
  unit_code text COLLATE "C",
  post text,
  note text NOT NULL,
  valid_from timestamptz,
  valid_to timestamptz,
  from_rules bigint NOT NULL REFERENCES gk_rules (number),
  to_rules bigint REFERENCES gk_rules (number)
);
COMMENT ON TABLE gk_fund IS 'Who pays for posts';
COMMENT ON COLUMN gk_fund.key IS 'Names the row';
COMMENT ON COLUMN gk_fund.place IS 'Its place in the table as imported';
COMMENT ON COLUMN gk_fund.source IS 'Whose money it is';
COMMENT ON COLUMN gk_fund.kind IS 'budget, levy, grant, self or social';
COMMENT ON COLUMN gk_fund.amount_cents IS 'Hundredths of the currency for all of its time';
COMMENT ON COLUMN gk_fund.unit_code IS 'The unit with all below it for which it may be spent; none for everywhere';
COMMENT ON COLUMN gk_fund.post IS 'primary, backup or leader; none for every post';
COMMENT ON COLUMN gk_fund.note IS 'A remark';
COMMENT ON COLUMN gk_fund.valid_from IS 'From when';
COMMENT ON COLUMN gk_fund.valid_to IS 'Until when, exclusive';
COMMENT ON COLUMN gk_fund.from_rules IS 'The first import that has it';
COMMENT ON COLUMN gk_fund.to_rules IS 'The first that no longer has it';

CREATE TABLE gk_load (
  key bigint PRIMARY KEY,
  place bigint NOT NULL,
  unit_code text COLLATE "C" NOT NULL,
  name text NOT NULL,
  value double precision NOT NULL,
  note text NOT NULL,
  valid_from timestamptz,
  valid_to timestamptz,
  from_rules bigint NOT NULL REFERENCES gk_rules (number),
  to_rules bigint REFERENCES gk_rules (number)
);
COMMENT ON TABLE gk_load IS 'Figures of units that are kept elsewhere';
COMMENT ON COLUMN gk_load.key IS 'Names the row';
COMMENT ON COLUMN gk_load.place IS 'Its place in the table as imported';
COMMENT ON COLUMN gk_load.unit_code IS 'The unit';
COMMENT ON COLUMN gk_load.name IS 'What the figure is of';
COMMENT ON COLUMN gk_load.value IS 'The figure, from 0 up';
COMMENT ON COLUMN gk_load.note IS 'A remark';
COMMENT ON COLUMN gk_load.valid_from IS 'From when';
COMMENT ON COLUMN gk_load.valid_to IS 'Until when, exclusive';
COMMENT ON COLUMN gk_load.from_rules IS 'The first import that has it';
COMMENT ON COLUMN gk_load.to_rules IS 'The first that no longer has it';

-- Ids are unique over all months, also over those that were taken out, so that a case that is sent again is known.
CREATE TABLE gk_case_id (
  id uuid PRIMARY KEY,
  reported_at timestamptz NOT NULL
);
COMMENT ON TABLE gk_case_id IS 'The id of every case that was ever taken in, and in which month''s partition to look for it';
COMMENT ON COLUMN gk_case_id.id IS 'The case';
COMMENT ON COLUMN gk_case_id.reported_at IS 'When it was reported';

CREATE TABLE gk_case (
  id uuid NOT NULL,
  district text COLLATE "C" NOT NULL,
  reported_at timestamptz NOT NULL,
  lon double precision NOT NULL,
  lat double precision NOT NULL,
  given text NOT NULL,
  category text COLLATE "C" NOT NULL,
  description text NOT NULL,
  source text NOT NULL,
  grid text COLLATE "C",
  generation integer,
  holder bigint REFERENCES gk_person (key),
  state text COLLATE "C",
  version integer,
  is_open integer,
  is_published integer,
  due_at timestamptz,
  departments text COLLATE "C",
  cell bigint,
  reporter bigint REFERENCES gk_person (key),
  alarm_at timestamptz,
  border_m double precision,
  people text COLLATE "C",
  geom geometry(Point, 4326) NOT NULL,
  PRIMARY KEY (id, reported_at, district)
) PARTITION BY RANGE (reported_at);
CREATE INDEX gk_case_by_grid ON gk_case (grid);
CREATE INDEX gk_case_by_time ON gk_case (reported_at);
CREATE INDEX gk_case_geom ON gk_case USING gist (geom);
CREATE INDEX gk_case_by_cell ON gk_case (cell, reported_at) WHERE cell IS NOT NULL;
CREATE INDEX gk_case_published ON gk_case (reported_at) WHERE is_published = 1;
CREATE INDEX gk_case_open ON gk_case (id) WHERE is_open = 1;
CREATE INDEX gk_case_by_due ON gk_case (due_at) WHERE is_open = 1;
CREATE INDEX gk_case_by_alarm ON gk_case (alarm_at) WHERE alarm_at IS NOT NULL;
CREATE INDEX gk_case_by_border ON gk_case (border_m) WHERE border_m IS NOT NULL AND is_open = 1;
CREATE INDEX gk_case_open_by_holder ON gk_case (holder) WHERE is_open = 1;
COMMENT ON TABLE gk_case IS 'What happened where, with the grid and holder of its own time; a partition a month';
COMMENT ON COLUMN gk_case.id IS 'The case';
COMMENT ON COLUMN gk_case.district IS 'The code of the coarsest unit that holds it, by which the table can be distributed; empty outside of all';
COMMENT ON COLUMN gk_case.reported_at IS 'When it was reported';
COMMENT ON COLUMN gk_case.lon IS 'Longitude, WGS 84 degrees';
COMMENT ON COLUMN gk_case.lat IS 'Latitude, WGS 84 degrees';
COMMENT ON COLUMN gk_case.given IS 'Position and reference system as they were given';
COMMENT ON COLUMN gk_case.category IS 'The category';
COMMENT ON COLUMN gk_case.description IS 'What was said';
COMMENT ON COLUMN gk_case.source IS 'Where it came from';
COMMENT ON COLUMN gk_case.grid IS 'The code of the grid of its time';
COMMENT ON COLUMN gk_case.generation IS 'The generation of its time';
COMMENT ON COLUMN gk_case.holder IS 'Who answered for the grid at its time';
COMMENT ON COLUMN gk_case.state IS 'The state of its workflow; null for a mere record, which has no history';
COMMENT ON COLUMN gk_case.version IS 'The number of its last event';
COMMENT ON COLUMN gk_case.is_open IS '1 while it has not ended, else 0';
COMMENT ON COLUMN gk_case.is_published IS '1 where text, media and exact position may be shown to all, else 0';
COMMENT ON COLUMN gk_case.due_at IS 'When the next of its clocks runs out; null while none runs';
COMMENT ON COLUMN gk_case.departments IS 'Ids of departments that have it, each between line breaks';
COMMENT ON COLUMN gk_case.cell IS 'The cell of some 110 m in which it lies, by which those near it are found';
COMMENT ON COLUMN gk_case.reporter IS 'Who reported it';
COMMENT ON COLUMN gk_case.alarm_at IS 'When the next word about one of its clocks is due; none while none runs';
COMMENT ON COLUMN gk_case.border_m IS 'Metres to the border, where it is so near that the grid is in doubt';
COMMENT ON COLUMN gk_case.people IS 'Ids of workers who are asked to look at the place, or named for an open task, each between line breaks';
COMMENT ON COLUMN gk_case.geom IS 'The position, for GIS and window queries';

CREATE TABLE gk_case_counter (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  number bigint NOT NULL
);
COMMENT ON TABLE gk_case_counter IS 'The number of the last event of any case; its row lock makes events visible in the order of their numbers';
COMMENT ON COLUMN gk_case_counter.one IS 'Always true, so that there is one row';
COMMENT ON COLUMN gk_case_counter.number IS 'The last number given';
INSERT INTO gk_case_counter (number) VALUES (0);

CREATE TABLE gk_case_event (
  number bigint NOT NULL,
  case_id uuid NOT NULL,
  reported_at timestamptz NOT NULL,
  seq integer NOT NULL,
  at timestamptz NOT NULL,
  author text NOT NULL,
  role text NOT NULL,
  action text NOT NULL,
  effect text NOT NULL,
  state text COLLATE "C" NOT NULL,
  is_end integer NOT NULL,
  facts json NOT NULL,
  PRIMARY KEY (number, reported_at),
  UNIQUE (case_id, seq, reported_at)
) PARTITION BY RANGE (reported_at);
COMMENT ON TABLE gk_case_event IS 'What happened to cases; rows are only added. A partition a month, that of the case';
COMMENT ON COLUMN gk_case_event.number IS 'Grows in the order of writing';
COMMENT ON COLUMN gk_case_event.case_id IS 'The case';
COMMENT ON COLUMN gk_case_event.reported_at IS 'When the case was reported';
COMMENT ON COLUMN gk_case_event.seq IS 'Counted from 1 within the case';
COMMENT ON COLUMN gk_case_event.at IS 'When it happened';
COMMENT ON COLUMN gk_case_event.author IS 'Who did it; nothing personal';
COMMENT ON COLUMN gk_case_event.role IS 'As what';
COMMENT ON COLUMN gk_case_event.action IS 'The move, as the workflow names it';
COMMENT ON COLUMN gk_case_event.effect IS 'What the move does';
COMMENT ON COLUMN gk_case_event.state IS 'The state of the case from then on';
COMMENT ON COLUMN gk_case_event.is_end IS '1 where the case ends with it, else 0';
COMMENT ON COLUMN gk_case_event.facts IS 'What was said with it';

CREATE TABLE gk_webhook (
  id uuid PRIMARY KEY,
  url text NOT NULL,
  secret bytea NOT NULL,
  effects text NOT NULL,
  scope text NOT NULL,
  author text NOT NULL,
  created_at timestamptz NOT NULL,
  ended_at timestamptz,
  cursor bigint NOT NULL,
  attempts integer NOT NULL,
  failing_since timestamptz,
  next_at timestamptz,
  last_error text NOT NULL,
  lease_holder uuid,
  lease_until timestamptz
);
COMMENT ON TABLE gk_webhook IS 'Addresses to which events of cases are sent';
COMMENT ON COLUMN gk_webhook.id IS 'The webhook';
COMMENT ON COLUMN gk_webhook.url IS 'The address';
COMMENT ON COLUMN gk_webhook.secret IS 'By which messages are signed';
COMMENT ON COLUMN gk_webhook.effects IS 'The effects of events that are sent, with spaces between; empty for all';
COMMENT ON COLUMN gk_webhook.scope IS 'Codes of units whose cases are sent, with spaces between; empty for all';
COMMENT ON COLUMN gk_webhook.author IS 'Who made it';
COMMENT ON COLUMN gk_webhook.created_at IS 'When it was made';
COMMENT ON COLUMN gk_webhook.ended_at IS 'When it ended';
COMMENT ON COLUMN gk_webhook.cursor IS 'All events up to this one were sent, or are dead letters';
COMMENT ON COLUMN gk_webhook.attempts IS 'How often the next one was tried in vain';
COMMENT ON COLUMN gk_webhook.failing_since IS 'Since when it has been';
COMMENT ON COLUMN gk_webhook.next_at IS 'When it is tried again';
COMMENT ON COLUMN gk_webhook.last_error IS 'Why the last attempt failed';
COMMENT ON COLUMN gk_webhook.lease_holder IS 'Which service sends for it';
COMMENT ON COLUMN gk_webhook.lease_until IS 'Until when, if it does not say so again';

CREATE TABLE gk_dead_letter (
  webhook uuid NOT NULL REFERENCES gk_webhook (id),
  number bigint NOT NULL,
  case_id uuid NOT NULL,
  at timestamptz NOT NULL,
  error text NOT NULL,
  state text NOT NULL,
  PRIMARY KEY (webhook, number)
);
COMMENT ON TABLE gk_dead_letter IS 'Events that could not be sent';
COMMENT ON COLUMN gk_dead_letter.webhook IS 'The webhook';
COMMENT ON COLUMN gk_dead_letter.number IS 'The event';
COMMENT ON COLUMN gk_dead_letter.case_id IS 'Its case';
COMMENT ON COLUMN gk_dead_letter.at IS 'When it was given up, or sent after all';
COMMENT ON COLUMN gk_dead_letter.error IS 'Why';
COMMENT ON COLUMN gk_dead_letter.state IS 'dead, again where it is to be sent, or sent';

CREATE TABLE gk_case_token (
  key bytea PRIMARY KEY,
  body bytea NOT NULL,
  case_id uuid NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX gk_case_token_by_time ON gk_case_token (at);
COMMENT ON TABLE gk_case_token IS 'Keys under which reports were sent, so that a report that is sent again is taken in once';
COMMENT ON COLUMN gk_case_token.key IS 'SHA-256 of the key and its sender';
COMMENT ON COLUMN gk_case_token.body IS 'SHA-256 of the report';
COMMENT ON COLUMN gk_case_token.case_id IS 'The case that it became';
COMMENT ON COLUMN gk_case_token.at IS 'When it was taken in';

CREATE TABLE gk_notice (
  worker bigint NOT NULL REFERENCES gk_person (key),
  number bigint NOT NULL,
  kind text COLLATE "C" NOT NULL,
  case_id uuid NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (worker, number, kind)
);
COMMENT ON TABLE gk_notice IS 'Who is told of which event by name';
COMMENT ON COLUMN gk_notice.worker IS 'The person';
COMMENT ON COLUMN gk_notice.number IS 'The event';
COMMENT ON COLUMN gk_notice.kind IS 'Why: came, left, asked, task or late';
COMMENT ON COLUMN gk_notice.case_id IS 'Its case';
COMMENT ON COLUMN gk_notice.at IS 'When it happened';

CREATE TABLE gk_entry (
  id uuid PRIMARY KEY,
  kind text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  author text NOT NULL,
  lon double precision,
  lat double precision,
  radius_m double precision,
  unit_code text COLLATE "C",
  worker bigint REFERENCES gk_person (key),
  case_id uuid,
  text text NOT NULL,
  expires_at timestamptz,
  ended_at timestamptz,
  ended_by text,
  ended_text text
);
CREATE INDEX gk_entry_by_kind ON gk_entry (kind, at);
COMMENT ON TABLE gk_entry IS 'What people put on record beside cases; entries end, and are not taken out';
COMMENT ON COLUMN gk_entry.id IS 'The entry';
COMMENT ON COLUMN gk_entry.kind IS 'ruling, border_report, consent or skill';
COMMENT ON COLUMN gk_entry.at IS 'When it was put on record';
COMMENT ON COLUMN gk_entry.author IS 'Who wrote it';
COMMENT ON COLUMN gk_entry.lon IS 'The longitude of the place that it is about';
COMMENT ON COLUMN gk_entry.lat IS 'The latitude of it';
COMMENT ON COLUMN gk_entry.radius_m IS 'How far it reaches, metres';
COMMENT ON COLUMN gk_entry.unit_code IS 'The unit that it names';
COMMENT ON COLUMN gk_entry.worker IS 'Whom it is about, or who said it';
COMMENT ON COLUMN gk_entry.case_id IS 'The case that gave rise to it';
COMMENT ON COLUMN gk_entry.text IS 'The reason, the description, or the name of a skill';
COMMENT ON COLUMN gk_entry.expires_at IS 'When it ends by itself';
COMMENT ON COLUMN gk_entry.ended_at IS 'When it was ended';
COMMENT ON COLUMN gk_entry.ended_by IS 'Who ended it';
COMMENT ON COLUMN gk_entry.ended_text IS 'Why, or the answer to it';

CREATE TABLE gk_address_table (
  number bigint PRIMARY KEY,
  created_at timestamptz NOT NULL,
  author text NOT NULL
);
COMMENT ON TABLE gk_address_table IS 'Imports of tables of addresses; the last one counts';
COMMENT ON COLUMN gk_address_table.number IS 'Counted from 1';
COMMENT ON COLUMN gk_address_table.created_at IS 'When it was written';
COMMENT ON COLUMN gk_address_table.author IS 'Who wrote it';

CREATE TABLE gk_address (
  key bigint PRIMARY KEY,
  kind text NOT NULL,
  zone text COLLATE "C" NOT NULL,
  street text COLLATE "C" NOT NULL,
  plate text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  alias text COLLATE "C" NOT NULL,
  lon double precision NOT NULL,
  lat double precision NOT NULL,
  from_table bigint NOT NULL REFERENCES gk_address_table (number),
  to_table bigint REFERENCES gk_address_table (number)
);
COMMENT ON TABLE gk_address IS 'Addresses and where they are';
COMMENT ON COLUMN gk_address.key IS 'Names the row';
COMMENT ON COLUMN gk_address.kind IS 'zone, street, plate or poi';
COMMENT ON COLUMN gk_address.zone IS 'The quarter, village or estate';
COMMENT ON COLUMN gk_address.street IS 'The street or lane';
COMMENT ON COLUMN gk_address.plate IS 'The number of the door or building';
COMMENT ON COLUMN gk_address.name IS 'The name of a place';
COMMENT ON COLUMN gk_address.alias IS 'Another name for it';
COMMENT ON COLUMN gk_address.lon IS 'The longitude';
COMMENT ON COLUMN gk_address.lat IS 'The latitude';
COMMENT ON COLUMN gk_address.from_table IS 'The first import that has it';
COMMENT ON COLUMN gk_address.to_table IS 'The first that no longer has it';

-- Kept for hours and in no copy, so it is not even written ahead.
CREATE UNLOGGED TABLE gk_position (
  worker bigint PRIMARY KEY REFERENCES gk_person (key),
  lon double precision NOT NULL,
  lat double precision NOT NULL,
  accuracy_m double precision,
  at timestamptz NOT NULL
);
COMMENT ON TABLE gk_position IS 'Where workers on shift who agreed to it were last seen; erased after hours';
COMMENT ON COLUMN gk_position.worker IS 'The person';
COMMENT ON COLUMN gk_position.lon IS 'Personal: the longitude';
COMMENT ON COLUMN gk_position.lat IS 'Personal: the latitude';
COMMENT ON COLUMN gk_position.accuracy_m IS 'How far the true position may lie from it, metres';
COMMENT ON COLUMN gk_position.at IS 'When it was told';

CREATE TABLE gk_key (
  hash bytea PRIMARY KEY,
  role text NOT NULL,
  scope text NOT NULL,
  layers text NOT NULL,
  note text NOT NULL,
  worker text,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz
);
COMMENT ON TABLE gk_key IS 'Keys of callers, as hashes';
COMMENT ON COLUMN gk_key.hash IS 'SHA-256 of the key';
COMMENT ON COLUMN gk_key.role IS 'What its bearer may do';
COMMENT ON COLUMN gk_key.scope IS 'Codes of units it is limited to, with spaces between; empty for all';
COMMENT ON COLUMN gk_key.layers IS 'Names of layers it is limited to, with spaces between; empty for all';
COMMENT ON COLUMN gk_key.note IS 'A remark';
COMMENT ON COLUMN gk_key.worker IS 'The worker whose key it is; none where it is nobody''s own';
COMMENT ON COLUMN gk_key.created_at IS 'When it was made';
COMMENT ON COLUMN gk_key.expires_at IS 'When it ends by itself';
COMMENT ON COLUMN gk_key.revoked_at IS 'When it was revoked';

-- What a GIS is to open: the units in effect now. A future generation takes over by itself.
CREATE VIEW gk_current_unit AS
  SELECT v.fid, l.layer, l.level, u.id, u.code, v.name, v.parent, v.valid_from, v.properties, v.geom
  FROM gk_unit_version AS v
  JOIN gk_unit AS u ON u.key = v.unit
  JOIN gk_level AS l ON l.key = v.level
  JOIN (SELECT layer, max(number) AS number FROM gk_generation
        WHERE state = 'published' AND effective_from <= now() GROUP BY layer) AS c ON c.layer = l.layer
  WHERE v.from_generation <= c.number AND (v.to_generation IS NULL OR v.to_generation > c.number);
COMMENT ON VIEW gk_current_unit IS 'The units in effect now, of every layer and level';
COMMENT ON COLUMN gk_current_unit.fid IS 'Names the version of the unit within this store';
COMMENT ON COLUMN gk_current_unit.layer IS 'The layer';
COMMENT ON COLUMN gk_current_unit.level IS 'The level';
COMMENT ON COLUMN gk_current_unit.id IS 'The stable id';
COMMENT ON COLUMN gk_current_unit.code IS 'The official code';
COMMENT ON COLUMN gk_current_unit.name IS 'The name; empty where there is none';
COMMENT ON COLUMN gk_current_unit.parent IS 'The code of the unit of the next coarser level that holds it';
COMMENT ON COLUMN gk_current_unit.valid_from IS 'Since when it is as it is';
COMMENT ON COLUMN gk_current_unit.properties IS 'What its source says beside, in the order of its columns';
COMMENT ON COLUMN gk_current_unit.geom IS 'Its boundary, longitude before latitude, WGS 84 degrees';

-- Drafts.

CREATE TABLE gk_draft_entry (
  layer text NOT NULL,
  draft integer NOT NULL,
  revision integer NOT NULL,
  kind text NOT NULL,
  body text NOT NULL,
  author text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (layer, draft, revision)
);
COMMENT ON TABLE gk_draft_entry IS 'What was done to drafts; rows are only added';
COMMENT ON COLUMN gk_draft_entry.layer IS 'The layer of the draft';
COMMENT ON COLUMN gk_draft_entry.draft IS 'The number of the generation that is the draft';
COMMENT ON COLUMN gk_draft_entry.revision IS 'Counted from 1 within the draft';
COMMENT ON COLUMN gk_draft_entry.kind IS 'open, apply, undo, redo, approve, publish or withdraw';
COMMENT ON COLUMN gk_draft_entry.body IS 'What was done, as JSON';
COMMENT ON COLUMN gk_draft_entry.author IS 'Who did it';
COMMENT ON COLUMN gk_draft_entry.at IS 'When';
