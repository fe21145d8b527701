//! Where a secret could come out again, and the forms in which it would still be one.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tracing_subscriber::fmt::MakeWriter;

use super::columns::KEY;

/// Everything that is written through `tracing`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    /// What was written until now.
    pub(crate) fn written(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl std::io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What this process writes: statements are logged on the driver's threads as well, so the
/// subscriber is that of the process.
pub(crate) fn output() -> Output {
    static OUTPUT: LazyLock<Output> = LazyLock::new(|| {
        let output = Output::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(output.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        output
    });
    OUTPUT.clone()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// The forms in which a secret would still be one.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned(), hex(secret.as_bytes())];
    forms.push(forms[1].to_uppercase());
    for shift in 0..3 {
        let shifted = [&[0; 3][..shift], secret.as_bytes()].concat();
        let text = STANDARD_NO_PAD.encode(shifted);
        // The characters that depend on what stands around the secret are cut off.
        forms.push(text[if shift == 0 { 0 } else { 4 }..text.len() - 2].to_owned());
    }
    forms
}

/// The bytes of a key as the two passes of an HMAC use them (RFC 2104, section 2): whoever reads
/// one has the key.
fn as_pads(key: &str) -> Vec<String> {
    [0x36, 0x5c]
        .map(|pad| hex(&key.bytes().map(|byte| byte ^ pad).collect::<Vec<_>>()))
        .to_vec()
}

/// A place where no secret may be, and its bytes.
pub(crate) type Place = (&'static str, Vec<u8>);

/// Looks for secrets in places, where none may be.
pub(crate) fn search(secrets: &[String], places: &[Place]) {
    for (place, bytes) in places {
        assert!(!bytes.is_empty(), "nothing to search in {place}");
    }
    assert_eq!(found(secrets, places), [""; 0]);
}

/// Looks for secrets in a place that has each of them, as it is.
pub(crate) fn find_all(secrets: &[String], (place, bytes): &Place) {
    let text = String::from_utf8_lossy(bytes);
    let missing: Vec<_> = secrets
        .iter()
        .filter(|secret| !text.contains(secret.as_str()))
        .collect();
    assert_eq!(
        missing, [""; 0],
        "not in {place} any more: search it as well"
    );
}

/// The forms of secrets that are somewhere, with where.
fn found(secrets: &[String], places: &[Place]) -> Vec<String> {
    let mut found = Vec::new();
    for (place, bytes) in places {
        let text = String::from_utf8_lossy(bytes);
        for secret in secrets {
            let pads = if secret == KEY {
                as_pads(secret)
            } else {
                Vec::new()
            };
            let forms = forms(secret).into_iter().chain(pads);
            let here = forms.filter(|form| text.contains(form.as_str()));
            found.extend(here.map(|form| format!("{form} in {place}")));
        }
    }
    found
}

#[test]
fn the_search_finds_each_form() {
    for form in forms(KEY).into_iter().chain(as_pads(KEY)) {
        let place = format!("..{form}..").into_bytes();
        let search = std::panic::catch_unwind(|| search(&[KEY.to_owned()], &[("here", place)]));
        assert!(search.is_err(), "{form} was not found");
    }
    let encoded = STANDARD_NO_PAD.encode(format!("x{KEY}y"));
    assert!(forms(KEY).iter().any(|form| encoded.contains(form)));
}
