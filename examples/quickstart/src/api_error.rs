//! What the API answers when something cannot be done.

use audit_sqlx::{LogError, RecordError};
use audit_store::StoreError;
use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
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
        let mut answer = (status, Json(self.0.body())).into_response();
        if let Some(challenge) = self.0.challenge() {
            let challenge = HeaderValue::from_static(challenge);
            answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        answer
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
        match error {
            LogError::Database(error) => error.into(),
            LogError::Query(error) => Self(Refusal::Filters(error)),
            error => Self(Refusal::failed(error)),
        }
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
