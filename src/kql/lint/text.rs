//! Comparisons of text: operators that read too much, or can never be true.

use super::cx::Cx;
use super::rules::{
    CASE_OF_NAME, CONTAINS_WORD, HAS_WITHOUT_WORD, LOWERED, NEEDLESS_REGEX, NEVER_EQUAL,
    STAR_IN_NAME,
};
use crate::kql::Type;
use crate::kql::diagnostics::{Edit, Fix};
use crate::kql::syntax::{BinaryToken, Expr, ExprKind, Span};

/// Columns whose values come in upper and lower case, as a machine reports them.
const NAMES: &[&str] = &[
    "AccountDomain",
    "AccountName",
    "AccountUpn",
    "DeviceName",
    "FileName",
    "FolderPath",
    "InitiatingProcessAccountDomain",
    "InitiatingProcessAccountName",
    "InitiatingProcessAccountUpn",
    "InitiatingProcessFileName",
    "InitiatingProcessFolderPath",
    "InitiatingProcessParentFileName",
    "InitiatingProcessVersionInfoOriginalFileName",
    "PreviousFileName",
    "ProcessVersionInfoOriginalFileName",
    "RecipientEmailAddress",
    "RemoteDeviceName",
    "SenderFromAddress",
    "SenderMailFromAddress",
];

/// Columns of one word written together (`ExploitGuardAuditEvent`): a part of it is no word.
const ONE_WORD: &[&str] = &[
    "ActionType",
    "OSPlatform",
    "OperationName",
    "ThreatFamily",
    "ThreatName",
];

/// The shortest word that `contains` is asked for in vain.
const WORD: usize = 4;

pub(super) fn expr(cx: &mut Cx<'_>, e: &Expr) {
    match &e.kind {
        ExprKind::Chain { first, rest } => {
            if let [(op, span, right)] = rest.as_slice() {
                comparison(cx, first, *op, *span, right);
            }
        }
        ExprKind::In {
            op,
            op_span,
            left,
            list,
        } if matches!(*op, "in" | "!in" | "in~" | "!in~") => {
            let values: Option<Vec<String>> = list.iter().map(|e| cx.string(e)).collect();
            if let Some(values) = values {
                let tilde = if op.starts_with('!') { "!in~" } else { "in~" };
                lists(cx, left, op, *op_span, tilde, &values);
            }
        }
        _ => {}
    }
}

fn comparison(cx: &mut Cx<'_>, left: &Expr, op: BinaryToken, span: Span, right: &Expr) {
    let word = match op {
        BinaryToken::Equal => "==",
        BinaryToken::NotEqual => "!=",
        BinaryToken::Text(word) => word,
        _ => return,
    };
    let Some(value) = cx.string(right) else {
        return;
    };
    let values = std::slice::from_ref(&value);
    match word {
        "==" => lists(cx, left, word, span, "=~", values),
        "!=" => lists(cx, left, word, span, "!~", values),
        "contains" | "!contains" => {
            lists(cx, left, word, span, word, values);
            contains(cx, left, word, span, &value);
        }
        "matches regex" => regex(cx, span, right, &value),
        _ => lists(cx, left, word, span, word, values),
    }
    let has = word.trim_start_matches('!');
    if (has == "has" || has == "has_cs")
        && !value.is_empty()
        && !value.chars().any(char::is_alphanumeric)
    {
        let contains = word.replacen("has", "contains", 1);
        let message = format!(
            "{} has no letter or digit, so there is no word for {word} to find.",
            cx.at(right.span)
        );
        let fix = Fix::replace(format!("Write {contains}"), span, contains);
        cx.say(HAS_WITHOUT_WORD, span, message, Some(fix));
    }
}

/// `contains "powershell"` of a column.
fn contains(cx: &mut Cx<'_>, left: &Expr, word: &str, span: Span, value: &str) {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let whole = value.len() >= WORD && ends(value.chars().next()) && ends(value.chars().last());
    let column = cx.column_of(left, Type::String);
    if !whole || column.is_none_or(|c| ONE_WORD.contains(&c.text.as_str())) {
        return;
    }
    let has = word.replacen("contains", "has", 1);
    let message = format!(
        "{word} looks at every character. If \"{value}\" stands as a word in {}, {has} finds it by the index.",
        cx.at(left.span)
    );
    let fix = Fix::replace(format!("Write {has}"), span, has);
    cx.say(CONTAINS_WORD, span, message, Some(fix));
}

/// A pattern without special characters.
fn regex(cx: &mut Cx<'_>, span: Span, right: &Expr, pattern: &str) {
    let Some((op, value)) = plain(pattern) else {
        return;
    };
    let Some(literal) = quoted(&value) else {
        return;
    };
    let message = format!("This pattern says no more than {op} {literal}.");
    let fix = Fix {
        title: format!("Write {op}"),
        edits: vec![
            Edit {
                span,
                text: op.to_owned(),
            },
            Edit {
                span: right.span,
                text: literal,
            },
        ],
    };
    cx.say(NEEDLESS_REGEX, span, message, Some(fix));
}

/// The operator and text that say the same as a regular expression.
fn plain(pattern: &str) -> Option<(&'static str, String)> {
    let (ignore_case, rest) = match pattern.strip_prefix("(?i)") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let (start, rest) = match rest.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let mut value = String::new();
    let mut end = false;
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c) if c.is_ascii_punctuation() => value.push(c),
                _ => return None,
            },
            '$' if chars.peek().is_none() => end = true,
            '.' | '[' | ']' | '{' | '}' | '(' | ')' | '*' | '+' | '?' | '|' | '^' | '$' => {
                return None;
            }
            c if c.is_control() || (ignore_case && !c.is_ascii()) => return None,
            c => value.push(c),
        }
    }
    if value.is_empty() {
        return None;
    }
    let op = match (start, end, ignore_case) {
        (true, true, false) => "==",
        (true, true, true) => "=~",
        (true, false, false) => "startswith_cs",
        (true, false, true) => "startswith",
        (false, true, false) => "endswith_cs",
        (false, true, true) => "endswith",
        (false, false, false) => "contains_cs",
        (false, false, true) => "contains",
    };
    Some((op, value))
}

/// A literal of the text, if it can be written without escapes.
fn quoted(value: &str) -> Option<String> {
    match (value.contains('"'), value.contains('\'')) {
        (false, _) if !value.contains('\\') => Some(format!("\"{value}\"")),
        (false, _) => Some(format!("@\"{value}\"")),
        (true, false) if !value.contains('\\') => Some(format!("'{value}'")),
        (true, false) => Some(format!("@'{value}'")),
        _ => None,
    }
}

/// Equality and `in` with literals; `tilde` is the operator that ignores case.
fn lists(cx: &mut Cx<'_>, left: &Expr, op: &str, span: Span, tilde: &str, values: &[String]) {
    if let ExprKind::Call(call) = &left.kind {
        if let [value] = call.args.as_slice()
            && let "tolower" | "toupper" = call.name.text.as_str()
            && cx.column_of(value, Type::String).is_some()
        {
            let lower = call.name.text == "tolower";
            lowered(cx, left, value, lower, op, span, tilde, values);
        }
        return;
    }
    let Some(column) = cx.column_of(left, Type::String) else {
        return;
    };
    if !NAMES.contains(&column.text.as_str()) {
        return;
    }
    let star = |v: &String| v.contains('*') && v.contains(char::is_alphanumeric);
    if values.iter().any(star) {
        let message = format!(
            "{op} compares the * itself: write startswith, endswith or contains for {}, without it.",
            column.text
        );
        cx.say(STAR_IN_NAME, span, message, None);
        return;
    }
    let letters = values.iter().any(|v| v.chars().any(char::is_alphabetic));
    if letters && matches!(op, "==" | "!=" | "in" | "!in") {
        let finds = if op.starts_with('!') {
            "leaves out"
        } else {
            "finds"
        };
        let message = format!(
            "{} comes in upper and lower case; {op} {finds} only this spelling, {tilde} all.",
            column.text
        );
        let fix = Fix::replace(format!("Write {tilde}"), span, tilde);
        cx.say(CASE_OF_NAME, span, message, Some(fix));
    }
}

/// `tolower(x) == "abc"`
#[expect(clippy::too_many_arguments, reason = "the parts of one comparison")]
fn lowered(
    cx: &mut Cx<'_>,
    call: &Expr,
    value: &Expr,
    lower: bool,
    op: &str,
    span: Span,
    tilde: &str,
    values: &[String],
) {
    let sensitive = matches!(op, "==" | "!=" | "in" | "!in") || op.ends_with("_cs");
    let wrong = |v: &String| {
        if lower {
            v.to_lowercase() != *v
        } else {
            v.to_uppercase() != *v
        }
    };
    let other = values.iter().find(|v| wrong(v)).filter(|_| sensitive);
    let never = other.is_some();
    let ignores = !sensitive
        && matches!(
            op.trim_start_matches('!'),
            "=~" | "~"
                | "in~"
                | "has"
                | "contains"
                | "startswith"
                | "endswith"
                | "hasprefix"
                | "hassuffix"
        );
    if !ignores && (op.ends_with("_cs") && !never || op.contains("regex")) {
        return;
    }
    let name = cx.at(value.span);
    let mut edits = vec![Edit {
        span: call.span,
        text: name.to_owned(),
    }];
    let fixed = if op.ends_with("_cs") {
        op.trim_end_matches("_cs")
    } else {
        tilde
    };
    if fixed != op {
        edits.push(Edit {
            span,
            text: fixed.to_owned(),
        });
    }
    let fix = Fix {
        title: format!("Write {name} {fixed}"),
        edits,
    };
    if let Some(other) = other {
        let case = if lower { "lower" } else { "upper" };
        let message =
            format!("The left side is in {case} case, \"{other}\" is not: they never match.");
        cx.say(NEVER_EQUAL, span, message, Some(fix));
    } else {
        let message = format!("{name} {fixed} ignores case without changing every row.");
        cx.say(LOWERED, call.span, message, Some(fix));
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn patterns_that_are_plain_text() {
        let plain = |p| plain(p).map(|(op, value)| format!("{op} {value}"));
        assert_eq!(plain("abc").as_deref(), Some("contains_cs abc"));
        assert_eq!(plain(r"(?i)\.exe$").as_deref(), Some("endswith .exe"));
        assert_eq!(plain("^C:/x$").as_deref(), Some("== C:/x"));
        assert_eq!(plain(r"a.c"), None);
        assert_eq!(plain(r"\d"), None);
        assert_eq!(plain("^"), None);
    }
}
