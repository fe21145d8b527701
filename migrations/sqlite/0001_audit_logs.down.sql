DROP VIEW IF EXISTS audit_capture_off;
DROP TABLE IF EXISTS audit_probe;
DROP TABLE IF EXISTS audit_holds;
DROP TABLE IF EXISTS audit_settings;
DROP TABLE IF EXISTS audit_schemas;
DROP TABLE IF EXISTS audit_logs;
