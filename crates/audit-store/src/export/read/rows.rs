//! The rows of a table.

use std::io::BufRead;

use super::PartError;
use super::bytes::Bytes;
use crate::export::csv::BYTE_ORDER_MARK;

/// The rows of a table by RFC 4180; a line may also end with LF alone. A cell is `None` where it is
/// empty and not in quotes.
#[derive(Debug)]
pub(in crate::export) struct Rows<I> {
    bytes: Bytes<I>,
    delimiter: u8,
    is_at_start: bool,
}

/// What stands behind a cell.
enum End {
    Cell,
    Row,
}

impl<I: BufRead> Rows<I> {
    pub(in crate::export) fn new(input: I, delimiter: u8) -> Self {
        Self {
            bytes: Bytes(input),
            delimiter,
            is_at_start: true,
        }
    }

    pub(in crate::export) fn next(&mut self) -> Result<Option<Vec<Option<String>>>, PartError> {
        if std::mem::take(&mut self.is_at_start)
            && self.bytes.peek()? == BYTE_ORDER_MARK.first().copied()
        {
            for expected in BYTE_ORDER_MARK {
                if self.bytes.take()? != Some(*expected) {
                    return Err(PartError::Malformed);
                }
            }
        }
        if self.bytes.peek()?.is_none() {
            return Ok(None);
        }
        let mut cells = Vec::new();
        loop {
            let cell = match self.bytes.peek()? {
                Some(b'"') => Some(self.quoted()?),
                _ => Some(self.bare()?).filter(|cell| !cell.is_empty()),
            };
            let cell = cell.map(String::from_utf8).transpose();
            cells.push(cell.map_err(|_| PartError::Malformed)?);
            if let End::Row = self.end()? {
                return Ok(Some(cells));
            }
        }
    }

    /// A cell in quotes, in which a quote is doubled.
    fn quoted(&mut self) -> Result<Vec<u8>, PartError> {
        self.bytes.take()?;
        let mut cell = Vec::new();
        loop {
            match self.bytes.take()?.ok_or(PartError::Malformed)? {
                b'"' if self.bytes.peek()? == Some(b'"') => {
                    self.bytes.take()?;
                    cell.push(b'"');
                }
                b'"' => return Ok(cell),
                byte => cell.push(byte),
            }
        }
    }

    /// A cell without quotes.
    fn bare(&mut self) -> Result<Vec<u8>, PartError> {
        let mut cell = Vec::new();
        while let Some(byte) = self.bytes.peek()? {
            match byte {
                b'"' => return Err(PartError::Malformed),
                b'\r' | b'\n' => break,
                byte if byte == self.delimiter => break,
                byte => cell.push(byte),
            }
            self.bytes.take()?;
        }
        Ok(cell)
    }

    fn end(&mut self) -> Result<End, PartError> {
        match self.bytes.take()? {
            Some(byte) if byte == self.delimiter => Ok(End::Cell),
            None | Some(b'\n') => Ok(End::Row),
            Some(b'\r') if self.bytes.take()? == Some(b'\n') => Ok(End::Row),
            Some(_) => Err(PartError::Malformed),
        }
    }
}
