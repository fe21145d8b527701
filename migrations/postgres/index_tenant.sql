CREATE INDEX IF NOT EXISTS audit_logs_tenant
    ON audit.audit_logs (tenant_id, occurred_at) WHERE tenant_id IS NOT NULL;
