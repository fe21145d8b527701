//! Hides parts of a JSON document and keeps every other byte of it.

use audit_core::Redaction;
use audit_core::rules::Parts;
use serde::de::IgnoredAny;

use crate::json;

/// What stands in for the text of a value; `None` leaves it out.
pub(crate) type Redact<'a> = &'a dyn Fn(&str, Redaction) -> Option<String>;

/// The document with these parts hidden, `None` when the text is no JSON object or array
/// (RFC 8259). Of members with the same name, each is hidden.
pub(crate) fn hidden(text: &str, parts: &Parts, redact: Redact<'_>) -> Option<String> {
    // What is read here is read again below without a look at what is well-formed already.
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut scan = Scan {
        text,
        at: 0,
        redact,
    };
    let mut out = String::with_capacity(text.len());
    out.push_str(scan.space());
    if !matches!(scan.next()?, b'{' | b'[') {
        return None;
    }
    scan.value(Some(parts), &mut out)?;
    out.push_str(scan.space());
    Some(out)
}

/// A place in a document that is known to be well-formed.
struct Scan<'a> {
    text: &'a str,
    at: usize,
    redact: Redact<'a>,
}

impl<'a> Scan<'a> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What was read since a place.
    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Reads while the bytes fit.
    fn run(&mut self, fits: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        while self.next().is_some_and(&fits) {
            self.at += 1;
        }
        self.since(start)
    }

    fn space(&mut self) -> &'a str {
        self.run(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
    }

    /// Reads a string with its quotes.
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.next()? {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return Some(self.since(start));
                }
                _ => self.at += 1,
            }
        }
    }

    /// Reads a value in which nothing is hidden, however deep it is.
    fn whole(&mut self) -> Option<&'a str> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.next()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    self.at += 1;
                    depth += 1;
                }
                b'}' | b']' => {
                    self.at += 1;
                    depth -= 1;
                }
                b',' | b':' if depth > 0 => self.at += 1,
                _ => {
                    self.run(|byte| {
                        !matches!(
                            byte,
                            b',' | b':'
                                | b'"'
                                | b'{'
                                | b'}'
                                | b'['
                                | b']'
                                | b' '
                                | b'\t'
                                | b'\n'
                                | b'\r'
                        )
                    });
                }
            }
            if depth == 0 {
                return Some(self.since(start));
            }
            self.space();
        }
    }

    /// Writes a value; `Some(false)` when it is to be left out.
    fn value(&mut self, parts: Option<&Parts>, out: &mut String) -> Option<bool> {
        let Some(parts) = parts else {
            out.push_str(self.whole()?);
            return Some(true);
        };
        let start = out.len();
        match self.next()? {
            b'{' if !parts.members().is_empty() => self.object(parts, out)?,
            b'[' if parts.each().is_some() || !parts.items().is_empty() => {
                self.array(parts, out)?
            }
            _ => out.push_str(self.whole()?),
        }
        let shown = match parts.redaction() {
            None => return Some(true),
            Some(Redaction::Drop) => None,
            Some(redaction) => {
                let json = out.get(start..).unwrap_or_default();
                if json == "null" {
                    return Some(true);
                }
                (self.redact)(&text_of(json), redaction)
            }
        };
        out.truncate(start);
        if let Some(shown) = &shown {
            json::string(out, shown);
        }
        Some(shown.is_some())
    }

    fn object(&mut self, parts: &Parts, out: &mut String) -> Option<()> {
        self.each(out, |scan, _, out| {
            let name = scan.string()?;
            out.push_str(name);
            out.push_str(scan.space());
            out.push(':');
            scan.at += 1;
            out.push_str(scan.space());
            // A name that is no text, such as a lone surrogate, is not that of any path.
            let name = serde_json::from_str::<String>(name).ok();
            let part = name.and_then(|name| parts.members().get(&name));
            scan.value(part, out)
        })
    }

    fn array(&mut self, parts: &Parts, out: &mut String) -> Option<()> {
        self.each(out, |scan, place, out| scan.value(parts.item(place), out))
    }

    /// Reads an object or array and writes what stays of it; white space goes with what it
    /// surrounds.
    fn each(
        &mut self,
        out: &mut String,
        mut write: impl FnMut(&mut Self, usize, &mut String) -> Option<bool>,
    ) -> Option<()> {
        out.push(char::from(self.next()?));
        self.at += 1;
        let mut separator = "";
        for place in 0.. {
            let start = out.len();
            out.push_str(separator);
            out.push_str(self.space());
            let is_empty = place == 0 && matches!(self.next()?, b'}' | b']');
            if !is_empty && write(self, place, out)? {
                out.push_str(self.space());
                separator = ",";
            } else if !is_empty {
                self.space();
                out.truncate(start);
            }
            let after = self.next()?;
            self.at += 1;
            if after != b',' {
                out.push(char::from(after));
                break;
            }
        }
        Some(())
    }
}

/// The text of a value: what a string says, the JSON of anything else. A string that is no text,
/// such as one with a lone surrogate, reads as its JSON.
fn text_of(json: &str) -> String {
    serde_json::from_str(json).unwrap_or_else(|_| json.to_owned())
}

#[cfg(test)]
mod tests;
