//! MariaDB.

use audit_testkit::Server;
use diesel::MysqlConnection;

connections!(
    Server::MariaDb,
    MysqlConnection,
    ("DO 0", "CAST(CONNECTION_ID() AS CHAR)"),
    1
);

stored!(Server::MariaDb, MysqlConnection, mysql);
