DROP TABLE IF EXISTS audit_probe;
DROP TABLE IF EXISTS audit_settings;
DROP TABLE IF EXISTS audit_schemas;
DROP TABLE IF EXISTS audit_logs;
