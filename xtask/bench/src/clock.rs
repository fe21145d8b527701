//! The time that passes, or the time that processors work.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// A clock that only goes forward.
#[derive(Debug)]
pub(crate) enum Clock {
    /// Time since its start.
    Wall(Instant),
    /// Time on processors of this process and of a server with its children.
    Processors(Option<u32>),
}

impl Clock {
    pub(crate) fn wall() -> Self {
        Self::Wall(Instant::now())
    }

    pub(crate) fn processors(server: Option<u32>) -> Self {
        Self::Processors(server)
    }

    pub(crate) fn now(&self) -> Duration {
        match self {
            Self::Wall(start) => start.elapsed(),
            Self::Processors(server) => {
                let server = server.map(family).unwrap_or_default();
                let all = std::iter::once(std::process::id()).chain(server);
                all.map(worked).sum()
            }
        }
    }
}

/// A process and its children.
fn family(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    let children = children
        .split_whitespace()
        .filter_map(|text| text.parse().ok());
    std::iter::once(pid).chain(children).collect()
}

/// The time that the threads of a process have run. A thread that ended is not counted; none ends
/// while a pool is open.
///
/// # Source
/// <https://docs.kernel.org/scheduler/sched-stats.html>: the first number of `schedstat`, in
/// nanoseconds.
fn worked(pid: u32) -> Duration {
    let Ok(threads) = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task")) else {
        return Duration::ZERO;
    };
    let nanos = threads.flatten().filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_moves_the_clock_and_waiting_does_not() {
        let clock = Clock::processors(None);
        let (start, begin) = (clock.now(), Instant::now());
        while clock.now() < start + Duration::from_millis(20) {
            assert!(begin.elapsed() < Duration::from_secs(60), "it stands still");
        }
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(50));
        assert!(clock.now() - before < Duration::from_millis(50));
    }
}
