CREATE TABLE users (
    id bigint PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    role text NOT NULL,
    balance numeric(12, 2) NOT NULL,
    active boolean NOT NULL,
    bio text,
    updated_at timestamptz NOT NULL
) WITH (autovacuum_enabled = off);
CREATE TABLE sessions (id bigint PRIMARY KEY, seen bigint NOT NULL) WITH (autovacuum_enabled = off);
CREATE TABLE seed (n bigint PRIMARY KEY);
INSERT INTO seed SELECT generate_series(1, 1000);
