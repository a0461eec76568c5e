//! A machine action: something asked of a machine, with a life of its own
//! (`defender-endpoint.md` section 7).

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::open_enum::open_enum;
use super::{ActionId, MachineId, lenient};

open_enum!(
    /// What is done (`machineAction.type`).
    ActionType {
        Isolate = "Isolate",
        Unisolate = "Unisolate",
        RunAntiVirusScan = "RunAntiVirusScan",
        CollectInvestigationPackage = "CollectInvestigationPackage",
        StopAndQuarantineFile = "StopAndQuarantineFile",
        RestrictCodeExecution = "RestrictCodeExecution",
        UnrestrictCodeExecution = "UnrestrictCodeExecution",
        LiveResponse = "LiveResponse",
        Offboard = "Offboard",
    }
);

open_enum!(
    /// Where it stands (`machineAction.status`).
    ActionStatus {
        Pending = "Pending",
        InProgress = "InProgress",
        Succeeded = "Succeeded",
        Failed = "Failed",
        TimeOut = "TimeOut",
        Cancelled = "Cancelled" | "Canceled",
    }
);

open_enum!(
    /// How much of a device isolation cuts off (`IsolationType` of `isolate`).
    IsolationType {
        /// Everything but the connection to the service.
        Full = "Full",
        /// Outlook, Teams and Skype for Business keep working.
        Selective = "Selective",
    }
);

open_enum!(
    /// How thorough an antivirus scan is (`ScanType` of `runAntiVirusScan`).
    ScanType {
        /// The usual places.
        Quick = "Quick",
        /// The whole disk.
        Full = "Full",
    }
);

impl ActionStatus {
    /// Whether it will not change any more. A status we do not know is taken as still open.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::TimeOut | Self::Cancelled
        )
    }
}

/// A machine action as the service describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineAction {
    /// Its id.
    pub id: ActionId,
    /// What is done.
    #[serde(
        rename = "type",
        default = "unknown_type",
        deserialize_with = "action_type"
    )]
    pub kind: ActionType,
    /// `Full`, `Selective`; `Quick`, `Full`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub scope: Option<Arc<str>>,
    /// Who asked: a UPN or an application.
    #[serde(default, deserialize_with = "lenient::text")]
    pub requestor: Option<Arc<str>>,
    /// Why.
    #[serde(default, deserialize_with = "lenient::text")]
    pub requestor_comment: Option<Arc<str>>,
    /// Where it stands.
    #[serde(default = "unknown_status", deserialize_with = "action_status")]
    pub status: ActionStatus,
    /// On which machine.
    #[serde(default, deserialize_with = "lenient::option")]
    pub machine_id: Option<MachineId>,
    /// The machine's name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub computer_dns_name: Option<Arc<str>>,
    /// When it was asked.
    #[serde(default, deserialize_with = "lenient::time")]
    pub creation_date_time_utc: Option<Timestamp>,
    /// When it last changed; null on a fresh action.
    #[serde(
        default,
        alias = "lastUpdateTimeUtc",
        deserialize_with = "lenient::time"
    )]
    pub last_update_date_time_utc: Option<Timestamp>,
    /// Who cancelled it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub cancellation_requestor: Option<Arc<str>>,
    /// Why it was cancelled.
    #[serde(default, deserialize_with = "lenient::text")]
    pub cancellation_comment: Option<Arc<str>>,
}

fn unknown_type() -> ActionType {
    ActionType::Other("".into())
}

fn unknown_status() -> ActionStatus {
    ActionStatus::Other("".into())
}

fn action_type<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<ActionType, D::Error> {
    Ok(lenient::option(deserializer)?.unwrap_or_else(unknown_type))
}

fn action_status<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<ActionStatus, D::Error> {
    Ok(lenient::option(deserializer)?.unwrap_or_else(unknown_status))
}
