CREATE INDEX IF NOT EXISTS audit_logs_actor
    ON audit_logs (actor_id(128), occurred_at);
