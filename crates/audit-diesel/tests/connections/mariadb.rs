//! MariaDB.

use audit_testkit::Server;
use diesel::MysqlConnection;

connections!(
    Server::MariaDb,
    MysqlConnection,
    ("DO 0", "CAST(CONNECTION_ID() AS CHAR)")
);

executors!(Server::MariaDb, MysqlConnection);
interacts!(Server::MariaDb, MysqlConnection, "KILL CONNECTION_ID()");
managers!(Server::MariaDb, MysqlConnection);
stored!(Server::MariaDb, MysqlConnection, mysql);
