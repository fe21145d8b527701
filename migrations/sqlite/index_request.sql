CREATE INDEX IF NOT EXISTS audit_logs_request
    ON audit_logs (request_id, occurred_at) WHERE request_id IS NOT NULL;
