//! One request on its way through the endpoint service: who asks for what, its body read with the
//! service's own complaints, and collections written page by page.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Map, Value as Json};

use super::super::clock::{self, Ticks};
use super::super::entra::Claims;
use super::super::http::{Ask, Reply};
use super::super::json::{self, Object};
use super::super::odata::{self, Field, Key, Options, Type};
use super::super::tenant::Tenant;
use super::{METADATA, Refusal};

/// The largest and the usual page of a collection.
pub const LARGEST_PAGE: usize = 10_000;

/// A request whose token was found good.
#[derive(Debug)]
pub struct Call<'a> {
    /// Whom it is for.
    pub tenant: &'a Arc<Tenant>,
    /// The request.
    pub ask: &'a Ask,
    /// Who asks.
    pub claims: &'a Claims,
    /// What stands in the path where its route has a gap, in order.
    pub args: Vec<&'a str>,
    /// Whether the path ends in `/$count`.
    pub counting: bool,
    /// The tenant's time, taken once.
    pub now: Ticks,
}

/// The rows of one page.
#[derive(Debug)]
pub struct Page<R> {
    /// Its rows.
    pub rows: Vec<R>,
    /// Rows that pass the filter, on all pages.
    pub total: usize,
    options: Options,
    next: Option<usize>,
}

impl<R> Page<R> {
    /// Whether the request expands `what`.
    pub fn expands(&self, what: &str) -> bool {
        self.options
            .expand
            .as_deref()
            .is_some_and(|e| e.split(',').any(|e| e.trim().eq_ignore_ascii_case(what)))
    }
}

impl Call<'_> {
    /// Who is named as the one that asked: the application, or the person.
    pub fn requestor(&self) -> String {
        self.claims.requestor()
    }

    /// The body as an object, whose names are compared with their case.
    pub fn body(&self) -> Result<Map<String, Json>, Refusal> {
        match serde_json::from_slice(&self.ask.body) {
            Ok(Json::Object(map)) => Ok(map),
            _ => Err(Refusal::new(
                400,
                "InvalidRequestBody",
                "Request body is incorrect: a JSON object is expected.",
            )),
        }
    }

    /// The body of a call that may come without one.
    pub fn body_or_nothing(&self) -> Result<Map<String, Json>, Refusal> {
        if self.ask.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Map::new());
        }
        self.body()
    }

    /// Sees to it that what happens at a time happens before the next answer after it.
    pub fn wake_at(&self, at: Ticks) {
        self.tenant.next_event.fetch_min(at, Ordering::AcqRel);
    }

    /// A parameter of the query, decoded; its name is compared without regard to case.
    pub fn query(&self, name: &str) -> Option<String> {
        odata::pairs(&self.ask.query)
            .into_iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    }

    /// Applies the query options to rows that are in the service's own order.
    pub fn page<'r, R: Copy>(
        &self,
        of: Type,
        mut rows: Vec<R>,
        field: impl Fn(R, usize) -> Field<'r>,
    ) -> Result<Page<R>, Refusal> {
        // A sample of the documentation calls the update time so, and clients copied it; the typing
        // mistake in another has been copied too.
        let query = self
            .ask
            .query
            .replace("lastUpdateTimeUtc", "lastUpdateDateTimeUtc")
            .replace("asssignedTo", "assignedTo");
        let options = Options::parse(&query, of).map_err(|m| Refusal::new(400, "ODataError", m))?;
        if options.top.is_some_and(|top| top > LARGEST_PAGE) {
            return Err(Refusal::new(
                400,
                "ODataError",
                format!("The limit of '{LARGEST_PAGE}' for Top query has been exceeded."),
            ));
        }
        if let Some(filter) = &options.filter {
            rows.retain(|row| filter.passes(&|property| field(*row, property)));
        }
        // The last key first: sorting is stable.
        for (property, descending) in options.then.iter().rev().chain(&options.order) {
            rows.sort_by(|a, b| {
                let order = Key::of(field(*a, *property)).cmp(&Key::of(field(*b, *property)));
                if *descending { order.reverse() } else { order }
            });
        }
        let total = rows.len();
        let size = options.top.unwrap_or(LARGEST_PAGE);
        let next =
            (options.top.is_none() && total > options.skip + size).then_some(options.skip + size);
        let rows = rows.into_iter().skip(options.skip).take(size).collect();
        Ok(Page {
            rows,
            total,
            options,
            next,
        })
    }

    /// Writes a page, or the bare number when that was asked.
    pub fn write<R>(
        &self,
        set: &str,
        page: &Page<R>,
        mut write: impl FnMut(&mut Vec<u8>, &R),
    ) -> Reply {
        if self.counting {
            let mut reply = Reply::json(200, page.total.to_string().into_bytes());
            reply.content_type = "text/plain";
            return reply;
        }
        let mut out = Vec::with_capacity(page.rows.len() * 900 + 256);
        let mut document = Object::open(&mut out, None);
        document.str("@odata.context", &format!("{METADATA}{set}"));
        if page.options.count {
            document.int("@odata.count", page.total as i64);
        }
        document.always("value");
        document.out.push(b'[');
        for (at, row) in page.rows.iter().enumerate() {
            if at > 0 {
                document.out.push(b',');
            }
            write(document.out, row);
        }
        document.out.push(b']');
        if let Some(skip) = page.next {
            document.str("@odata.nextLink", &next_link(self.ask, skip));
        }
        document.close();
        Reply::json(200, out)
    }

    /// A whole collection without query options: its rows as they stand.
    pub fn all(&self, set: &str, rows: &[Json]) -> Reply {
        let page = Page {
            rows: rows.iter().collect(),
            total: rows.len(),
            options: Options::default(),
            next: None,
        };
        self.write(set, &page, |out, row: &&Json| {
            out.extend_from_slice(row.to_string().as_bytes());
        })
    }
}

/// One entity with its context.
pub fn entity(status: u16, set: &str, mut value: Json) -> Reply {
    if let Some(map) = value.as_object_mut() {
        map.shift_insert(
            0,
            "@odata.context".into(),
            format!("{METADATA}{set}/$entity").into(),
        );
    }
    Reply::value(status, &value)
}

/// A required text of a body.
pub fn text<'a>(body: &'a Map<String, Json>, name: &str) -> Result<&'a str, Refusal> {
    match body.get(name) {
        Some(Json::String(text)) if !text.trim().is_empty() => Ok(text),
        Some(Json::String(_)) => Err(Refusal::new(
            400,
            "InvalidInput",
            format!("{name} cannot be empty."),
        )),
        Some(_) => Err(wrong_kind(name, "a string")),
        None => Err(missing(name)),
    }
}

/// A text of a body that may be absent or null.
pub fn maybe_text(body: &Map<String, Json>, name: &str) -> Result<Option<String>, Refusal> {
    match body.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong_kind(name, "a string")),
    }
}

/// A required list of texts of a body.
pub fn texts(body: &Map<String, Json>, name: &str) -> Result<Vec<String>, Refusal> {
    let list = match body.get(name) {
        Some(Json::Array(list)) => list,
        Some(_) => return Err(wrong_kind(name, "an array of strings")),
        None => return Err(missing(name)),
    };
    list.iter()
        .map(|item| match item {
            Json::String(text) => Ok(text.clone()),
            _ => Err(wrong_kind(name, "an array of strings")),
        })
        .collect()
}

/// A required member of a list of values.
pub fn member<'a>(
    body: &'a Map<String, Json>,
    name: &str,
    values: &[&str],
) -> Result<&'a str, Refusal> {
    let value = text(body, name)?;
    if values.contains(&value) {
        return Ok(value);
    }
    Err(Refusal::new(
        400,
        "InvalidInput",
        format!(
            "{value} is not a valid {name}. Allowed values: {}.",
            values.join(", ")
        ),
    ))
}

/// Complains about the first name that is none of `known`.
pub fn only(body: &Map<String, Json>, known: &[&str]) -> Result<(), Refusal> {
    match body
        .keys()
        .find(|k| !known.contains(&k.as_str()) && !k.contains("@odata."))
    {
        None => Ok(()),
        Some(name) => Err(Refusal::new(
            400,
            "InvalidRequestBody",
            format!(
                "Request body is incorrect: unknown parameter {name}. Parameter names are case-sensitive."
            ),
        )),
    }
}

/// The refusal of a body that lacks something.
pub fn missing(name: &str) -> Refusal {
    Refusal::new(
        400,
        "MissingRequiredParameter",
        format!("Required parameter {name} is missing. Parameter names are case-sensitive."),
    )
}

/// The refusal of a value of another kind.
pub fn wrong_kind(name: &str, expected: &str) -> Refusal {
    Refusal::new(
        400,
        "InvalidRequestBody",
        format!("Request body is incorrect: {name} is expected to be {expected}."),
    )
}

/// The refusal of a batch that is too large.
pub fn too_many(received: usize, allowed: usize) -> Refusal {
    Refusal::new(
        400,
        "MaximumBatchSizeExceeded",
        format!("Maximum batch size exceeded. Received: {received}, allowed: {allowed}."),
    )
}

/// The refusal of an entity that is not there.
pub fn not_found(what: &str, id: &str) -> Refusal {
    Refusal::new(
        404,
        "ResourceNotFound",
        format!("{what} {id} was not found."),
    )
}

/// The absolute address of the next page.
fn next_link(ask: &Ask, skip: usize) -> String {
    let mut link = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in odata::pairs(&ask.query) {
        if name.trim_start_matches('$') != "skip" {
            link.append_pair(&name, &value);
        }
    }
    link.append_pair("$skip", &skip.to_string());
    format!(
        "{}{}?{}",
        ask.base,
        ask.path,
        link.finish().replace("%24", "$")
    )
}

/// A time as a JSON string with seven digits, or null for 0.
pub fn push_time(out: &mut Vec<u8>, at: Ticks) {
    if at == 0 {
        out.extend_from_slice(b"null");
    } else {
        json::push_str(out, &clock::defender(at));
    }
}

/// A time as JSON with seven digits, or null for 0.
pub fn time(at: Ticks) -> Json {
    if at == 0 {
        Json::Null
    } else {
        Json::String(clock::defender(at))
    }
}
