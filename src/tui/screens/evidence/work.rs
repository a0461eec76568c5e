//! Carries out what the Evidence screen asks for, on the workers' side.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{EvidenceAsk, EvidenceMsg};
use crate::hunt::Hunter;
use crate::tenant::Tenant;
use crate::tui::msg::Msg;

/// Carries out one question.
pub async fn carry_out(ask: EvidenceAsk, tenant: Arc<Tenant>) -> Option<Msg> {
    match ask {
        EvidenceAsk::Mail { id, query } => {
            let answer = Hunter::new(tenant)
                .ask(&query, None, CancellationToken::new())
                .await;
            let answer = answer.map(Arc::new).map_err(Arc::new);
            Some(Msg::Evidence(EvidenceMsg::Mail { id, answer }))
        }
    }
}
