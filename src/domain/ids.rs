//! Identifiers as newtypes, so that an alert's cannot be taken for an incident's.
//!
//! All are opaque strings: never parsed, compared byte for byte (`graph-security` fact sheet).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps an id as the service wrote it.
            pub fn new(id: impl Into<Arc<str>>) -> Self {
                Self(id.into())
            }

            /// The id as the service wrote it. Hostile text until sanitised.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), &self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self::new(id)
            }
        }
    };
}

id!(
    /// An incident (`/security/incidents/{id}`); looks like an integer, is a string.
    IncidentId
);
id!(
    /// An alert (`/security/alerts_v2/{id}`).
    AlertId
);
id!(
    /// A machine of Defender for Endpoint (`/api/machines/{id}`), the `mdeDeviceId` of evidence.
    MachineId
);
id!(
    /// A machine action (`/api/machineactions/{id}`).
    ActionId
);
id!(
    /// A tenant, a GUID in text.
    TenantId
);
