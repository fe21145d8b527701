CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    password TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS invoices (
    org TEXT NOT NULL,
    number INTEGER NOT NULL,
    total TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'open',
    details TEXT NOT NULL,
    PRIMARY KEY (org, number)
);
CREATE TABLE IF NOT EXISTS invoice_lines (
    org TEXT NOT NULL,
    number INTEGER NOT NULL,
    line_no INTEGER NOT NULL,
    item TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (org, number, line_no),
    FOREIGN KEY (org, number) REFERENCES invoices (org, number) ON DELETE CASCADE
);
