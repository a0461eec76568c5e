//! What the doctor's screen asks for, carried out.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{DoctorAsk, DoctorMsg};
use crate::config::Paths;
use crate::doctor::{self, Subject};
use crate::tenant::Tenant;
use crate::tui::msg::Msg;

/// Examines or explains; results are told as they come.
pub async fn carry_out(
    ask: DoctorAsk,
    tenant: Arc<Tenant>,
    paths: Paths,
    inbox: mpsc::Sender<Msg>,
) -> Option<Msg> {
    let ticket = match ask {
        DoctorAsk::Explain(refused) => {
            let card = Box::new(refused.explain(&tenant));
            return Some(Msg::Doctor(DoctorMsg::Card(card)));
        }
        DoctorAsk::Examine { ticket, .. } => ticket,
    };
    let subject = Subject {
        name: tenant.profile.name.clone(),
        file: paths.config_file(),
        profile: Ok(tenant.profile.clone()),
        problems: Vec::new(),
        paths,
        offline: false,
    };
    let (news, mut heard) = mpsc::unbounded_channel();
    let tell = async {
        while let Some(news) = heard.recv().await {
            let msg = Msg::Doctor(DoctorMsg::News(ticket, Box::new(news)));
            if inbox.send(msg).await.is_err() {
                return;
            }
        }
    };
    let (report, ()) = tokio::join!(doctor::examine(subject, news), tell);
    Some(Msg::Doctor(DoctorMsg::Report(ticket, Box::new(report))))
}
