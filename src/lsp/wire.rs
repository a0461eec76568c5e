//! Messages on the wire: a head with the length, then JSON.
//!
//! The head is read here and not by `lsp-server`, whose reader ends with the first message that is
//! none and makes room for any length it is told.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use lsp_server::{ErrorCode, Message};
use serde_json::{Value, json};

/// The longest message that is read; a longer one is skipped and refused.
const LONGEST: u64 = 256 * 1024 * 1024;

/// The longest line of a head.
const LONGEST_HEAD: u64 = 8 * 1024;

/// Messages read ahead; the client waits with more.
const AHEAD: usize = 256;

/// What came in.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A message.
    Message(Message),
    /// Something else: a code, and why.
    Malformed(ErrorCode, String),
}

/// Reads messages on a thread of its own until the input ends.
pub(super) fn read(input: impl Read + Send + 'static) -> Receiver<Incoming> {
    let (send, receive) = sync_channel(AHEAD);
    std::thread::spawn(move || {
        // Whether the input ended or broke, there is nobody left to tell.
        let _ = pump(&mut BufReader::new(input), &send);
    });
    receive
}

fn pump(input: &mut dyn BufRead, send: &SyncSender<Incoming>) -> io::Result<()> {
    loop {
        let incoming = match head(input)? {
            Head::End => return Ok(()),
            Head::Broken => Incoming::Malformed(
                ErrorCode::ParseError,
                "the head has no Content-Length".to_owned(),
            ),
            Head::Length(length) if length > LONGEST => {
                io::copy(&mut input.take(length), &mut io::sink())?;
                let why = format!("the message is longer than {LONGEST} bytes");
                Incoming::Malformed(ErrorCode::InvalidRequest, why)
            }
            Head::Length(length) => {
                let mut body = Vec::new();
                if (input.take(length).read_to_end(&mut body)? as u64) < length {
                    return Ok(());
                }
                message(&body)
            }
        };
        let exit = matches!(&incoming, Incoming::Message(Message::Notification(it)) if it.method == "exit");
        if send.send(incoming).is_err() || exit {
            return Ok(());
        }
    }
}

enum Head {
    Length(u64),
    Broken,
    End,
}

/// Reads up to the empty line that ends a head.
fn head(input: &mut dyn BufRead) -> io::Result<Head> {
    let mut length = None;
    let mut line = Vec::new();
    let mut lines = 0;
    loop {
        line.clear();
        input.take(LONGEST_HEAD).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(Head::End);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() {
            match length {
                Some(length) => return Ok(Head::Length(length)),
                // empty lines between messages
                None if lines == 0 => continue,
                None => return Ok(Head::Broken),
            }
        }
        lines += 1;
        if let Some((name, value)) = text.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
}

fn message(body: &[u8]) -> Incoming {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(why) => return Incoming::Malformed(ErrorCode::ParseError, why.to_string()),
    };
    let asks = value.get("id").is_some_and(|id| !id.is_null()) && value.get("method").is_some();
    match serde_json::from_value(value) {
        // an id that is neither a number nor a text is dropped in reading, and the answer with it
        Ok(Message::Notification(_)) if asks => Incoming::Malformed(
            ErrorCode::InvalidRequest,
            "an id is a whole number of 32 bits or a text".to_owned(),
        ),
        Ok(message) => Incoming::Message(message),
        Err(_) => Incoming::Malformed(
            ErrorCode::InvalidRequest,
            "this is no request, notification or response".to_owned(),
        ),
    }
}

/// Writes the refusal of something that had no id.
pub(super) fn refuse(output: &mut dyn Write, code: ErrorCode, why: &str) -> io::Result<()> {
    let body = json!({
        "jsonrpc": "2.0",
        "id": null,
        "error": {"code": code as i32, "message": why},
    })
    .to_string();
    write!(output, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(bytes: &[u8]) -> Vec<String> {
        read(io::Cursor::new(bytes.to_vec()))
            .iter()
            .map(|it| match it {
                Incoming::Message(Message::Request(it)) => format!("request {}", it.method),
                Incoming::Message(Message::Notification(it)) => {
                    format!("notification {}", it.method)
                }
                Incoming::Message(Message::Response(_)) => "response".to_owned(),
                Incoming::Malformed(code, _) => format!("{code:?}"),
            })
            .collect()
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn what_is_no_message_is_said_and_the_next_one_is_read() {
        let good = framed(r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#);
        for (bad, said) in [
            (framed("{"), "ParseError"),
            (framed("[]"), "InvalidRequest"),
            (framed("{}"), "InvalidRequest"),
            (framed(r#"{"id":1.5,"method":"a"}"#), "InvalidRequest"),
            (framed(&"[".repeat(100_000)), "ParseError"),
            ("Content-Type: x\r\n\r\n".to_owned(), "ParseError"),
            ("Content-Length: -1\r\n\r\n".to_owned(), "ParseError"),
            ("\r\n\r\n".to_owned(), ""),
        ] {
            let all = incoming(format!("{bad}{good}").as_bytes());
            let expected: Vec<&str> = [said, "request a"]
                .into_iter()
                .filter(|it| !it.is_empty())
                .collect();
            assert_eq!(all, expected, "{bad:.60}");
        }
        let mut binary = b"Content-Length: 3\r\n\r\n\xff\xfe\x00".to_vec();
        binary.extend_from_slice(good.as_bytes());
        assert_eq!(incoming(&binary), ["ParseError", "request a"]);
        assert!(incoming(b"Content-Length: 99999999999999999999999\r\n\r\n").len() <= 1);
        assert!(incoming(b"Content-Length: 18446744073709551615\r\n\r\nx").len() <= 1);
        assert!(incoming(b"Content-Length: 50\r\n\r\n{}").is_empty());
        let lower = "content-length:2\r\nContent-Type: y\r\n\r\n{}";
        assert_eq!(incoming(lower.as_bytes()), ["InvalidRequest"]);
    }
}
