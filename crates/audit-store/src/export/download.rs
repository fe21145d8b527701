//! An export as the body of a response.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use audit_core::LogReader;
use audit_core::query::LogQuery;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};

use super::{Format, Progress};
use crate::error::StoreError;
use crate::trail::Trail;

/// An export as a stream of bytes that owns its trail: the body of a response, whatever the web
/// framework is. [`Trail::download`] begins it.
///
/// An error is the last item. Handed to a framework it ends the response without its proper end, so
/// that the client sees that the file is not whole.
pub struct Download<E> {
    pieces: Pin<Box<dyn Stream<Item = Result<Bytes, E>> + Send>>,
}

impl<E> fmt::Debug for Download<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Download").finish_non_exhaustive()
    }
}

impl<E> Stream for Download<E> {
    type Item = Result<Bytes, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pieces.as_mut().poll_next(cx)
    }
}

impl<E: Send + 'static> Download<E> {
    /// A download whose every piece a function reads, with what it needs to go on from one to the
    /// next: for connections that are taken from a pool for each, or that block. `None` ends it.
    ///
    /// ```no_run
    /// # use audit_store::{Everything, LogQuery, StoreError, Trail};
    /// # use audit_store::export::{Download, Format, Progress};
    /// # type Failed = StoreError<audit_sqlx::LogError>;
    /// # async fn download(pool: sqlx::SqlitePool) -> Result<Download<Failed>, Failed> {
    /// let progress = Progress::new(&LogQuery::new(), Format::Ndjson);
    /// Download::by(progress, move |mut progress| {
    ///     let mut trail = Trail::of(audit_sqlx::log(&pool));
    ///     async move {
    ///         let piece = progress.next(&mut trail).await?;
    ///         Ok((piece, progress))
    ///     }
    /// })
    /// .await
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the function fails with for the first piece, which is read here.
    ///
    /// # Cancel safety
    /// As that of the function.
    pub async fn by<T, F, P>(place: T, read: F) -> Result<Self, E>
    where
        T: Send + 'static,
        F: Fn(T) -> P + Send + 'static,
        P: Future<Output = Result<(Option<Vec<u8>>, T), E>> + Send + 'static,
    {
        let (first, place) = read(place).await?;
        let rest = stream::try_unfold((place, read), |(place, read)| async move {
            let (piece, place) = read(place).await?;
            Ok(piece.map(|piece| (Bytes::from(piece), (place, read))))
        });
        let first = first.map(|piece| Ok(Bytes::from(piece)));
        Ok(Self {
            pieces: Box::pin(stream::iter(first).chain(rest)),
        })
    }
}

impl<R: LogReader + 'static, S: Send + 'static> Trail<R, S> {
    /// The same as [`Trail::export`] for a response. The first page is read here, so that what
    /// cannot be asked is an error while the status of the response is still to be said; each other
    /// one is read when the client has taken the one before.
    ///
    /// The `Content-Type` and the name of the file are [`Format::content_type`] and
    /// [`Format::content_disposition`].
    ///
    /// # Errors
    /// [`StoreError::Log`] when the query cannot be asked or the database fails.
    ///
    /// # Cancel safety
    /// Reading leaves nothing behind.
    pub async fn download(
        self,
        query: &LogQuery,
        format: Format,
    ) -> Result<Download<StoreError<R::Error>>, StoreError<R::Error>> {
        let place = (self, Progress::new(query, format));
        let read = |(mut trail, mut progress): (Self, Progress)| async move {
            let piece = progress.next(&mut trail).await?;
            Ok((piece, (trail, progress)))
        };
        Download::by(place, read).await
    }
}
