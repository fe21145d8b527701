//! The context in the form in which it travels to the database: a fixed row of texts.
//!
//! Triggers read the slots by number, so no trigger parses JSON to learn who acts. PostgreSQL
//! carries them as one setting joined by [`SEPARATOR`], MySQL as one user variable each, SQLite
//! in a slot of the connection.

use serde_json::Value;

use crate::context::AuditContext;

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
}

impl Slot {
    /// Every slot in the order of the stamp.
    pub const ALL: [Self; 17] = [
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
        }
    }
}

/// The slots of one context; an absent value is `None`, never the empty text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    slots: Box<[Option<String>; 17]>,
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
            slots: Box::default(),
        };
        stamp.set(Slot::Service, service);
        stamp.set(Slot::Environment, environment);
        if let Some(context) = context {
            stamp.set_context(context);
        }
        stamp
    }

    fn set_context(&mut self, context: &AuditContext) {
        if let Some(actor) = context.actor() {
            self.set(Slot::ActorId, Some(actor.id()));
            self.set(Slot::ActorKind, Some(actor.kind().as_str()));
            self.set(Slot::ActorName, actor.name());
            self.set(Slot::OnBehalfOf, actor.on_behalf_of());
            self.set(Slot::TenantId, actor.tenant_id());
            self.set(
                Slot::Assurance,
                actor.assurance().map(crate::Assurance::as_str),
            );
        }
        self.set(Slot::RequestId, context.request_id());
        self.set(Slot::CausationId, context.causation_id());
        self.set_json(Slot::Context, context.facts());
        self.set(Slot::Reason, context.reason());
        self.set_json(Slot::Metadata, context.metadata());
        self.set(Slot::Action, context.action());
        self.set(Slot::Label, context.label());
        self.set(
            Slot::Severity,
            context.severity().map(crate::Severity::as_str),
        );
        self.set(Slot::Suppress, context.is_suppressed().then_some("1"));
    }

    /// Control characters have no business in these texts and could end a slot: each becomes
    /// U+FFFD. JSON needs no care, its strings escape them.
    fn set(&mut self, slot: Slot, value: Option<&str>) {
        let value = value.filter(|text| !text.is_empty()).map(|text| {
            if text.chars().any(char::is_control) {
                text.chars()
                    .map(|c| if c.is_control() { '\u{fffd}' } else { c })
                    .collect()
            } else {
                text.to_owned()
            }
        });
        if let Some(place) = self.slots.get_mut(slot.number() - 1) {
            *place = value;
        }
    }

    fn set_json(&mut self, slot: Slot, object: &serde_json::Map<String, Value>) {
        if let Some(place) = self.slots.get_mut(slot.number() - 1) {
            // U+007F is the one control character that JSON leaves bare; no separator, so kept.
            // JSON values with text keys can always be written.
            *place = (!object.is_empty())
                .then(|| serde_json::to_string(object).ok())
                .flatten();
        }
    }

    /// The value of one slot.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<&str> {
        self.slots.get(slot.number() - 1).and_then(Option::as_deref)
    }

    /// All slots in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        self.slots.iter().map(Option::as_deref)
    }

    /// The slots as one text, absent ones empty, trailing ones cut.
    #[must_use]
    pub fn joined(&self) -> String {
        let mut text = String::with_capacity(256);
        let mut pending = 0;
        for slot in self.slots.iter() {
            if let Some(value) = slot {
                text.extend(std::iter::repeat_n(SEPARATOR, pending));
                pending = 0;
                text.push_str(value);
            }
            pending += 1;
        }
        text
    }

    /// Reads a joined stamp back; slots beyond the last known one are ignored.
    #[must_use]
    pub fn split(text: &str) -> Self {
        let mut slots: Box<[Option<String>; 17]> = Box::default();
        for (place, value) in slots.iter_mut().zip(text.split(SEPARATOR)) {
            *place = (!value.is_empty()).then(|| value.to_owned());
        }
        Self { slots }
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
        let read = Stamp::split(&stamp.joined());
        assert_eq!(
            read.get(Slot::ActorId),
            Some("mallory\u{fffd}admin\u{fffd}")
        );
        assert_eq!(read.get(Slot::ActorKind), Some("user"));
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
        fn a_joined_stamp_reads_back_as_itself(id in ".*", reason in ".*", key in ".*", value in ".*") {
            let context = AuditContext::new()
                .with_actor(Actor::user(id))
                .with_reason(reason)
                .with_severity(Severity::High)
                .with_fact(key, value);
            let stamp = Stamp::new(Some(&context), Some("a"), Some("b"));
            prop_assert_eq!(Stamp::split(&stamp.joined()), stamp);
        }
    }
}
