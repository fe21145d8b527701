//! A file byte by byte.

use std::io::{self, BufRead};

/// The bytes of a file, of which the next one can be looked at.
#[derive(Debug)]
pub(super) struct Bytes<I>(pub(super) I);

impl<I: BufRead> Bytes<I> {
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.0.fill_buf() {
                Ok(bytes) => return Ok(bytes.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn take(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        self.0.consume(usize::from(byte.is_some()));
        Ok(byte)
    }
}
