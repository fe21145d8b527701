//! The JSON objects of an array, or of lines.

use std::io::BufRead;

use super::PartError;
use super::bytes::Bytes;

/// JSON objects, one after another: what is in one is not looked at but for where it ends.
#[derive(Debug)]
pub(super) struct Values<I> {
    bytes: Bytes<I>,
    expected: Expected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// The beginning of an array.
    Array,
    /// An object, or the end of an array that has none.
    FirstItem,
    /// A comma, or the end of an array.
    Comma,
    /// An object of an array.
    Item,
    /// An object, or the end of the file.
    Line,
    /// The end of the file.
    End,
}

impl<I: BufRead> Values<I> {
    pub(super) fn array(input: I) -> Self {
        Self {
            bytes: Bytes(input),
            expected: Expected::Array,
        }
    }

    pub(super) fn lines(input: I) -> Self {
        Self {
            bytes: Bytes(input),
            expected: Expected::Line,
        }
    }

    /// The text of the next object.
    pub(super) fn next(&mut self) -> Result<Option<String>, PartError> {
        while let Some(byte) = self.bytes.take()? {
            self.expected = match (self.expected, byte) {
                (expected, b' ' | b'\t' | b'\r' | b'\n') => expected,
                (Expected::Array, b'[') => Expected::FirstItem,
                (Expected::Comma, b',') => Expected::Item,
                (Expected::FirstItem | Expected::Comma, b']') => Expected::End,
                (Expected::FirstItem | Expected::Item, b'{') => {
                    self.expected = Expected::Comma;
                    return self.object().map(Some);
                }
                (Expected::Line, b'{') => return self.object().map(Some),
                _ => return Err(PartError::Malformed),
            };
        }
        match self.expected {
            Expected::Line | Expected::End => Ok(None),
            _ => Err(PartError::Malformed),
        }
    }

    /// The rest of an object.
    fn object(&mut self) -> Result<String, PartError> {
        let mut text = vec![b'{'];
        let mut depth = 1_usize;
        let (mut is_in_text, mut is_escaped) = (false, false);
        while depth > 0 {
            let byte = self.bytes.take()?.ok_or(PartError::Malformed)?;
            text.push(byte);
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if is_in_text => is_escaped = true,
                b'"' => is_in_text = !is_in_text,
                _ if is_in_text => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
        }
        String::from_utf8(text).map_err(|_| PartError::Malformed)
    }
}
