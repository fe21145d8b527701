//! Row and statement triggers, each with a function of its own in the schema `audit`.

use audit_core::query::BoundQuery;

use crate::catalog::{Catalog, InstalledTrigger};
use crate::plan::{Capture, Plan, Trigger};

pub(crate) const CATALOG_QUERY: &str = "";

pub(crate) fn triggers(_capture: &Capture<'_>) -> Vec<Trigger> {
    Vec::new()
}

pub(crate) fn complete(_plan: &mut Plan, _catalog: &Catalog) {}

pub(crate) fn drop_trigger(_found: &InstalledTrigger) -> String {
    String::new()
}

pub(crate) fn manual_insert(_texts: &[(&'static str, String)]) -> BoundQuery {
    BoundQuery {
        text: String::new(),
        binds: Vec::new(),
    }
}
