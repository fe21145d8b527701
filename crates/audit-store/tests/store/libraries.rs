//! A table as it was, through the readers of three libraries: at every event of random work each must tell
//! what a full read showed then.

use std::future::Future;

use audit_core::Audit;
use audit_store::{Trail, finish};
use audit_testkit::Server;
use diesel_async::AsyncMysqlConnection;

use super::events::drawn;
use super::history::{self, Key, Seen, agrees};
use super::world::Db;

/// A database, with the libraries that read its log.
pub(crate) trait Libraries: Db {
    /// Reads the log of a URL through SeaORM and Diesel.
    fn agree(url: &str, seen: &Seen) -> impl Future<Output = ()> + Send;
}

async fn sea_orm_agrees(url: &str, seen: &Seen) {
    let connection = sea_orm::Database::connect(url).await.unwrap();
    agrees(&mut Trail::of(audit_seaorm::log(&connection)), seen).await;
}

/// Expands to the readers of a database whose connections block.
macro_rules! blocking {
    ($($database:ty: $connection:ty),+) => {
        $(impl Libraries for $database {
            async fn agree(url: &str, seen: &Seen) {
                sea_orm_agrees(url, seen).await;
                let audit = Audit::builder().build().unwrap();
                let file = url.trim_start_matches("sqlite://").trim_end_matches("?mode=rwc");
                let mut connection: $connection = audit_diesel::establish(file, &audit).unwrap();
                let mut trail = Trail::blocking(audit_diesel::log(&mut connection));
                finish(agrees(&mut trail, seen));
            }
        })+
    };
}

blocking!(sqlx::Postgres: diesel::PgConnection, sqlx::Sqlite: diesel::SqliteConnection);

impl Libraries for sqlx::MySql {
    async fn agree(url: &str, seen: &Seen) {
        use audit_diesel::asynchronous::{establish, log};
        sea_orm_agrees(url, seen).await;
        let audit = Audit::builder().build().unwrap();
        let connection = establish::<AsyncMysqlConnection>(url, &audit).await;
        let mut connection = connection.unwrap();
        agrees(&mut Trail::of(log(&mut connection)), seen).await;
    }
}

pub(crate) async fn every_library_tells_what_a_full_read_showed_then<DB: Libraries>(
    server: Server,
) {
    let steps = drawn(&history::step(), 25);
    let audit = Audit::builder().build().unwrap();
    let (world, seen) = history::worked::<DB>(server, Key::Single, &audit, &steps).await;
    agrees(&mut world.trail(), &seen).await;
    DB::agree(world.url(), &seen).await;
}
