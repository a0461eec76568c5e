//! Hunting: `runHuntingQuery`.

use super::super::http::{Ask, Reply};
use super::super::server::Tenant;
use super::Refusal;

/// Runs the query of a request.
pub async fn run(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let _ = (tenant, ask);
    std::future::ready(Err(Refusal::new(
        503,
        "ServiceUnavailable",
        "The hunting engine is not available.",
    )))
    .await
}
