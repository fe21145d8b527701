//! Who acts, and how a request is turned into that.

use crate::manual_event::ManualEvent;
use crate::vocabulary::{ActorKind, Assurance, Outcome};

/// The party that makes a change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Actor {
    id: Option<String>,
    kind: ActorKind,
    name: Option<String>,
    on_behalf_of: Option<String>,
    tenant_id: Option<String>,
    assurance: Option<Assurance>,
}

impl Actor {
    fn new(id: Option<String>, kind: ActorKind) -> Self {
        let assurance = id.is_some().then_some(Assurance::Asserted);
        Self {
            id,
            kind,
            name: None,
            on_behalf_of: None,
            tenant_id: None,
            assurance,
        }
    }

    /// A person, known by the id that the application uses; assurance `asserted`.
    #[must_use]
    pub fn user(id: impl Into<String>) -> Self {
        Self::new(Some(id.into()), ActorKind::User)
    }

    /// Another program, known by its own credentials; assurance `asserted`.
    #[must_use]
    pub fn service(id: impl Into<String>) -> Self {
        Self::new(Some(id.into()), ActorKind::Service)
    }

    /// The application itself: a job, a timer, a migration; assurance `asserted`.
    #[must_use]
    pub fn system(id: impl Into<String>) -> Self {
        Self::new(Some(id.into()), ActorKind::System)
    }

    /// A request without credentials.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new(None, ActorKind::Anonymous)
    }

    /// A copy with a name for people to read; never used to tell actors apart.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// A copy that acts for another party (the `act` claim of RFC 8693 read the other way round:
    /// this actor is the one who acts).
    #[must_use]
    pub fn with_on_behalf_of(mut self, id: impl Into<String>) -> Self {
        self.on_behalf_of = Some(id.into());
        self
    }

    /// A copy that belongs to a tenant.
    #[must_use]
    pub fn with_tenant_id(mut self, id: impl Into<String>) -> Self {
        self.tenant_id = Some(id.into());
        self
    }

    /// A copy with another assurance.
    #[must_use]
    pub fn with_assurance(mut self, assurance: Assurance) -> Self {
        self.assurance = Some(assurance);
        self
    }

    /// The id, or the empty text of an anonymous actor.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ActorKind {
        self.kind
    }

    /// The name for people to read.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The party this actor acts for.
    #[must_use]
    pub fn on_behalf_of(&self) -> Option<&str> {
        self.on_behalf_of.as_deref()
    }

    /// The tenant.
    #[must_use]
    pub fn tenant_id(&self) -> Option<&str> {
        self.tenant_id.as_deref()
    }

    /// How far the identity was proved; `None` for an anonymous actor.
    #[must_use]
    pub fn assurance(&self) -> Option<Assurance> {
        self.assurance
    }
}

/// The head of a request as an [`ActorSource`] sees it, whatever the web framework.
pub trait RequestHead {
    /// The method, in upper case.
    fn method(&self) -> &str;
    /// The path, without the query.
    fn path(&self) -> &str;
    /// Every value of a header, in order; names are matched without regard to case.
    fn header_values<'a>(&'a self, name: &str) -> Box<dyn Iterator<Item = &'a [u8]> + 'a>;
}

/// What an [`ActorSource`] made of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resolution {
    /// This party acts.
    Actor(Actor),
    /// The request carries no credentials.
    Anonymous,
    /// The request carries credentials that do not hold; it is answered at once.
    Reject(Rejection),
}

impl Resolution {
    /// The party that the application's own authentication found, or nobody. No signature was
    /// seen here: the assurance is at most `asserted`.
    #[must_use]
    pub fn asserted(actor: Option<Actor>) -> Self {
        match actor {
            Some(actor) if actor.assurance == Some(Assurance::Verified) => {
                Self::Actor(actor.with_assurance(Assurance::Asserted))
            }
            Some(actor) => Self::Actor(actor),
            None => Self::Anonymous,
        }
    }
}

/// Why a request is refused, and what it is answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Rejection {
    status: u16,
    code: &'static str,
    message: String,
    challenge: Option<String>,
}

impl Rejection {
    /// Refuses with status 401. `code` is a stable word for programs, `message` says what to do;
    /// neither may hold any part of the credentials.
    #[must_use]
    pub fn unauthorized(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(401, code, message.into())
    }

    /// Refuses with status 403: it is known who asks, and that they may not. `code` and `message` as
    /// for [`Rejection::unauthorized`].
    #[must_use]
    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(403, code, message.into())
    }

    fn new(status: u16, code: &'static str, message: String) -> Self {
        Self {
            status,
            code,
            message,
            challenge: None,
        }
    }

    /// An event as that of what was refused: its outcome is `denied`, its `reason_code` the code, its
    /// `error_message` the message. Its reason stays: that of the event, or else of the context.
    #[must_use]
    pub fn deny(&self, event: ManualEvent) -> ManualEvent {
        event
            .outcome(Outcome::Denied)
            .reason_code(self.code)
            .error_message(self.message.as_str())
    }

    /// A copy with the value of the `WWW-Authenticate` header (RFC 9110, section 11.6.1).
    #[must_use]
    pub fn with_challenge(mut self, challenge: impl Into<String>) -> Self {
        self.challenge = Some(challenge.into());
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The text for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The body of the answer, of type `application/json`: `{"error":code,"message":text}`.
    #[must_use]
    pub fn body(&self) -> String {
        serde_json::json!({ "error": self.code, "message": self.message }).to_string()
    }

    /// The value of the `WWW-Authenticate` header.
    #[must_use]
    pub fn challenge(&self) -> Option<&str> {
        self.challenge.as_deref()
    }
}

/// Turns the head of a request into the actor of everything the request does.
///
/// Called once a request, before the handler, on the thread that serves it: it must not block.
pub trait ActorSource: Send + Sync + 'static {
    /// Decides who acts.
    fn resolve(&self, head: &dyn RequestHead) -> Resolution;
}

impl<F> ActorSource for F
where
    F: Fn(&dyn RequestHead) -> Resolution + Send + Sync + 'static,
{
    fn resolve(&self, head: &dyn RequestHead) -> Resolution {
        self(head)
    }
}
