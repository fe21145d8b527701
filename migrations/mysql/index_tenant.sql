CREATE INDEX IF NOT EXISTS audit_logs_tenant
    ON audit_logs (tenant_id(128), occurred_at);
