CREATE TABLE IF NOT EXISTS users (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    password TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS invoices (
    org TEXT NOT NULL,
    number BIGINT NOT NULL,
    total NUMERIC(12, 2) NOT NULL,
    status TEXT NOT NULL DEFAULT 'open',
    details JSONB NOT NULL,
    PRIMARY KEY (org, number)
);
CREATE TABLE IF NOT EXISTS invoice_lines (
    org TEXT NOT NULL,
    number BIGINT NOT NULL,
    line_no BIGINT NOT NULL,
    item TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    PRIMARY KEY (org, number, line_no),
    FOREIGN KEY (org, number) REFERENCES invoices (org, number) ON DELETE CASCADE
);
