//! The trace a request belongs to.

use crate::actor::RequestHead;

/// The ids of a `traceparent` header: of the trace, and of the caller's span in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TraceParent<'a> {
    pub(super) trace_id: &'a str,
    pub(super) span_id: &'a str,
}

impl<'a> TraceParent<'a> {
    /// The ids, or `None` where the header is absent, repeated or invalid.
    ///
    /// # Source
    /// W3C Trace Context, sections 3.2.2 and 3.2.4 (a later version may add fields at the end).
    pub(super) fn of(head: &'a dyn RequestHead) -> Option<Self> {
        let mut values = head.header_values("traceparent");
        match (values.next(), values.next()) {
            (Some(value), None) => Self::parse(std::str::from_utf8(value).ok()?),
            _ => None,
        }
    }

    fn parse(text: &'a str) -> Option<Self> {
        let mut fields = text.split('-');
        let version = hex(fields.next()?, 2).filter(|version| *version != "ff")?;
        let trace_id = hex(fields.next()?, 32).filter(|id| !is_zero(id))?;
        let span_id = hex(fields.next()?, 16).filter(|id| !is_zero(id))?;
        hex(fields.next()?, 2)?;
        if version == "00" && fields.next().is_some() {
            return None;
        }
        Some(Self { trace_id, span_id })
    }
}

fn hex(field: &str, length: usize) -> Option<&str> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (field.len() == length && field.bytes().all(is_hex)).then_some(field)
}

fn is_zero(id: &str) -> bool {
    id.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests {
    use super::super::tests::Lines;
    use super::*;

    /// The examples of W3C Trace Context, section 3.2.3, and of its test suite.
    #[test]
    fn published_examples_are_read_or_ignored_as_they_say() {
        let trace = "12345678901234567890123456789012";
        let span = "1234567890123456";
        for valid in [
            format!("00-{trace}-{span}-00"),
            format!("00-{trace}-{span}-01"),
            format!("cc-{trace}-{span}-01"),
            format!("cc-{trace}-{span}-01-what-the-future-will-be-like"),
        ] {
            let read = TraceParent::parse(&valid);
            assert_eq!(
                read.map(|parent| (parent.trace_id, parent.span_id)),
                Some((trace, span))
            );
        }
        for invalid in [
            String::new(),
            format!("00-{trace}-{span}"),
            format!("00-{trace}-{span}-"),
            format!("00-{trace}-{span}-01-what"),
            format!("00-{trace}-{span}-01."),
            format!("cc-{trace}-{span}-01.what"),
            format!("ff-{trace}-{span}-01"),
            format!(".0-{trace}-{span}-01"),
            format!("0-{trace}-{span}-01"),
            format!("00-{trace}x-{span}-01"),
            format!("00-{trace}-{span}-0g"),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-{span}-01", "A".repeat(32)),
            format!("00-{trace}-{span} -01"),
            format!("00_{trace}_{span}_01"),
        ] {
            assert_eq!(TraceParent::parse(&invalid), None, "{invalid}");
        }
    }

    #[test]
    fn a_repeated_header_is_ignored() {
        let value = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let once = Lines("traceparent", vec![value]);
        let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(TraceParent::of(&once).unwrap().trace_id, trace_id);
        let twice = Lines("traceparent", vec![value, value]);
        assert_eq!(TraceParent::of(&twice), None);
    }
}
