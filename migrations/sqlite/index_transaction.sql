CREATE INDEX IF NOT EXISTS audit_logs_transaction
    ON audit_logs (transaction_id, occurred_at) WHERE transaction_id IS NOT NULL;
