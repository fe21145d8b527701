//! Who calls: another user and another request with every call, about 330 bytes of context.

use std::fmt::Write as _;

use audit_core::{Actor, Assurance, AuditContext};

/// The service that the attached pool is given.
pub(crate) const SERVICE: &str = "billing";
/// Its environment.
pub(crate) const ENVIRONMENT: &str = "production";

const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0";

tokio::task_local! {
    /// The context as the hooks written by hand send it.
    pub(crate) static STAMP: String;
}

/// One caller.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller(pub(crate) u64);

impl Caller {
    fn actor(self) -> String {
        format!("user-{:06}", self.0 % 1_000_000)
    }

    fn request(self) -> String {
        format!("018f6f3a-5d2c-7c1e-9b1a-{:012x}", self.0)
    }

    fn trace(self) -> String {
        format!("4bf92f3577b34da6{:016x}", self.0)
    }

    /// The context as a middleware makes it.
    pub(crate) fn context(self) -> AuditContext {
        let actor = Actor::user(self.actor())
            .with_name("Ada Lovelace")
            .with_tenant_id("acme")
            .with_assurance(Assurance::Verified);
        AuditContext::new()
            .with_actor(actor)
            .with_request_id(self.request())
            .with_text("client_ip", "203.0.113.7")
            .with_text("method", "PUT")
            .with_text("route", "/users/{id}")
            .with_text("trace_id", self.trace())
            .with_text("user_agent", USER_AGENT)
    }

    /// The JSON of the request's facts.
    pub(crate) fn facts(self) -> String {
        let mut text = String::with_capacity(256);
        let _ = write!(
            text,
            "{{\"client_ip\":\"203.0.113.7\",\"method\":\"PUT\",\"route\":\"/users/{{id}}\",\
             \"trace_id\":\"{}\",\"user_agent\":\"{USER_AGENT}\"}}",
            self.trace()
        );
        text
    }

    /// The same context by hand: values in a fixed order with U+001F between them.
    pub(crate) fn slots(self) -> String {
        format!(
            "{}\u{1f}user\u{1f}Ada Lovelace\u{1f}\u{1f}acme\u{1f}verified\u{1f}{}\u{1f}\u{1f}{}\
             \u{1f}\u{1f}\u{1f}\u{1f}\u{1f}\u{1f}\u{1f}{SERVICE}\u{1f}{ENVIRONMENT}",
            self.actor(),
            self.request(),
            self.facts(),
        )
    }

    /// The same context as one JSON object.
    pub(crate) fn json(self) -> String {
        format!(
            "{{\"actor_id\":\"{}\",\"actor_kind\":\"user\",\"actor_name\":\"Ada Lovelace\",\
             \"tenant_id\":\"acme\",\"assurance\":\"verified\",\"request_id\":\"{}\",\
             \"context\":{},\"service\":\"{SERVICE}\",\"environment\":\"{ENVIRONMENT}\"}}",
            self.actor(),
            self.request(),
            self.facts(),
        )
    }

    /// The binds of a floor statement: actor, request and facts.
    pub(crate) fn binds(self) -> [String; 3] {
        [self.actor(), self.request(), self.facts()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_carry_the_same_context() {
        for number in [0, 7, 1_234_567] {
            let stamp = Caller(number)
                .context()
                .stamp(Some(SERVICE), Some(ENVIRONMENT));
            assert_eq!(Caller(number).slots(), stamp.joined());
            assert!(serde_json::from_str::<serde_json::Value>(&Caller(number).json()).is_ok());
        }
    }

    #[test]
    fn it_is_as_long_as_a_real_one() {
        assert!((300..400).contains(&Caller(1).slots().len()));
    }
}
