//! Writing JSON straight into a buffer: pages of a thousand alerts are built without a value tree.

use super::clock::{self, Ticks};

/// Appends a JSON string, quotes included. Everything outside ASCII stays as it is; controls are escaped.
pub fn push_str(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..=0x1f => b"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[from..at]);
        if escape.is_empty() {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
        } else {
            out.extend_from_slice(escape);
        }
        from = at + 1;
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

/// A JSON string as text, quotes included: for parts that are written once and copied often.
pub fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    push_str(&mut out, text);
    String::from_utf8(out).expect("escaping keeps UTF-8")
}

/// Appends a number.
pub fn push_int(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// One JSON object being written, with `$select` applied: a property that was not asked for is skipped.
#[derive(Debug)]
pub struct Object<'a> {
    /// The buffer; values that need more than the helpers are appended here after [`Object::key`].
    pub out: &'a mut Vec<u8>,
    /// `None` means everything.
    wanted: Option<&'a [String]>,
    first: bool,
}

impl<'a> Object<'a> {
    /// Opens an object.
    pub fn open(out: &'a mut Vec<u8>, wanted: Option<&'a [String]>) -> Self {
        out.push(b'{');
        Self {
            out,
            wanted,
            first: true,
        }
    }

    /// Writes a key when it is wanted; the value must follow if the answer is true.
    pub fn key(&mut self, name: &str) -> bool {
        if let Some(wanted) = self.wanted
            && !wanted.iter().any(|w| w.eq_ignore_ascii_case(name))
        {
            return false;
        }
        self.always(name);
        true
    }

    /// Writes a key whatever was selected; the value must follow.
    pub fn always(&mut self, name: &str) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A string.
    pub fn str(&mut self, name: &str, value: &str) {
        if self.key(name) {
            push_str(self.out, value);
        }
    }

    /// A string that needs no escaping (an enum member, an id).
    pub fn plain(&mut self, name: &str, value: &str) {
        if self.key(name) {
            self.out.push(b'"');
            self.out.extend_from_slice(value.as_bytes());
            self.out.push(b'"');
        }
    }

    /// A string or null.
    pub fn opt(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.str(name, value),
            None => self.raw(name, "null"),
        }
    }

    /// A number.
    pub fn int(&mut self, name: &str, value: i64) {
        if self.key(name) {
            push_int(self.out, value);
        }
    }

    /// A time; 0 is null.
    pub fn time(&mut self, name: &str, value: Ticks) {
        if value == 0 {
            self.raw(name, "null");
        } else if self.key(name) {
            self.out.push(b'"');
            clock::push_graph(self.out, value);
            self.out.push(b'"');
        }
    }

    /// JSON that is ready.
    pub fn raw(&mut self, name: &str, value: &str) {
        if self.key(name) {
            self.out.extend_from_slice(value.as_bytes());
        }
    }

    /// A list of strings.
    pub fn list<S: AsRef<str>>(&mut self, name: &str, values: &[S]) {
        if self.key(name) {
            push_list(self.out, values);
        }
    }

    /// Closes the object.
    pub fn close(self) {
        self.out.push(b'}');
    }
}

/// Appends a list of strings.
pub fn push_list<S: AsRef<str>>(out: &mut Vec<u8>, values: &[S]) {
    out.push(b'[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_str(out, value.as_ref());
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_json() {
        let hostile = "a\"b\\c\n\u{1b}]52;c;x\u{7}\u{202e}\u{0}é";
        assert_eq!(
            serde_json::from_str::<String>(&quoted(hostile)).expect("JSON"),
            hostile
        );
        let mut out = Vec::new();
        let wanted = ["id".to_owned(), "Count".to_owned()];
        let mut object = Object::open(&mut out, Some(&wanted));
        object.always("@odata.etag");
        object.out.extend_from_slice(b"1");
        object.str("id", "x");
        object.str("skipped", "y");
        object.int("count", -120);
        object.close();
        assert_eq!(out, br#"{"@odata.etag":1,"id":"x","count":-120}"#);
    }
}
