-- The skill that whoever handles cases of a category is to have; null where anybody may.

ALTER TABLE gk_category ADD COLUMN skill TEXT;
