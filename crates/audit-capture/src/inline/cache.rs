//! Plans by the text of their statement, so that a text is read once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Inline, Planner, Uncapturable};

/// A text that is longer is read each time: bulk statements seldom come twice.
const LONGEST_BYTES: usize = 16 * 1024;

type Planned = Result<Arc<Inline>, Uncapturable>;

/// The plans of the statements that were run last, up to twice a number of texts.
#[derive(Debug)]
pub struct PlanCache {
    planner: Planner,
    capacity: usize,
    generations: Mutex<Generations>,
}

/// Those that were used since the last time the young ones became too many, and those before them.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Box<str>, Planned>,
    old: HashMap<Box<str>, Planned>,
}

impl PlanCache {
    /// Keeps the plans of at least the last `capacity` texts, at most of twice as many, each of up to
    /// 16 KiB.
    #[must_use]
    pub fn new(planner: Planner, capacity: usize) -> Self {
        Self {
            planner,
            capacity: capacity.max(1),
            generations: Mutex::default(),
        }
    }

    /// What plans the texts.
    #[must_use]
    pub fn planner(&self) -> &Planner {
        &self.planner
    }

    /// What is to run for a text.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub fn plan(&self, text: &str) -> Result<Arc<Inline>, Uncapturable> {
        if text.len() > LONGEST_BYTES {
            return self.planner.plan(text).map(Arc::new);
        }
        if let Some(known) = self.generations().find(text, self.capacity) {
            return known;
        }
        let planned = self.planner.plan(text).map(Arc::new);
        let kept = planned.clone();
        self.generations().keep(text.into(), kept, self.capacity);
        planned
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let generations = self.generations();
        generations.young.len() + generations.old.len()
    }

    fn generations(&self) -> std::sync::MutexGuard<'_, Generations> {
        // A plan is put in whole or not at all.
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn find(&mut self, text: &str, capacity: usize) -> Option<Planned> {
        if let Some(planned) = self.young.get(text) {
            return Some(planned.clone());
        }
        let (text, planned) = self.old.remove_entry(text)?;
        self.keep(text, planned.clone(), capacity);
        Some(planned)
    }

    fn keep(&mut self, text: Box<str>, planned: Planned, capacity: usize) {
        if self.young.len() >= capacity {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(text, planned);
    }
}
