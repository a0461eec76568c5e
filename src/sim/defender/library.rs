//! The library of live response: list, upload, delete.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::super::clock::{DAY, Ticks};
use super::super::http::Reply;
use super::super::ids::{self, Dice};
use super::super::world::World;
use super::Refusal;
use super::call::{Call, entity, missing, not_found, time};
use super::live;

/// The largest file.
const LARGEST: usize = 20 << 20;

/// One file.
#[derive(Debug)]
pub struct File {
    name: String,
    description: String,
    parameters: Option<String>,
    has_parameters: bool,
    created: Ticks,
    updated: Ticks,
    by: String,
    /// What is in it.
    pub content: Arc<[u8]>,
    sha256: String,
}

/// All files, by name in lower case.
#[derive(Debug, Default)]
pub struct Library(BTreeMap<String, File>);

fn sha256(content: &[u8]) -> String {
    ids::hex(&Sha256::digest(content))
}

impl Library {
    /// What the tenant starts with.
    pub fn seeded(world: &World) -> Self {
        let mut library = Self::default();
        for (n, file) in live::library().iter().enumerate() {
            let mut dice = Dice::of(world.seed, 55, n as u64);
            let part = dice.below(DAY as u64) as i64;
            let at = world.clock.start() - DAY * (20 + dice.below(200) as i64) - part;
            library.0.insert(
                file.name.to_lowercase(),
                File {
                    name: file.name.clone(),
                    description: file.description.clone(),
                    parameters: file.parameters.clone(),
                    has_parameters: file.parameters.is_some(),
                    created: at,
                    updated: at,
                    by: dice.pick(&world.catalogue.analysts).clone(),
                    content: file.content.as_bytes().into(),
                    sha256: sha256(file.content.as_bytes()),
                },
            );
        }
        library
    }

    /// The file with this name.
    pub fn get(&self, name: &str) -> Option<&File> {
        self.0.get(&name.to_lowercase())
    }
}

fn written(file: &File) -> Json {
    json!({
        "fileName": file.name,
        "sha256": file.sha256,
        "description": file.description,
        "creationTime": time(file.created),
        "lastUpdatedTime": time(file.updated),
        "createdBy": file.by,
        "hasParameters": file.has_parameters,
        "parametersDescription": file.parameters,
    })
}

/// GET the collection.
#[allow(clippy::unnecessary_wraps, reason = "what answers a route may refuse")]
pub fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let rows: Vec<Json> = world.endpoint.library.0.values().map(written).collect();
    Ok(call.all("LibraryFiles", &rows))
}

/// DELETE one.
pub fn delete(call: &Call<'_>) -> Result<Reply, Refusal> {
    let mut world = call.tenant.world_mut();
    let name = call.args[0];
    match world.endpoint.library.0.remove(&name.to_lowercase()) {
        Some(_) => Ok(Reply::json(204, Vec::new())),
        None => Err(not_found("Library file", name)),
    }
}

/// A form of an upload.
#[derive(Debug, Default)]
struct Form {
    file: Option<(String, Vec<u8>)>,
    description: String,
    parameters: Option<String>,
    has_parameters: bool,
    replace: bool,
}

fn yes(name: &str, text: &str) -> Result<bool, Refusal> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err(Refusal::new(
            400,
            "InvalidInput",
            format!("'{text}' is not a valid value of {name}."),
        )),
    }
}

/// Reads a form. The names of its parts are met in both cases.
async fn form(call: &Call<'_>) -> Result<Form, Refusal> {
    let wrong = |message: String| Refusal::new(400, "InvalidRequestBody", message);
    let boundary = call
        .ask
        .header("content-type")
        .and_then(|h| multer::parse_boundary(h).ok())
        .ok_or_else(|| {
            wrong("Request body is incorrect: multipart/form-data is expected.".into())
        })?;
    let body = call.ask.body.clone();
    let stream = futures_util::stream::once(async move { Ok::<_, Infallible>(body) });
    let mut parts = multer::Multipart::new(stream, boundary);
    let mut form = Form::default();
    let broken = |error: multer::Error| wrong(format!("Request body is incorrect: {error}."));
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or_default().to_ascii_lowercase();
        let file_name = part.file_name().map(str::to_owned);
        let bytes = part.bytes().await.map_err(broken)?;
        let text = || String::from_utf8_lossy(&bytes).trim().to_owned();
        match name.as_str() {
            "file" => {
                let name = file_name
                    .filter(|n| !n.trim().is_empty())
                    .ok_or_else(|| missing("filename"))?;
                form.file = Some((name, bytes.to_vec()));
            }
            "description" => form.description = text(),
            "parametersdescription" => form.parameters = Some(text()).filter(|t| !t.is_empty()),
            "hasparameters" => form.has_parameters = yes("HasParameters", &text())?,
            "overrideifexists" => form.replace = yes("OverrideIfExists", &text())?,
            _ => {}
        }
    }
    Ok(form)
}

/// POST a file.
pub async fn upload(call: &Call<'_>) -> Result<Reply, Refusal> {
    let form = form(call).await?;
    let (name, content) = form.file.ok_or_else(|| missing("File"))?;
    let invalid = |message: String| Refusal::new(400, "InvalidInput", message);
    if name.contains(['\\', '/']) {
        return Err(invalid(format!("{name} is not a valid file name.")));
    }
    if content.is_empty() {
        return Err(invalid("The file is empty.".into()));
    }
    if content.len() > LARGEST {
        return Err(invalid(
            "The file is too large: the maximum size is 20 MB.".into(),
        ));
    }
    let mut world = call.tenant.world_mut();
    let files = &mut world.endpoint.library.0;
    let key = name.to_lowercase();
    let created = match files.get(&key) {
        Some(_) if !form.replace => {
            return Err(Refusal::new(
                400,
                "BadRequest",
                format!("File {name} already exists. Set OverrideIfExists to true to replace it."),
            ));
        }
        Some(old) => old.created,
        None => call.now,
    };
    let file = File {
        name,
        description: form.description,
        has_parameters: form.has_parameters || form.parameters.is_some(),
        parameters: form.parameters,
        created,
        updated: call.now,
        by: call.requestor(),
        sha256: sha256(&content),
        content: content.into(),
    };
    let reply = entity(200, "LibraryFiles", written(&file));
    files.insert(key, file);
    Ok(reply)
}
