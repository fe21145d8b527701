-- The triggers go first: one without its table of events would refuse every write. A further
-- database whose tables are audited into this one keeps its own; run this file there as well.
--
-- MySQL has no such block: it refuses the PREPARE, and nothing has been dropped by then. Drop the
-- triggers by hand there, by the names that this SELECT finds, and run the file again.
SET @audit_down = (
    SELECT COALESCE(CONCAT('BEGIN NOT ATOMIC ', GROUP_CONCAT(
        'DROP TRIGGER `', REPLACE(TRIGGER_NAME, '`', '``'), '`; ' SEPARATOR ''), 'END'), 'DO 0')
    FROM information_schema.TRIGGERS
    WHERE TRIGGER_SCHEMA = DATABASE() AND LEFT(ACTION_STATEMENT, 20) = 'audit_capture: BEGIN'
);
PREPARE audit_down FROM @audit_down;
EXECUTE audit_down;
DEALLOCATE PREPARE audit_down;

DROP TABLE IF EXISTS audit_probe;
DROP TABLE IF EXISTS audit_holds;
DROP TABLE IF EXISTS audit_settings;
DROP TABLE IF EXISTS audit_schemas;
DROP TABLE IF EXISTS audit_logs;
