-- The skill that whoever handles cases of a category is to have; null where anybody may. Letters that wait have the state waiting.

ALTER TABLE gk_category ADD COLUMN skill TEXT;
