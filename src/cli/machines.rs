//! `nightjar machines …`: the devices of Defender for Endpoint.

use std::io;
use std::sync::Arc;

use super::args::{Global, MachineCommand};
use super::failure::Done;
use super::output::{Column, cut, whole, write_object};
use super::session::{api_failure, with_tenant, with_tenants};
use crate::api::{MachineFilter, Priority};
use crate::domain::MachineId;
use crate::tenant::Tenant;

const COLUMNS: &[Column] = &[
    whole("ID", "id"),
    cut("NAME", "computerDnsName", 40),
    cut("PLATFORM", "osPlatform", 20),
    cut("HEALTH", "healthStatus", 20),
    cut("RISK", "riskScore", 14),
    cut("EXPOSURE", "exposureLevel", 10),
    whole("ADDRESS", "lastIpAddress"),
    whole("LAST SEEN", "lastSeen"),
];

/// Does one of the `machines` commands.
pub(crate) fn run(command: MachineCommand, global: &Global) -> Done {
    let form = global.output;
    match command {
        MachineCommand::List { name, top } => with_tenants(global, async |tenants| {
            let find = async |tenant| find(&tenant, name.clone(), top).await;
            tenants.list(form, COLUMNS, "lastSeen", top, find).await
        }),
        MachineCommand::Show { id } => with_tenant(global, async |tenant| {
            let found = tenant
                .defender
                .machine(&MachineId::new(id), Priority::Interactive)
                .await
                .map_err(api_failure)?;
            let json = found.json.get();
            Ok(write_object(&mut io::stdout().lock(), form, COLUMNS, json)?)
        }),
    }
}

async fn find(tenant: &Arc<Tenant>, name: Option<String>, top: usize) -> Done<Vec<String>> {
    let filter = MachineFilter {
        name_prefix: name,
        top: Some(u32::try_from(top).unwrap_or(u32::MAX)),
        ..MachineFilter::default()
    };
    let found = tenant
        .defender
        .machines(&filter, Priority::Interactive)
        .await
        .map_err(api_failure)?;
    Ok(found.iter().map(|row| row.json.get().to_owned()).collect())
}
