//! `audit log`: events, page by page or as they come.

use std::collections::HashSet;
use std::time::Duration;

use audit_sqlx::AuditDatabase;
use audit_store::{CursorKey, LogQuery};
use clap::Args;
use sqlx::Pool;

use super::Run;
use crate::database::{Database, note_missing_index, trail};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::filters::Filters;
use crate::listing::{Columns, Listing};
use crate::output::{Output, Progress, talk};

/// The events that a list has unless told otherwise.
const LIMIT: u32 = 100;
/// The events that were there before, where new ones are followed.
const EARLIER: u32 = 10;
/// The time between two looks for new events.
const PAUSE: Duration = Duration::from_millis(500);
/// Cursors prove which query they are of. They keep nobody out: who has one of this command's
/// could read the database.
const CURSOR_KEY: &[u8] = b"the cursors of the command audit";

/// The arguments of `audit log`.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// At most this many, up to 10000 [default: 100; with --follow 10 that were there before]
    #[arg(short = 'n', long, value_name = "COUNT")]
    limit: Option<u32>,
    /// All of them, however many
    #[arg(long, conflicts_with_all = ["limit", "after", "follow"])]
    all: bool,
    /// Go on at a cursor, which the end of a page says
    #[arg(long, value_name = "CURSOR", conflicts_with = "follow")]
    after: Option<String>,
    /// Oldest first
    #[arg(long)]
    oldest_first: bool,
    /// Wait for new events and print them, until Ctrl-C
    #[arg(short, long, conflicts_with = "oldest_first")]
    follow: bool,
    /// How many seconds a new event may take to become visible: on MariaDB and MySQL one of a
    /// transaction that commits later is missed [default: 60]
    #[arg(
        long,
        requires = "follow",
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    settling: Option<u64>,
    /// Show the id of each event, for `audit show`
    #[arg(long)]
    ids: bool,
    #[command(flatten)]
    filters: Filters,
}

impl Run for Log {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let pool = database.open::<DB>().await?;
        let columns = Columns {
            has_ids: self.ids,
            has_records: true,
        };
        let mut listing = Listing::new(output, columns);
        let mut query = self.filters.query();
        if self.oldest_first {
            query = query.oldest_first();
        }
        if self.follow {
            note_missing_index(&mut trail(&pool), &query).await?;
            self.follow(&pool, &query, &mut listing).await?;
            listing.end()?;
            return Ok(Exit::Success);
        }
        if self.all {
            note_missing_index(&mut trail(&pool), &query).await?;
            all(&pool, &query, &mut listing).await?;
        } else {
            self.page(&pool, &query, &mut listing).await?;
        }
        let has_found = listing.end()? > 0;
        if !has_found {
            talk("the log has no such event");
        }
        Ok(Exit::of_search(has_found))
    }
}

impl Log {
    /// One page; where there are more events, standard error says how to go on.
    async fn page<DB: AuditDatabase>(
        &self,
        pool: &Pool<DB>,
        query: &LogQuery,
        listing: &mut Listing,
    ) -> Result<(), Fault> {
        let key = CursorKey::new(CURSOR_KEY).map_err(Fault::database)?;
        let mut trail = trail(pool).cursor_key(key);
        let query = query.clone().limit(self.limit.unwrap_or(LIMIT));
        let page = trail.page(&query, self.after.as_deref()).await?;
        if let Some(missing) = page.missing_index {
            talk(&format!("note: {missing}"));
        }
        listing.add(&page.events)?;
        if let Some(cursor) = page.next {
            talk(&format!("there are more: --after {cursor}"));
        }
        Ok(())
    }

    /// The newest events, and then those that become visible. It ends with Ctrl-C.
    async fn follow<DB: AuditDatabase>(
        &self,
        pool: &Pool<DB>,
        query: &LogQuery,
        listing: &mut Listing,
    ) -> Result<(), Fault> {
        let mut stopped = std::pin::pin!(tokio::signal::ctrl_c());
        let (mut followed, mut earlier) = (trail(pool), trail(pool));
        if let Some(seconds) = self.settling {
            followed = followed.settling(Duration::from_secs(seconds));
        }
        let mut follow = followed.follow(query).await?;
        let query = query.clone().limit(self.limit.unwrap_or(EARLIER));
        let mut events = earlier.page(&query, None).await?.events;
        events.reverse();
        listing.add(&events)?;
        // What became visible between the two is in both.
        let mut shown: HashSet<_> = events.iter().map(|event| event.id).collect();
        loop {
            let mut events = tokio::select! {
                events = follow.poll() => events?,
                stop = &mut stopped => return stop.map_err(Fault::Output),
            };
            let is_over = events.is_empty();
            events.retain(|event| !shown.remove(&event.id));
            listing.add(&events)?;
            if is_over {
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    stop = &mut stopped => return stop.map_err(Fault::Output),
                }
            }
        }
    }
}

/// Every event, with one page in memory.
async fn all<DB: AuditDatabase>(
    pool: &Pool<DB>,
    query: &LogQuery,
    listing: &mut Listing,
) -> Result<(), Fault> {
    let mut trail = trail(pool);
    let mut pages = trail.pages(query);
    let mut progress = Progress::beside_output();
    while let Some(events) = pages.next().await? {
        listing.add(&events)?;
        progress.tell_of(listing.count(), "events");
    }
    progress.end_with(listing.count(), "events");
    Ok(())
}
