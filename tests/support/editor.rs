//! An editor's end of the language server protocol: starts the built program, speaks to it, keeps
//! what it is told.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// The built program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_nightjar");

/// How long an answer may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One editor with its server.
pub struct Editor {
    child: Child,
    input: Option<ChildStdin>,
    said: Receiver<Value>,
    /// What the server told unasked.
    told: Vec<Value>,
    asked: i32,
}

impl Editor {
    /// Starts a server; nothing is said to it yet.
    pub fn start(args: &[&str]) -> Self {
        Self::start_with(args, &[])
    }

    /// The same with these variables in its environment.
    pub fn start_with(args: &[&str], variables: &[(String, String)]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["kql", "lsp", "--stdio"])
            .args(args)
            .envs(variables.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().expect("standard output"));
        let (send, said) = channel();
        std::thread::spawn(move || {
            loop {
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if output.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    if line == "\r\n" {
                        break;
                    }
                    if let Some(value) = line.strip_prefix("Content-Length: ") {
                        length = value.trim().parse().expect("a length");
                    }
                }
                let mut body = vec![0; length];
                output.read_exact(&mut body).expect("a whole message");
                let message = serde_json::from_slice(&body).expect("JSON");
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            input,
            said,
            told: Vec::new(),
            asked: 0,
        }
    }

    /// Starts a server and introduces itself with these capabilities.
    pub fn with(capabilities: Value, options: Value) -> Self {
        let mut editor = Self::start(&[]);
        let params = json!({
            "processId": null, "rootUri": null,
            "capabilities": capabilities, "initializationOptions": options,
        });
        let answer = editor.ask("initialize", params);
        assert!(answer["capabilities"].is_object(), "{answer}");
        editor.tell("initialized", json!({}));
        editor
    }

    /// Writes bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("open");
        // A server that ended takes nothing more; the answer that does not come says so.
        let _ = input.write_all(bytes).and_then(|()| input.flush());
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.raw(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    /// Tells something.
    pub fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Asks something without waiting for the answer; gives the id.
    pub fn begin(&mut self, method: &str, params: Value) -> i32 {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// The next message.
    fn next(&mut self) -> Value {
        self.said
            .recv_timeout(PATIENCE)
            .expect("the server says something")
    }

    /// The whole answer with this id.
    pub fn reply(&mut self, id: &Value) -> Value {
        loop {
            let message = self.next();
            if message.get("method").is_some() {
                self.told.push(message);
            } else if message.get("id") == Some(id) {
                return message;
            }
        }
    }

    /// Asks and gives the result; a refusal fails the test.
    #[track_caller]
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        let reply = self.reply(&json!(id));
        assert!(reply.get("error").is_none(), "{method}: {reply}");
        reply["result"].clone()
    }

    /// Asks and gives code and words of the refusal.
    #[track_caller]
    pub fn refused(&mut self, method: &str, params: Value) -> (i64, String) {
        let id = self.begin(method, params);
        let reply = self.reply(&json!(id));
        let code = reply["error"]["code"]
            .as_i64()
            .unwrap_or_else(|| panic!("{method}: {reply}"));
        (
            code,
            reply["error"]["message"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    }

    /// Opens a text.
    pub fn open(&mut self, uri: &str, text: &str) {
        let item = json!({"uri": uri, "languageId": "kusto", "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": item}));
    }

    /// Changes a text.
    pub fn change(&mut self, uri: &str, version: i32, changes: Value) {
        let named = json!({"uri": uri, "version": version});
        let params = json!({"textDocument": named, "contentChanges": changes});
        self.tell("textDocument/didChange", params);
    }

    /// The findings of a version of a text, once they were sent.
    pub fn findings(&mut self, uri: &str, version: Option<i32>) -> Vec<Value> {
        loop {
            let wanted = |it: &Value| {
                it["method"] == "textDocument/publishDiagnostics"
                    && it["params"]["uri"] == uri
                    && it["params"]["version"] == json!(version)
            };
            if let Some(found) = self.told.iter().position(wanted) {
                let found = self.told.remove(found);
                return found["params"]["diagnostics"]
                    .as_array()
                    .expect("a list")
                    .clone();
            }
            let message = self.next();
            self.told.push(message);
        }
    }

    /// The first of what was told so far by this method.
    pub fn told(&mut self, method: &str) -> Option<Value> {
        let at = self.told.iter().position(|it| it["method"] == method)?;
        Some(self.told.remove(at)["params"].clone())
    }

    /// Closes the server's input.
    pub fn hang_up(&mut self) {
        self.input = None;
    }

    /// Waits for its end; gives the exit status.
    pub fn end(&mut self) -> i32 {
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }

    /// Ends it as the protocol says.
    pub fn quit(mut self) -> i32 {
        assert_eq!(self.ask("shutdown", Value::Null), Value::Null);
        self.tell("exit", Value::Null);
        self.end()
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The output of another command of the program, given this input.
pub fn run(args: &[&str], input: &str) -> String {
    let mut child = Command::new(PROGRAM)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("standard input");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What a request at a place is made with.
pub fn at(uri: &str, line: usize, character: usize) -> Value {
    json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": character}})
}
