-- That people are there whom cases name follows from how cases are written: keys are looked up in the same transaction, and nobody is
-- taken out of the table. A foreign key would ask again for each case, and lock the row of its holder.

ALTER TABLE gk_case DROP CONSTRAINT gk_case_holder_fkey, DROP CONSTRAINT gk_case_reporter_fkey;
CREATE TRIGGER gk_person_stays BEFORE DELETE OR UPDATE OF key ON gk_person FOR EACH ROW EXECUTE FUNCTION gk_refuse_change();
CREATE TRIGGER gk_person_is_not_emptied BEFORE TRUNCATE ON gk_person FOR EACH STATEMENT EXECUTE FUNCTION gk_refuse_change();
