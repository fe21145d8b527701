DROP TABLE IF EXISTS audit_schemas;
DROP TABLE IF EXISTS audit_logs;
