ALTER TABLE gk_category ADD COLUMN skill text;
COMMENT ON COLUMN gk_category.skill IS 'The skill that whoever handles its cases is to have; null where anybody may';
COMMENT ON TABLE gk_dead_letter IS 'Events that could not be sent, or not yet';
COMMENT ON COLUMN gk_dead_letter.at IS 'Since when it waits, when it was given up, or when it was sent after all';
COMMENT ON COLUMN gk_dead_letter.state IS 'waiting while it is tried again, dead, again where somebody has asked for it, or sent';
