//! One piece of evidence of a story alert, ready to be written.

use super::clock::{self, Ticks};
use super::{json, words};

/// Evidence: the base properties as fields, since they change and are gated, the rest as ready JSON.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// `deviceEvidence`, or a kind that no schema has yet.
    pub kind: String,
    /// When it was added to the alert.
    pub created: Ticks,
    /// `verdict`.
    pub verdict: String,
    /// `remediationStatus`.
    pub remediation: String,
    /// `remediationStatusDetails`.
    pub details: Option<String>,
    /// `roles`.
    pub roles: Vec<String>,
    /// `detailedRoles`.
    pub detailed_roles: Vec<String>,
    /// `tags`.
    pub tags: Vec<String>,
    /// Own properties: `,"name":value,…`.
    pub own: String,
    /// The scenario's name of the entity, which finds its row in the hunting tables.
    pub entity: String,
}

impl Evidence {
    /// An id among its own properties; ids need no escaping.
    pub fn id(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.own.split_once(&format!("\"{name}\":\""))?;
        rest.split_once('"').map(|(id, _)| id)
    }

    /// Appends it as a JSON object.
    pub fn push(&self, out: &mut Vec<u8>, unknown_members: bool) {
        out.extend_from_slice(b"{\"@odata.type\":\"#microsoft.graph.security.");
        out.extend_from_slice(self.kind.as_bytes());
        out.extend_from_slice(b"\",\"createdDateTime\":\"");
        clock::push_graph(out, self.created);
        out.extend_from_slice(b"\",\"verdict\":\"");
        out.extend_from_slice(words::sent(&self.verdict, unknown_members).as_bytes());
        out.extend_from_slice(b"\",\"remediationStatus\":\"");
        out.extend_from_slice(words::sent(&self.remediation, unknown_members).as_bytes());
        out.extend_from_slice(b"\",\"remediationStatusDetails\":");
        match &self.details {
            Some(text) => json::push_str(out, text),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"roles\":");
        json::push_list(out, &self.roles);
        out.extend_from_slice(b",\"detailedRoles\":");
        json::push_list(out, &self.detailed_roles);
        out.extend_from_slice(b",\"tags\":");
        json::push_list(out, &self.tags);
        out.extend_from_slice(self.own.as_bytes());
        out.push(b'}');
    }
}
