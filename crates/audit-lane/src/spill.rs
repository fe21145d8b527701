//! The file of events for which there was no room: a line each, appended, and cut when all are written.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use audit_core::QueuedEvent;

use crate::error::StartError;
use crate::lane::LARGEST_EVENT;
use crate::queue::BATCH;

/// A file of spilled events.
#[derive(Debug)]
pub(crate) struct Spill {
    file: File,
    state: Mutex<State>,
    max_bytes: u64,
    torn_bytes: u64,
}

#[derive(Debug)]
struct State {
    /// Where the last whole line ends.
    end: u64,
    /// Up to where the lines are in the database.
    written: u64,
    /// The lines after that.
    events: u64,
    /// Whether the machine may still lose some of it.
    is_dirty: bool,
    /// Whether part of a line is at its end that could not be cut off.
    is_torn: bool,
}

/// Lines of the file that are to be written.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) events: Vec<QueuedEvent>,
    /// How many lines are no events.
    pub(crate) unreadable: usize,
    end: u64,
}

impl Spill {
    /// Opens a file, with what an earlier process left in it.
    pub(crate) fn open(path: &Path, max_bytes: u64) -> Result<Self, StartError> {
        let failed = |source| StartError::Spill {
            path: path.to_owned(),
            source,
        };
        let file = options().open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let path = path.to_owned();
                return Err(StartError::SpillInUse { path });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        sync_folder(path);
        let (end, events) = whole_lines(&file).map_err(failed)?;
        // A process that ended in the middle of a line has not said that it was spilled; a machine that
        // did has.
        let torn_bytes = file.metadata().map_err(failed)?.len().saturating_sub(end);
        file.set_len(end).map_err(failed)?;
        Ok(Self {
            file,
            torn_bytes,
            state: Mutex::new(State {
                end,
                written: 0,
                events,
                is_dirty: false,
                is_torn: false,
            }),
            max_bytes,
        })
    }

    /// The size of what was cut off when it was opened.
    pub(crate) fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an event; `false` when there is no room for it.
    pub(crate) fn append(&self, event: &QueuedEvent) -> io::Result<bool> {
        let mut line = String::with_capacity(event.as_json().len() + 1);
        line.push_str(event.as_json());
        line.push('\n');
        let mut state = self.state();
        let end = state.end + u64::try_from(line.len()).unwrap_or(u64::MAX);
        if end > self.max_bytes {
            return Ok(false);
        }
        if state.is_torn {
            state.cut(&self.file)?;
        }
        if let Err(error) = (&self.file).write_all(line.as_bytes()) {
            state.is_torn = true;
            // Tried again with the next event where it fails.
            let _ = state.cut(&self.file);
            return Err(error);
        }
        state.end = end;
        state.events += 1;
        state.is_dirty = true;
        Ok(true)
    }

    /// The oldest lines that are not written yet; `None` when there is none.
    pub(crate) fn next(&self) -> io::Result<Option<Part>> {
        let (from, to) = {
            let state = self.state();
            (state.written, state.end)
        };
        if from == to {
            return Ok(None);
        }
        // Without the lock: whoever sends does not wait. What is there stays until `done`.
        let lines = At {
            file: &self.file,
            offset: from,
        };
        let mut lines = BufReader::new(lines.take(to - from));
        let mut part = Part {
            events: Vec::new(),
            unreadable: 0,
            end: from,
        };
        let mut line = Vec::new();
        while part.events.len() < BATCH.events && part.end - from < BATCH.bytes as u64 {
            line.clear();
            let read = read_line(&mut lines, &mut line)?;
            if read == 0 {
                break;
            }
            part.end += read;
            let text = std::str::from_utf8(&line).unwrap_or_default();
            match QueuedEvent::from_json(text.trim_end_matches('\n')) {
                Ok(event) => part.events.push(event),
                Err(_) => part.unreadable += 1,
            }
        }
        Ok(Some(part))
    }

    /// Notes that the lines of a part need not be written any more.
    pub(crate) fn done(&self, part: &Part) -> io::Result<()> {
        let lines = part.events.len() + part.unreadable;
        let mut state = self.state();
        state.written = part.end;
        state.events = state
            .events
            .saturating_sub(u64::try_from(lines).unwrap_or(u64::MAX));
        if state.written == state.end {
            self.file.set_len(0)?;
            (state.written, state.end) = (0, 0);
        }
        Ok(())
    }

    /// Has the machine keep what was appended.
    pub(crate) fn sync(&self) -> io::Result<()> {
        if !std::mem::take(&mut self.state().is_dirty) {
            return Ok(());
        }
        // Without the lock: whoever sends does not wait for the disk.
        let synced = self.file.sync_data();
        if synced.is_err() {
            self.state().is_dirty = true;
        }
        synced
    }

    /// Does so, and tells when it fails.
    pub(crate) fn sync_or_tell(&self) {
        if let Err(error) = self.sync() {
            tracing::error!(%error, "spilled audit events may not survive the end of the machine");
        }
    }

    /// The number of events in it.
    pub(crate) fn len(&self) -> u64 {
        self.state().events
    }
}

impl State {
    /// Cuts off what is behind the last whole line.
    fn cut(&mut self, file: &File) -> io::Result<()> {
        file.set_len(self.end)?;
        self.is_torn = false;
        Ok(())
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Has the machine keep the name of the file.
#[cfg(unix)]
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new(".")));
    if let Err(error) = folder.and_then(|folder| folder.sync_all()) {
        tracing::warn!(%error, "a new file of spilled audit events may not survive the end of the machine");
    }
}

/// Only Unix knows how to.
#[cfg(not(unix))]
fn sync_folder(_: &Path) {}

/// A file from a place on. Who appends to the file does not move that.
struct At<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(self.file, buffer, self.offset)?;
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(self.file, buffer, self.offset)?;
        self.offset += u64::try_from(read).unwrap_or(u64::MAX);
        Ok(read)
    }
}

/// Reads a line with its end and gives its size. Of one that is longer than any event the text stays
/// incomplete.
fn read_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    let mut size = 0;
    loop {
        let buffer = lines.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        let part = buffer.get(..used).unwrap_or_default();
        if line.len() <= LARGEST_EVENT {
            line.extend_from_slice(part);
        }
        lines.consume(used);
        size += u64::try_from(used).unwrap_or(u64::MAX);
        if end.is_some() || used == 0 {
            return Ok(size);
        }
    }
}

/// Where the last whole line ends, and how many there are.
fn whole_lines(file: &File) -> io::Result<(u64, u64)> {
    let mut lines = BufReader::new(file);
    let (mut read, mut end, mut count) = (0, 0, 0);
    loop {
        let buffer = lines.fill_buf()?;
        if buffer.is_empty() {
            return Ok((end, count));
        }
        for (byte, place) in buffer.iter().zip(read + 1..) {
            if *byte == b'\n' {
                (end, count) = (place, count + 1);
            }
        }
        let used = buffer.len();
        read += u64::try_from(used).unwrap_or(u64::MAX);
        lines.consume(used);
    }
}

#[cfg(test)]
mod tests {
    use audit_core::Event;
    use audit_core::stamp::Stamp;

    use super::*;

    fn event(action: &str) -> QueuedEvent {
        QueuedEvent::new(Event::custom(action), &Stamp::default()).unwrap()
    }

    #[test]
    fn a_line_that_was_torn_is_cut_off_and_the_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spilled");
        let events = [event("a"), event("b")];
        let spill = Spill::open(&path, u64::MAX).unwrap();
        for event in &events {
            assert!(spill.append(event).unwrap());
        }
        drop(spill);
        let whole = std::fs::read_to_string(&path).unwrap();
        let (torn, _) = whole.split_at(whole.len() - 7);
        std::fs::write(&path, torn).unwrap();
        let spill = Spill::open(&path, u64::MAX).unwrap();
        assert_eq!(spill.len(), 1);
        let line = u64::try_from(events[1].as_json().len()).unwrap() + 1;
        assert_eq!(spill.torn_bytes(), line - 7);
        spill.append(&event("c")).unwrap();
        let part = spill.next().unwrap().unwrap();
        assert_eq!(part.events.len(), 2);
        assert_eq!((&part.events[0], part.unreadable), (&events[0], 0));
        spill.done(&part).unwrap();
        assert_eq!(
            (spill.len(), std::fs::metadata(&path).unwrap().len()),
            (0, 0)
        );
    }

    #[test]
    fn a_line_that_is_longer_than_any_event_is_left_out_and_held_in_no_memory() {
        let text = format!("{}\nnext\n", "x".repeat(3 * LARGEST_EVENT));
        let (mut lines, mut line) = (BufReader::new(text.as_bytes()), Vec::new());
        let read = read_line(&mut lines, &mut line).unwrap();
        assert_eq!(read, 3 * LARGEST_EVENT as u64 + 1);
        assert!(line.len() < 2 * LARGEST_EVENT, "{}", line.len());
        line.clear();
        assert_eq!(read_line(&mut lines, &mut line).unwrap(), 5);
        assert_eq!(line, b"next\n");
        assert_eq!(read_line(&mut lines, &mut line).unwrap(), 0);
    }

    #[test]
    fn a_line_that_is_no_event_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spilled");
        let good = event("a");
        let text = format!("nonsense\n\u{0}\n{}\n", good.as_json());
        std::fs::write(&path, text).unwrap();
        let spill = Spill::open(&path, u64::MAX).unwrap();
        let part = spill.next().unwrap().unwrap();
        assert_eq!(
            (part.events.as_slice(), part.unreadable),
            ([good].as_slice(), 2)
        );
        spill.done(&part).unwrap();
        assert!(spill.next().unwrap().is_none());
    }

    #[test]
    fn a_full_file_takes_no_event_and_room_again_once_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spilled");
        let bytes = event("a").as_json().len() + 1;
        let spill = Spill::open(&path, u64::try_from(bytes * 2).unwrap()).unwrap();
        assert!(spill.append(&event("a")).unwrap() && spill.append(&event("b")).unwrap());
        assert!(!spill.append(&event("c")).unwrap());
        let part = spill.next().unwrap().unwrap();
        spill.done(&part).unwrap();
        assert!(spill.append(&event("c")).unwrap());
        assert_eq!(spill.next().unwrap().unwrap().events.len(), 1);
    }
}
