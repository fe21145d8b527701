//! What the API answers when something cannot be done.

use audit_seaorm::{LogError, RecordError, WriterError};
use audit_store::StoreError;
use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sea_orm::{DbErr, SqlErr};
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

impl From<DbErr> for ApiError {
    fn from(error: DbErr) -> Self {
        Self(match (error.sql_err(), error) {
            (Some(SqlErr::UniqueConstraintViolation(_)), _)
            | (Some(SqlErr::ForeignKeyConstraintViolation(_)), _) => Refusal::Conflict,
            (_, DbErr::RecordNotUpdated) => Refusal::NotFound,
            (_, error) => Refusal::failed(error),
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

/// A change that an undo makes, and that the database refuses.
impl From<WriterError> for ApiError {
    fn from(error: WriterError) -> Self {
        match error {
            WriterError::Database(error) => error.into(),
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
