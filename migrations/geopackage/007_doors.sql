-- Doors: keys that expire and that are limited to layers; an audit log that tells before and after and is only added to.

-- Names of layers with spaces between; empty for all.
ALTER TABLE gk_key ADD COLUMN layers TEXT NOT NULL DEFAULT '';
-- When the key ends by itself.
ALTER TABLE gk_key ADD COLUMN expires_at DATETIME;

-- What was so before a write, and what is so since, as JSON; nothing personal.
ALTER TABLE gk_audit ADD COLUMN before TEXT;
ALTER TABLE gk_audit ADD COLUMN after TEXT;

CREATE TRIGGER gk_audit_is_not_changed BEFORE UPDATE ON gk_audit
BEGIN
  SELECT RAISE(ABORT, 'the audit log is only added to');
END;
CREATE TRIGGER gk_audit_is_not_deleted BEFORE DELETE ON gk_audit
BEGIN
  SELECT RAISE(ABORT, 'the audit log is only added to');
END;
-- REPLACE deletes without asking the trigger above.
CREATE TRIGGER gk_audit_is_not_replaced BEFORE INSERT ON gk_audit
WHEN EXISTS (SELECT 1 FROM gk_audit WHERE number = NEW.number)
BEGIN
  SELECT RAISE(ABORT, 'the audit log is only added to');
END;
