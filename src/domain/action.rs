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

/// Whether a device is cut off, as far as its actions tell: the service has no such field.
#[derive(Clone, Debug, PartialEq)]
pub struct Isolation {
    /// Cut off, or released.
    pub isolated: bool,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Who asked.
    pub by: Option<Arc<str>>,
    /// An action asked for earlier ended later: the newest wish is not what happened last.
    pub out_of_order: bool,
}

impl Isolation {
    /// Derives it from the actions of one machine, in any order: the isolation or release that
    /// succeeded last decides. `None` = there never was one, as far as the actions reach back.
    pub fn derive<'a>(actions: impl IntoIterator<Item = &'a MachineAction>) -> Option<Self> {
        let ended = |action: &MachineAction| {
            (
                action
                    .last_update_date_time_utc
                    .or(action.creation_date_time_utc),
                action.creation_date_time_utc,
            )
        };
        let mut done: Vec<_> = actions
            .into_iter()
            .filter(|action| {
                matches!(action.kind, ActionType::Isolate | ActionType::Unisolate)
                    && action.status == ActionStatus::Succeeded
            })
            .collect();
        done.sort_by_key(|action| ended(action));
        let last = done.last()?;
        let newest_wish = done
            .iter()
            .max_by_key(|action| action.creation_date_time_utc)?;
        Some(Self {
            isolated: last.kind == ActionType::Isolate,
            since: ended(last).0,
            by: last.requestor.clone(),
            out_of_order: newest_wish.kind != last.kind,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(kind: &str, status: &str, asked: u8, ended: u8) -> MachineAction {
        serde_json::from_str(&format!(
            r#"{{"id":"{kind}{asked}","type":"{kind}","status":"{status}","requestor":"s.kim",
                "creationDateTimeUtc":"2026-08-19T07:{asked:02}:00Z",
                "lastUpdateDateTimeUtc":"2026-08-19T07:{ended:02}:00Z"}}"#
        ))
        .expect("decodes")
    }

    #[test]
    fn what_succeeded_last_decides_and_a_late_end_is_told() {
        assert_eq!(Isolation::derive([]), None);
        let isolate = action("Isolate", "Succeeded", 1, 2);
        let release = action("Unisolate", "Succeeded", 5, 6);
        let failed = action("Isolate", "Failed", 7, 8);
        let scan = action("RunAntiVirusScan", "Succeeded", 9, 9);
        let it = Isolation::derive([&failed, &release, &scan, &isolate]).expect("derived");
        assert!(!it.isolated && !it.out_of_order);
        assert_eq!(it.by.as_deref(), Some("s.kim"));
        let stuck = action("Isolate", "Succeeded", 3, 9);
        let it = Isolation::derive([&stuck, &release]).expect("derived");
        assert!(it.isolated && it.out_of_order);
    }
}
