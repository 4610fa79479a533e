-- That people are there whom cases name follows from how cases are written: keys are looked up in the same transaction, and nobody is
-- taken out of the table. A foreign key would ask again for each case, and lock the row of its holder.

ALTER TABLE gk_case DROP CONSTRAINT gk_case_holder_fkey, DROP CONSTRAINT gk_case_reporter_fkey;
CREATE FUNCTION gk_refuse_to_lose() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: cases name who stands in it; blank the fields of a person instead', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER gk_person_stays BEFORE DELETE OR UPDATE OF key ON gk_person FOR EACH ROW EXECUTE FUNCTION gk_refuse_to_lose();
CREATE TRIGGER gk_person_is_not_emptied BEFORE TRUNCATE ON gk_person FOR EACH STATEMENT EXECUTE FUNCTION gk_refuse_to_lose();
