//! What one connection remembers between calls: context, key, and the event being written.

use std::cell::OnceCell;

use audit_core::stamp::{Slot, Stamp};

use crate::clock::{Tick, tick};

/// The state of one connection.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The stamp as it came; empty outside a checkout, also of the service.
    joined: String,
    /// Its slots, once an event asks for one. Work that only reads never does.
    slots: OnceCell<Stamp>,
    is_stamped: bool,
    installed_for: Option<i64>,
    /// How often statements had been prepared when the schema was seen to be that of `installed_for`.
    current_at: Option<u64>,
    fallback: Stamp,
    key: Option<Vec<u8>>,
    changed: Option<String>,
    changed_names: Vec<String>,
    event: Pending,
    transaction: Option<(u32, String)>,
}

/// Time and id of an event are made together; whichever is asked for first leaves the other here.
#[derive(Debug, Default)]
enum Pending {
    #[default]
    Nothing,
    Id(Tick),
    Time(Tick),
}

impl State {
    /// Replaces the context. The empty text stands for the connection's fallback, which also
    /// fills the service and environment that a stamp leaves open.
    pub(crate) fn stamp(&mut self, stamp: &str) {
        self.joined.clear();
        self.joined.push_str(stamp);
        self.slots = match stamp {
            "" => OnceCell::from(self.fallback.clone()),
            _ => OnceCell::new(),
        };
        self.is_stamped = true;
        self.event = Pending::Nothing;
    }

    /// Forgets the context.
    pub(crate) fn clear(&mut self) {
        self.joined.clear();
        self.slots = OnceCell::new();
        self.is_stamped = false;
        self.event = Pending::Nothing;
    }

    /// The version of the schema that the triggers were installed for.
    pub(crate) fn installed_for(&self) -> Option<i64> {
        self.installed_for
    }

    /// How often statements had been prepared when the triggers were last seen to fit the schema.
    pub(crate) fn current_at(&self) -> Option<u64> {
        self.current_at
    }

    pub(crate) fn set_current_at(&mut self, prepared: Option<u64>) {
        self.current_at = prepared;
    }

    pub(crate) fn set_installed(&mut self, schema_version: Option<i64>, fallback: Option<&str>) {
        self.installed_for = schema_version;
        self.current_at = None;
        self.fallback = Stamp::split(fallback.unwrap_or_default());
    }

    pub(crate) fn set_key(&mut self, key: Option<&[u8]>) {
        self.key = key.map(<[u8]>::to_vec);
    }

    pub(crate) fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }

    /// A slot of the context, counted from 1.
    pub(crate) fn slot(&self, number: i64) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let slot = *Slot::ALL.get(index)?;
        let is_filled = self.is_stamped && matches!(slot, Slot::Service | Slot::Environment);
        let fallback = || self.fallback.get(slot).filter(|_| is_filled);
        let slots = self.slots.get_or_init(|| Stamp::split(&self.joined));
        slots.get(slot).or_else(fallback)
    }

    pub(crate) fn now(&mut self) -> Tick {
        match std::mem::take(&mut self.event) {
            Pending::Time(tick) => tick,
            Pending::Nothing | Pending::Id(_) => {
                let tick = tick();
                self.event = Pending::Id(tick);
                tick
            }
        }
    }

    pub(crate) fn id(&mut self, random: [u8; 6]) -> [u8; 16] {
        let tick = match std::mem::take(&mut self.event) {
            Pending::Id(tick) => tick,
            Pending::Nothing | Pending::Time(_) => {
                let tick = tick();
                self.event = Pending::Time(tick);
                tick
            }
        };
        tick.to_uuid(random)
    }

    /// The text of the transaction that is open while the database's data version is this one.
    ///
    /// A commit changes the data version, a rollback does not: the events of a rolled-back
    /// transaction are gone, so its text can serve the next one.
    pub(crate) fn transaction(&mut self, data_version: u32, random: [u8; 6]) -> &str {
        let fresh = !matches!(&self.transaction, Some((version, _)) if *version == data_version);
        if fresh {
            let id = u128::from_be_bytes(tick().to_uuid(random));
            self.transaction = Some((data_version, format!("{id:032x}")));
        }
        self.transaction.as_ref().map_or("", |(_, id)| id)
    }

    pub(crate) fn set_changed(&mut self, names: Vec<String>) {
        let list = crate::json::list(names.iter().map(|name| Some(name.as_str())));
        self.changed = (!names.is_empty()).then_some(list);
        self.changed_names = names;
    }

    /// What the last comparison found, as a JSON list.
    pub(crate) fn changed(&self) -> Option<&str> {
        self.changed.as_deref()
    }

    pub(crate) fn has_changed(&self, name: &str) -> bool {
        self.changed_names.iter().any(|changed| changed == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_id_of_an_event_belong_together_in_either_order() {
        let mut state = State::default();
        let millis = |id: [u8; 16]| u128::from_be_bytes(id) >> 80;
        let time = state.now();
        assert_eq!(millis(state.id([0; 6])), u128::from(time.micros / 1000));
        let id = state.id([0; 6]);
        let time = state.now();
        assert_eq!(millis(id), u128::from(time.micros / 1000));
        let (first, second) = (state.now(), state.now());
        assert_ne!(first, second);
    }

    #[test]
    fn a_transaction_lasts_until_the_data_version_changes() {
        let mut state = State::default();
        let first = state.transaction(1, [1; 6]).to_owned();
        assert_eq!(state.transaction(1, [2; 6]), first);
        assert_ne!(state.transaction(2, [1; 6]), first);
    }

    #[test]
    fn clearing_leaves_no_slot() {
        let mut state = State::default();
        let fallback = Stamp::new(None, Some("billing"), Some("prod"));
        state.set_installed(Some(3), Some(fallback.joined()));
        state.stamp("alice");
        assert_eq!(
            (state.slot(1), state.slot(0), state.slot(99)),
            (Some("alice"), None, None)
        );
        state.clear();
        assert_eq!((state.slot(1), state.slot(16)), (None, None));
        assert_eq!(state.installed_for(), Some(3));
    }

    #[test]
    fn the_fallback_gives_the_service_and_stands_in_for_an_empty_stamp() {
        let fallback = Stamp::new(None, Some("billing"), Some("prod"));
        let mut state = State::default();
        state.set_installed(Some(1), Some(fallback.joined()));
        state.stamp("alice");
        assert_eq!(
            (state.slot(1), state.slot(16)),
            (Some("alice"), Some("billing"))
        );
        state.stamp("");
        assert_eq!((state.slot(1), state.slot(17)), (None, Some("prod")));
    }
}
