//! What the API answers when something cannot be done.

use std::error::Error;
use std::io::Write as _;

use audit_sqlx::{LogError, RecordError};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

pub(crate) type Result<T> = std::result::Result<T, ApiError>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("there is no such record")]
    NotFound,
    #[error("the event could not be recorded, so nothing was done")]
    Record(#[from] RecordError),
    #[error("an invoice has at most {most} lines; nothing was added")]
    TooManyLines { most: i64 },
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Database(sqlx::Error::Database(error))
                if error.is_unique_violation() || error.is_foreign_key_violation() =>
            {
                StatusCode::CONFLICT
            }
            Self::Log(LogError::Query(_)) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooManyLines { .. } => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            log(&self);
        }
        let message = match status {
            StatusCode::CONFLICT if matches!(self, Self::Database(_)) => {
                "another record stands against it".to_owned()
            }
            _ => self.to_string(),
        };
        (status, Json(json!({ "error": message }))).into_response()
    }
}

/// The causes are for whoever runs the server, not for its callers.
fn log(error: &dyn Error) {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    // Where stderr is gone, nobody reads it.
    let _ = writeln!(std::io::stderr(), "{text}");
}
