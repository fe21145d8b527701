//! The tables of the application, compiled once for each database.

use anyhow::{Context as _, Result};
use axum::Router;
use sqlx::Pool;
use story::schema;

use super::{Database, KIND, api};

impl crate::server::Database for Database {
    async fn create_tables(pool: &Pool<Self>) -> Result<()> {
        let others = sqlx::query_scalar(schema::others(KIND))
            .fetch_one(pool)
            .await;
        schema::refuse(others.context("the tables of the database cannot be listed")?)?;
        let created = sqlx::raw_sql(schema::tables(KIND)).execute(pool).await;
        created.context("the tables cannot be created")?;
        Ok(())
    }

    fn routes() -> Router<Pool<Self>> {
        api::routes()
    }
}
