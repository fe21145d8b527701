//! What sqlx says of the statements that it sends.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use tracing::Level;

thread_local! {
    /// What sqlx said of the statements that this thread polled, as text.
    static SAID: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Said;

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SAID.with_borrow_mut(|said| said.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// For the whole process: one subscriber beside others would miss what they do not ask for.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::DEBUG)
            .with_writer(|| Said)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// The number of statements since the last call.
pub(crate) fn statements() -> usize {
    let said = SAID.take();
    String::from_utf8(said)
        .unwrap()
        .matches("sqlx::query")
        .count()
}
