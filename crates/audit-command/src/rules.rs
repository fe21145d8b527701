//! The rules that a verb installs.

use audit_core::Audit;
use clap::Args;

use crate::config::Config;
use crate::fault::Fault;

/// Whose rules they are.
#[derive(Debug, Args)]
pub(crate) struct Rules {
    /// The application has no rules: every table is audited and nothing hidden. Where `audit.toml` has
    /// rules under `[audit]`, those hold
    #[arg(long)]
    without_rules: bool,
}

impl Rules {
    /// The rules. Those of nobody would record what an application hides, so they have to be asked
    /// for.
    pub(crate) fn audit(&self) -> Result<Audit, Fault> {
        match Config::rules()? {
            Some(audit) => Ok(audit),
            None if self.without_rules => Config::rules_or_none(),
            None => Err(Fault::NoRules),
        }
    }
}
