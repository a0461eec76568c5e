//! The administrator's door: `/_sim/…`, to look at the host and to move it. JSON in and out.
//!
//! No token of a service opens it; it has a bearer of its own.

use serde_json::{Value, json};

use super::host::Host;
use super::http::{Ask, Reply};
use super::stories::Tale;
use super::{clock, ticks_to_duration, trouble};

/// What there is, for people.
pub const HELP: &str = "\
The simulated tenant is moved through /_sim/, with the bearer that is printed at the start (none with
--open-admin). JSON in and out; `tenant` is a number from 1 and may be left out.

  GET  /_sim/status                          clock, tenants, counts, calls counted against quotas, faults
  POST /_sim/clock        {\"step\": \"5m\"}     moves time forward
                          {\"rate\": \"60x\"}    lets it run at another pace: real, frozen, 60x
  POST /_sim/faults       {\"add\": [{\"kind\": \"reset\", \"rate\": 0.2, \"path\": \"/v1.0/*\"}]}
                          {\"clear\": true}      in place of, or before, `add`
  POST /_sim/change       {\"n\": 50, \"seed\": 1, \"tenant\": 1}     believable changes
                          {\"sort\": \"merge\", \"seed\": 1}          one change of a sort
  POST /_sim/scenario     {\"name\": \"invoice\", \"tenant\": 2}      begins a further story now
  POST /_sim/sessions     {\"who\": \"amira.haddad@contoso.com\", \"do\": \"revoke\", \"tenant\": 1}
                          who is a person or an application's id; do is revoke, challenge, disable, enable
                          or password
  POST /_sim/certificates {\"pem\": \"-----BEGIN …\", \"tenant\": 1}  lets an application sign in with it
  POST /_sim/reset                           begins anew, as at the first start
  GET  /_sim/export                          everything that happened, as a state file
  POST /_sim/import       (a state file)     becomes that tenant; made with the same settings
";

/// Whether a request is for the administrator's door.
pub fn is_admin(ask: &Ask) -> bool {
    ask.path == "/_sim" || ask.path.starts_with("/_sim/")
}

/// Answers a request below `/_sim`.
pub async fn answer(host: &Host, ask: &Ask) -> Reply {
    match route(host, ask).await {
        Ok(reply) => reply,
        Err((status, message)) => {
            let mut reply = Reply::value(status, &json!({ "error": message }));
            reply.content_type = "application/json";
            reply.why = Some(message);
            reply
        }
    }
}

type Refused = (u16, String);

fn bad(message: impl Into<String>) -> Refused {
    (400, message.into())
}

async fn route(host: &Host, ask: &Ask) -> Result<Reply, Refused> {
    allowed(host, ask)?;
    let path = ask.path.trim_start_matches("/_sim").trim_matches('/');
    let value = match (ask.method.as_str(), path) {
        ("GET", "" | "help") => {
            let mut reply = Reply::json(200, HELP.as_bytes().to_vec());
            reply.content_type = "text/plain; charset=utf-8";
            return Ok(reply);
        }
        ("GET", "status") => status(host),
        ("GET", "export") => {
            let text = host.export().map_err(|e| (500, e.to_string()))?;
            let mut reply = Reply::json(200, text);
            reply.content_type = "application/x-ndjson";
            return Ok(reply);
        }
        ("POST", "import") => {
            host.import(&ask.body).await.map_err(bad)?;
            status(host)
        }
        ("POST", "reset") => {
            host.reset().await.map_err(|e| (500, e))?;
            status(host)
        }
        ("POST", "clock") => set_clock(host, &words(ask, &["step", "rate"])?)?,
        ("POST", "faults") => set_faults(host, &words(ask, &["clear", "add"])?)?,
        ("POST", "change") => {
            let words = words(ask, &["n", "seed", "sort", "tenant"])?;
            let (tenant, seed) = (tenant(host, &words)?, number(&words, "seed", 1)?);
            let changes = if let Some(sort) = words["sort"].as_str() {
                vec![host.change(tenant, sort, seed).await.map_err(bad)?]
            } else {
                let n = u32::try_from(number(&words, "n", 1)?)
                    .ok()
                    .filter(|n| *n <= 100_000)
                    .ok_or_else(|| bad("n is at most 100000"))?;
                host.churn(tenant, n, seed).await
            };
            json!({ "changes": changes })
        }
        ("POST", "scenario") => {
            let words = words(ask, &["name", "tenant"])?;
            let name = words["name"].as_str().unwrap_or_default();
            let tale = Tale::named(name).ok_or_else(|| {
                let names: Vec<String> = Tale::all().into_iter().map(|t| t.name).collect();
                bad(format!(
                    "no story is called \"{name}\"; there are {}",
                    names.join(", ")
                ))
            })?;
            host.tell(tenant(host, &words)?, &tale).await.map_err(bad)?;
            json!({ "told": name })
        }
        ("POST", "sessions") => {
            let words = words(ask, &["who", "do", "tenant"])?;
            let text = |name: &str| words[name].as_str().unwrap_or_default();
            let (who, deed) = (text("who"), text("do"));
            let done = host.do_to_sessions(tenant(host, &words)?, who, deed).await;
            done.map_err(bad)?;
            json!({ "who": who, "done": deed })
        }
        ("POST", "certificates") => {
            let words = words(ask, &["pem", "tenant"])?;
            let pem = words["pem"]
                .as_str()
                .ok_or_else(|| bad("pem is the text of a PEM file"))?;
            let entra = &host.tenants[tenant(host, &words)?].entra;
            entra.register_certificates(pem).map_err(bad)?;
            json!({ "registered": true })
        }
        (
            _,
            "status" | "export" | "import" | "reset" | "clock" | "faults" | "change" | "scenario"
            | "sessions" | "certificates",
        ) => {
            return Err((
                405,
                format!(
                    "{} is not how this is asked; see GET /_sim/help",
                    ask.method
                ),
            ));
        }
        _ => {
            return Err((
                404,
                "there is no such thing here; see GET /_sim/help".into(),
            ));
        }
    };
    let mut reply = Reply::value(200, &value);
    reply.content_type = "application/json";
    Ok(reply)
}

/// Who may come in: whoever has the bearer. Where nobody needs one, pages in a browser are kept out.
fn allowed(host: &Host, ask: &Ask) -> Result<(), Refused> {
    let Some(wanted) = &host.admin else {
        let name = ask.header("host").unwrap_or_default();
        let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
        let here = ["localhost", "127.0.0.1", "[::1]"].contains(&name);
        if !here || ask.header("origin").is_some() {
            return Err((403, "this door is not for pages in a browser".into()));
        }
        return Ok(());
    };
    let given = ask.header("authorization").and_then(|v| v.split_once(' '));
    match given {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && token == wanted => Ok(()),
        _ => Err((401, "the administrator's bearer, printed at the start, is needed; tokens of the services do not do".into())),
    }
}

/// The object of a body, which may be empty; names that mean nothing are refused.
fn words(ask: &Ask, known: &[&str]) -> Result<Value, Refused> {
    if ask.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(json!({}));
    }
    let value: Value =
        serde_json::from_slice(&ask.body).map_err(|e| bad(format!("the body is not JSON: {e}")))?;
    let object = value
        .as_object()
        .ok_or_else(|| bad("the body is not an object"))?;
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(bad(format!(
            "there is no \"{name}\" here; there are {}",
            known.join(", ")
        ))),
        None => Ok(value),
    }
}

fn number(words: &Value, name: &str, usual: u64) -> Result<u64, Refused> {
    match &words[name] {
        Value::Null => Ok(usual),
        value => value
            .as_u64()
            .ok_or_else(|| bad(format!("{name} is a whole number, not {value}"))),
    }
}

fn tenant(host: &Host, words: &Value) -> Result<usize, Refused> {
    let n = number(words, "tenant", 1)? as usize;
    if (1..=host.tenants.len()).contains(&n) {
        Ok(n - 1)
    } else {
        Err(bad(format!(
            "tenant is a number from 1 to {}",
            host.tenants.len()
        )))
    }
}

fn set_clock(host: &Host, words: &Value) -> Result<Value, Refused> {
    let text = |name: &str| words[name].as_str();
    let rate = text("rate")
        .map(|t| {
            clock::pace(t).ok_or_else(|| {
                bad(format!(
                    "rate is real, frozen or a factor such as 60x, not {t}"
                ))
            })
        })
        .transpose()?;
    let step = text("step")
        .map(|t| {
            clock::span(t)
                .ok_or_else(|| bad(format!("step is a span such as 90s, 5m or 2h, not {t}")))
        })
        .transpose()?;
    if rate.is_none() && step.is_none() {
        return Err(bad("give step, rate, or both, as texts"));
    }
    if let Some(rate) = rate {
        host.set_rate(rate);
    }
    if let Some(step) = step {
        host.advance(ticks_to_duration(step));
    }
    Ok(clock_json(host))
}

fn set_faults(host: &Host, words: &Value) -> Result<Value, Refused> {
    let add = match &words["add"] {
        Value::Null => Vec::new(),
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    // Everything is read before anything is changed.
    let faults = add
        .iter()
        .map(trouble::from_json)
        .collect::<Result<Vec<_>, _>>()
        .map_err(bad)?;
    let clear = words["clear"] == true;
    if !clear && faults.is_empty() {
        return Err(bad("give add, clear, or both"));
    }
    if clear {
        host.faults.clear();
    }
    for fault in faults {
        host.faults.add(fault);
    }
    Ok(json!({ "faults": faults_json(host) }))
}

fn clock_json(host: &Host) -> Value {
    json!({ "now": clock::graph(host.clock.now()), "start": clock::graph(host.clock.start()), "rate": host.clock.rate() })
}

fn faults_json(host: &Host) -> Vec<Value> {
    let list = host.faults.list().into_iter();
    list.map(|(fault, seen)| {
        let times = (fault.times != super::ALWAYS).then_some(fault.times);
        json!({
            "kind": fault.kind.name(),
            "method": fault.method,
            "path": fault.path,
            "tenant": fault.tenant,
            "rate": f64::from(fault.rate) / 1e6,
            "left": times,
            "couldHaveStruck": seen,
        })
    })
    .collect()
}

fn status(host: &Host) -> Value {
    let tenants: Vec<Value> = host
        .tenants
        .iter()
        .map(|tenant| {
            let world = tenant.world();
            json!({
                "number": tenant.place + 1,
                "id": tenant.entra.tenant,
                "incidents": world.incidents.len(),
                "alerts": world.alerts.len(),
                "machines": world.machines.len(),
                "actions": world.actions.len(),
                "calls": tenant.quotas.as_ref().map(super::quota::Quotas::used),
            })
        })
        .collect();
    json!({
        "clock": clock_json(host),
        "requests": host.requests.load(std::sync::atomic::Ordering::Relaxed),
        "tenants": tenants,
        "faults": faults_json(host),
    })
}
