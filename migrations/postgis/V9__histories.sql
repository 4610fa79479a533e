-- The histories of cases are only added to, as the audit log is. Old months leave them whole, detached, by `gridkeeper retention`.

-- Partitions get this one by themselves.
CREATE TRIGGER gk_case_event_is_only_added_to BEFORE UPDATE OR DELETE ON gk_case_event
  FOR EACH ROW EXECUTE FUNCTION gk_refuse_change();
-- This one stands at each partition too, where it is made; here at those that are there.
CREATE TRIGGER gk_case_event_is_not_emptied BEFORE TRUNCATE ON gk_case_event FOR EACH STATEMENT EXECUTE FUNCTION gk_refuse_change();
DO $$
DECLARE
  month regclass;
BEGIN
  FOR month IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'gk_case_event'::regclass LOOP
    EXECUTE format('CREATE TRIGGER gk_case_event_is_not_emptied BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION gk_refuse_change()', month);
  END LOOP;
END
$$;
