//! `nightjar tenants test`: a token of each service and one cheap read with it, all side by side.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use crate::api::{ApiErrorKind, ListQuery, MachineFilter, Priority};
use crate::auth::{AuthError, Claims, Resource};
use crate::cli::args::{Global, Output};
use crate::cli::failure::{Done, Exit, Failure};
use crate::cli::output::{Column, cut, whole, write_rows};
use crate::cli::session::with_these;
use crate::cli::settings;
use crate::config::Chosen;
use crate::tenant::Tenant;

const COLUMNS: &[Column] = &[
    cut("TENANT", "tenant", 24),
    whole("SERVICE", "service"),
    whole("RESULT", "result"),
    cut("TOKEN", "token", 60),
    cut("WHY", "why", 100),
    cut("CURE", "cure", 120),
];

/// Tests the tenants that are asked for; without a word all of them.
pub(crate) fn run(global: &Global, form: Output) -> Done {
    let chosen = match settings::chosen(global) {
        Chosen::Default => Chosen::All,
        chosen => chosen,
    };
    with_these(global, &chosen, async |mut tenants| {
        let found = tenants
            .ask(async |tenant| {
                Ok(tokio::join!(
                    look(&tenant, Resource::Graph),
                    look(&tenant, Resource::Defender)
                ))
            })
            .await;
        let mut rows = Vec::new();
        let mut exits = Vec::new();
        for (tenant, (graph, defender)) in found {
            for (resource, look) in [(Resource::Graph, graph), (Resource::Defender, defender)] {
                exits.push(look.exit);
                rows.push(look.row(&tenant, resource).to_string());
            }
        }
        for (name, failure) in tenants.take_failed() {
            exits.push(failure.exit);
            let why = failure.words().unwrap_or_default();
            let row = json!({ "tenant": name, "result": "not opened", "why": why });
            rows.push(row.to_string());
        }
        write_rows(&mut io::stdout().lock(), form, COLUMNS, &rows)?;
        let bad = exits.iter().filter(|exit| **exit != Exit::Quiet).count();
        let words = format!("{bad} of {} looks failed", exits.len());
        match bad {
            0 => Ok(()),
            _ if exits.iter().all(|exit| *exit == Exit::SignIn) => Err(Failure::sign_in(words)),
            _ => Err(Failure::refused(words)),
        }
    })
}

/// What one service of one tenant gave.
struct Look {
    exit: Exit,
    result: String,
    claims: Option<Claims>,
    why: String,
    cure: String,
}

impl Look {
    fn row(&self, tenant: &Tenant, resource: Resource) -> Value {
        json!({
            "tenant": tenant.profile.name,
            "tenantId": tenant.id(),
            "service": resource.title(),
            "result": self.result,
            "token": self.claims.as_ref().map(token),
            "why": self.why,
            "cure": self.cure,
        })
    }
}

/// What a token is, and never itself.
fn token(claims: &Claims) -> String {
    let who = match &claims.upn {
        Some(upn) => upn.clone(),
        None => "application".to_owned(),
    };
    let count = claims.permissions().count();
    let until = claims
        .expires
        .map(|at| format!(", until {}", at.strftime("%H:%M UTC")))
        .unwrap_or_default();
    format!("{who}, {count} permissions{until}")
}

async fn look(tenant: &Arc<Tenant>, resource: Resource) -> Look {
    let token = match tenant.tokens.token(resource).await {
        Ok(token) => token,
        Err(error) => return no_token(error),
    };
    let begun = Instant::now();
    let read = match resource {
        Resource::Graph => {
            let query = ListQuery {
                top: Some(1),
                ..ListQuery::default()
            };
            let page = tenant.graph.incidents(&query, Priority::Interactive).await;
            page.map(drop)
        }
        Resource::Defender => {
            let filter = MachineFilter {
                top: Some(1),
                ..MachineFilter::default()
            };
            let found = tenant.defender.machines(&filter, Priority::Interactive);
            found.await.map(drop)
        }
    };
    let claims = token.claims.clone();
    match read {
        Ok(()) => Look {
            exit: Exit::Quiet,
            result: format!("works, {} ms", begun.elapsed().as_millis()),
            claims,
            why: String::new(),
            cure: String::new(),
        },
        Err(error) => Look {
            exit: match error.kind {
                ApiErrorKind::SignIn => Exit::SignIn,
                _ => Exit::Refused,
            },
            result: "refused".to_owned(),
            claims,
            why: error.to_string(),
            cure: error.advice.to_string(),
        },
    }
}

fn no_token(error: AuthError) -> Look {
    Look {
        exit: Exit::SignIn,
        result: "no token".to_owned(),
        claims: None,
        why: error.message,
        cure: error.advice,
    }
}
