//! The pages people see: plain HTML, nothing but text and links.

use super::super::clock::Ticks;
use super::super::http::{Ask, Reply};
use super::refusals::Aadsts;

/// Text on a page.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A page.
pub fn page(status: u16, title: &str, body: &str) -> Reply {
    let title = escaped(title);
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font:16px sans-serif;max-width:40em;margin:4em auto;padding:0 1em}}li{{margin:.5em 0}}</style></head>\
         <body><h1>{title}</h1>{body}<p><small>Simulated tenant: nobody here is real.</small></p></body></html>"
    );
    let mut reply = Reply::json(status, html.into_bytes());
    reply.content_type = "text/html; charset=utf-8";
    reply.headers.push(("cache-control", "no-store".into()));
    reply.headers.push(("x-frame-options", "DENY".into()));
    reply
}

/// A refusal shown to a person, because there is no address to send it to.
pub fn refusal(refusal: Aadsts, ask: &Ask, now: Ticks) -> Reply {
    let body = format!("<p>{}</p>", escaped(&refusal.sentence(ask, now)));
    let mut reply = page(refusal.kind.status, "Sign-in failed", &body);
    reply.why = Some(format!("AADSTS{}: {}", refusal.kind.code, refusal.message));
    reply
}

/// Sends the browser elsewhere.
pub fn redirect(address: String) -> Reply {
    let mut reply = Reply::json(302, Vec::new());
    reply.content_type = "text/html; charset=utf-8";
    reply.headers.push(("location", address));
    reply.headers.push(("cache-control", "no-store".into()));
    reply
}
