//! Writes the tokens: group by group on one line or broken, with the comments where they belong.

use super::Style;
use super::comments;
use super::plan::{Plan, Rule};
use super::spacing;
use crate::kql::lexer::{TokenKind, is_line_break};

/// A group that is being written.
struct Open {
    group: usize,
    end: usize,
    broken: bool,
    /// Columns before its first line.
    base: usize,
    /// What opens inside is indented at least so far.
    floor: usize,
}

/// What is known of the widths before anything is written.
struct Measure {
    /// Columns before token `i` ends and starts, all on one line.
    start: Vec<usize>,
    stop: Vec<usize>,
    blank: Vec<bool>,
    /// Columns from before token `i` to the next place a line may end.
    tail: Vec<usize>,
    /// Gaps before `i` where a line ends for certain.
    hard: Vec<usize>,
    /// The next break of the same group.
    next: Vec<Option<usize>>,
}

pub(super) fn print(plan: &Plan<'_>, style: Style) -> String {
    let (order, must) = settle(plan);
    let measure = measure(plan, &must);
    let mut printer = Printer {
        plan,
        style,
        newline: newline_of(plan),
        out: String::with_capacity(plan.text.len() + plan.text.len() / 4),
        column: 0,
        line_indent: 0,
    };
    let mut open: Vec<Open> = Vec::new();
    let mut upcoming = order.iter().peekable();
    for i in 0..plan.tokens.len() {
        while open.last().is_some_and(|g| g.end <= i) {
            open.pop();
        }
        printer.gap(i, &open, &measure);
        while let Some(&&group) = upcoming.peek() {
            let shape = &plan.groups[group];
            if shape.start > i {
                break;
            }
            upcoming.next();
            let end = open.last().map_or(shape.end, |o| shape.end.min(o.end));
            if shape.start < i || end <= i {
                continue;
            }
            let width = measure.stop[end - 1] - measure.start[i] + measure.tail[end];
            let broken = must[group] || printer.column + width > style.width;
            let base = open.last().map_or(0, |o| o.floor).max(printer.line_indent);
            let floor = base
                + if shape.hanging && broken {
                    style.indent
                } else {
                    0
                };
            open.push(Open {
                group,
                end,
                broken,
                base,
                floor,
            });
        }
        printer.token(i);
    }
    printer.out
}

/// Groups in the order they open, and which of them are broken for certain: those that say so, hold a
/// comment, or hold a group that is.
fn settle(plan: &Plan<'_>) -> (Vec<usize>, Vec<bool>) {
    let mut order: Vec<usize> = (0..plan.groups.len()).collect();
    order.sort_by_key(|&g| plan.groups[g].start);
    let mut must: Vec<bool> = plan.groups.iter().map(|g| g.must).collect();
    let mut parent: Vec<Option<usize>> = vec![None; plan.groups.len()];
    let mut stack: Vec<usize> = Vec::new();
    let mut upcoming = order.iter().peekable();
    for (i, gap) in plan.gaps.iter().enumerate() {
        while stack.last().is_some_and(|&g| plan.groups[g].end <= i) {
            stack.pop();
        }
        if gap.comments
            && let Some(&group) = stack.last()
        {
            must[group] = true;
        }
        while let Some(&&group) = upcoming.peek() {
            if plan.groups[group].start > i {
                break;
            }
            upcoming.next();
            parent[group] = stack.last().copied();
            stack.push(group);
        }
    }
    for &group in order.iter().rev() {
        if must[group]
            && let Some(parent) = parent[group]
        {
            must[parent] = true;
        }
    }
    (order, must)
}

fn measure(plan: &Plan<'_>, must: &[bool]) -> Measure {
    let n = plan.tokens.len();
    let mut m = Measure {
        start: Vec::with_capacity(n),
        stop: Vec::with_capacity(n),
        blank: Vec::with_capacity(n),
        tail: vec![0; n + 1],
        hard: Vec::with_capacity(n + 1),
        next: vec![None; n],
    };
    let (mut at, mut hard) = (0, 0);
    for i in 0..n {
        let blank = spacing::blank(plan, i);
        m.blank.push(blank);
        at += usize::from(blank);
        m.start.push(at);
        at += plan.ink(i, i + 1);
        m.stop.push(at);
        m.hard.push(hard);
        let gap = &plan.gaps[i];
        let forced = gap
            .line
            .is_some_and(|b| b.rule == Rule::Always && must[b.group]);
        hard += usize::from(gap.comments || forced);
    }
    m.hard.push(hard);
    let mut last: Vec<Option<usize>> = vec![None; plan.groups.len()];
    for i in (0..n).rev() {
        let gap = &plan.gaps[i];
        if let Some(b) = gap.line {
            m.next[i] = last[b.group].replace(i);
        }
        let ends = gap.line.is_some() || gap.comments || gap.verbatim;
        m.tail[i] = if ends || plan.tokens[i].kind == TokenKind::End {
            0
        } else {
            usize::from(m.blank[i]) + plan.ink(i, i + 1) + m.tail[i + 1]
        };
    }
    m
}

/// How the lines between tokens end: as the first of them.
fn newline_of(plan: &Plan<'_>) -> &'static str {
    let first = (0..plan.tokens.len()).find_map(|i| {
        let trivia = plan.trivia(i);
        trivia.find('\n').map(|at| trivia[..at].ends_with('\r'))
    });
    if first == Some(true) { "\r\n" } else { "\n" }
}

struct Printer<'p, 't> {
    plan: &'p Plan<'t>,
    style: Style,
    newline: &'static str,
    out: String,
    column: usize,
    /// Blanks the current line starts with.
    line_indent: usize,
}

impl Printer<'_, '_> {
    fn token(&mut self, i: usize) {
        let text = self.plan.tokens[i].span.text(self.plan.text);
        self.out.push_str(text);
        match text.rfind('\n') {
            Some(at) => self.column = text[at + 1..].chars().count(),
            None => self.column += self.plan.ink(i, i + 1),
        }
    }

    fn write(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    /// Ends the line; nothing is written before the first.
    fn end_line(&mut self) {
        if !self.out.is_empty() {
            self.out.push_str(self.newline);
        }
        self.column = 0;
    }

    fn indent(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
        self.column = columns;
        self.line_indent = columns;
    }

    /// What stands before token `i`.
    fn gap(&mut self, i: usize, open: &[Open], measure: &Measure) {
        let gap = &self.plan.gaps[i];
        if gap.verbatim {
            self.verbatim(i);
            return;
        }
        let closes = matches!(
            self.plan.tokens[i].kind,
            TokenKind::CloseParen
                | TokenKind::CloseBracket
                | TokenKind::CloseBrace
                | TokenKind::Semicolon
        );
        let (mut target, mut remark) = (None, None);
        if let Some(line) = gap.line
            && let Some(group) = open.iter().rev().find(|o| o.group == line.group)
        {
            let columns = group.base + line.steps * self.style.indent;
            if group.broken && (gap.comments || self.breaks(i, line.rule, group, measure)) {
                target = Some(columns);
            }
            remark = Some(if closes {
                group.base + self.style.indent
            } else {
                columns
            });
        }
        let end = self.plan.tokens[i].kind == TokenKind::End;
        if gap.comments && target.is_none() {
            let base = open.last().map_or(0, |o| o.base);
            let step = if closes || open.is_empty() {
                0
            } else {
                self.style.indent
            };
            target = Some(base + step);
            remark = Some(if closes {
                self.line_indent
            } else {
                base + step
            });
        }
        if gap.comments {
            self.comments(i, remark.unwrap_or(0), gap.statement || i == 0 || end);
        }
        if end {
            if self.ends_with_newline() && !self.out.is_empty() {
                self.out.push_str(self.newline);
            }
            return;
        }
        match target {
            _ if self.out.is_empty() => {}
            Some(columns) => {
                self.end_line();
                if gap.statement && self.blank_line_before(i) {
                    self.end_line();
                }
                self.indent(columns);
            }
            None if measure.blank[i] => self.write(" "),
            None => {}
        }
    }

    /// Is this break of a broken group taken?
    fn breaks(&self, i: usize, rule: Rule, group: &Open, measure: &Measure) -> bool {
        if rule == Rule::Always {
            return true;
        }
        let end = measure.next[i].unwrap_or(group.end);
        let tail = if measure.next[i].is_none() {
            measure.tail[group.end]
        } else {
            0
        };
        let width = usize::from(measure.blank[i]) + measure.stop[end - 1] - measure.start[i] + tail;
        self.column + width > self.style.width || measure.hard[end] > measure.hard[i + 1]
    }

    /// The comments before token `i`: the first stays at the end of its line if it stands there.
    fn comments(&mut self, i: usize, columns: usize, blank_lines: bool) {
        let trivia = self.plan.trivia(i);
        let mut own_line = self.out.is_empty();
        let mut blank = 0;
        for (n, line) in lines(trivia).enumerate() {
            own_line |= n > 0;
            let Some(comment) = comments(line).next() else {
                blank += usize::from(n > 0);
                continue;
            };
            if own_line {
                let first = self.out.is_empty();
                self.end_line();
                if blank > 0 && blank_lines && !first {
                    self.end_line();
                }
                self.indent(columns);
            } else {
                self.write(" ");
            }
            self.write(comment);
            blank = 0;
        }
    }

    /// Does the author leave a line empty right before token `i`?
    fn blank_line_before(&self, i: usize) -> bool {
        let mut lines = lines(self.plan.trivia(i)).skip(1).collect::<Vec<_>>();
        lines.pop();
        lines.last().is_some_and(|line| !line.contains("//"))
    }

    fn ends_with_newline(&self) -> bool {
        let last = self.plan.tokens.len() - 1;
        lines(self.plan.trivia(last))
            .last()
            .is_some_and(|line| !line.contains("//"))
            && self.plan.trivia(last).contains(is_line_break)
    }

    /// White space and comments as the author has them, without blanks at the ends of lines.
    fn verbatim(&mut self, i: usize) {
        let mut all = lines(self.plan.trivia(i)).peekable();
        while let Some(line) = all.next() {
            if all.peek().is_some() {
                self.write(line.trim_end());
                self.out.push_str(self.newline);
                self.column = 0;
            } else {
                self.write(line);
            }
        }
    }
}

/// The lines of a text, however they end.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let all = rest?;
        let Some(at) = all.find(is_line_break) else {
            rest = None;
            return Some(all);
        };
        let skip = if all[at..].starts_with("\r\n") {
            2
        } else {
            all[at..].chars().next().map_or(1, char::len_utf8)
        };
        rest = Some(&all[at + skip..]);
        Some(&all[..at])
    })
}
