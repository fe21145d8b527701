CREATE INDEX IF NOT EXISTS audit_logs_action
    ON audit_logs (action(128), occurred_at);
