//! `POST /$batch`: up to twenty requests in one, each answered, throttled and authorised on its own.
//!
//! Facts: the Graph fact sheet, "Paging"; the published page on JSON batching.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::super::host;
use super::super::http::{Ask, Reply};
use super::super::tenant::Tenant;
use super::{Refusal, bodies};

/// The most requests of a batch.
const MOST: usize = 20;

/// One request of a batch, checked.
struct Step {
    id: String,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
    depends_on: Vec<String>,
}

fn wrong(message: impl Into<String>) -> Refusal {
    Refusal::bad(message)
}

fn steps(ask: &Ask) -> Result<Vec<Step>, Refusal> {
    let body = bodies::object(ask)?;
    let requests = body
        .get("requests")
        .and_then(Value::as_array)
        .ok_or_else(|| {
            wrong("Invalid batch payload format: the property 'requests' must be an array.")
        })?;
    if requests.is_empty() {
        return Err(wrong(
            "Invalid batch payload format: there are no requests.",
        ));
    }
    if requests.len() > MOST {
        return Err(wrong(format!(
            "Number of batch request steps exceeds the maximum value of {MOST}."
        )));
    }
    let mut out: Vec<Step> = Vec::with_capacity(requests.len());
    for request in requests {
        let step = step(ask, request)?;
        if out.iter().any(|s| s.id.eq_ignore_ascii_case(&step.id)) {
            return Err(wrong(format!("Request id '{}' is not unique.", step.id)));
        }
        // A request may wait for those before it, and so never for itself.
        if let Some(missing) = step
            .depends_on
            .iter()
            .find(|d| !out.iter().any(|s| s.id.eq_ignore_ascii_case(d)))
        {
            return Err(wrong(format!(
                "Request '{}' depends on '{missing}', which is not an earlier request of the batch.",
                step.id
            )));
        }
        out.push(step);
    }
    Ok(out)
}

fn step(ask: &Ask, request: &Value) -> Result<Step, Refusal> {
    let text = |name: &str| {
        request
            .get(name)
            .and_then(Value::as_str)
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
            .ok_or_else(|| {
                wrong(format!(
                    "Invalid batch payload format: a request has no '{name}'."
                ))
            })
    };
    let (id, url) = (text("id")?, text("url")?);
    let method = Method::from_bytes(text("method")?.to_ascii_uppercase().as_bytes())
        .map_err(|_| wrong(format!("Request '{id}' has an invalid method.")))?;
    if url.contains("://") || url.starts_with("//") {
        return Err(wrong(format!(
            "Request '{id}' has an invalid url: it must be relative to the version."
        )));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in request
        .get("headers")
        .and_then(Value::as_object)
        .unwrap_or(&Map::new())
    {
        let pair = (
            HeaderName::try_from(name.as_str()),
            value.as_str().map(HeaderValue::try_from),
        );
        let (Ok(name), Some(Ok(value))) = pair else {
            return Err(wrong(format!("Request '{id}' has an invalid header.")));
        };
        headers.insert(name, value);
    }
    // The token of the batch stands for each request.
    for name in ["authorization", "client-request-id"] {
        if let Some(value) = ask.headers.get(name) {
            headers
                .entry(HeaderName::from_static(name))
                .or_insert_with(|| value.clone());
        }
    }
    let body = match request.get("body") {
        None | Some(Value::Null) => Vec::new(),
        Some(body) => {
            if !headers.contains_key("content-type") {
                return Err(wrong(format!(
                    "Request '{id}' has a body and no Content-Type header."
                )));
            }
            match body {
                Value::Object(_) | Value::Array(_) => body.to_string().into_bytes(),
                Value::String(encoded) => STANDARD.decode(encoded).map_err(|_| {
                    wrong(format!(
                        "The body of request '{id}' is neither JSON nor base64."
                    ))
                })?,
                _ => {
                    return Err(wrong(format!(
                        "The body of request '{id}' must be a JSON object."
                    )));
                }
            }
        }
    };
    let depends_on = match request.get("dependsOn") {
        None | Some(Value::Null) => Vec::new(),
        Some(list) => list
            .as_array()
            .and_then(|l| l.iter().map(|d| d.as_str().map(str::to_owned)).collect())
            .ok_or_else(|| wrong(format!("dependsOn of request '{id}' must list ids.")))?,
    };
    Ok(Step {
        id,
        method,
        url,
        headers,
        body,
        depends_on,
    })
}

/// POST $batch.
pub async fn run(tenant: &Arc<Tenant>, ask: &Ask) -> Result<Reply, Refusal> {
    let steps = steps(ask)?;
    let version = ask.path.split('/').nth(1).unwrap_or("v1.0");
    let mut good: HashMap<String, bool> = HashMap::new();
    let mut responses = Vec::with_capacity(steps.len());
    for step in steps {
        let failed = step
            .depends_on
            .iter()
            .any(|d| !good.get(&d.to_ascii_lowercase()).copied().unwrap_or(false));
        let key = step.id.to_ascii_lowercase();
        let (id, inner) = as_ask(ask, version, step);
        let reply = if failed {
            Refusal::new(
                424,
                "FailedDependency",
                "The request depends on another request of the batch that failed.",
            )
            .reply(&inner, tenant.clock.now())
        } else if inner.path.eq_ignore_ascii_case(&ask.path) {
            wrong("A batch cannot contain a batch.").reply(&inner, tenant.clock.now())
        } else {
            one(tenant, &inner).await
        };
        good.insert(key, reply.status < 400);
        responses.push(response(&id, reply));
    }
    Ok(Reply::value(200, &json!({ "responses": responses })))
}

/// One request as if it had come alone.
fn as_ask(ask: &Ask, version: &str, step: Step) -> (String, Ask) {
    let (path, query) = step.url.split_once('?').unwrap_or((&step.url, ""));
    // A space in a query is as good as an encoded one here: nothing ends a request line.
    let inner = Ask {
        method: step.method,
        path: format!(
            "/{version}/{}",
            percent_decoded(path.trim_start_matches('/'))
        ),
        query: query.to_owned(),
        headers: step.headers,
        body: step.body,
        base: ask.base.clone(),
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    (step.id, inner)
}

fn percent_decoded(path: &str) -> String {
    // A plus stands for itself in a path.
    url::form_urlencoded::parse(
        path.replace('+', "%2B")
            .replace('&', "%26")
            .replace('=', "%3D")
            .as_bytes(),
    )
    .map(|(name, _)| name.into_owned())
    .collect()
}

async fn one(tenant: &Arc<Tenant>, inner: &Ask) -> Reply {
    match host::over_quota(tenant, inner, tenant.clock.now()) {
        Some(reply) => reply,
        None => Box::pin(super::answer(tenant, inner)).await,
    }
}

fn response(id: &str, reply: Reply) -> Value {
    let mut headers = Map::new();
    for (name, value) in &reply.headers {
        headers.insert((*name).into(), Value::from(value.as_str()));
    }
    let mut out = Map::new();
    out.insert("id".into(), Value::from(id));
    out.insert("status".into(), Value::from(reply.status));
    let body = if reply.body.is_empty() {
        None
    } else {
        headers.insert("Content-Type".into(), Value::from(reply.content_type));
        // What is no JSON comes as base64.
        Some(if reply.content_type.starts_with("application/json") {
            serde_json::from_slice(&reply.body).unwrap_or(Value::Null)
        } else {
            Value::from(STANDARD.encode(&reply.body))
        })
    };
    out.insert("headers".into(), Value::Object(headers));
    if let Some(body) = body {
        out.insert("body".into(), body);
    }
    Value::Object(out)
}
