//! Signing in, carried out: the steps and the end as messages.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{SignInAsk, SignInMsg};
use crate::auth::Talk;
use crate::tenant::Tenant;
use crate::tui::msg::Msg;

/// Signs the person in to both services of the tenant; ends at once where the popup is closed.
pub async fn carry_out(
    ask: SignInAsk,
    tenant: Arc<Tenant>,
    inbox: mpsc::Sender<Msg>,
) -> Option<Msg> {
    let SignInAsk {
        tenant: no,
        ticket,
        way,
        cancel,
    } = ask;
    let found = if tenant.profile.sign_in().is_person() {
        let (talk, mut heard) = Talk::new(cancel);
        let talk = talk.by(way);
        let signing = async {
            let signed = tenant.tokens.sign_in_to_all(&talk).await;
            drop(talk);
            signed
        };
        let telling = async {
            while let Some(step) = heard.recv().await {
                // The console is gone: nobody wants it.
                let _ = inbox.send(Msg::SignIn(SignInMsg::Step(ticket, step))).await;
            }
        };
        let (signed, ()) = tokio::join!(signing, telling);
        signed
            .map(|()| tenant.who())
            .map_err(|error| (error.message, error.advice))
    } else {
        let why = format!(
            "the profile {} signs in as an application ({}); nobody has to",
            tenant.profile.name,
            tenant.profile.sign_in().word()
        );
        let cure = "r asks the services again; `nightjar login` tries the credential and says what is wrong with it";
        Err((why, cure.to_owned()))
    };
    Some(Msg::SignIn(SignInMsg::Ended {
        tenant: no,
        ticket,
        found,
    }))
}
