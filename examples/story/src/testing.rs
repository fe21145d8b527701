//! The tests of an example, which run it as a user does and look at it from outside.
#![expect(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "this module is test code: a failure is a panic"
)]

pub mod demo;
mod played;
pub mod questions;
pub mod refusals;
pub mod server;

use std::path::Path;
use std::process::{Command, Output};

/// The program of an example.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    program: &'static str,
}

impl Example {
    /// The example whose program is at this path.
    #[must_use]
    pub const fn new(program: &'static str) -> Self {
        Self { program }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let name = Path::new(self.program).file_stem();
        name.unwrap().to_str().unwrap()
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.args(arguments).env_remove("DATABASE_URL");
        command
    }
}

/// What a program printed that ended well.
#[must_use]
pub fn succeeded(output: &Output) -> &str {
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{talk}");
    std::str::from_utf8(&output.stdout).unwrap()
}

/// Makes the tests of an example, those of the demo once for each database.
///
/// Expands to `mod sqlite { #[tokio::test] async fn the_demo_leaves_its_trail() { .. } .. } ..`,
/// and to `mod server` and `mod refusals` for what needs no server of a database.
#[macro_export]
macro_rules! test_example {
    ($program:expr, $($(#[$condition:meta])? $database:ident: $server:ident),+ $(,)?) => {
        const EXAMPLE: $crate::testing::Example = $crate::testing::Example::new($program);

        $($(#[$condition])? mod $database {
            use $crate::testing::{Server, demo, questions, server};

            #[tokio::test]
            async fn the_demo_leaves_its_trail() {
                demo::the_demo_leaves_its_trail(super::EXAMPLE, Server::$server).await;
            }

            #[tokio::test]
            async fn a_second_run_tells_of_itself_alone() {
                demo::a_second_run_tells_of_itself_alone(super::EXAMPLE, Server::$server).await;
            }

            #[tokio::test]
            async fn another_application_is_left_alone() {
                demo::another_application_is_left_alone(super::EXAMPLE, Server::$server).await;
            }

            #[tokio::test]
            async fn who_changed_an_invoice_is_told() {
                questions::who_changed_an_invoice_is_told(super::EXAMPLE, Server::$server).await;
            }

            #[tokio::test]
            async fn a_table_is_told_as_it_was() {
                questions::a_table_is_told_as_it_was(super::EXAMPLE, Server::$server).await;
            }

            #[tokio::test]
            async fn a_request_is_undone_and_redone() {
                questions::a_request_is_undone_and_redone(super::EXAMPLE, Server::$server).await;
            }

            #[tokio::test]
            async fn what_cannot_be_done_is_answered_with_its_status() {
                server::what_cannot_be_done_is_answered_with_its_status(
                    super::EXAMPLE,
                    Server::$server,
                )
                .await;
            }
        })+

        mod server {
            use $crate::testing::{questions, server};

            #[test]
            fn the_trail_is_narrowed_by_each_filter() {
                server::the_trail_is_narrowed_by_each_filter(super::EXAMPLE);
            }

            #[test]
            fn the_trail_is_downloaded_as_a_file() {
                server::the_trail_is_downloaded_as_a_file(super::EXAMPLE);
            }

            #[tokio::test]
            async fn a_download_that_breaks_off_has_no_end() {
                server::a_download_that_breaks_off_has_no_end(super::EXAMPLE).await;
            }

            #[test]
            fn a_filter_that_makes_no_sense_is_refused() {
                server::a_filter_that_makes_no_sense_is_refused(super::EXAMPLE);
            }

            #[test]
            fn nobody_reads_the_trail_without_a_token() {
                questions::nobody_reads_the_trail_without_a_token(super::EXAMPLE);
            }

            #[test]
            fn a_question_that_makes_no_sense_is_refused() {
                questions::a_question_that_makes_no_sense_is_refused(super::EXAMPLE);
            }

            #[test]
            fn a_token_that_does_not_hold_changes_nothing() {
                server::a_token_that_does_not_hold_changes_nothing(super::EXAMPLE);
            }
        }

        mod refusals {
            use $crate::testing::refusals;

            #[test]
            fn what_cannot_be_asked_for_is_refused_before_anything_runs() {
                refusals::what_cannot_be_asked_for_is_refused_before_anything_runs(super::EXAMPLE);
            }

            #[test]
            fn a_database_that_cannot_be_opened_is_an_error_that_helps() {
                refusals::a_database_that_cannot_be_opened_is_an_error_that_helps(super::EXAMPLE);
            }
        }
    };
}

pub use audit_testkit::Server;
pub use played::played;
