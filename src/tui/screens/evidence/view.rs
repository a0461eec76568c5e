//! How the Evidence screen is drawn: the tree, and the entity in focus in full.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::layout::{self, Line, Tone};
use super::model::{Entity, Item, Model};
use super::{EvidenceScreen, Focus, Subject, mail};
use crate::domain::{EvidenceKind, RemediationStatus, Timestamp, Verdict, text};
use crate::tui::msg::EvidenceOf;
use crate::tui::screen::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{paint, time, tree};

/// Details laid out for a width, kept until they change.
#[derive(Debug)]
pub(super) struct Laid {
    version: u64,
    width: u16,
    local: bool,
    rows: Vec<Vec<(String, Piece)>>,
}

/// What a piece of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Label,
    Value(Tone),
}

/// Draws the screen.
pub(super) fn draw(screen: &EvidenceScreen, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    if area.height == 0 || area.width == 0 {
        return;
    }
    let (tree, details) = split(area, screen);
    let tree_body = draw_tree(screen, buf, tree, ctx);
    let details_body = draw_details(screen, buf, details, ctx);
    screen.places.set((tree_body, details_body));
}

/// Side by side where there is room, else one above the other.
fn split(area: Rect, screen: &EvidenceScreen) -> (Rect, Rect) {
    if area.width >= 100 {
        let width = (area.width * 2 / 5).clamp(38, 72);
        let tree = Rect { width, ..area };
        let details = Rect {
            x: area.x + width,
            width: area.width - width,
            ..area
        };
        return (tree, details);
    }
    let most = if screen.focus == Focus::Tree {
        area.height / 2
    } else {
        area.height / 3
    };
    let wanted = (screen.tree.rows().len() as u16).saturating_add(1).max(4);
    let height = wanted.min(most.max(3)).min(area.height);
    let tree = Rect { height, ..area };
    let details = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    (tree, details)
}

fn rule_styles(ctx: &Ctx<'_>, focused: bool) -> paint::RuleStyles {
    paint::RuleStyles {
        rule: ctx.style(if focused {
            Role::RuleFocused
        } else {
            Role::Rule
        }),
        title: ctx.style(Role::Title),
        extra: ctx.style(Role::Dim),
    }
}

fn draw_tree(screen: &EvidenceScreen, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) -> Rect {
    let focused = screen.focus == Focus::Tree;
    let title = match (&screen.subject, &screen.of) {
        (Subject::Known { title, .. }, EvidenceOf::Incident(id)) => {
            format!("Evidence · {id} {title}")
        }
        (Subject::Known { title, .. }, EvidenceOf::Alert(_)) => format!("Evidence · {title}"),
        _ => "Evidence".to_owned(),
    };
    let count = screen
        .model()
        .map(|model| model.entities.len().to_string())
        .unwrap_or_default();
    paint::rule(buf, area, area.y, &title, &count, rule_styles(ctx, focused));
    let body = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    let word = match &screen.subject {
        Subject::Reading => "reading…".to_owned(),
        Subject::Missing => "Not in the cache (any more).".to_owned(),
        Subject::Failed(why) => why.clone(),
        Subject::Known { model, .. } if model.entities.is_empty() => {
            "The service sent no evidence with this.".to_owned()
        }
        Subject::Known { model, .. } => {
            draw_rows(screen, model, buf, body, ctx);
            return body;
        }
    };
    let role = if matches!(screen.subject, Subject::Failed(_)) {
        Role::NoticeError
    } else {
        Role::Dim
    };
    paint::text(
        buf,
        body,
        body.x + 2,
        body.y,
        body.width.saturating_sub(2),
        &word,
        ctx.style(role),
    );
    body
}

fn draw_rows(screen: &EvidenceScreen, model: &Model, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    let focused = screen.focus == Focus::Tree && ctx.focused;
    for (line, nth) in screen.tree.window(area.height).enumerate() {
        let row = screen.tree.rows()[nth];
        let Some(node) = screen.tree.node(row.node) else {
            continue;
        };
        let y = area.y + line as u16;
        let x = paint::text(
            buf,
            area,
            area.x + 1,
            y,
            area.width,
            &tree::lead(&row),
            ctx.style(Role::Dim),
        );
        let room = area.right().saturating_sub(x);
        match &node.item {
            Item::Kind { label, count } => {
                let x = paint::text(buf, area, x, y, room, label, ctx.style(Role::Title));
                paint::text(
                    buf,
                    area,
                    x + 1,
                    y,
                    6,
                    &count.to_string(),
                    ctx.style(Role::Dim),
                );
            }
            Item::Device(name) => {
                paint::text(buf, area, x, y, room, name, ctx.style(Role::EntityDevice));
            }
            Item::Parent { image, pid } => {
                let pid = pid.map(|pid| format!(" ({pid})")).unwrap_or_default();
                paint::text(
                    buf,
                    area,
                    x,
                    y,
                    room,
                    &format!("{image}{pid}, not in evidence"),
                    ctx.style(Role::Dim),
                );
            }
            Item::Entity(at) => entity_row(&model.entities[*at], buf, area, x, y, ctx),
        }
        if nth == screen.tree.cursor() {
            let role = if focused {
                Role::Selected
            } else {
                Role::SelectedUnfocused
            };
            paint::tint(
                buf,
                Rect {
                    y,
                    height: 1,
                    ..area
                },
                ctx.style(role),
            );
            paint::text(buf, area, area.x, y, 1, "▌", ctx.style(role));
        }
    }
}

fn entity_row(entity: &Entity, buf: &mut Buffer, area: Rect, x: u16, y: u16, ctx: &Ctx<'_>) {
    let (sign, role) = verdict_sign(&entity.verdict());
    let mut x = paint::text(buf, area, x, y, 2, sign, ctx.style(role));
    x = paint::text(buf, area, x, y, 1, " ", ctx.style(Role::Text));
    let mut tail = String::new();
    if entity.occurrences.len() > 1 {
        tail = format!("×{}", entity.occurrences.len());
    }
    let done = remediation_word(&entity.remediation());
    if !done.is_empty() {
        tail = if tail.is_empty() {
            done
        } else {
            format!("{tail} {done}")
        };
    }
    let room = area.right().saturating_sub(x + 1);
    let size = paint::width(&tail);
    let name_room = if size + 12 < room {
        room - size - 1
    } else {
        room
    };
    let style = ctx.style(match entity.kind() {
        EvidenceKind::Device => Role::EntityDevice,
        EvidenceKind::User | EvidenceKind::Mailbox => Role::EntityUser,
        EvidenceKind::File | EvidenceKind::Process | EvidenceKind::FileHash => Role::EntityFile,
        EvidenceKind::Ip | EvidenceKind::Url | EvidenceKind::Dns => Role::EntityNetwork,
        _ => Role::Text,
    });
    paint::text(buf, area, x, y, name_room, &entity.title, style);
    if name_room < room {
        paint::text(
            buf,
            area,
            area.right().saturating_sub(size + 1),
            y,
            size,
            &tail,
            ctx.style(Role::Dim),
        );
    }
}

/// A verdict as a shape; the word stands in the details.
fn verdict_sign(verdict: &Verdict) -> (&'static str, Role) {
    match verdict {
        Verdict::Malicious => ("▲", Role::VerdictMalicious),
        Verdict::Suspicious => ("■", Role::VerdictSuspicious),
        Verdict::NoThreatsFound => ("✓", Role::VerdictClean),
        Verdict::Unknown => ("·", Role::VerdictUnknown),
        Verdict::Other(_) => ("?", Role::VerdictSuspicious),
    }
}

fn verdict_word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::NoThreatsFound => "no threats found".to_owned(),
        Verdict::Unknown => "no verdict".to_owned(),
        other => text::clean(other.as_str()).into_owned(),
    }
}

/// What was done; empty for nothing.
fn remediation_word(status: &RemediationStatus) -> String {
    match status {
        RemediationStatus::None_ => String::new(),
        RemediationStatus::PendingApproval => "waits for approval".to_owned(),
        RemediationStatus::PartiallyRemediated => "partly remediated".to_owned(),
        RemediationStatus::NotFound => "not found".to_owned(),
        other => text::clean(other.as_str()).into_owned(),
    }
}

fn draw_details(screen: &EvidenceScreen, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) -> Rect {
    if area.height == 0 {
        return Rect::default();
    }
    let focused = screen.focus == Focus::Details;
    let beside = area.x > 0;
    let title = match (
        screen.tree.selected().map(|node| &node.item),
        screen.entity(),
    ) {
        (_, Some(entity)) => {
            let done = remediation_word(&entity.remediation());
            let done = if done.is_empty() {
                String::new()
            } else {
                format!(" · {done}")
            };
            format!(
                "{} · {}{done}",
                text::clean(entity.kind().label()),
                verdict_word(&entity.verdict())
            )
        }
        (Some(Item::Kind { label, count }), None) => format!("{label} · {count}"),
        _ => String::new(),
    };
    let body = Rect {
        x: area.x + u16::from(beside),
        y: area.y + 1,
        width: area.width.saturating_sub(u16::from(beside)),
        height: area.height - 1,
    };
    lay(screen, body.width.saturating_sub(2), ctx);
    let laid = screen.laid.borrow();
    let rows = laid.as_ref().map_or(&[][..], |laid| &laid.rows);
    let shown = usize::from(body.height);
    let top = screen.scroll.min(rows.len().saturating_sub(shown.max(1)));
    let extra = if rows.len() > shown && shown > 0 {
        format!(
            "{}–{} of {}",
            top + 1,
            (top + shown).min(rows.len()),
            rows.len()
        )
    } else {
        String::new()
    };
    paint::rule(buf, area, area.y, &title, &extra, rule_styles(ctx, focused));
    if beside {
        paint::text(buf, area, area.x, area.y, 1, "┬", ctx.style(Role::Rule));
        for y in area.y + 1..area.bottom() {
            paint::text(buf, area, area.x, y, 1, "│", ctx.style(Role::Rule));
        }
    }
    for (line, row) in rows.iter().skip(top).take(shown).enumerate() {
        let mut x = body.x + 1;
        let y = body.y + line as u16;
        for (piece, what) in row {
            let room = body.right().saturating_sub(x);
            x = paint::text(buf, body, x, y, room, piece, style_of(*what, ctx));
        }
    }
    if screen.waits() {
        ctx.wake_in(1000);
    }
    body
}

fn style_of(piece: Piece, ctx: &Ctx<'_>) -> Style {
    ctx.style(match piece {
        Piece::Label => Role::Dim,
        Piece::Value(Tone::Plain) => Role::Text,
        Piece::Value(Tone::Title) => Role::Column,
        Piece::Value(Tone::Dim) => Role::Dim,
        Piece::Value(Tone::Bad) => Role::Bad,
        Piece::Value(Tone::Good) => Role::Good,
        Piece::Value(Tone::Wait) => Role::NoticeInfo,
    })
}

/// Lays the details out for a width, unless they are.
fn lay(screen: &EvidenceScreen, width: u16, ctx: &Ctx<'_>) {
    let local = ctx.data.local_time;
    let kept = screen.laid.borrow().as_ref().is_some_and(|laid| {
        laid.version == screen.version
            && laid.width == width
            && laid.local == local
            && !screen.waits()
    });
    if kept {
        return;
    }
    let stamp = |at: Timestamp| time::stamp(at, ctx.zone());
    let lines = match (screen.model(), screen.entity()) {
        (Some(model), Some(entity)) => entity_lines(screen, model, entity, &stamp, ctx.now),
        (Some(model), None) => overview(screen, model),
        (None, _) => Vec::new(),
    };
    let widest = lines
        .iter()
        .filter(|line| line.tone != Tone::Title)
        .map(|line| paint::width(&line.label))
        // a longer name stands on a line of its own and pushes nobody aside
        .filter(|label| *label <= 20)
        .max()
        .unwrap_or(0);
    let labels = widest.min(width / 3);
    let mut rows = Vec::new();
    for line in &lines {
        lay_line(line, labels, width, &mut rows);
    }
    *screen.laid.borrow_mut() = Some(Laid {
        version: screen.version,
        width,
        local,
        rows,
    });
}

fn lay_line(line: &Line, labels: u16, width: u16, rows: &mut Vec<Vec<(String, Piece)>>) {
    let noted = |row: &mut Vec<(String, Piece)>| {
        for (note, tone) in &line.notes {
            row.push((format!("  {note}"), Piece::Value(*tone)));
        }
    };
    if line.tone == Tone::Title {
        if !rows.is_empty() {
            rows.push(Vec::new());
        }
        let mut row = vec![(line.value.clone(), Piece::Value(Tone::Title))];
        noted(&mut row);
        rows.push(row);
        return;
    }
    let size = paint::width(&line.label);
    let mut label = line.label.clone();
    if size > labels {
        // a name longer than its column stands on a line of its own
        rows.push(vec![(std::mem::take(&mut label), Piece::Label)]);
    }
    let pad = labels.saturating_sub(paint::width(&label));
    let lead = |first: bool| {
        if labels == 0 {
            String::new()
        } else if first {
            format!("{label}{}  ", " ".repeat(usize::from(pad)))
        } else {
            " ".repeat(usize::from(labels) + 2)
        }
    };
    let room = width
        .saturating_sub(if labels == 0 { 0 } else { labels + 2 })
        .max(4);
    let values = if line.wrap {
        paint::wrap(&line.value, room)
    } else {
        vec![line.value.clone()]
    };
    let last = values.len().saturating_sub(1);
    for (nth, value) in values.into_iter().enumerate() {
        let used = paint::width(&value);
        let mut row = vec![
            (lead(nth == 0), Piece::Label),
            (value, Piece::Value(line.tone)),
        ];
        let notes: u16 = line
            .notes
            .iter()
            .map(|(note, _)| paint::width(note) + 2)
            .sum();
        if nth == last && !line.notes.is_empty() {
            if used + notes <= room {
                noted(&mut row);
            } else {
                rows.push(std::mem::take(&mut row));
                for (note, tone) in &line.notes {
                    for part in paint::wrap(note, room) {
                        rows.push(vec![
                            (lead(false), Piece::Label),
                            (part, Piece::Value(*tone)),
                        ]);
                    }
                }
                continue;
            }
        }
        rows.push(row);
    }
}

/// An entity in full: its fields, what was hunted of it, what the service thinks and where it is from.
fn entity_lines(
    screen: &EvidenceScreen,
    model: &Model,
    entity: &Entity,
    stamp: &dyn Fn(Timestamp) -> String,
    now: Timestamp,
) -> Vec<Line> {
    let evidence = entity.evidence();
    let mut lines = Vec::new();
    let own = layout::lines(evidence, stamp);
    if own.is_empty() {
        lines.push(Line::new("", "no fields of its own").toned(Tone::Dim));
    }
    lines.extend(own);
    if evidence.kind == EvidenceKind::AnalyzedMessage {
        mail::mark_senders(evidence, &mut lines);
    }
    if matches!(
        evidence.kind,
        EvidenceKind::AnalyzedMessage | EvidenceKind::SubmissionMail
    ) {
        let facts = evidence
            .text("networkMessageId")
            .and_then(|id| screen.facts.get(&*id));
        lines.extend(mail::lines(facts, stamp, now));
    }
    if let Some(id) = evidence
        .machine()
        .filter(|_| evidence.kind != EvidenceKind::Device)
    {
        let name = model.device_name(id.as_str());
        if let Some(line) = lines.iter_mut().find(|line| line.label == "Device id") {
            line.notes.push((name, Tone::Plain));
        }
    }
    lines.push(Line::title("Service's view"));
    let verdicts: Vec<String> = entity
        .verdicts()
        .iter()
        .map(|(verdict, count)| {
            if *count > 1 {
                format!("{} ×{count}", verdict_word(verdict))
            } else {
                verdict_word(verdict)
            }
        })
        .collect();
    let tone = match entity.verdict() {
        Verdict::Malicious => Tone::Bad,
        Verdict::NoThreatsFound => Tone::Good,
        _ => Tone::Plain,
    };
    lines.push(Line::new("Verdict", verdicts.join(", ")).toned(tone));
    let done = match remediation_word(&entity.remediation()) {
        word if word.is_empty() => "none".to_owned(),
        word => word,
    };
    let mut remediation = Line::new("Remediation", done).wrapped();
    if let Some(details) = evidence.text("remediationStatusDetails") {
        remediation = remediation.noted(text::clean(&details), Tone::Dim);
    }
    lines.push(remediation);
    for (label, path) in [
        ("Roles", "roles"),
        ("Detailed roles", "detailedRoles"),
        ("Tags", "tags"),
    ] {
        let all = evidence.texts(path);
        if !all.is_empty() {
            lines.push(Line::new(label, text::clean(&all.join(", "))).wrapped());
        }
    }
    lines.push(Line::title(if entity.occurrences.len() == 1 {
        "Named by"
    } else {
        "Named by, worst verdict first"
    }));
    for occurrence in entity.occurrences.iter().take(40) {
        let at = occurrence.evidence.created().map(stamp).unwrap_or_default();
        let title = &model.alerts[occurrence.alert].title;
        let mut line = Line::new("", format!("{at}  {title}")).wrapped();
        if entity.occurrences.len() > 1 {
            line = line.noted(verdict_word(&occurrence.evidence.verdict()), Tone::Dim);
        }
        lines.push(line);
    }
    if entity.occurrences.len() > 40 {
        lines.push(
            Line::new("", format!("and {} more", entity.occurrences.len() - 40)).toned(Tone::Dim),
        );
    }
    lines
}

/// What stands beside a kind: its entities in numbers.
fn overview(screen: &EvidenceScreen, model: &Model) -> Vec<Line> {
    let Some(node) = screen.tree.selected() else {
        return Vec::new();
    };
    match &node.item {
        Item::Kind { label, .. } => {
            let members = model
                .entities
                .iter()
                .filter(|entity| text::clean(entity.kind().label()) == *label);
            let mut counts: Vec<(Verdict, usize)> = Vec::new();
            for entity in members {
                let verdict = entity.verdict();
                match counts.iter_mut().find(|(known, _)| *known == verdict) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((verdict, 1)),
                }
            }
            counts.sort_by_key(|(verdict, _)| std::cmp::Reverse(super::model::rank(verdict)));
            counts
                .into_iter()
                .map(|(verdict, count)| Line::new(count.to_string(), verdict_word(&verdict)))
                .collect()
        }
        Item::Parent { .. } => vec![
            Line::new(
                "",
                "Named as the parent of the processes below; the service sent no evidence of it.",
            )
            .toned(Tone::Dim)
            .wrapped(),
        ],
        _ => Vec::new(),
    }
}

impl EvidenceScreen {
    /// Whether something shown is on its way.
    fn waits(&self) -> bool {
        let id = self.evidence().and_then(|it| it.text("networkMessageId"));
        id.is_some_and(|id| matches!(self.facts.get(&*id), Some(mail::Facts::Asked(_))))
    }
}
