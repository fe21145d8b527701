//! The context in the form in which it travels to the database: a fixed row of texts.
//!
//! Triggers read the slots by number, so no trigger parses JSON to learn who acts. PostgreSQL
//! carries them as one setting joined by [`SEPARATOR`], MySQL as one user variable each, SQLite
//! in a slot of the connection.

use crate::context::AuditContext;
use crate::{Actor, Assurance, Severity};

/// What stands between two slots of a joined stamp: U+001F, the unit separator of ASCII.
pub const SEPARATOR: char = '\u{1f}';

/// One position of a stamp; its number, counted from 1, is what the triggers use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Slot {
    /// `actor_id`
    ActorId = 1,
    /// `actor_kind`
    ActorKind,
    /// `actor_name`
    ActorName,
    /// `on_behalf_of`
    OnBehalfOf,
    /// `tenant_id`
    TenantId,
    /// `assurance`
    Assurance,
    /// `request_id`
    RequestId,
    /// `causation_id`
    CausationId,
    /// `context`, a JSON object
    Context,
    /// `reason`
    Reason,
    /// `metadata`, a JSON object
    Metadata,
    /// `action`
    Action,
    /// `label`, over the label of the rules
    Label,
    /// `severity`, over the severity of the rules
    Severity,
    /// `1` when row images are suppressed
    Suppress,
    /// `service`, from the attached pool
    Service,
    /// `environment`, from the attached pool
    Environment,
    /// `reverts`, a JSON array of texts
    Reverts,
}

impl Slot {
    /// Every slot in the order of the stamp.
    pub const ALL: [Self; 18] = [
        Self::ActorId,
        Self::ActorKind,
        Self::ActorName,
        Self::OnBehalfOf,
        Self::TenantId,
        Self::Assurance,
        Self::RequestId,
        Self::CausationId,
        Self::Context,
        Self::Reason,
        Self::Metadata,
        Self::Action,
        Self::Label,
        Self::Severity,
        Self::Suppress,
        Self::Service,
        Self::Environment,
        Self::Reverts,
    ];

    /// The position, counted from 1.
    #[must_use]
    pub const fn number(self) -> usize {
        self as usize
    }

    /// The name: that of the event's column, except for `suppress`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ActorId => "actor_id",
            Self::ActorKind => "actor_kind",
            Self::ActorName => "actor_name",
            Self::OnBehalfOf => "on_behalf_of",
            Self::TenantId => "tenant_id",
            Self::Assurance => "assurance",
            Self::RequestId => "request_id",
            Self::CausationId => "causation_id",
            Self::Context => "context",
            Self::Reason => "reason",
            Self::Metadata => "metadata",
            Self::Action => "action",
            Self::Label => "label",
            Self::Severity => "severity",
            Self::Suppress => "suppress",
            Self::Service => "service",
            Self::Environment => "environment",
            Self::Reverts => "reverts",
        }
    }
}

/// The slots of one context; an absent value is `None`, never the empty text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp {
    joined: String,
    /// Where each slot ends, one byte before the next one starts; at or before its start where the
    /// value is absent.
    ends: [u32; 18],
}

impl Stamp {
    /// The stamp of a context in a service and an environment.
    #[must_use]
    pub fn new(
        context: Option<&AuditContext>,
        service: Option<&str>,
        environment: Option<&str>,
    ) -> Self {
        let mut stamp = Self {
            joined: String::with_capacity(512),
            ..Self::default()
        };
        for (index, slot) in Slot::ALL.into_iter().enumerate() {
            if index > 0 {
                stamp.joined.push(SEPARATOR);
            }
            match slot {
                Slot::Service => stamp.push(service),
                Slot::Environment => stamp.push(environment),
                _ => {
                    if let Some(context) = context {
                        stamp.push_slot(context, slot);
                    }
                }
            }
            stamp.note(index);
        }
        let end = stamp.joined.trim_end_matches(SEPARATOR).len();
        stamp.joined.truncate(end);
        let end = stamp.end();
        stamp.ends = stamp.ends.map(|known| known.min(end));
        stamp
    }

    fn push_slot(&mut self, context: &AuditContext, slot: Slot) {
        let actor = context.actor();
        match slot {
            Slot::ActorId => self.push(actor.map(Actor::id)),
            Slot::ActorKind => self.push(actor.map(|actor| actor.kind().as_str())),
            Slot::ActorName => self.push(actor.and_then(Actor::name)),
            Slot::OnBehalfOf => self.push(actor.and_then(Actor::on_behalf_of)),
            Slot::TenantId => self.push(actor.and_then(Actor::tenant_id)),
            Slot::Assurance => {
                let assurance = actor.and_then(Actor::assurance);
                self.push(assurance.map(Assurance::as_str));
            }
            Slot::RequestId => self.push(context.request_id()),
            Slot::CausationId => self.push(context.causation_id()),
            Slot::Context => {
                let [facts, _] = context.members();
                self.push_object(facts);
            }
            Slot::Reason => self.push(context.reason()),
            Slot::Metadata => {
                let [_, metadata] = context.members();
                self.push_object(metadata);
            }
            Slot::Action => self.push(context.action()),
            Slot::Label => self.push(context.label()),
            Slot::Severity => self.push(context.severity().map(Severity::as_str)),
            Slot::Suppress => self.push(context.is_suppressed().then_some("1")),
            Slot::Reverts => self.push(context.reverts()),
            Slot::Service | Slot::Environment => {}
        }
    }

    /// Control characters have no business in these texts and could end a slot: each becomes
    /// U+FFFD. JSON needs no care, its strings escape them.
    fn push(&mut self, value: Option<&str>) {
        let text = value.unwrap_or_default();
        // Those beyond ASCII are the bytes 0xc2 and 0x80 to 0x9f.
        let may_be_control = |byte: u8| byte < b' ' || matches!(byte, 0x7f | 0xc2);
        // Without an early end the compiler looks at many bytes at once.
        let is_any = text
            .bytes()
            .fold(false, |any, byte| any | may_be_control(byte));
        if is_any && text.chars().any(char::is_control) {
            let readable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
            self.joined.extend(text.chars().map(readable));
        } else {
            self.joined.push_str(text);
        }
    }

    /// U+007F is the one control character that JSON leaves bare; no separator, so kept.
    fn push_object(&mut self, members: &str) {
        if !members.is_empty() {
            self.joined.push('{');
            self.joined.push_str(members);
            self.joined.push('}');
        }
    }

    /// Notes that a slot ends here.
    fn note(&mut self, index: usize) {
        let here = self.end();
        if let Some(end) = self.ends.get_mut(index) {
            *end = here;
        }
    }

    /// No database takes a statement of 4 GiB.
    fn end(&self) -> u32 {
        u32::try_from(self.joined.len()).unwrap_or(u32::MAX)
    }

    /// The value of one slot.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<&str> {
        let index = slot.number() - 1;
        let end = *self.ends.get(index)? as usize;
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize + 1,
            None => 0,
        };
        self.joined
            .get(start..end)
            .filter(|value| !value.is_empty())
    }

    /// The slots as one text, absent ones empty, trailing ones cut.
    #[must_use]
    pub fn joined(&self) -> &str {
        &self.joined
    }

    /// Reads a joined stamp back; slots beyond the last known one are ignored.
    #[must_use]
    pub fn split(text: &str) -> Self {
        let mut stamp = Self {
            joined: String::with_capacity(text.len()),
            ..Self::default()
        };
        let mut values = text.split(SEPARATOR);
        for index in 0..Slot::ALL.len() {
            if let Some(value) = values.next() {
                if index > 0 {
                    stamp.joined.push(SEPARATOR);
                }
                stamp.joined.push_str(value);
            }
            stamp.note(index);
        }
        stamp
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Actor, Severity};

    #[test]
    fn slots_are_numbered_in_their_order() {
        for (index, slot) in Slot::ALL.iter().enumerate() {
            assert_eq!(slot.number(), index + 1);
        }
    }

    #[test]
    fn a_separator_in_a_value_cannot_move_into_the_next_slot() {
        let actor = Actor::user("mallory\u{1f}admin\0");
        let context = AuditContext::new().with_actor(actor);
        let stamp = Stamp::new(Some(&context), None, None);
        let read = Stamp::split(stamp.joined());
        assert_eq!(
            read.get(Slot::ActorId),
            Some("mallory\u{fffd}admin\u{fffd}")
        );
        assert_eq!(read.get(Slot::ActorKind), Some("user"));
    }

    #[test]
    fn a_control_character_beyond_ascii_is_told_from_a_letter() {
        for (name, expected) in [
            ("\u{85}é", "\u{fffd}é"),
            ("é\u{7f}", "é\u{fffd}"),
            ("éÂ", "éÂ"),
        ] {
            let context = AuditContext::new().with_reason(name);
            let stamp = Stamp::new(Some(&context), None, None);
            assert_eq!(stamp.get(Slot::Reason), Some(expected));
        }
    }

    #[test]
    fn no_context_leaves_every_actor_slot_empty() {
        let stamp = Stamp::new(None, Some("billing"), None);
        assert_eq!(stamp.get(Slot::ActorId), None);
        assert_eq!(stamp.get(Slot::ActorKind), None);
        assert_eq!(stamp.get(Slot::Service), Some("billing"));
    }

    proptest! {
        #[test]
        fn a_joined_stamp_reads_back_as_itself(
            id in ".*", reason in ".*", key in ".*", value in ".*", service in "[a-b]?"
        ) {
            let context = AuditContext::new()
                .with_actor(Actor::user(id))
                .with_reason(reason)
                .with_severity(Severity::High)
                .with_fact(key, value);
            let service = Some(service.as_str()).filter(|service| !service.is_empty());
            let stamp = Stamp::new(Some(&context), service, None);
            prop_assert_eq!(stamp.get(Slot::Severity), Some("high"));
            prop_assert_eq!(stamp.get(Slot::Service), service);
            prop_assert_eq!(Stamp::split(stamp.joined()), stamp);
        }
    }
}
