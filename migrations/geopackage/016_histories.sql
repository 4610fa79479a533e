-- The histories of cases are only added to, as the audit log is.

CREATE TRIGGER gk_case_event_is_not_changed BEFORE UPDATE ON gk_case_event
BEGIN
  SELECT RAISE(ABORT, 'the history of a case is only added to');
END;
CREATE TRIGGER gk_case_event_is_not_deleted BEFORE DELETE ON gk_case_event
BEGIN
  SELECT RAISE(ABORT, 'the history of a case is only added to');
END;
-- REPLACE deletes without asking the trigger above.
CREATE TRIGGER gk_case_event_is_not_replaced BEFORE INSERT ON gk_case_event
WHEN EXISTS (SELECT 1 FROM gk_case_event WHERE number = NEW.number)
  OR EXISTS (SELECT 1 FROM gk_case_event WHERE case_id = NEW.case_id AND seq = NEW.seq)
BEGIN
  SELECT RAISE(ABORT, 'the history of a case is only added to');
END;
