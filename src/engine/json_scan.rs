//! JSON walked as text: one pass, nothing made of it. What it does not know for certain it leaves to the
//! reader of [`dynamic`](super::dynamic), which gives the same answers and costs more.
//!
//! A walk always reads the whole text, since text that is no JSON somewhere is a string altogether.

use serde_json::Value as Json;

/// One step into a value.
#[derive(Debug, Clone, Copy)]
pub enum Step<'k> {
    /// A property of a bag.
    Name(&'k str),
    /// An element of an array, not counted from the end.
    At(usize),
}

/// What a walk found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'t> {
    /// The JSON text of the value; `None` where there is none.
    pub value: Option<&'t str>,
    /// The whole text is written as this engine writes JSON, so that every value in it is too.
    pub plain: bool,
}

/// Names that a bag may have and still be looked at for doubles.
const NAMES: usize = 24;
/// How deep values may lie in each other.
const DEEPEST: usize = 60;

/// Walks JSON text; `None` where it is no JSON, or where only reading it will tell.
pub fn walk<'t>(text: &'t str, steps: &[Step<'_>]) -> Option<Found<'t>> {
    let mut scan = Scan {
        text: text.as_bytes(),
        at: 0,
        plain: true,
        found: None,
    };
    scan.space();
    scan.value(Some(steps), 0)?;
    scan.space();
    (scan.at == text.len()).then(|| Found {
        value: scan.found.and_then(|(from, to)| text.get(from..to)),
        plain: scan.plain,
    })
}

/// The elements of an array as JSON text, where they are written as this engine writes them.
pub fn elements(text: &str) -> Option<Vec<&str>> {
    if !text.starts_with('[') || !walk(text, &[])?.plain {
        return None;
    }
    let mut scan = Scan {
        text: text.as_bytes(),
        at: 1,
        plain: true,
        found: None,
    };
    let mut all = Vec::new();
    while scan.peek()? != b']' {
        let from = scan.at;
        scan.value(None, 1)?;
        all.push(text.get(from..scan.at)?);
        if scan.peek()? == b',' {
            scan.at += 1;
        }
    }
    Some(all)
}

/// The text of a value as `tostring` gives it; `None` where only reading it will tell.
pub fn bare<'t>(found: &Found<'t>) -> Option<&'t str> {
    let Some(value) = found.value else {
        return Some("");
    };
    match value.as_bytes().first()? {
        b'"' if !value.contains('\\') => value.get(1..value.len() - 1),
        b'n' => Some(""),
        b't' | b'f' => Some(value),
        b'"' => None,
        _ if found.plain => Some(value),
        _ => None,
    }
}

/// The value read, where its text is not enough.
pub fn read(value: &str) -> Json {
    serde_json::from_str(value).unwrap_or(Json::Null)
}

struct Scan<'t> {
    text: &'t [u8],
    at: usize,
    plain: bool,
    found: Option<(usize, usize)>,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
            self.plain = false;
        }
    }

    /// Passes a value; `steps` are those that lead from it to the wanted one.
    fn value(&mut self, steps: Option<&[Step<'_>]>, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        let from = self.at;
        match self.peek()? {
            b'{' => self.bag(steps, depth)?,
            b'[' => self.array(steps, depth)?,
            b'"' => {
                self.string()?;
            }
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            _ => self.number()?,
        }
        if steps.is_some_and(<[_]>::is_empty) {
            self.found = Some((from, self.at));
        }
        Some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let end = self.at + word.len();
        (self.text.get(self.at..end)? == word).then(|| self.at = end)
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - from
    }

    /// Integers of 64 bits and short decimal fractions; the rest is read.
    fn number(&mut self) -> Option<()> {
        let from = self.at;
        if self.peek()? == b'-' {
            self.at += 1;
        }
        let zero = self.peek()? == b'0';
        let digits = self.digits();
        if digits == 0 || digits > 18 || zero && (digits > 1 || self.at - from > 1) {
            return None;
        }
        match self.peek() {
            Some(b'.') => {
                self.at += 1;
                self.plain = false;
                (1..=15).contains(&self.digits()).then_some(())?;
                (!matches!(self.peek(), Some(b'e' | b'E'))).then_some(())
            }
            Some(b'e' | b'E') => None,
            _ => Some(()),
        }
    }

    /// Passes a string; gives where what is between its quotes begins and ends.
    fn string(&mut self) -> Option<(usize, usize)> {
        self.at += 1;
        let from = self.at;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some((from, self.at - 1));
                }
                b'\\' => match self.text.get(self.at + 1)? {
                    b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
                    b'/' => {
                        self.plain = false;
                        self.at += 2;
                    }
                    _ => return None,
                },
                0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
    }

    fn bag(&mut self, steps: Option<&[Step<'_>]>, depth: usize) -> Option<()> {
        let wanted = match steps.and_then(<[_]>::split_first) {
            Some((Step::Name(name), rest)) => Some((name.as_bytes(), rest)),
            _ => None,
        };
        let mut names = [(0, 0); NAMES];
        let mut count = 0;
        self.at += 1;
        self.space();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            if self.peek()? != b'"' {
                return None;
            }
            let (from, to) = self.string()?;
            let name = &self.text[from..to];
            // Of a name that is there twice, and of one that is not written as it reads, reading tells.
            let twice = names[..count]
                .iter()
                .any(|(f, t)| &self.text[*f..*t] == name);
            if twice || count == NAMES || name.contains(&b'\\') {
                return None;
            }
            names[count] = (from, to);
            count += 1;
            let here = wanted.filter(|(wanted, _)| *wanted == name);
            self.space();
            (self.peek()? == b':').then(|| self.at += 1)?;
            self.space();
            self.value(here.map(|(_, rest)| rest), depth + 1)?;
            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
            self.space();
        }
    }

    fn array(&mut self, steps: Option<&[Step<'_>]>, depth: usize) -> Option<()> {
        let wanted = match steps.and_then(<[_]>::split_first) {
            Some((Step::At(at), rest)) => Some((*at, rest)),
            _ => None,
        };
        self.at += 1;
        self.space();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        for i in 0.. {
            let here = wanted.filter(|(at, _)| *at == i);
            self.value(here.map(|(_, rest)| rest), depth + 1)?;
            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
            self.space();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::dynamic;

    const TEXTS: &[&str] = &[
        r#"{"a":1,"b":[10,-20,{"c":"x"}],"c":null,"d":true}"#,
        r#" { "a" : "two words" , "b" : [ ] } "#,
        r#"{"a":"q\"uote","p":"C:\\x","s":"a\/b","u":"\u0041"}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":{"a":{"a":"deep"}},"\u0061":3}"#,
        r#"{"a":1.50,"b":1e3,"c":-0,"d":0,"e":12345678901234567890,"f":0.1}"#,
        r#"["x",["y"],{"a":"z"}]"#,
        "[]",
        "{}",
        "null",
        "\"text\"",
        "12",
        "",
        "   ",
        "no JSON",
        r#"{"a":1"#,
        r#"{"a":1}}"#,
        r#"{"a":01}"#,
        r#"{"a":.5}"#,
        r#"{"a":+1}"#,
        r#"{"a":tru}"#,
        r"{a:1}",
        r#"{"a":1,}"#,
        "[1,]",
        "[1 2]",
        "{\"a\":\"line\nbreak\"}",
        r#"{"é":"ü","a":"日本"}"#,
        r#"{"a":"\q"}"#,
    ];

    /// What reading the text gives for the same steps.
    fn slow(text: &str, steps: &[Step<'_>]) -> Json {
        let value = dynamic::parse_lenient(text);
        let mut at = &value;
        for step in steps {
            at = match step {
                Step::Name(name) => dynamic::member(at, name),
                Step::At(i) => dynamic::element(at, *i as i64),
            };
        }
        at.clone()
    }

    #[test]
    fn a_walk_gives_what_reading_gives_or_nothing() {
        let paths: &[&[Step<'_>]] = &[
            &[],
            &[Step::Name("a")],
            &[Step::Name("b"), Step::At(1)],
            &[Step::Name("b"), Step::At(2), Step::Name("c")],
            &[Step::Name("a"), Step::Name("a"), Step::Name("a")],
            &[Step::At(0)],
            &[Step::At(2), Step::Name("a")],
            &[Step::Name("c")],
            &[Step::Name("é")],
        ];
        let mut walked = 0;
        for text in TEXTS {
            for steps in paths {
                let Some(found) = walk(text, steps) else {
                    continue;
                };
                walked += 1;
                let read = slow(text, steps);
                let value = found.value.map_or(Json::Null, super::read);
                assert_eq!(value, read, "{text} {steps:?}");
                if found.plain {
                    let written = found.value.unwrap_or("null");
                    assert_eq!(written, read.to_string(), "{text} {steps:?}");
                }
                if let Some(bare) = bare(&found) {
                    assert_eq!(bare, dynamic::text(&read), "{text} {steps:?}");
                }
            }
        }
        assert!(walked > 80, "most texts are walked, not read: {walked}");
    }

    #[test]
    fn what_is_no_json_is_not_walked() {
        for text in [
            "",
            " ",
            "no JSON",
            "{\"a\":1",
            "[1,]",
            "{a:1}",
            "{\"a\":1}x",
            "tru",
            "-",
            "1.",
        ] {
            assert_eq!(walk(text, &[]), None, "{text}");
        }
        let deep = "[".repeat(5_000) + &"]".repeat(5_000);
        assert_eq!(walk(&deep, &[]), None);
    }

    #[test]
    fn elements_of_arrays() {
        assert_eq!(
            elements(r#"[1,"a,]",[2,3],{"k":[]},null]"#),
            Some(vec!["1", r#""a,]""#, "[2,3]", r#"{"k":[]}"#, "null"])
        );
        assert_eq!(elements("[]"), Some(Vec::new()));
        assert_eq!(elements("[1, 2]"), None);
        assert_eq!(elements("{}"), None);
        assert_eq!(elements("[1"), None);
    }
}
