//! A text that holds several queries, as a file or an editor's tab does: where each begins and ends,
//! what is said of each, the whole laid out or repaired.
//!
//! Queries are cut at blank lines, as in the portal; where a blank line stands inside a query (in the
//! body of a function, in a list) and the two halves only make sense together, they stay together.
//! Must not know where the text is kept or how findings are shown.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use super::prepared;
use crate::kql::diagnostics::{Edit, Fix};
use crate::kql::format::Style;
use crate::kql::lexer::{self, TokenKind};
use crate::kql::{self, Analysis, Diagnostic, Schema, Span};

/// How many pieces are looked at for the end of what a bracket opened.
const REACH: usize = 64;

/// Pieces are put together up to this many bytes.
const LONGEST_JOINED: usize = 256 * 1024;

/// How often one query is repaired at most.
const MOST_REPAIRS: usize = 100;

/// One query and what is known of it. Places count from its first byte.
#[derive(Debug)]
pub struct Query {
    /// What the language says.
    pub analysis: Analysis,
    lints: OnceCell<Vec<Diagnostic>>,
    /// Brackets opened and not closed.
    open: isize,
}

impl Query {
    fn new(text: &str, schema: &Schema) -> Self {
        let analysis = kql::analyze(text, schema);
        let open = analysis.syntax.tokens.iter().map(|token| match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => 1,
            TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace => -1,
            _ => 0,
        });
        Self {
            open: open.sum(),
            lints: OnceCell::new(),
            analysis,
        }
    }

    /// What the lints say; worked out once. `text` and `schema` are those it was read with.
    pub fn lints(&self, text: &str, schema: &Schema) -> &[Diagnostic] {
        self.lints
            .get_or_init(|| kql::lint(text, &self.analysis, schema))
    }
}

/// A query in its text.
#[derive(Clone, Debug)]
pub struct Part {
    /// Where, in bytes, without the blank lines around it.
    pub range: Range<usize>,
    /// What is known of it.
    pub query: Rc<Query>,
}

impl Part {
    /// Its text.
    pub fn text<'t>(&self, whole: &'t str) -> &'t str {
        &whole[self.range.clone()]
    }
}

/// The queries of one text as it changes: those that did not change are not read again.
#[derive(Debug, Default)]
pub struct Sheet {
    parts: Vec<Part>,
    known: HashMap<Box<str>, Rc<Query>>,
}

impl Sheet {
    /// Reads a text.
    pub fn new(text: &str, schema: &Schema) -> Self {
        let mut sheet = Self::default();
        sheet.update(text, schema);
        sheet
    }

    /// The queries by place.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The last query that begins at or before a byte.
    fn before(&self, byte: usize) -> Option<&Part> {
        let after = self.parts.partition_point(|part| part.range.start <= byte);
        self.parts.get(after.checked_sub(1)?)
    }

    /// The query that a byte is in or at the end of.
    pub fn part_at(&self, byte: usize) -> Option<&Part> {
        self.before(byte).filter(|part| byte <= part.range.end)
    }

    /// Where the query is that is being written at a byte: one it is in, or one before that it goes on
    /// with; an empty place where a new query begins. The byte is within.
    pub fn written_at(&self, text: &str, byte: usize) -> Range<usize> {
        let Some(part) = self.before(byte) else {
            return byte..byte;
        };
        let Range { start, end } = part.range;
        if byte <= end {
            return start..end;
        }
        let goes_on = text[end..byte].matches('\n').count() < 2
            || text[start..end].ends_with([';', '|', ',', '(']);
        if goes_on { start..byte } else { byte..byte }
    }

    /// Reads the text after a change. The schema must stay the same; for another one a new sheet is made.
    pub fn update(&mut self, text: &str, schema: &Schema) {
        let mut reader = Reader {
            text,
            schema,
            before: std::mem::take(&mut self.known),
            now: HashMap::new(),
        };
        self.parts = reader.parts();
        self.known = reader.now;
    }

    /// What is wrong, by place in the text, errors and, where asked for, lints; what is said twice is
    /// said once.
    pub fn findings(&self, text: &str, schema: &Schema, lints: bool) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for part in &self.parts {
            let own = part.query.analysis.diagnostics.iter();
            let more: &[Diagnostic] = if lints {
                part.query.lints(part.text(text), schema)
            } else {
                &[]
            };
            found.extend(own.chain(more).map(|it| moved(it, part.range.start)));
        }
        found.sort_by_key(|it| (it.span.start, it.span.end));
        found.dedup();
        found
    }
}

impl Sheet {
    /// The comment that silences a lint where it is said ([`kql::lint::silence`]), for a finding of the
    /// text that was read last.
    pub fn silence(&self, text: &str, found: &Diagnostic) -> Option<Fix> {
        let part = self.part_at(found.span.start as usize)?;
        let at = found.span.start as usize - part.range.start;
        let syntax = &part.query.analysis.syntax;
        let mut fix = kql::lint::silence(part.text(text), syntax, found.code, at)?;
        for edit in &mut fix.edits {
            edit.span = shifted(edit.span, part.range.start);
        }
        Some(fix)
    }

    /// Every query laid out, the blank lines between them kept, spaces at the ends of lines and blank
    /// lines at both ends of the text dropped. Line ends stay what they are. `text` is what was read last.
    pub fn format(&self, text: &str, style: Style) -> Laid {
        let mut laid = Laid {
            text: String::with_capacity(text.len()),
            refused: Vec::new(),
        };
        let line_end = line_end(text);
        let mut at = 0;
        for part in &self.parts {
            if at > 0 {
                let breaks = text[at..part.range.start].matches('\n').count();
                laid.text.push_str(&line_end.repeat(breaks));
            }
            match format_query(part.text(text), style, line_end) {
                Ok(query) => laid.text.push_str(&query),
                Err(fault) => {
                    laid.refused.push(moved(&fault, part.range.start));
                    laid.text.push_str(part.text(text));
                }
            }
            at = part.range.end;
        }
        if !laid.text.is_empty() {
            laid.text.push_str(line_end);
        }
        laid
    }
}

/// Cuts and reads a text.
struct Reader<'t> {
    text: &'t str,
    schema: &'t Schema,
    before: HashMap<Box<str>, Rc<Query>>,
    now: HashMap<Box<str>, Rc<Query>>,
}

impl Reader<'_> {
    fn read(&mut self, range: &Range<usize>) -> Rc<Query> {
        let text = &self.text[range.clone()];
        if let Some(query) = self.now.get(text) {
            return Rc::clone(query);
        }
        let (text, query) = match self.before.remove_entry(text) {
            Some(kept) => kept,
            None => (text.into(), Rc::new(Query::new(text, self.schema))),
        };
        self.now.insert(text, Rc::clone(&query));
        query
    }

    fn parts(&mut self) -> Vec<Part> {
        let pieces = prepared::statements(self.text);
        let mut parts: Vec<Part> = Vec::new();
        let mut at = 0;
        while at < pieces.len() {
            let mut range = pieces[at].clone();
            let mut query = self.read(&range);
            at += 1;
            if let Some((whole, joined, pieces)) = self.closed(&range, &query, &pieces[at..]) {
                (range, query) = (whole, joined);
                at += pieces;
            }
            if !query.analysis.parses()
                && let Some(last) = parts.last()
                && let Some(joined) = self.joined(&(last.range.start..range.end))
            {
                range.start = last.range.start;
                query = joined;
                parts.pop();
            }
            parts.push(Part { range, query });
        }
        parts
    }

    /// The query up to where its open brackets are closed, and how many pieces more that takes.
    fn closed(
        &mut self,
        range: &Range<usize>,
        query: &Query,
        more: &[Range<usize>],
    ) -> Option<(Range<usize>, Rc<Query>, usize)> {
        let mut open = query.open;
        if open <= 0 {
            return None;
        }
        for (at, piece) in more.iter().take(REACH).enumerate() {
            if piece.end - range.start > LONGEST_JOINED {
                break;
            }
            open += self.read(piece).open;
            if open <= 0 {
                let whole = range.start..piece.end;
                let joined = self.joined(&whole)?;
                return Some((whole, joined, at + 1));
            }
        }
        None
    }

    /// Two pieces as one query, where that is one.
    fn joined(&mut self, range: &Range<usize>) -> Option<Rc<Query>> {
        if range.len() > LONGEST_JOINED {
            return None;
        }
        Some(self.read(range)).filter(|query| query.analysis.parses())
    }
}

/// A finding of a query as one of the text the query is in.
fn moved(found: &Diagnostic, by: usize) -> Diagnostic {
    let mut found = found.clone();
    found.span = shifted(found.span, by);
    for edit in found.fix.iter_mut().flat_map(|fix| &mut fix.edits) {
        edit.span = shifted(edit.span, by);
    }
    found
}

fn shifted(span: Span, by: usize) -> Span {
    Span::new(span.start as usize + by, span.end as usize + by)
}

/// A text laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Laid {
    /// The text.
    pub text: String,
    /// Why queries were left as they are, by place in the text as it was.
    pub refused: Vec<Diagnostic>,
}

/// What the lines of a text end with, as its first one does.
pub fn line_end(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// One query laid out, without a line break at its end; its lines end as those of its text do
/// ([`line_end`]).
///
/// # Errors
/// The first fault of the grammar.
pub fn format_query(text: &str, style: Style, line_end: &str) -> Result<String, Diagnostic> {
    let mut laid = kql::format(text, style)?;
    laid.truncate(laid.trim_end_matches(['\r', '\n']).len());
    if line_end == "\r\n" {
        let ended = laid.replace("\r\n", "\n").replace('\n', "\r\n");
        // A line break inside a string is part of what the string says.
        if tokens(&ended).eq(tokens(&laid)) {
            return Ok(ended);
        }
    }
    Ok(laid)
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let (tokens, _) = lexer::tokenize(text);
    tokens.into_iter().map(|token| token.span.text(text))
}

/// The edits that make one layout of a query of another: white space and comments between tokens, so that
/// carets and marks on the tokens stay. One edit of all where the tokens are not the same.
pub fn layout_edits(from: &str, to: &str) -> Vec<Edit> {
    let whole = || {
        vec![Edit {
            span: Span::new(0, from.len()),
            text: to.to_owned(),
        }]
    };
    if from == to {
        return Vec::new();
    }
    let (old, _) = lexer::tokenize(from);
    let (new, _) = lexer::tokenize(to);
    if old.len() != new.len() {
        return whole();
    }
    let mut edits = Vec::new();
    let (mut old_end, mut new_end) = (0, 0);
    for (old, new) in old.iter().zip(&new) {
        if old.span.text(from) != new.span.text(to) {
            return whole();
        }
        let gap = Span::new(old_end, old.span.start as usize);
        let text = &to[new_end..new.span.start as usize];
        if gap.text(from) != text {
            edits.push(Edit {
                span: gap,
                text: text.to_owned(),
            });
        }
        (old_end, new_end) = (old.span.end as usize, new.span.end as usize);
    }
    edits
}

/// A repair that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// What was wrong, by place in the text as it was when this was repaired.
    pub found: Diagnostic,
    /// What was done.
    pub title: String,
}

/// The text with every repair made that leaves less to say than before, and what was done.
pub fn repair(
    text: &str,
    schema: &Schema,
    wanted: impl Fn(&Diagnostic) -> bool,
) -> (String, Vec<Repaired>) {
    let mut out = String::with_capacity(text.len());
    let mut done = Vec::new();
    let mut at = 0;
    for part in Sheet::new(text, schema).parts() {
        out.push_str(&text[at..part.range.start]);
        let (query, repaired) = repair_query(part.text(text), schema, &wanted);
        let begins = out.len();
        done.extend(repaired.into_iter().map(|it| Repaired {
            found: moved(&it.found, begins),
            title: it.title,
        }));
        out.push_str(&query);
        at = part.range.end;
    }
    out.push_str(&text[at..]);
    (out, done)
}

fn repair_query(
    text: &str,
    schema: &Schema,
    wanted: &impl Fn(&Diagnostic) -> bool,
) -> (String, Vec<Repaired>) {
    let findings = |text: &str| -> Vec<Diagnostic> {
        let query = Query::new(text, schema);
        let mut found = query.analysis.diagnostics.clone();
        found.extend_from_slice(query.lints(text, schema));
        found.retain(|it| it.is_error() || wanted(it));
        found
    };
    // Errors count before warnings.
    let weight = |found: &[Diagnostic]| {
        let errors = found.iter().filter(|it| it.is_error()).count();
        (errors, found.len() - errors)
    };
    let mut text = text.to_owned();
    let mut found = findings(&text);
    let mut done = Vec::new();
    let mut refused: Vec<Fix> = Vec::new();
    for _ in 0..MOST_REPAIRS {
        let next = found.iter().find_map(|it| {
            let fix = it
                .fix
                .as_ref()
                .filter(|fix| wanted(it) && !refused.contains(fix))?;
            Some((it.clone(), fix.clone()))
        });
        let Some((what, fix)) = next else {
            break;
        };
        let changed = Edit::apply(&text, &fix.edits);
        let left = findings(&changed);
        if weight(&left) < weight(&found) {
            (text, found) = (changed, left);
            // places have moved
            refused.clear();
            done.push(Repaired {
                found: what,
                title: fix.title,
            });
        } else {
            refused.push(fix);
        }
    }
    (text, done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        let sheet = Sheet::new(text, Schema::hunting());
        sheet.parts().iter().map(|part| part.text(text)).collect()
    }

    #[test]
    fn queries_are_cut_at_blank_lines_but_not_inside_one() {
        assert_eq!(
            cut("DeviceInfo\n| take 1\n\n\nAlertInfo\n"),
            ["DeviceInfo\n| take 1", "AlertInfo"]
        );
        let body = "let f = (n: long) {\n    DeviceInfo\n\n    | take n\n    // so\n\n    | count\n};\n\nf(1)";
        assert_eq!(cut(body), [body]);
        let apart = "let f = () {\n\nprint 1\n\n};\nf()";
        assert_eq!(cut(apart), [apart]);
        let half = "DeviceInfo\n| where DeviceId == '1'\n\n    and OSPlatform == '2'";
        assert_eq!(cut(half), [half]);
        let string = "print ```a\n\nb```";
        assert_eq!(cut(string), [string]);
    }

    #[test]
    fn an_open_bracket_does_not_swallow_the_next_query() {
        assert_eq!(
            cut("DeviceInfo | where (a\n\nAlertInfo | take 1\n\nAlertInfo | count"),
            [
                "DeviceInfo | where (a",
                "AlertInfo | take 1",
                "AlertInfo | count"
            ]
        );
    }

    #[test]
    fn what_did_not_change_is_not_read_again() {
        let schema = Schema::hunting();
        let mut sheet = Sheet::new("DeviceInfo | take 1\n\nAlertInfo", schema);
        let first = Rc::clone(&sheet.parts()[0].query);
        sheet.update("// x\n\nDeviceInfo | take 1\n\nAlertInf", schema);
        // the comment introduces what follows
        assert_eq!(sheet.parts().len(), 2);
        sheet.update("AlertInfo\n\nDeviceInfo | take 1\n\n", schema);
        sheet.update("AlertInfo | count\n\nDeviceInfo | take 1\n\n", schema);
        assert!(
            !Rc::ptr_eq(&first, &sheet.parts()[1].query),
            "it was gone in between"
        );
        let kept = Rc::clone(&sheet.parts()[1].query);
        sheet.update("AlertInfo | coun\n\n\n\nDeviceInfo | take 1", schema);
        assert!(Rc::ptr_eq(&kept, &sheet.parts()[1].query));
        assert_eq!(sheet.known.len(), 2, "nothing old is kept");
    }

    #[test]
    fn what_is_being_written_goes_on_until_a_blank_line() {
        let text = "DeviceInfo | take \n\n\nlet x = 1;\n\n  \nprint 2 ";
        let sheet = Sheet::new(text, Schema::hunting());
        let at = |part: &str| text.find(part).expect("there") + part.len();
        let written = |byte| &text[sheet.written_at(text, byte)];
        assert_eq!(written(at("Info")), "DeviceInfo | take");
        assert_eq!(written(at("take ")), "DeviceInfo | take ");
        assert_eq!(written(at("1;\n\n ")), "let x = 1;\n\n  \nprint 2");
        assert_eq!(written(text.len()), "let x = 1;\n\n  \nprint 2 ");
        let new = "DeviceInfo\n\n";
        let sheet = Sheet::new(new, Schema::hunting());
        assert_eq!(sheet.written_at(new, 11), 0..11);
        assert_eq!(sheet.written_at(new, 12), 12..12);
        assert_eq!(Sheet::new("", Schema::hunting()).written_at("", 0), 0..0);
    }

    #[test]
    fn findings_are_placed_in_the_whole_text() {
        let text = "DeviceInfo\n\nDeviceInfo | where DeviceNmae == 'é' and Nothing == 1";
        let found = Sheet::new(text, Schema::hunting()).findings(text, Schema::hunting(), false);
        let places: Vec<&str> = found.iter().map(|it| it.span.text(text)).collect();
        assert_eq!(places, ["DeviceNmae", "Nothing"]);
        let fix = found[0].fix.as_ref().expect("a repair");
        assert!(Edit::apply(text, &fix.edits).contains("where DeviceName =="));
    }

    #[test]
    fn a_text_keeps_its_queries_and_line_ends() {
        let text = "\r\n  \r\nDeviceInfo | take 1   \r\n\t\r\n\r\nDeviceInfo | where (\r\n\r\nAlertInfo\r\n\r\n\r\n";
        let format =
            |text: &str| Sheet::new(text, Schema::hunting()).format(text, Style::default());
        let laid = format(text);
        assert_eq!(laid.refused.len(), 1);
        assert!(
            !laid.text.replace("\r\n", "").contains(['\r', '\n']),
            "{laid:?}"
        );
        assert!(laid.text.ends_with("AlertInfo\r\n") && laid.text.starts_with("DeviceInfo"));
        assert!(
            laid.text
                .contains("\r\n\r\n\r\nDeviceInfo | where (\r\n\r\nAlertInfo")
        );
        assert_eq!(format(&laid.text).text, laid.text);
        assert_eq!(format("").text, "");
    }

    #[test]
    fn layout_is_changed_between_tokens_alone() {
        let (from, to) = ("a  | where x==1 // c\n", "a\n| where x == 1 // c");
        let edits = layout_edits(from, to);
        assert_eq!(Edit::apply(from, &edits), to);
        assert!(
            edits
                .iter()
                .all(|edit| edit.span.text(from).trim().is_empty() || edit.text.contains("// c"))
        );
        assert_eq!(layout_edits(from, from), []);
        let other = layout_edits("a b", "c");
        assert_eq!(Edit::apply("a b", &other), "c");
    }

    #[test]
    fn repairs_that_help_are_made_and_told() {
        let text = "DeviceInfo\n\nDeviceInfo | where DeviceNmae == 'x' and OSPlatfrom == 'y'\n";
        let (repaired, done) = repair(text, Schema::hunting(), Diagnostic::is_error);
        assert_eq!(
            repaired,
            "DeviceInfo\n\nDeviceInfo | where DeviceName == 'x' and OSPlatform == 'y'\n"
        );
        assert_eq!(done.len(), 2);
        assert_eq!(done[1].found.span.text(&repaired[..]), "OSPlatform");
        let (same, none) = repair(text, Schema::hunting(), |_| false);
        assert_eq!((same.as_str(), none.len()), (text, 0));
    }
}
