//! Downloads: links that carry their own proof, as blob storage has them, and what they lead to.
//!
//! A link is a secret that anybody can use until it expires, so it takes no token.

use std::io::{Cursor, Write as _};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zip::write::SimpleFileOptions;

use super::super::clock::{self, MINUTE, SECOND, Ticks};
use super::super::http::{Ask, Reply};
use super::super::ids;
use super::super::odata;
use super::super::tenant::Tenant;
use super::super::world::World;
use super::actions::{self, Action, Kind};
use super::call::Call;
use super::{facts, live};

/// How long the link to a package works: documents only say that it is short.
pub const PACKAGE_LIFE: Ticks = 15 * MINUTE;
/// How long the link to a result works.
pub const RESULT_LIFE: Ticks = 30 * MINUTE;

/// What the path of a download begins with, after the tenant.
const FOLDER: &str = "blob/";

/// The version of the storage protocol that links name.
const VERSION: &str = "2025-07-05";

fn signature(seed: u64, path: &str, expires: &str) -> String {
    STANDARD.encode(ids::sha256(seed, &format!("link {path} {expires}")).as_bytes())
}

/// A link to something of this tenant, good for a while.
pub fn link(call: &Call<'_>, what: &str, life: Ticks) -> String {
    let path = format!("/{}/{FOLDER}{what}", call.tenant.entra.tenant);
    // Links are good to the second.
    let whole = |at: Ticks| clock::graph(at - at.rem_euclid(SECOND));
    let expires = whole(call.now + life);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("sv", VERSION)
        .append_pair("st", &whole(call.now))
        .append_pair("se", &expires)
        .append_pair("sr", "b")
        .append_pair("sp", "r")
        .append_pair("sig", &signature(call.tenant.seed, &path, &expires))
        .finish();
    format!("{}{path}?{query}", call.ask.base)
}

/// A refusal in the words of blob storage.
fn refusal(ask: &Ask, now: Ticks, status: u16, code: &str, message: &str, detail: &str) -> Reply {
    let detail = if detail.is_empty() {
        String::new()
    } else {
        format!("<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>")
    };
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}\nRequestId:{}\nTime:{}</Message>{detail}</Error>",
        ask.request_id,
        clock::defender(now)
    );
    let mut reply = Reply::json(status, body.into_bytes());
    reply.content_type = "application/xml";
    reply.headers.push(("x-ms-error-code", code.into()));
    reply.headers.push(("x-ms-version", VERSION.into()));
    reply.why = Some(format!("{code}: {message} {detail}"));
    reply
}

/// Answers a request for a download; `None` for any other path.
pub fn answer(tenant: &Tenant, ask: &Ask) -> Option<Reply> {
    let (_, rest) = ask.path.strip_prefix('/')?.split_once('/')?;
    let what = rest.strip_prefix(FOLDER)?;
    Some(download(tenant, ask, what))
}

fn download(tenant: &Tenant, ask: &Ask, what: &str) -> Reply {
    let now = tenant.clock.now();
    let failed = |detail: &str| {
        refusal(
            ask,
            now,
            403,
            "AuthenticationFailed",
            "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.",
            detail,
        )
    };
    if ask.header("authorization").is_some() {
        return failed("The link authenticates itself: an Authorization header is not expected.");
    }
    let query = odata::pairs(&ask.query);
    let of = |name: &str| {
        let found = query.iter().find(|(n, _)| n == name);
        found.map_or("", |(_, v)| v.as_str())
    };
    let expires = of("se");
    if of("sig") != signature(tenant.seed, &ask.path, expires) {
        return failed("Signature did not match.");
    }
    match clock::parse(expires) {
        Some(at) if now < at => {}
        _ => {
            return failed(&format!(
                "Signature not valid in the specified time frame: Start [{}] - Expiry [{expires}] - Current [{}]",
                of("st"),
                clock::graph(now)
            ));
        }
    }
    let world = tenant.world();
    let mut parts = what.split('/');
    let found = match (parts.next(), parts.next(), parts.next()) {
        (Some("package"), Some(id), None) => find(&world, id, Kind::Collect)
            .filter(|a| a.status(now) == "Succeeded")
            .and_then(|a| {
                Some((
                    package(&world, a)?,
                    format!("{}.zip", a.id),
                    "application/zip",
                ))
            }),
        (Some("live"), Some(id), Some(index)) => find(&world, id, Kind::LiveResponse)
            .and_then(|a| live::result(a, index.parse().ok()?, now))
            .map(|(bytes, name)| (bytes.to_vec(), name, "application/octet-stream")),
        _ => None,
    };
    let Some((bytes, name, content_type)) = found else {
        return refusal(
            ask,
            now,
            404,
            "BlobNotFound",
            "The specified blob does not exist.",
            "",
        );
    };
    let mut reply = Reply::json(200, bytes);
    reply.content_type = content_type;
    reply.headers.push(("x-ms-version", VERSION.into()));
    reply.headers.push(("x-ms-blob-type", "BlockBlob".into()));
    // A file name of a device may hold anything.
    let name: String = name
        .chars()
        .filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\'))
        .collect();
    reply.headers.push((
        "content-disposition",
        format!("attachment; filename=\"{name}\""),
    ));
    reply
}

fn find<'a>(world: &'a World, id: &str, kind: Kind) -> Option<&'a Action> {
    let action = &world.actions[actions::find(world, id).ok()?];
    (action.kind == kind).then_some(action)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageFile {
    file: Vec<PackedFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackedFile {
    os: String,
    path: String,
    text: String,
}

fn contents() -> &'static [PackedFile] {
    static FILE: OnceLock<PackageFile> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        toml::from_str(include_str!("../../../assets/endpoint/package.toml"))
            .expect("package.toml is part of the program")
    });
    &file.file
}

/// The investigation package of a device, as it was when the collection ended.
fn package(world: &World, action: &Action) -> Option<Vec<u8>> {
    let machine = world.device(action.machine);
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    let processes = processes(world, action);
    for file in contents().iter().filter(|f| machine.os.starts_with(&f.os)) {
        let text = live::filled(&file.text, world, machine, action.ends)
            .replace("{processes}", &processes)
            .replace('\n', if machine.build > 0 { "\r\n" } else { "\n" });
        zip.start_file(file.path.as_str(), options).ok()?;
        zip.write_all(text.as_bytes()).ok()?;
    }
    Some(zip.finish().ok()?.into_inner())
}

/// The processes that alerts on the device had named by then, one line each.
fn processes(world: &World, action: &Action) -> String {
    let machine = world.device(action.machine);
    let needle = format!("\"mdeDeviceId\":\"{}\"", machine.id);
    let mut lines: Vec<String> = Vec::new();
    let mut alerts = facts::alerts_with(world, &needle);
    alerts.retain(|a| world.alerts[*a as usize].created <= action.ends);
    for alert in alerts.into_iter().take(50) {
        for item in facts::evidence(world, alert) {
            if facts::kind(&item) != "processEvidence" {
                continue;
            }
            let text =
                |value: &serde_json::Value| value.as_str().unwrap_or_default().replace('"', "\"\"");
            let line = format!(
                "\"{}\",\"{}\",\"{}\",\"{}\",\"{}\"\n",
                text(&item["imageFile"]["fileName"]),
                item["processId"],
                item["parentProcessId"],
                text(&item["processCommandLine"]),
                text(&item["processCreationDateTime"])
            );
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines.concat()
}
