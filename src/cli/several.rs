//! Several tenants in one command: asked side by side, their rows put together, and who did not
//! answer said. With one tenant everything is as the service gives it.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::args::Output;
use super::failure::{Done, Exit, Failure};
use super::output::{Column, cut, whole, write_rows};
use super::say;
use super::session::tenant_failure;
use crate::auth::Learned;
use crate::config::{Paths, Picked, Profile};
use crate::domain::{Timestamp, parse_time};
use crate::tenant::Tenant;

/// The column a table begins with where several tenants are asked.
const TENANT: Column = cut("TENANT", "tenant", 24);
/// What CSV has besides.
const TENANT_ID: Column = whole("TENANT ID", "tenantId");

/// The tenants a command was told to ask.
pub(crate) struct Tenants {
    open: Vec<Arc<Tenant>>,
    failed: Vec<(String, Failure)>,
    answered: usize,
    chosen: usize,
}

impl Tenants {
    /// Opens them side by side; one that cannot be opened does not keep the others.
    pub(crate) async fn open(picked: Picked, paths: &Paths) -> Self {
        let chosen = picked.profiles.len() + picked.left_out.len();
        let left_out = picked.left_out.into_iter();
        let mut tenants = Self {
            open: Vec::new(),
            failed: left_out
                .map(|(name, why)| (name, Failure::usage(why)))
                .collect(),
            answered: 0,
            chosen,
        };
        for (name, opened) in open_all(picked.profiles, paths).await {
            match opened {
                Ok(tenant) => {
                    for aside in &tenant.set_aside {
                        say(&aside.to_string());
                    }
                    for warning in tenant.tokens.warnings() {
                        say(&format!("{name}: {warning}"));
                    }
                    for notice in tenant.endpoints.notices() {
                        say(&format!("{name}: {notice}"));
                    }
                    tenants.open.push(tenant);
                }
                Err(failure) => tenants.failed.push((name, failure)),
            }
        }
        tenants
    }

    /// Where it is told which audiences their services turn out to take.
    pub(crate) fn learned(&self) -> Vec<watch::Receiver<Option<Learned>>> {
        let open = self.open.iter();
        open.map(|tenant| tenant.tokens.learned()).collect()
    }

    /// Whether rows must say whose they are.
    pub(crate) fn several(&self) -> bool {
        self.chosen > 1
    }

    /// Those that could be opened, in the order of choosing.
    pub(crate) fn all(&self) -> &[Arc<Tenant>] {
        &self.open
    }

    /// The one there is, where only one was chosen.
    pub(crate) fn only(mut self) -> Done<Arc<Tenant>> {
        match (self.open.pop(), self.failed.pop()) {
            (Some(tenant), _) => Ok(tenant),
            (None, Some((_, failure))) => Err(failure),
            (None, None) => Err(Failure::usage("no tenant")),
        }
    }

    /// Asks all of them at once; whoever fails is remembered for [`Self::finish`].
    pub(crate) async fn ask<T>(
        &mut self,
        ask: impl AsyncFn(Arc<Tenant>) -> Done<T>,
    ) -> Vec<(Arc<Tenant>, T)> {
        let asked = self.open.iter().map(async |tenant| {
            let answer = ask(Arc::clone(tenant)).await;
            (Arc::clone(tenant), answer)
        });
        let mut answers = Vec::new();
        for (tenant, answer) in join_all(asked).await {
            match answer {
                Ok(answer) => answers.push((tenant, answer)),
                Err(failure) => self.failed(&tenant.profile.name, failure),
            }
        }
        self.answered = answers.len();
        answers
    }

    /// A tenant did not give what it was asked for.
    pub(crate) fn failed(&mut self, name: &str, failure: Failure) {
        self.failed.push((name.to_owned(), failure));
    }

    /// A tenant did.
    pub(crate) fn answered(&mut self) {
        self.answered += 1;
    }

    /// Asks all of them for rows of service JSON and writes those: of one tenant as it sent them, of
    /// several with `tenant` and `tenantId`, the newest by the field `newest` first, at most `top`.
    pub(crate) async fn list(
        mut self,
        form: Output,
        columns: &[Column],
        newest: &str,
        top: usize,
        find: impl AsyncFn(Arc<Tenant>) -> Done<Vec<String>>,
    ) -> Done {
        let mut answers = self.ask(find).await;
        if !self.several() {
            if let Some((_, rows)) = answers.pop() {
                write_rows(&mut io::stdout().lock(), form, columns, &rows)?;
            }
            return self.finish();
        }
        let mut rows: Vec<(Option<Timestamp>, String)> = answers
            .iter()
            .flat_map(|(tenant, rows)| {
                let id = tenant.id();
                let name = tenant.profile.name.clone();
                rows.iter().map(move |row| named(row, &name, &id, newest))
            })
            .collect();
        // Stable: what is equally new stays in the order of the tenants and of their services.
        rows.sort_by(|(one, _), (other, _)| other.cmp(one));
        rows.truncate(top);
        let rows: Vec<String> = rows.into_iter().map(|(_, row)| row).collect();
        let lead: &[Column] = match form {
            Output::Csv => &[TENANT, TENANT_ID],
            _ => &[TENANT],
        };
        let columns = [lead, columns].concat();
        if self.answered > 0 {
            write_rows(&mut io::stdout().lock(), form, &columns, &rows)?;
        }
        self.finish()
    }

    /// Who failed so far, for a command that tells it in its own form.
    pub(crate) fn take_failed(&mut self) -> Vec<(String, Failure)> {
        std::mem::take(&mut self.failed)
    }

    /// Says who did not answer and why. Status 3 where nobody did and all need a sign-in, else 1.
    pub(crate) fn finish(self) -> Done {
        let Self {
            mut failed,
            answered,
            chosen,
            ..
        } = self;
        if failed.is_empty() {
            return Ok(());
        }
        if chosen == 1 {
            return failed.pop().map_or(Ok(()), |(_, failure)| Err(failure));
        }
        let mut told: Vec<(String, Vec<String>)> = Vec::new();
        for (name, failure) in &failed {
            let words = failure.words().unwrap_or_default();
            match told.iter_mut().find(|(known, _)| *known == words) {
                Some((_, names)) => names.push(name.clone()),
                None => told.push((words, vec![name.clone()])),
            }
        }
        for (words, names) in told {
            say(&format!("{}: {words}", names.join(", ")));
        }
        let all = |exit: Exit| answered == 0 && failed.iter().all(|(_, it)| it.exit == exit);
        let words = format!("{} of {chosen} tenants did not answer", failed.len());
        Err(if failed.iter().any(|(_, it)| it.exit == Exit::Signal(2)) {
            Failure::interrupted()
        } else if all(Exit::SignIn) {
            Failure::sign_in(words)
        } else if all(Exit::Usage) {
            Failure::usage(words)
        } else {
            Failure::refused(words)
        })
    }
}

/// Connects every profile, side by side: each waits for the disk, and none for another.
pub(crate) async fn open_all(
    profiles: Vec<Profile>,
    paths: &Paths,
) -> Vec<(String, Done<Arc<Tenant>>)> {
    let opening = profiles.into_iter().map(|profile| {
        let (name, paths) = (profile.name.clone(), paths.clone());
        async move {
            let opened =
                tokio::task::spawn_blocking(move || Tenant::connect(profile, &paths)).await;
            let opened = match opened {
                Ok(opened) => opened.map_err(tenant_failure),
                Err(panic) => Err(Failure::refused(panic)),
            };
            (name, opened)
        }
    });
    join_all(opening).await
}

/// A row that says whose it is, and how new it is. A `tenantId` of the service's own stays.
fn named(row: &str, name: &str, id: &str, newest: &str) -> (Option<Timestamp>, String) {
    type Fields<'a> = std::collections::BTreeMap<std::borrow::Cow<'a, str>, &'a RawValue>;
    let Ok(fields) = serde_json::from_str::<Fields<'_>>(row) else {
        return (None, row.to_owned());
    };
    let key = fields
        .get(newest)
        .and_then(|value| serde_json::from_str::<String>(value.get()).ok())
        .and_then(|value| parse_time(&value));
    let mut lead = format!("{{\"tenant\":{}", Value::from(name));
    if !fields.contains_key("tenantId") {
        let _ = write!(lead, ",\"tenantId\":{}", Value::from(id));
    }
    if !fields.is_empty() {
        lead.push(',');
    }
    let rest = row.trim_start().strip_prefix('{').unwrap_or(row);
    (key, lead + rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whose_it_is_and_keeps_the_rest_byte_for_byte() {
        let sent = r#" {"id":"7", "at":"2026-08-19T07:00:00.5Z"}"#;
        let (key, row) = named(sent, "a\"b", "t", "at");
        assert_eq!(
            key.map(|at| at.to_string()).as_deref(),
            Some("2026-08-19T07:00:00.5Z")
        );
        assert_eq!(
            row,
            r#"{"tenant":"a\"b","tenantId":"t","id":"7", "at":"2026-08-19T07:00:00.5Z"}"#
        );
        let (_, row) = named(r#"{"tenantId":"own","x":1}"#, "a", "t", "at");
        assert_eq!(row, r#"{"tenant":"a","tenantId":"own","x":1}"#);
        assert_eq!(
            named("{}", "a", "t", "at").1,
            r#"{"tenant":"a","tenantId":"t"}"#
        );
    }

    fn ended(failed: Vec<Failure>, answered: usize) -> Exit {
        let tenants = Tenants {
            open: Vec::new(),
            chosen: failed.len() + answered,
            failed: failed
                .into_iter()
                .map(|failure| ("a".to_owned(), failure))
                .collect(),
            answered,
        };
        tenants.finish().expect_err("somebody failed").exit
    }

    #[test]
    fn the_status_tells_a_sign_in_from_a_refusal() {
        let sign_in = || Failure::sign_in("x");
        let refused = || Failure::refused("y");
        assert_eq!(ended(vec![sign_in(), sign_in()], 0), Exit::SignIn);
        assert_eq!(ended(vec![sign_in(), refused()], 0), Exit::Refused);
        assert_eq!(ended(vec![sign_in()], 3), Exit::Refused);
        assert_eq!(
            ended(vec![Failure::usage("z"), Failure::usage("z")], 0),
            Exit::Usage
        );
        assert_eq!(ended(vec![sign_in()], 0), Exit::SignIn);
    }
}
