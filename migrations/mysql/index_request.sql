CREATE INDEX IF NOT EXISTS audit_logs_request
    ON audit_logs (request_id(128), occurred_at);
