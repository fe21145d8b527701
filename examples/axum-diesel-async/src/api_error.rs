//! What the API answers when something cannot be done.

use std::fmt;

use audit_diesel::{LogError, RecordError};
use audit_store::StoreError;
use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::pooled_connection::deadpool::PoolError;
use story::Refusal;

pub(crate) type Result<T> = std::result::Result<T, ApiError>;

/// A refusal as an answer of axum.
#[derive(Debug)]
pub(crate) struct ApiError(Refusal);

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

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

/// That of the body of a response.
impl std::error::Error for ApiError {}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        use DatabaseErrorKind::{ForeignKeyViolation, UniqueViolation};
        Self(match error {
            Error::DatabaseError(ForeignKeyViolation | UniqueViolation, _) => Refusal::Conflict,
            error => Refusal::failed(error),
        })
    }
}

impl From<PoolError> for ApiError {
    fn from(error: PoolError) -> Self {
        Self(Refusal::failed(error))
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
