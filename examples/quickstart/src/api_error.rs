//! What the API answers when something cannot be done.

use audit_sqlx::{LogError, RecordError};
use audit_store::StoreError;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use story::Refusal;

pub(crate) type Result<T> = std::result::Result<T, ApiError>;

/// A refusal as an answer of axum.
#[derive(Debug)]
pub(crate) struct ApiError(Refusal);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.0.body())).into_response()
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        let conflict = error
            .as_database_error()
            .is_some_and(|error| error.is_unique_violation() || error.is_foreign_key_violation());
        Self(match conflict {
            true => Refusal::Conflict,
            false => Refusal::failed(error),
        })
    }
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        Self(match error {
            LogError::Query(error) => Refusal::Filters(error),
            error => Refusal::failed(error),
        })
    }
}

impl From<StoreError<LogError>> for ApiError {
    fn from(error: StoreError<LogError>) -> Self {
        match error {
            StoreError::Log(error) => error.into(),
            error => Self(Refusal::failed(error)),
        }
    }
}

impl From<RecordError> for ApiError {
    fn from(error: RecordError) -> Self {
        Self(Refusal::failed(error))
    }
}
