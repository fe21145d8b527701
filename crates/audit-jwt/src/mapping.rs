//! Which claims become which parts of the actor.

use audit_core::{Actor, ActorKind, Assurance};
use serde_json::Value;

use crate::claims::{Claims, display, identifier};
use crate::error::TokenError;

/// The names of the claims that are read, beside the registered ones.
#[derive(Debug, Clone)]
pub(crate) struct Mapping {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) tenant: Option<String>,
    pub(crate) act: String,
    pub(crate) kinds: Vec<KindRule>,
}

/// Says that an actor whose claim holds a value is of a kind.
#[derive(Debug, Clone)]
pub(crate) struct KindRule {
    pub(crate) claim: String,
    pub(crate) value: String,
    pub(crate) kind: ActorKind,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            id: "sub".to_owned(),
            name: "name".to_owned(),
            tenant: None,
            act: "act".to_owned(),
            kinds: Vec::new(),
        }
    }
}

impl Mapping {
    /// The actor that the claims describe.
    ///
    /// # Source
    /// RFC 8693, section 4.1: `act` describes the party that acts now; `sub` is the one for whom.
    /// Actors nested deeper are history and are not read.
    pub(crate) fn actor(&self, claims: &Claims, assurance: Assurance) -> Result<Actor, TokenError> {
        identifier(claims, "sub")?;
        let subject = identifier(claims, &self.id)?;
        let mut actor = match claims.get(&self.act) {
            None => self.party(subject, claims),
            Some(Value::Object(act)) => {
                let id = identifier(act, "sub")
                    .map_err(|_| TokenError::invalid(&self.act, "an object with a `sub`"))?;
                self.party(id, act).with_on_behalf_of(subject)
            }
            Some(_) => return Err(TokenError::invalid(&self.act, "an object with a `sub`")),
        };
        if let Some(tenant) = &self.tenant
            && claims.get(tenant).is_some_and(|value| !value.is_null())
        {
            actor = actor.with_tenant_id(identifier(claims, tenant)?);
        }
        Ok(actor.with_assurance(assurance))
    }

    fn party(&self, id: String, claims: &Claims) -> Actor {
        let actor = match self.kind(claims) {
            ActorKind::Service => Actor::service(id),
            ActorKind::System => Actor::system(id),
            _ => Actor::user(id),
        };
        match display(claims, &self.name) {
            Some(name) => actor.with_name(name),
            None => actor,
        }
    }

    fn kind(&self, claims: &Claims) -> ActorKind {
        let holds = |rule: &&KindRule| match claims.get(&rule.claim) {
            Some(Value::String(text)) => *text == rule.value,
            Some(Value::Array(list)) => list.iter().any(|item| item.as_str() == Some(&rule.value)),
            _ => false,
        };
        self.kinds
            .iter()
            .find(holds)
            .map_or(ActorKind::User, |rule| rule.kind)
    }
}
