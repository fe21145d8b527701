CREATE TABLE IF NOT EXISTS users (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    email VARCHAR(200) NOT NULL,
    password VARCHAR(200) NOT NULL
);
CREATE TABLE IF NOT EXISTS invoices (
    org VARCHAR(100) NOT NULL,
    number BIGINT NOT NULL,
    total DECIMAL(12, 2) NOT NULL,
    status VARCHAR(20) NOT NULL DEFAULT 'open',
    details JSON NOT NULL,
    PRIMARY KEY (org, number)
);
CREATE TABLE IF NOT EXISTS invoice_lines (
    org VARCHAR(100) NOT NULL,
    number BIGINT NOT NULL,
    line_no BIGINT NOT NULL,
    item VARCHAR(200) NOT NULL,
    quantity BIGINT NOT NULL,
    PRIMARY KEY (org, number, line_no),
    FOREIGN KEY (org, number) REFERENCES invoices (org, number) ON DELETE CASCADE
);
