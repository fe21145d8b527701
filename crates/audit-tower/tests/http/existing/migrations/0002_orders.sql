CREATE TABLE orders (
    id BIGINT PRIMARY KEY,
    customer BIGINT NOT NULL,
    FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE
);
