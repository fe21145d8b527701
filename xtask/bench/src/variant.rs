//! The ways in which a call is made.

use clap::ValueEnum;

use crate::op::Op;

/// One way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Variant {
    /// A default pool, no audit.
    Bare,
    /// An attached pool.
    Audited,
    /// Triggers and hooks written by hand.
    Limit,
    /// One statement that writes the change and its event, on a default pool.
    Floor,
    /// A pool whose statements write their own events, without triggers.
    Inline,
    /// The hooks of the limit without its triggers.
    Stamped,
    /// As `audited`, with `clear_at_release(false)`.
    Uncleared,
    /// As `audited`, with the changed columns alone in the images.
    Changed,
    /// As `audited`, without the index of records on the log.
    Unindexed,
    /// As `audited`, with every index that a log may have.
    Indexed,
    /// A default pool without the ping at checkout.
    Unpinged,
    /// As `stamped`, but the release does not wait for the answer to its clear: the pool's own ping
    /// reads it.
    Queued,
    /// As `limit`, with one trigger a statement for UPDATE that pairs old and new rows by number.
    LimitStatement,
    /// As `limit`, with the context as base64 of a JSON object that the trigger reads.
    LimitJson,
    /// As `limit`, with the context once for each request and a reference in the event.
    LimitOnce,
    /// As `limit`, with random ids, which say nothing of order.
    LimitRandom,
    /// As `limit`, with row triggers for INSERT and DELETE as well.
    LimitRow,
    /// As `limit`, with images as `jsonb`.
    LimitJsonb,
    /// As `limit`, with functions that run as their caller, on the caller's search path.
    LimitInvoker,
    /// As `limit`, with changes that go on without their event where it cannot be written.
    LimitOpen,
}

impl Variant {
    /// The name in options and in the output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Audited => "audited",
            Self::Limit => "limit",
            Self::Floor => "floor",
            Self::Inline => "inline",
            Self::Stamped => "stamped",
            Self::Uncleared => "uncleared",
            Self::Changed => "changed",
            Self::Unindexed => "unindexed",
            Self::Indexed => "indexed",
            Self::Unpinged => "unpinged",
            Self::Queued => "queued",
            Self::LimitStatement => "limit-statement",
            Self::LimitJson => "limit-json",
            Self::LimitOnce => "limit-once",
            Self::LimitRandom => "limit-random",
            Self::LimitRow => "limit-row",
            Self::LimitJsonb => "limit-jsonb",
            Self::LimitInvoker => "limit-invoker",
            Self::LimitOpen => "limit-open",
        }
    }

    /// Those that run for an operation unless others are named.
    pub(crate) fn default_for(op: Op) -> &'static [Self] {
        match op {
            Op::Select | Op::Unaudited => &[Self::Bare, Self::Audited, Self::Limit, Self::Stamped],
            _ => &[
                Self::Bare,
                Self::Audited,
                Self::Limit,
                Self::Floor,
                Self::Inline,
            ],
        }
    }

    /// Whether calls leave events.
    pub(crate) fn has_log(self) -> bool {
        !matches!(
            self,
            Self::Bare | Self::Unpinged | Self::Stamped | Self::Queued
        )
    }

    /// Whether there are triggers written by hand.
    pub(crate) fn has_hand_triggers(self) -> bool {
        matches!(
            self,
            Self::Limit
                | Self::LimitInvoker
                | Self::LimitJson
                | Self::LimitJsonb
                | Self::LimitOnce
                | Self::LimitOpen
                | Self::LimitRandom
                | Self::LimitRow
                | Self::LimitStatement
        )
    }

    /// Whether the pool has hooks written by hand.
    pub(crate) fn has_hand_hooks(self) -> bool {
        self.has_hand_triggers() || matches!(self, Self::Queued | Self::Stamped)
    }

    /// Whether the pool is an attached one.
    pub(crate) fn is_attached(self) -> bool {
        matches!(
            self,
            Self::Audited
                | Self::Changed
                | Self::Indexed
                | Self::Inline
                | Self::Uncleared
                | Self::Unindexed
        )
    }
}
