//! The log in pages.

use audit_core::query::{LogQuery, Position};
use audit_core::{Event, LogReader};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::cursor::Cursor;
use crate::error::StoreError;
use crate::index::MissingIndex;
use crate::trail::{Trail, now};

/// One page of events, in the order of the query.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// The events, as many as the limit of the query at most.
    pub events: Vec<Event>,
    /// The cursor of the page behind it; `None` where there is none yet.
    pub next: Option<String>,
    /// The cursor of the page before it; `None` on the first one.
    pub previous: Option<String>,
    /// On the first page, the index that the query waits for: a warning that all of the log may have
    /// been read. To know it takes a statement of its own where an opt-in index would lead to the
    /// events; see [`Trail::missing_index`].
    pub missing_index: Option<MissingIndex>,
}

/// An event and its neighbours, in the order of the query.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Around {
    /// The events before it.
    pub before: Vec<Event>,
    /// The event.
    pub event: Event,
    /// The events behind it.
    pub behind: Vec<Event>,
}

impl<R: LogReader, S: Send> Trail<R, S> {
    /// A page of a query: the first one, or the one of a cursor.
    ///
    /// A page is as long as the limit of the query, which may differ from page to page. Every event
    /// that the first page could see is on exactly one page, whatever is written meanwhile; an event
    /// that comes later is on none or on one, as its place is. Spans of time are before the moment of
    /// the first page.
    ///
    /// # Errors
    /// [`StoreError::Cursor`] for a cursor that this query, tenant and key did not give,
    /// [`StoreError::Key`] without a key, [`StoreError::Log`] when the query cannot be asked or
    /// the database fails.
    pub async fn page(
        &mut self,
        query: &LogQuery,
        cursor: Option<&str>,
    ) -> Result<Page, StoreError<R::Error>> {
        let query = self.within(query);
        let limit = query.checked_limit()? as usize;
        let key = self.key()?;
        let at = match cursor {
            Some(text) => Some(Cursor::open::<StoreError<R::Error>>(text, &key, &query)?),
            None => None,
        };
        let asked_at = at.map_or_else(now, |cursor| cursor.asked_at);
        let missing_index = match at {
            Some(_) => None,
            None => self.index_missing_for(&query).await?,
        };
        let is_backward = at.is_some_and(|cursor| cursor.is_backward);
        let mut asked = query.clone().one_more();
        if is_backward {
            asked = asked.reversed();
        }
        if let Some(cursor) = at {
            asked = asked.after(cursor.position);
        }
        let mut events = self.read(&asked, asked_at).await?;
        let has_more = events.len() > limit;
        events.truncate(limit);
        if is_backward {
            events.reverse();
        }
        let seal = |event: Option<&Event>, is_there: bool, is_backward| {
            let position = event.filter(|_| is_there).map(Event::position);
            let cursor = position.map(|position| Cursor {
                is_backward,
                position,
                asked_at,
            });
            cursor.map(|cursor| cursor.seal(&key, &query)).transpose()
        };
        Ok(Page {
            next: seal(events.last(), is_backward || has_more, false)?,
            previous: seal(
                events.first(),
                if is_backward { has_more } else { at.is_some() },
                true,
            )?,
            events,
            missing_index,
        })
    }

    /// An event with up to `count` events of a query on either side; `None` where there is no
    /// such event within reach. The event itself need not be one of the query.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the query or the count cannot be, or the database fails.
    pub async fn around(
        &mut self,
        query: &LogQuery,
        id: Uuid,
        count: u32,
    ) -> Result<Option<Around>, StoreError<R::Error>> {
        let Some(event) = self.event(id).await? else {
            return Ok(None);
        };
        let side = self.within(query).limit(count).after(event.position());
        let now = now();
        let mut before = self.read(&side.clone().reversed(), now).await?;
        before.reverse();
        Ok(Some(Around {
            before,
            event,
            behind: self.read(&side, now).await?,
        }))
    }

    /// All events of a query, page by page: [`Pages::next`] reads the next one, and no more than
    /// one is in memory. The limit of the query is the length of a page, and cuts nothing off.
    pub fn pages(&mut self, query: &LogQuery) -> Pages<'_, R, S> {
        Pages {
            reading: Reading::begin(query),
            trail: self,
        }
    }
}

/// All events of a query, page by page; [`Trail::pages`] begins it.
#[derive(Debug)]
pub struct Pages<'t, R, S> {
    trail: &'t mut Trail<R, S>,
    reading: Reading,
}

impl<R: LogReader, S: Send> Pages<'_, R, S> {
    /// The next page; `None` behind the last event. What one page could see is given exactly
    /// once, as by [`Trail::page`].
    ///
    /// # Errors
    /// [`StoreError::Log`] when the query cannot be asked or the database fails; the same page can
    /// be asked for again.
    ///
    /// # Cancel safety
    /// A page that was not waited for is read by the next call.
    pub async fn next(&mut self) -> Result<Option<Vec<Event>>, StoreError<R::Error>> {
        self.reading.next(self.trail).await
    }
}

/// How far all events of a query were read.
#[derive(Debug)]
pub(crate) struct Reading {
    query: LogQuery,
    asked_at: DateTime<Utc>,
    last: Option<Position>,
    is_over: bool,
}

impl Reading {
    pub(crate) fn begin(query: &LogQuery) -> Self {
        Self {
            query: query.clone(),
            asked_at: now(),
            last: None,
            is_over: false,
        }
    }

    /// The next page, within what this trail reaches.
    pub(crate) async fn next<R: LogReader, S: Send>(
        &mut self,
        trail: &mut Trail<R, S>,
    ) -> Result<Option<Vec<Event>>, StoreError<R::Error>> {
        if self.is_over {
            return Ok(None);
        }
        let query = trail.within(&self.query);
        let query = match self.last {
            Some(position) => query.after(position),
            None => query,
        };
        let limit = query.checked_limit()? as usize;
        let events = trail.read(&query, self.asked_at).await?;
        self.is_over = events.len() < limit;
        self.last = events.last().map(Event::position).or(self.last);
        Ok(Some(events).filter(|events| !events.is_empty()))
    }
}
