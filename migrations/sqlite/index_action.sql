CREATE INDEX IF NOT EXISTS audit_logs_action
    ON audit_logs (action, occurred_at) WHERE action IS NOT NULL;
