//! A machine of Defender for Endpoint; a "device" on screen (`defender-endpoint.md` section 8).

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{MachineId, lenient};

/// A machine as the service describes it. It has no isolation state: that is derived from actions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Its id, the `mdeDeviceId` of evidence and the `DeviceId` of hunting.
    pub id: MachineId,
    /// Fully qualified name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub computer_dns_name: Option<Arc<str>>,
    /// Last full report, about daily.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_seen: Option<Timestamp>,
    /// First report.
    #[serde(default, deserialize_with = "lenient::time")]
    pub first_seen: Option<Timestamp>,
    /// `Windows11`, `WindowsServer2022`, `Linux`, `macOS`…
    #[serde(default, deserialize_with = "lenient::text")]
    pub os_platform: Option<Arc<str>>,
    /// `24H2`…
    #[serde(default, deserialize_with = "lenient::text")]
    pub version: Option<Arc<str>>,
    /// Build number.
    #[serde(default, deserialize_with = "lenient::option")]
    pub os_build: Option<i64>,
    /// Internal address.
    #[serde(default, deserialize_with = "lenient::text")]
    pub last_ip_address: Option<Arc<str>>,
    /// External address.
    #[serde(default, deserialize_with = "lenient::text")]
    pub last_external_ip_address: Option<Arc<str>>,
    /// `Active`, `Inactive`, `ImpairedCommunication`…
    #[serde(default, deserialize_with = "lenient::text")]
    pub health_status: Option<Arc<str>>,
    /// `Onboarded`, `CanBeOnboarded`…; case varies.
    #[serde(default, deserialize_with = "lenient::text")]
    pub onboarding_status: Option<Arc<str>>,
    /// `None` to `High`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub risk_score: Option<Arc<str>>,
    /// `None` to `High`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub exposure_level: Option<Arc<str>>,
    /// `Normal`, `Low`, `High`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub device_value: Option<Arc<str>>,
    /// Device group.
    #[serde(default, deserialize_with = "lenient::text")]
    pub rbac_group_name: Option<Arc<str>>,
    /// Entra device id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub aad_device_id: Option<Arc<str>>,
    /// Tags.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub machine_tags: Vec<Arc<str>>,
}

impl Machine {
    /// The name a person knows it by: the DNS name, else the id.
    pub fn name(&self) -> &str {
        self.computer_dns_name
            .as_deref()
            .filter(|name| !name.is_empty())
            .unwrap_or(self.id.as_str())
    }

    /// The first label of its DNS name, which is what an analyst types to confirm.
    pub fn short_name(&self) -> &str {
        self.name().split('.').next().unwrap_or_default()
    }
}

/// Somebody who has logged on to a machine (`/api/machines/{id}/logonusers`). Hostile until sanitised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogonUser {
    /// `domain\user`.
    pub id: Arc<str>,
    /// Account name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub account_name: Option<Arc<str>>,
    /// Its domain.
    #[serde(default, deserialize_with = "lenient::text")]
    pub account_domain: Option<Arc<str>>,
    /// Its SID.
    #[serde(default, deserialize_with = "lenient::text")]
    pub account_sid: Option<Arc<str>>,
    /// First seen on the machine.
    #[serde(default, deserialize_with = "lenient::time")]
    pub first_seen: Option<Timestamp>,
    /// Last seen on the machine.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_seen: Option<Timestamp>,
    /// `Interactive`, `RemoteInteractive`, `Network`…, run together by the service.
    #[serde(default, deserialize_with = "lenient::text")]
    pub logon_types: Option<Arc<str>>,
    /// Whether it administers the domain.
    #[serde(default, deserialize_with = "lenient::option")]
    pub is_domain_admin: Option<bool>,
}
