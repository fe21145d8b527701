//! `audit init`: the file of settings.

use std::io::Write as _;
use std::path::Path;

use clap::Args;

use crate::config::Config;
use crate::destination::Destination;
use crate::exit::Exit;
use crate::fault::Fault;

/// The file as it begins: nothing is set.
const TEXT: &str = "\
# Settings of the command `audit`, which reads this file from the folder it is called in. Arguments
# and the environment come first.

# The database: sqlite:FILE, postgres://.. or mysql://.., as --database-url and AUDIT_DATABASE_URL.
# With a password in it this file is a secret: keep it out of the repository.
# database_url = \"sqlite:app.db\"

# The settings of the application that writes, which can read them here too, by
# `Audit::from_toml_file`; for `migrate`, `triggers`, `check` and, on SQLite, `undo`: every setter of
# `Audit::builder()` has its place here. The environment comes first: AUDIT_SERVICE, AUDIT_EXCLUDE ..;
# the key of hashes has its place there alone, in AUDIT_HASH_KEY.
# [audit]
# service = \"shop\"
# exclude = [\"tmp_*\"]
# on_missing_context = { system = \"shop\" }    # or \"unknown\", \"deny\"
# indexes = [\"request\", \"actor\"]
#
# [[audit.table]]
# pattern = \"users\"
# ignore = [\"seen_at\"]
# data_class = \"confidential\"
# redact = { password = \"drop\", \"card:$.number\" = \"truncate:4\" }
#
# [[audit.enrich]]
# pattern = \"invoices\"
# operation = \"DELETE\"
# severity = \"high\"

# How long events are kept, for `purge`: the longest of the policies that select an event counts, and
# what no policy selects is kept for ever.
# [[retention]]
# name = \"everyday\"
# keep = \"90d\"
# select = { severity = [\"low\", \"medium\"] }
";

/// The arguments of `audit init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Replace the file when there is one
    #[arg(long)]
    force: bool,
}

impl Init {
    pub(super) fn run(&self) -> Result<Exit, Fault> {
        let file = Destination::create(Path::new(Config::FILE), self.force)?;
        let written = (&file).write_all(TEXT.as_bytes());
        written.map_err(|error| file.fault(error))?;
        file.keep()?;
        Ok(Exit::Success)
    }
}
