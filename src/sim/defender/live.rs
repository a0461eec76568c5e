//! Live response: what a session is asked to do, how each command goes, and where its result is.
//!
//! Scripts are not run: what they print is data, by the script's name.

use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::super::clock::{self, MINUTE, SECOND, Ticks};
use super::super::http::Reply;
use super::super::ids::{self, Dice};
use super::super::people::{DNS_DOMAIN, Machine};
use super::super::world::World;
use super::actions::{self, Action};
use super::call::{Call, missing, not_found, time, wrong_kind};
use super::{METADATA, Refusal, blobs, facts};

/// A script may run this long.
const LONGEST_SCRIPT: Ticks = 10 * MINUTE;
/// A file may be this large to be fetched here.
const LARGEST_FILE: u64 = 256 << 10;

/// Names and parameters of the commands, in the order they have to come in.
const COMMANDS: &[(&str, &[(&str, bool)])] = &[
    ("PutFile", &[("FileName", true)]),
    ("RunScript", &[("ScriptName", true), ("Args", false)]),
    ("GetFile", &[("Path", true)]),
];

/// One command as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    kind: &'static str,
    params: Vec<(String, String)>,
}

impl Wish {
    fn param(&self, key: &str) -> &str {
        self.params
            .iter()
            .find(|(k, _)| k == key)
            .map_or("", |(_, v)| v)
    }
}

/// One command and how it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    wish: Wish,
    starts: Ticks,
    /// When it is over; `Ticks::MAX` is never.
    pub ends: Ticks,
    /// Why it fails.
    pub error: Option<String>,
    result: Option<Arc<[u8]>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LiveFile {
    folders: Vec<String>,
    library: Vec<LibraryFile>,
    script: Vec<ScriptFile>,
}

/// A file that is in the library when the tenant starts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibraryFile {
    /// File name.
    pub name: String,
    /// Description.
    pub description: String,
    /// What its parameters mean.
    pub parameters: Option<String>,
    /// What is in it.
    pub content: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptFile {
    name: String,
    seconds: i64,
    #[serde(default)]
    exit_code: i64,
    output: String,
    #[serde(default)]
    errors: String,
}

fn data() -> &'static LiveFile {
    static FILE: OnceLock<LiveFile> = OnceLock::new();
    FILE.get_or_init(|| {
        toml::from_str(include_str!("../../../assets/endpoint/live-response.toml"))
            .expect("live-response.toml is part of the program")
    })
}

/// What is in the library when the tenant starts.
pub fn library() -> &'static [LibraryFile] {
    &data().library
}

/// Reads the commands of a body.
pub fn read(commands: &Json) -> Result<Vec<Wish>, Refusal> {
    let list = commands
        .as_array()
        .ok_or_else(|| wrong_kind("Commands", "an array"))?;
    let invalid = |message: String| Refusal::new(400, "InvalidInput", message);
    if list.is_empty() {
        return Err(invalid("Commands cannot be empty.".into()));
    }
    let mut latest = 0;
    let mut wishes = Vec::new();
    for command in list {
        let object = command
            .as_object()
            .ok_or_else(|| wrong_kind("Commands", "an array of objects"))?;
        super::call::only(object, &["type", "params"])?;
        let name = super::call::text(object, "type")?;
        let at = COMMANDS
            .iter()
            .position(|(n, _)| *n == name)
            .ok_or_else(|| {
                invalid(format!(
                    "{name} is not a valid command type. Allowed values: PutFile, RunScript, GetFile."
                ))
            })?;
        if at < latest {
            return Err(invalid(
                "Commands must be in the order PutFile, RunScript, GetFile.".into(),
            ));
        }
        latest = at;
        let (kind, keys) = COMMANDS[at];
        let mut params: Vec<(String, String)> = Vec::new();
        let given = match object.get("params") {
            Some(Json::Array(list)) => list.as_slice(),
            None => &[],
            Some(_) => return Err(wrong_kind("params", "an array")),
        };
        for param in given {
            let param = param
                .as_object()
                .ok_or_else(|| wrong_kind("params", "an array of objects"))?;
            super::call::only(param, &["key", "value"])?;
            let key = super::call::text(param, "key")?;
            if !keys.iter().any(|(k, _)| *k == key) {
                return Err(invalid(format!("{key} is not a parameter of {kind}.")));
            }
            let value = param
                .get("value")
                .and_then(Json::as_str)
                .ok_or_else(|| missing("value"))?;
            params.push((key.into(), value.into()));
        }
        for (key, required) in keys {
            if *required && !params.iter().any(|(k, v)| k == key && !v.is_empty()) {
                return Err(missing(key));
            }
        }
        wishes.push(Wish { kind, params });
    }
    Ok(wishes)
}

/// Whether the library has every file that is named.
pub fn known(world: &World, wishes: &[Wish]) -> Result<(), Refusal> {
    for wish in wishes {
        let name = match wish.kind {
            "PutFile" => wish.param("FileName"),
            "RunScript" => wish.param("ScriptName"),
            _ => continue,
        };
        if world.endpoint.library.get(name).is_none() {
            return Err(Refusal::new(
                400,
                "InvalidInput",
                format!("File {name} was not found in the live response library."),
            ));
        }
    }
    Ok(())
}

/// Commands of a session that never comes about.
pub fn never(wishes: &[Wish]) -> Vec<Run> {
    wishes
        .iter()
        .map(|wish| Run {
            wish: wish.clone(),
            starts: 0,
            ends: Ticks::MAX,
            error: None,
            result: None,
        })
        .collect()
}

/// How the commands go, one after the other from `starts`. After one that fails nothing is done; only
/// commands that are begun are in the answer's times.
pub fn course(
    call: &Call<'_>,
    world: &World,
    place: u32,
    wishes: &[Wish],
    starts: Ticks,
) -> Vec<Run> {
    let machine = world.device(place);
    let mut at = starts;
    let mut put: Vec<(&str, Arc<[u8]>)> = Vec::new();
    let mut stopped = false;
    let mut runs = Vec::new();
    for wish in wishes {
        if stopped {
            runs.push(Run {
                wish: wish.clone(),
                starts: 0,
                ends: 0,
                error: None,
                result: None,
            });
            continue;
        }
        let (seconds, outcome) = match wish.kind {
            "PutFile" => {
                let name = wish.param("FileName");
                if let Some(file) = world.endpoint.library.get(name) {
                    put.push((name, Arc::clone(&file.content)));
                }
                (4, Ok(None))
            }
            "RunScript" => script(machine, world, wish, at),
            _ => (8, fetched(world, place, wish.param("Path"), &put).map(Some)),
        };
        let limit = LONGEST_SCRIPT / SECOND;
        let ends = at + call.tenant.clock.scaled(seconds.min(limit) * SECOND);
        let outcome = if seconds > limit {
            Err("The script was stopped: it ran longer than 10 minutes.".into())
        } else {
            outcome
        };
        stopped = outcome.is_err();
        let (result, error) = match outcome {
            Ok(result) => (result, None),
            Err(error) => (None, Some(error)),
        };
        runs.push(Run {
            wish: wish.clone(),
            starts: at,
            ends,
            error,
            result,
        });
        at = ends;
    }
    runs
}

/// What follows the last dot of a name.
fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, e)| e)
}

type Outcome = Result<Option<Arc<[u8]>>, String>;

fn script(machine: &Machine, world: &World, wish: &Wish, at: Ticks) -> (i64, Outcome) {
    let name = wish.param("ScriptName");
    let windows = machine.build > 0;
    if extension(name).eq_ignore_ascii_case("ps1") != windows {
        return (2, Err(format!("{name} cannot be run on {}.", machine.os)));
    }
    let told = data()
        .script
        .iter()
        .find(|s| s.name.eq_ignore_ascii_case(name));
    let fill = |text: &str| filled(text, world, machine, at).replace("{args}", wish.param("Args"));
    let result = json!({
        "script_name": name,
        "exit_code": told.map_or(0, |s| s.exit_code),
        "script_output": told.map_or_else(String::new, |s| fill(&s.output)),
        "script_errors": told.map_or_else(String::new, |s| fill(&s.errors)),
    });
    let bytes: Arc<[u8]> = result.to_string().into_bytes().into();
    (told.map_or(3, |s| s.seconds), Ok(Some(bytes)))
}

/// A text with what it says about a device filled in.
pub fn filled(text: &str, world: &World, machine: &Machine, at: Ticks) -> String {
    let user = world
        .people
        .get(machine.person as usize)
        .map_or("", |p| p.account.as_str());
    let build = machine.build.to_string();
    let time = clock::defender(at);
    let mut out = text.to_owned();
    for (name, value) in [
        ("{host}", machine.host.as_str()),
        ("{dns}", &machine.dns),
        ("{ip}", &machine.ip),
        ("{external}", &machine.external_ip),
        ("{mac}", &machine.mac),
        ("{user}", user),
        ("{domain}", DNS_DOMAIN),
        ("{os}", &machine.os),
        ("{version}", &machine.version),
        ("{build}", &build),
        ("{time}", &time),
    ] {
        out = out.replace(name, value);
    }
    out
}

/// The bytes of a file of a device, made up when nothing more is known of it.
fn fetched(
    world: &World,
    place: u32,
    path: &str,
    put: &[(&str, Arc<[u8]>)],
) -> Result<Arc<[u8]>, String> {
    let machine = world.device(place);
    let name = path.rsplit(['\\', '/']).next().unwrap_or_default();
    if let Some((_, content)) = put.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
        return Ok(Arc::clone(content));
    }
    let lower = path.to_lowercase();
    let in_folder = data()
        .folders
        .iter()
        .any(|f| lower.starts_with(&f.to_lowercase()) && lower.len() > f.len());
    if !in_folder && !seen_on(world, &machine.id, &lower) {
        return Err(format!("The system cannot find the file specified: {path}"));
    }
    let key = format!("{} {lower}", machine.id);
    if matches!(extension(&lower), "txt" | "log" | "csv") {
        let text = format!("{path}\r\n{}\r\n", ids::sha256(world.seed, &key));
        return Ok(text.into_bytes().into());
    }
    let mut dice = Dice::of(
        world.seed,
        54,
        ids::parse_guid(&ids::guid(world.seed, &key)).unwrap_or(0) as u64,
    );
    let size = (4096 + dice.below(LARGEST_FILE - 4096)) as usize;
    let mut bytes: Vec<u8> = match extension(&lower) {
        "exe" | "dll" | "sys" => b"MZ\x90\0\x03\0\0\0".to_vec(),
        "zip" | "docx" | "xlsx" => b"PK\x03\x04".to_vec(),
        "pdf" => b"%PDF-1.7\n".to_vec(),
        _ => Vec::new(),
    };
    while bytes.len() < size {
        bytes.extend_from_slice(&dice.next().to_le_bytes());
    }
    bytes.truncate(size);
    Ok(bytes.into())
}

/// Whether an alert names a file of this path on the device.
fn seen_on(world: &World, device: &str, path: &str) -> bool {
    facts::alerts_with(world, &format!("\"mdeDeviceId\":\"{device}\""))
        .iter()
        .any(|alert| {
            facts::evidence(world, *alert).iter().any(|item| {
                facts::files(item).iter().any(|(details, on)| {
                    let part = |n: &str| details[n].as_str().unwrap_or_default().to_lowercase();
                    *on == Some(device)
                        && [
                            part("filePath"),
                            format!("{}\\{}", part("filePath"), part("fileName")),
                        ]
                        .iter()
                        .any(|p| p == path)
                })
            })
        })
}

/// `commands` of an action at a moment.
pub fn commands(action: &Action, now: Ticks) -> Vec<Json> {
    let stopped = action.cancelled.as_ref().map_or(Ticks::MAX, |c| c.2);
    let each = action.commands().iter().enumerate();
    each.map(|(index, run)| {
        let begun = run.starts != 0 && run.starts <= now.min(stopped);
        let over = begun && run.ends <= now.min(stopped);
        let status = match (&run.error, over) {
            (_, false) => "Created",
            (None, true) => "Completed",
            (Some(_), true) => "Failed",
        };
        let errors: Vec<&String> = run.error.iter().filter(|_| over).collect();
        let params: Vec<Json> = run
            .wish
            .params
            .iter()
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect();
        json!({
            "index": index,
            "startTime": time(if begun { run.starts } else { 0 }),
            "endTime": time(if over { run.ends } else { 0 }),
            "commandStatus": status,
            "errors": errors,
            "command": { "type": run.wish.kind, "params": params },
        })
    })
    .collect()
}

/// The result of a command that is over: its bytes, and the name they are offered under.
pub fn result(action: &Action, index: usize, now: Ticks) -> Option<(Arc<[u8]>, String)> {
    let run = action.commands().get(index)?;
    let stopped = action.cancelled.as_ref().map_or(Ticks::MAX, |c| c.2);
    if run.starts == 0 || run.ends > now.min(stopped) {
        return None;
    }
    let name = if run.wish.kind == "RunScript" {
        format!("{}.json", run.wish.param("ScriptName"))
    } else {
        let path = run.wish.param("Path");
        path.rsplit(['\\', '/']).next().unwrap_or(path).to_owned()
    };
    Some((Arc::clone(run.result.as_ref()?), name))
}

/// GET `GetLiveResponseResultDownloadLink(index=n)`.
pub fn result_link(call: &Call<'_>) -> Result<Reply, Refusal> {
    let index: usize = call.args[1]
        .strip_prefix("index=")
        .and_then(|n| n.trim().parse().ok())
        .ok_or_else(|| {
            Refusal::new(
                400,
                "BadRequest",
                format!("'{}' is not a valid index.", call.args[1]),
            )
        })?;
    let world = call.tenant.world();
    let action = &world.actions[actions::find(&world, call.args[0])?];
    if result(action, index, call.now).is_none() {
        return Err(not_found(
            "The result of command",
            &format!("{index} of machine action {}", action.id),
        ));
    }
    let link = blobs::link(
        call,
        &format!("live/{}/{index}", action.id),
        blobs::RESULT_LIFE,
    );
    Ok(Reply::value(
        200,
        &json!({ "@odata.context": format!("{METADATA}Edm.String"), "value": link }),
    ))
}
