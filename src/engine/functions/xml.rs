//! `parse_xml`: elements, attributes and text as a bag, as the language documents it; all else is passed over.

use rusqlite::types::Value as Cell;
use serde_json::{Map, Value as Json};

use super::Row;
use super::args::json_cell;

/// The longest text that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Elements within each other; the documentation names no number.
const DEEPEST: usize = 200;

/// The functions of this file.
pub const TABLE: &[Row] = &[("k_parse_xml", |a| {
    let text = a.text(0);
    if text.len() > LONGEST {
        return Ok(Cell::Null);
    }
    Ok(document(&text).map_or(Cell::Null, |bag| json_cell(&bag)))
})];

/// An element whose end is not read yet.
struct Open<'t> {
    name: &'t str,
    bag: Map<String, Json>,
    texts: Vec<String>,
}

impl Open<'_> {
    /// What the element is once it ends: null, its text, or a bag.
    fn value(mut self) -> Json {
        let text = match self.texts.len() {
            0 => None,
            1 => self.texts.pop().map(Json::from),
            _ => Some(Json::from(self.texts)),
        };
        match text {
            None if self.bag.is_empty() => Json::Null,
            Some(text) if self.bag.is_empty() => text,
            Some(text) => {
                self.bag.insert("#text".to_owned(), text);
                Json::Object(self.bag)
            }
            None => Json::Object(self.bag),
        }
    }
}

/// Adds a child; a name that comes again makes an array.
fn add(bag: &mut Map<String, Json>, name: &str, value: Json, again: bool) {
    match bag.get_mut(name) {
        Some(Json::Array(items)) if again => items.push(value),
        Some(one) => {
            let first = one.take();
            *one = Json::Array(vec![first, value]);
        }
        None => {
            bag.insert(name.to_owned(), value);
        }
    }
}

fn document(text: &str) -> Option<Json> {
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut root: Option<Map<String, Json>> = None;
    let mut rest = text.trim_start_matches('\u{feff}');
    while !rest.is_empty() {
        let Some(at) = rest.find('<') else {
            // Text behind the root would be no document.
            return (rest.trim().is_empty() && open.is_empty())
                .then_some(root)
                .flatten()
                .map(Json::Object);
        };
        let before = rest[..at].trim();
        if !before.is_empty() {
            open.last_mut()?.texts.push(unescaped(before)?);
        }
        rest = &rest[at..];
        if let Some(data) = rest.strip_prefix("<![CDATA[") {
            let (inner, after) = data.split_once("]]>")?;
            open.last_mut()?.texts.push(inner.to_owned());
            rest = after;
        } else if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->")?.1;
        } else if let Some(instruction) = rest.strip_prefix("<?") {
            rest = instruction.split_once("?>")?.1;
        } else if let Some(kind) = rest.strip_prefix("<!") {
            rest = kind.split_once('>')?.1;
        } else if let Some(end) = rest.strip_prefix("</") {
            let (name, after) = end.split_once('>')?;
            let done = open.pop().filter(|o| o.name == name.trim_end())?;
            rest = after;
            close(done, &mut open, &mut root)?;
        } else {
            let (element, empty, after) = start(&rest[1..])?;
            rest = after;
            if empty {
                close(element, &mut open, &mut root)?;
            } else {
                open.push(element);
            }
            if open.len() > DEEPEST {
                return None;
            }
        }
    }
    open.is_empty().then_some(root).flatten().map(Json::Object)
}

/// Puts an element that ended into the one around it; a document has one root.
fn close(
    done: Open<'_>,
    open: &mut [Open<'_>],
    root: &mut Option<Map<String, Json>>,
) -> Option<()> {
    let name = done.name;
    let value = done.value();
    if let Some(parent) = open.last_mut() {
        let again = parent.bag.get(name).is_some_and(Json::is_array);
        add(&mut parent.bag, name, value, again);
    } else if root.is_none() {
        *root = Some(Map::from_iter([(name.to_owned(), value)]));
    } else {
        return None;
    }
    Some(())
}

/// A start tag behind its bracket: the element, whether it is empty, and what follows.
fn start(text: &str) -> Option<(Open<'_>, bool, &str)> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '>' | '/' | '=');
    let end = text.find(ends).filter(|end| *end > 0)?;
    let (name, mut rest) = text.split_at(end);
    let mut bag = Map::new();
    loop {
        rest = rest.trim_start();
        let element = |bag| Open {
            name,
            bag,
            texts: Vec::new(),
        };
        if let Some(after) = rest.strip_prefix("/>") {
            return Some((element(bag), true, after));
        }
        if let Some(after) = rest.strip_prefix('>') {
            return Some((element(bag), false, after));
        }
        let end = rest.find(ends).filter(|end| *end > 0)?;
        let (key, after) = rest.split_at(end);
        let value = after.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, after) = value[1..].split_once(quote)?;
        bag.insert(format!("@{key}"), Json::from(unescaped(value)?));
        rest = after;
    }
}

/// Text with its entities read.
fn unescaped(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (entity, after) = after.split_once(';')?;
        out.push(match entity {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let number = number.strip_prefix('#')?;
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)?
            }
        });
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        document(text).map_or_else(|| "none".to_owned(), |bag| bag.to_string())
    }

    #[test]
    fn elements_become_bags() {
        for (text, bag) in [
            ("<e/>", "{\"e\":null}"),
            ("<e>text</e>", "{\"e\":\"text\"}"),
            ("<e n='v' m=\"w\"/>", "{\"e\":{\"@n\":\"v\",\"@m\":\"w\"}}"),
            ("<e n='v'>t</e>", "{\"e\":{\"@n\":\"v\",\"#text\":\"t\"}}"),
            (
                "<e><a>1</a><b>2</b></e>",
                "{\"e\":{\"a\":\"1\",\"b\":\"2\"}}",
            ),
            (
                "<e> <a>1</a> <a>2</a><a><c/></a> </e>",
                "{\"e\":{\"a\":[\"1\",\"2\",{\"c\":null}]}}",
            ),
            (
                "<?xml version='1.0'?><!-- c --><e>a &lt;&#65;&#x42;<![CDATA[<x>]]></e>\n",
                "{\"e\":[\"a <AB\",\"<x>\"]}",
            ),
        ] {
            assert_eq!(read(text), bag);
        }
    }

    #[test]
    fn what_is_no_document_is_null() {
        for text in [
            "",
            "text",
            "<e>",
            "<e></f>",
            "<a/><b/>",
            "<e n=v/>",
            "<e>&x;</e>",
            "</e>",
            "<",
            "<e",
            "<é",
        ] {
            assert_eq!(read(text), "none", "{text}");
        }
        assert_eq!(read(&"<e>".repeat(1000)), "none");
    }
}
