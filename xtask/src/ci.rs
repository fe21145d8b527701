//! `cargo xtask ci`: every check, in the order and way of continuous integration.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::clippy::Clippy;
use crate::database::Selection;
use crate::doc::Doc;
use crate::stop::Stop;
use crate::test::Test;
use crate::{deny, files, fmt, layers};

/// The databases of the step `test`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Ci {
    #[command(flatten)]
    selection: Selection,
}

type Step<'a> = (&'static str, Box<dyn Fn() -> Result<()> + 'a>);

impl Ci {
    /// Runs all steps, also after one that failed, and prints the time of each.
    ///
    /// # Errors
    ///
    /// When a step failed; at once when a signal arrives.
    pub fn run(&self) -> Result<()> {
        let steps: [Step<'_>; 7] = [
            ("fmt", Box::new(fmt::run)),
            ("layers", Box::new(layers::run)),
            ("deny", Box::new(deny::run)),
            ("test", Box::new(|| Test::all(self.selection.clone()).run())),
            // After the tests, which install what the linked features need: those are checked too, and
            // the documentation finds its dependencies checked with the same features.
            ("clippy", Box::new(|| Clippy::default().run())),
            ("doc", Box::new(|| Doc::default().run())),
            ("files", Box::new(files::run)),
        ];
        run_all(&steps)
    }
}

fn run_all(steps: &[Step<'_>]) -> Result<()> {
    let mut summary: Vec<(&str, bool, Duration)> = Vec::new();
    let mut missing = None;
    for (name, step) in steps {
        println!("\n== {name}");
        let start = Instant::now();
        let result = step();
        summary.push((name, result.is_ok(), start.elapsed()));
        if let Err(error) = result {
            eprintln!("{name}: {error:#}");
            match error.downcast_ref::<Stop>() {
                Some(Stop::Signal(_)) => return Err(error),
                Some(Stop::Missing { .. }) => missing = missing.or(Some(error)),
                None => {}
            }
        }
    }
    println!("\n== summary");
    for (name, passed, took) in &summary {
        let word = if *passed { "passed" } else { "FAILED" };
        println!("{name:<8}{word}{:>8.1} s", took.as_secs_f64());
    }
    let failed: Vec<_> = summary
        .iter()
        .filter(|line| !line.1)
        .map(|line| line.0)
        .collect();
    match (missing, failed.is_empty()) {
        (Some(error), _) => Err(error),
        (None, false) => bail!("failed: {}", failed.join(", ")),
        (None, true) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn every_step_runs_and_one_failure_fails_all() {
        let ran = Cell::new(0);
        let passes = || {
            ran.set(ran.get() + 1);
            Ok(())
        };
        let fails = || bail!("no");
        run_all(&[("a", Box::new(passes))]).expect("all pass");
        let error = run_all(&[("a", Box::new(fails)), ("b", Box::new(passes))]).expect_err("fails");
        assert_eq!(error.to_string(), "failed: a");
        assert_eq!(ran.get(), 2);
    }

    #[test]
    fn a_signal_ends_the_run() {
        let stops = || Err(Stop::Signal(15).into());
        let unreached = || panic!("ran after a signal");
        let error = run_all(&[("a", Box::new(stops)), ("b", Box::new(unreached))]);
        assert!(error.expect_err("stopped").downcast_ref::<Stop>().is_some());
    }
}
