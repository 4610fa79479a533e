-- Publications of generations are events beside those of cases.
COMMENT ON TABLE gk_case_counter IS 'The number of the last event, of a case or a publication; its row lock makes events visible in the order of their numbers';

CREATE TABLE gk_publication (
  number bigint PRIMARY KEY,
  layer text COLLATE "C" NOT NULL,
  generation integer NOT NULL,
  UNIQUE (layer, generation)
);
COMMENT ON TABLE gk_publication IS 'That a generation was published, as an event beside those of cases; rows are only added';
COMMENT ON COLUMN gk_publication.number IS 'Grows in the order of writing, with the numbers of cases'' events';
COMMENT ON COLUMN gk_publication.layer IS 'The layer';
COMMENT ON COLUMN gk_publication.generation IS 'The generation';

COMMENT ON TABLE gk_webhook IS 'Addresses to which events are sent';
COMMENT ON COLUMN gk_webhook.effects IS 'The effects of events that are sent, and generation.published, with spaces between; empty for all';
COMMENT ON COLUMN gk_webhook.scope IS 'Codes of units whose events are sent, with spaces between; empty for all';

ALTER TABLE gk_dead_letter ALTER COLUMN case_id DROP NOT NULL;
COMMENT ON COLUMN gk_dead_letter.case_id IS 'Its case; null of a publication';
