//! The life of a server: what comes in, in which order it is answered, when findings are sent.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use gen_lsp_types as lsp;
use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::Client;
use super::completion::Offered;
use super::document::{Change, Document};
use super::wire::{self, Incoming};
use super::{Ending, Settings, actions, completion, help, layout, names, tokens};
use crate::domain::text::clean_block;

/// Messages looked at ahead, for what was cancelled.
const AHEAD: usize = 1024;

/// Why a request is not answered.
#[derive(Debug)]
pub(super) struct Refused {
    code: ErrorCode,
    message: String,
}

impl Refused {
    /// It was understood, but cannot be done.
    pub(super) fn cannot(message: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::RequestFailed,
            message: message.into(),
        }
    }

    fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// What answers a request.
pub(super) type Answer<T> = Result<T, Refused>;

/// How far the client has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    Running,
    ShutDown,
}

/// A server of one client.
pub(super) struct Server<'s> {
    output: &'s mut dyn Write,
    settings: Settings<'s>,
    stage: Stage,
    client: Client,
    documents: HashMap<String, Document>,
    offered: Option<Offered>,
    /// What the person at the client is told once it listens.
    notice: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    uri: lsp::Uri,
    #[serde(default)]
    version: i32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DidChange {
    text_document: Named,
    content_changes: Vec<Change>,
}

impl<'s> Server<'s> {
    /// One that nobody has spoken to.
    pub(super) fn new(output: &'s mut dyn Write, settings: Settings<'s>) -> Self {
        Self {
            output,
            settings,
            stage: Stage::New,
            client: Client::default(),
            documents: HashMap::new(),
            offered: None,
            notice: None,
        }
    }

    /// Answers until the client leaves.
    pub(super) fn run(&mut self, incoming: Receiver<Incoming>) -> io::Result<Ending> {
        let mut waiting: VecDeque<Incoming> = VecDeque::new();
        let mut cancelled: HashSet<RequestId> = HashSet::new();
        loop {
            while waiting.len() < AHEAD {
                let more = match incoming.try_recv() {
                    Ok(more) => more,
                    Err(TryRecvError::Empty) if waiting.is_empty() => {
                        self.publish()?;
                        match incoming.recv() {
                            Ok(more) => more,
                            Err(_) => return Ok(self.left()),
                        }
                    }
                    Err(TryRecvError::Disconnected) if waiting.is_empty() => {
                        return Ok(self.left());
                    }
                    Err(_) => break,
                };
                cancelled.extend(cancels(&more, &waiting));
                waiting.push_back(more);
            }
            match waiting.pop_front() {
                Some(Incoming::Message(Message::Request(request))) => {
                    let reply = if cancelled.remove(&request.id) {
                        let code = ErrorCode::RequestCanceled as i32;
                        Response::new_err(request.id, code, "cancelled".to_owned())
                    } else {
                        self.reply(request)
                    };
                    Message::Response(reply).write(&mut self.output)?;
                }
                Some(Incoming::Message(Message::Notification(told))) => {
                    if told.method == "exit" {
                        return Ok(self.left());
                    }
                    self.told(told)?;
                }
                Some(Incoming::Malformed(code, why)) => {
                    wire::refuse(&mut self.output, code, &why)?;
                }
                // nothing is asked of the client
                Some(Incoming::Message(Message::Response(_))) | None => {}
            }
        }
    }

    /// How it ends when the client leaves now.
    fn left(&self) -> Ending {
        if self.stage == Stage::ShutDown {
            Ending::Asked
        } else {
            Ending::Left
        }
    }

    fn log(&mut self, words: &str) {
        if let Some(log) = &mut self.settings.log {
            // A log that cannot be written is no reason to stop.
            let _ = writeln!(log, "{}", crate::domain::text::clean(words));
        }
    }

    fn reply(&mut self, request: Request) -> Response {
        let Request { id, method, params } = request;
        let began = Instant::now();
        // The last line of defence: an editor whose server dies loses all help.
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer(&method, params)))
            .unwrap_or_else(|_| {
                Err(Refused::new(
                    ErrorCode::InternalError,
                    "this is a fault of nightjar",
                ))
            });
        let took = began.elapsed();
        let how = answer.as_ref().err().map_or("", |it| it.message.as_str());
        self.log(&format!("{method} {took:.1?} {how}"));
        match answer {
            Ok(result) => Response::new_ok(id, result),
            Err(Refused { code, message }) => Response::new_err(id, code as i32, message),
        }
    }

    /// What it answers. Everything a client can ask for is a line here.
    fn answer(&mut self, method: &str, params: Value) -> Answer<Value> {
        match (self.stage, method) {
            (Stage::New, "initialize") => return self.initialize(&params),
            (Stage::New, _) => {
                let words = "initialize comes first";
                return Err(Refused::new(ErrorCode::ServerNotInitialized, words));
            }
            (Stage::Running, "initialize") => {
                return Err(Refused::new(
                    ErrorCode::InvalidRequest,
                    "initialized already",
                ));
            }
            (Stage::Running, "shutdown") => {
                self.stage = Stage::ShutDown;
                return Ok(Value::Null);
            }
            (Stage::ShutDown, _) => {
                return Err(Refused::new(ErrorCode::InvalidRequest, "shut down already"));
            }
            (Stage::Running, _) => {}
        }
        let schema = &self.settings.schema;
        if method == "completionItem/resolve" {
            let item = read(params)?;
            let offered = self.offered.as_ref();
            let known = offered.and_then(|it| self.documents.get(it.uri()));
            return write(completion::resolve(
                item,
                offered,
                known,
                schema,
                &self.client,
            ));
        }
        let uri = params
            .pointer("/textDocument/uri")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if let Some(document) = self.documents.get_mut(&uri) {
            document.refresh(schema);
        }
        let open = || {
            self.documents
                .get(&uri)
                .ok_or_else(|| Refused::new(ErrorCode::InvalidParams, "this text is not open"))
        };
        let client = &self.client;
        match method {
            "textDocument/completion" => {
                let (list, offered) = completion::complete(open()?, read(params)?, schema, client);
                self.offered = Some(offered);
                write(list)
            }
            "textDocument/hover" => write(help::hover(open()?, read(params)?, schema, client)),
            "textDocument/signatureHelp" => {
                write(help::signature(open()?, read(params)?, schema, client))
            }
            "textDocument/definition" => write(names::definition(open()?, read(params)?)),
            "textDocument/references" => write(names::references(open()?, read(params)?)),
            "textDocument/documentHighlight" => write(names::highlight(open()?, read(params)?)),
            "textDocument/prepareRename" => write(names::prepare(open()?, read(params)?)?),
            "textDocument/rename" => write(names::rename(open()?, read(params)?, schema, client)?),
            "textDocument/codeAction" => {
                write(actions::actions(open()?, read(params)?, schema, client))
            }
            "textDocument/formatting" => write(layout::format(open()?, read(params)?, client)?),
            "textDocument/rangeFormatting" => {
                write(layout::format_range(open()?, read(params)?, client)?)
            }
            "textDocument/documentSymbol" => write(layout::symbols(open()?, client)),
            "textDocument/foldingRange" => write(layout::folds(open()?)),
            "textDocument/semanticTokens/full" => write(tokens::all(open()?)),
            "textDocument/semanticTokens/range" => write(tokens::within(open()?, read(params)?)),
            _ => {
                let words = format!("{method} is not known here");
                Err(Refused::new(ErrorCode::MethodNotFound, words))
            }
        }
    }

    fn initialize(&mut self, params: &Value) -> Answer<Value> {
        self.client = Client::read(params, self.settings.lints);
        self.stage = Stage::Running;
        if !self.client.profiles.is_empty() {
            match (self.settings.profiles)(&self.client.profiles) {
                Ok(schema) => self.settings.schema = schema,
                Err(why) => self.notice = Some(why),
            }
        }
        write(lsp::InitializeResult {
            capabilities: capabilities(&self.client),
            server_info: Some(lsp::ServerInfo {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        })
    }

    /// Takes note of what the client tells; what is not understood is passed over.
    fn told(&mut self, told: Notification) -> io::Result<()> {
        if self.stage != Stage::Running {
            return Ok(());
        }
        let Notification { method, params } = told;
        let understood = match method.as_str() {
            "initialized" => {
                if let Some(words) = self.notice.take() {
                    self.show(&words)?;
                }
                true
            }
            "textDocument/didOpen" => self.opened(params),
            "textDocument/didChange" => self.changed(params),
            "textDocument/didClose" => {
                let uri = params.pointer("/textDocument/uri").and_then(Value::as_str);
                if let Some(closed) = uri.and_then(|uri| self.documents.remove(uri)) {
                    self.send_findings(closed.uri, None, Vec::new())?;
                }
                true
            }
            _ => true,
        };
        if !understood {
            self.log(&format!("{method} was not understood"));
        }
        Ok(())
    }

    fn opened(&mut self, params: Value) -> bool {
        let Ok(lsp::DidOpenTextDocumentParams { text_document: it }) =
            serde_json::from_value(params)
        else {
            return false;
        };
        let document = Document::new(it.uri.clone(), it.version, it.text, self.client.unit);
        self.documents.insert(it.uri.0, document);
        true
    }

    fn changed(&mut self, params: Value) -> bool {
        let Ok(DidChange {
            text_document: named,
            content_changes,
        }) = serde_json::from_value(params)
        else {
            return false;
        };
        match self.documents.get_mut(named.uri.as_ref()) {
            Some(document) => document.change(named.version, content_changes),
            None => return false,
        }
        true
    }

    /// Sends the findings of texts that changed.
    fn publish(&mut self) -> io::Result<()> {
        let mut unsaid: Vec<String> = self
            .documents
            .iter()
            .filter(|(_, it)| it.unsaid)
            .map(|(uri, _)| uri.clone())
            .collect();
        unsaid.sort_unstable();
        for uri in unsaid {
            let (schema, client) = (&self.settings.schema, &self.client);
            let Some(document) = self.documents.get_mut(&uri) else {
                continue;
            };
            document.unsaid = false;
            let began = Instant::now();
            let found = catch_unwind(AssertUnwindSafe(|| {
                document.refresh(schema);
                actions::diagnostics(document, schema, client)
            }));
            let (uri, version) = (document.uri.clone(), document.version);
            self.log(&format!("findings of {uri} {:.1?}", began.elapsed()));
            if let Ok(found) = found {
                self.send_findings(uri, Some(version), found)?;
            }
        }
        Ok(())
    }

    /// Tells the person at the client.
    fn show(&mut self, words: &str) -> io::Result<()> {
        let params = lsp::ShowMessageParams {
            kind: lsp::MessageType::Warning,
            message: clean_block(words).into_owned(),
        };
        let told = Notification::new("window/showMessage".to_owned(), params);
        Message::Notification(told).write(&mut self.output)
    }

    fn send_findings(
        &mut self,
        uri: lsp::Uri,
        version: Option<i32>,
        diagnostics: Vec<lsp::Diagnostic>,
    ) -> io::Result<()> {
        let params = lsp::PublishDiagnosticsParams {
            uri,
            version,
            diagnostics,
        };
        let told = Notification::new("textDocument/publishDiagnostics".to_owned(), params);
        Message::Notification(told).write(&mut self.output)
    }
}

/// The request that a message cancels, if that request still waits.
fn cancels(message: &Incoming, waiting: &VecDeque<Incoming>) -> Option<RequestId> {
    let Incoming::Message(Message::Notification(told)) = message else {
        return None;
    };
    if told.method != "$/cancelRequest" {
        return None;
    }
    let id: RequestId = serde_json::from_value(told.params.get("id")?.clone()).ok()?;
    let waits = waiting
        .iter()
        .any(|it| matches!(it, Incoming::Message(Message::Request(it)) if it.id == id));
    waits.then_some(id)
}

fn read<T: DeserializeOwned>(params: Value) -> Answer<T> {
    serde_json::from_value(params)
        .map_err(|why| Refused::new(ErrorCode::InvalidParams, why.to_string()))
}

fn write(result: impl serde::Serialize) -> Answer<Value> {
    serde_json::to_value(result)
        .map_err(|why| Refused::new(ErrorCode::InternalError, why.to_string()))
}

/// What this server can do for a client.
fn capabilities(client: &Client) -> lsp::ServerCapabilities {
    let words = |list: &[&str]| Some(list.iter().map(|it| (*it).to_owned()).collect());
    lsp::ServerCapabilities {
        position_encoding: Some(match client.unit {
            crate::hunt::lines::Unit::Byte => lsp::PositionEncodingKind::UTF8,
            _ => lsp::PositionEncodingKind::UTF16,
        }),
        text_document_sync: Some(lsp::TextDocumentSync::Options(
            lsp::TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(lsp::TextDocumentSyncKind::Incremental),
                ..Default::default()
            },
        )),
        completion_provider: Some(lsp::CompletionOptions {
            trigger_characters: words(&["|", " ", ".", "("]),
            resolve_provider: Some(true),
            ..Default::default()
        }),
        hover_provider: Some(true.into()),
        signature_help_provider: Some(lsp::SignatureHelpOptions {
            trigger_characters: words(&["(", ","]),
            ..Default::default()
        }),
        definition_provider: Some(true.into()),
        references_provider: Some(true.into()),
        document_highlight_provider: Some(true.into()),
        document_symbol_provider: Some(true.into()),
        code_action_provider: Some(lsp::CodeActionProvider::CodeActionOptions(
            lsp::CodeActionOptions {
                code_action_kinds: Some(vec![
                    lsp::CodeActionKind::QuickFix,
                    lsp::CodeActionKind::RefactorRewrite,
                    lsp::CodeActionKind::SourceFixAll,
                ]),
                ..Default::default()
            },
        )),
        document_formatting_provider: Some(true.into()),
        document_range_formatting_provider: Some(true.into()),
        rename_provider: Some(lsp::RenameProvider::RenameOptions(lsp::RenameOptions {
            prepare_provider: Some(true),
            ..Default::default()
        })),
        folding_range_provider: Some(true.into()),
        semantic_tokens_provider: Some(tokens::provider()),
        ..Default::default()
    }
}
