//! What the printer needs to know: the gaps between tokens, and the groups they break in.

use crate::kql::lexer::{Token, TokenKind, is_line_break};
use crate::kql::syntax::Span;

/// Blank or nothing between two tokens on one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// By the kinds of the two tokens.
    Default,
    /// Nothing.
    Tight,
    /// One blank.
    Blank,
    /// As the author has it.
    AsWritten,
}

/// When a break of a broken group is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Always.
    Always,
    /// Where what follows does not fit the line any more.
    Fill,
}

/// A line may end here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Break {
    /// With the other breaks of this group.
    pub group: usize,
    /// Steps to the right of the group's first line.
    pub steps: usize,
    /// When.
    pub rule: Rule,
}

/// The place before a token.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub space: Space,
    pub line: Option<Break>,
    /// The author ends a line here.
    pub newline: bool,
    /// Comments stand here.
    pub comments: bool,
    /// Written as it is.
    pub verbatim: bool,
    /// Between statements: a blank line stays.
    pub statement: bool,
}

/// Tokens that are laid out together: on one line, or broken at all of its breaks.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub start: usize,
    /// One past its last token.
    pub end: usize,
    /// Broken whether it fits or not.
    pub must: bool,
    /// What its first line opens is indented like its other lines.
    pub hanging: bool,
}

/// Tokens, gaps and groups of a text. Gap `i` stands before token `i`.
pub(super) struct Plan<'t> {
    pub text: &'t str,
    pub tokens: &'t [Token],
    pub gaps: Vec<Gap>,
    pub groups: Vec<Group>,
    /// Characters of the tokens before each token.
    ink: Vec<usize>,
}

impl<'t> Plan<'t> {
    pub fn new(text: &'t str, tokens: &'t [Token]) -> Self {
        let mut ink = Vec::with_capacity(tokens.len() + 1);
        let mut gaps = Vec::with_capacity(tokens.len());
        let mut sum = 0;
        for token in tokens {
            ink.push(sum);
            sum += token.span.text(text).chars().count();
            let trivia = &text[token.trivia as usize..token.span.start as usize];
            gaps.push(Gap {
                space: Space::Default,
                line: None,
                newline: trivia.contains(is_line_break),
                comments: trivia.contains("//"),
                verbatim: false,
                statement: false,
            });
        }
        ink.push(sum);
        Self {
            text,
            tokens,
            gaps,
            groups: Vec::new(),
            ink,
        }
    }

    /// The text before token `i`: white space and comments.
    pub fn trivia(&self, i: usize) -> &'t str {
        let token = self.tokens[i];
        &self.text[token.trivia as usize..token.span.start as usize]
    }

    /// The token that starts at this offset, or the next one.
    pub fn at(&self, offset: u32) -> usize {
        self.tokens
            .partition_point(|t| t.span.start < offset)
            .min(self.tokens.len() - 1)
    }

    /// The first token of a span.
    pub fn first(&self, span: Span) -> usize {
        self.at(span.start)
    }

    /// One past the last token of a span.
    pub fn end(&self, span: Span) -> usize {
        self.at(span.end)
    }

    pub fn is(&self, token: usize, kind: TokenKind) -> bool {
        self.tokens.get(token).is_some_and(|t| t.kind == kind)
    }

    /// Characters of the tokens from `start` up to `end`, without what stands between them.
    pub fn ink(&self, start: usize, end: usize) -> usize {
        self.ink[end].saturating_sub(self.ink[start])
    }

    /// Begins a group at a token; [`Plan::close`] ends it.
    pub fn open(&mut self, start: usize) -> usize {
        self.groups.push(Group {
            start,
            end: start,
            must: false,
            hanging: false,
        });
        self.groups.len() - 1
    }

    pub fn close(&mut self, group: usize, end: usize) {
        self.groups[group].end = end;
    }

    /// The line may end before this token.
    pub fn line(&mut self, gap: usize, group: usize, steps: usize) {
        self.line_by(gap, group, steps, Rule::Always);
    }

    pub fn line_by(&mut self, gap: usize, group: usize, steps: usize, rule: Rule) {
        self.gaps[gap].line = Some(Break { group, steps, rule });
    }

    pub fn must(&mut self, group: usize) {
        self.groups[group].must = true;
    }

    pub fn space(&mut self, gap: usize, space: Space) {
        if let Some(gap) = self.gaps.get_mut(gap) {
            gap.space = space;
        }
    }

    /// Nothing on both sides of a token.
    pub fn tight_around(&mut self, token: usize) {
        self.space(token, Space::Tight);
        self.space(token + 1, Space::Tight);
    }

    /// A blank on both sides of a token.
    pub fn blank_around(&mut self, token: usize) {
        self.space(token, Space::Blank);
        self.space(token + 1, Space::Blank);
    }

    /// Does the author end a line before this token?
    pub fn newline(&self, gap: usize) -> bool {
        self.gaps[gap].newline
    }

    /// Does the author end a line anywhere between the tokens from `start` up to `end`?
    pub fn any_newline(&self, start: usize, end: usize) -> bool {
        self.gaps
            .get(start + 1..end)
            .is_some_and(|gaps| gaps.iter().any(|g| g.newline))
    }

    /// Does a comment stand between these tokens?
    pub fn any_comment(&self, start: usize, end: usize) -> bool {
        self.gaps
            .get(start + 1..end)
            .is_some_and(|gaps| gaps.iter().any(|g| g.comments))
    }

    /// Does the author end a line before this comma, where it will not stay?
    fn drops_newline(&self, comma: usize) -> bool {
        self.newline(comma) && !self.gaps[comma].comments
    }

    /// Does the author give each of these items (by first token) its own line?
    pub fn one_a_line(&self, items: &[usize]) -> bool {
        items.len() > 1
            && items[1..]
                .iter()
                .all(|&i| self.newline(i) || self.drops_newline(i - 1))
    }
}
