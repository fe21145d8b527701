//! The time that passes, or the time that processors work.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// What tells how long something took.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    /// Time that passes.
    Wall,
    /// Time on processors of this process, and of a server with its children.
    Processors(Option<Pid>),
}

/// A moment of a clock.
#[derive(Debug)]
pub(crate) enum Moment {
    Wall(Instant),
    /// How long each process has worked.
    Processors(BTreeMap<Pid, Duration>),
}

/// Why the time of processors cannot be measured.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClockError {
    /// The system gives nothing for the process.
    #[error(
        "the processor time of process {0} cannot be read; measure with `--clock wall`, or on Linux \
         with a server that runs on this machine"
    )]
    Unreadable(Pid),
}

impl Clock {
    /// The clock of this process and of a server.
    ///
    /// # Errors
    /// When the time of one of them cannot be read.
    pub(crate) fn processors(server: Option<u32>) -> Result<Self, ClockError> {
        let server = server.map(|pid| Pid::from_raw(i32::try_from(pid).unwrap_or(0)));
        for pid in std::iter::once(Pid::this()).chain(server) {
            worked(pid).ok_or(ClockError::Unreadable(pid))?;
        }
        Ok(Self::Processors(server))
    }

    /// The moment that it is.
    pub(crate) fn now(self) -> Moment {
        match self {
            Self::Wall => Moment::Wall(Instant::now()),
            Self::Processors(server) => {
                let all = std::iter::once(Pid::this()).chain(server.into_iter().flat_map(family));
                Moment::Processors(all.filter_map(|pid| Some((pid, worked(pid)?))).collect())
            }
        }
    }
}

impl Moment {
    /// How long it took from here to a later moment of the same clock. Of a process that ended in
    /// between nothing is known.
    pub(crate) fn until(&self, later: &Self) -> Duration {
        match (self, later) {
            (Self::Wall(start), Self::Wall(end)) => end.duration_since(*start),
            (Self::Processors(start), Self::Processors(end)) => {
                let before = |pid| start.get(pid).copied().unwrap_or_default();
                let spent = end
                    .iter()
                    .map(|(pid, worked)| worked.saturating_sub(before(pid)));
                spent.sum()
            }
            _ => Duration::ZERO,
        }
    }
}

/// A process and its children.
fn family(pid: Pid) -> Vec<Pid> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    let children = children
        .split_whitespace()
        .filter_map(|text| text.parse().ok())
        .map(Pid::from_raw);
    std::iter::once(pid).chain(children).collect()
}

/// How long the threads of a process have run, those that run now and those that ended included;
/// `None` when there is no such process.
///
/// # Source
/// <https://man7.org/linux/man-pages/man3/clock_getcpuclockid.3.html>. The numbers below `/proc` lack
/// what a running thread has done since the last tick, which is longer than many slices.
fn worked(pid: Pid) -> Option<Duration> {
    let time = clock_gettime(clock_getcpuclockid(pid).ok()?).ok()?;
    Some(time.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::thread;

    use nix::time::ClockId;

    use super::*;

    /// What the thread that asks has done.
    fn own() -> Duration {
        clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
            .unwrap()
            .into()
    }

    fn work_for(time: Duration) {
        let start = own();
        while own() - start < time {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn waiting_is_no_work() {
        let mut waiting = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(waiting.id()).unwrap());
        let (before, time) = (worked(pid).unwrap(), Duration::from_millis(50));
        work_for(time);
        assert!(worked(pid).unwrap() - before < time);
        drop(waiting.stdin.take());
        waiting.wait().unwrap();
        let gone = Clock::processors(Some(waiting.id())).unwrap_err();
        assert!(gone.to_string().contains("--clock wall"), "{gone}");
    }

    #[test]
    fn the_work_of_a_thread_that_ended_counts() {
        let clock = Clock::processors(None).unwrap();
        let start = clock.now();
        let work = Duration::from_millis(30);
        thread::spawn(move || work_for(work)).join().unwrap();
        assert!(start.until(&clock.now()) >= work);
    }

    #[test]
    fn the_work_of_a_thread_that_runs_counts_at_once() {
        let clock = Clock::processors(None).unwrap();
        let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
        let told = || Duration::from_nanos(done.load(Ordering::SeqCst));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    let nanos = u64::try_from(own().as_nanos()).unwrap();
                    done.store(nanos, Ordering::SeqCst);
                }
            });
            let begin = Instant::now();
            let (mut looks, mut late) = (0, Vec::new());
            while begin.elapsed() < Duration::from_millis(100) {
                let (start, before) = (clock.now(), told());
                work_for(Duration::from_micros(200));
                let (after, end) = (told(), clock.now());
                let seen = start.until(&end);
                looks += 1;
                if seen < after.saturating_sub(before) {
                    late.push((after - before, seen));
                }
            }
            stop.store(true, Ordering::SeqCst);
            // What the thread tells is a moment old, also before the first look at the clock; a clock
            // that leaves out what runs is late nearly every time.
            assert!(
                late.len() * 2 < looks,
                "{} of {looks}: {late:?}",
                late.len()
            );
        });
    }

    #[test]
    fn the_children_of_a_server_are_read() {
        let mut server = Command::new("sh")
            .args(["-c", "(while read -r line; do :; done); true"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = server.stdin.take().unwrap();
        let clock = Clock::processors(Some(server.id())).unwrap();
        let parent = Pid::from_raw(i32::try_from(server.id()).unwrap());
        let begin = Instant::now();
        let child_worked = || {
            let Moment::Processors(all) = clock.now() else {
                return Duration::ZERO;
            };
            let children = all
                .iter()
                .filter(|(pid, _)| ![Pid::this(), parent].contains(pid));
            children.map(|(_, worked)| *worked).sum::<Duration>()
        };
        while child_worked() < Duration::from_millis(5) {
            assert!(
                begin.elapsed() < Duration::from_secs(60),
                "no child is seen"
            );
            lines.write_all(&[b'\n'; 4096]).unwrap();
        }
        drop(lines);
        server.wait().unwrap();
    }

    #[test]
    fn a_process_that_ended_takes_nothing_from_the_others() {
        let moment = |all: &[(i32, u64)]| {
            let all = all.iter();
            let all = all.map(|(pid, nanos)| (Pid::from_raw(*pid), Duration::from_nanos(*nanos)));
            Moment::Processors(all.collect())
        };
        let start = moment(&[(1, 10), (2, 500)]);
        let end = moment(&[(1, 12), (3, 4)]);
        assert_eq!(start.until(&end), Duration::from_nanos(6));
    }
}
