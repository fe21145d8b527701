//! The tables of the application, compiled once for each database.

use anyhow::{Context as _, Result, bail};
use axum::Router;
use sqlx::Pool;

use super::{Database, OTHER_TABLES, TABLES, api};
use crate::server::Application;

impl Application for Database {
    async fn create_tables(pool: &Pool<Self>) -> Result<()> {
        let others: i64 = sqlx::query_scalar(OTHER_TABLES)
            .fetch_one(pool)
            .await
            .context("the tables of the database cannot be listed")?;
        if others > 0 {
            bail!("the database has {others} tables of something else; name an empty one");
        }
        let created = sqlx::raw_sql(TABLES).execute(pool).await;
        created.context("the tables cannot be created")?;
        Ok(())
    }

    fn routes() -> Router<Pool<Self>> {
        api::routes()
    }
}
