CREATE INDEX IF NOT EXISTS audit_logs_actor
    ON audit.audit_logs (actor_id, occurred_at) WHERE actor_id IS NOT NULL;
