//! One frame: header, body, hint line; popups over them. Reads state, changes nothing.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::commands::{Command, Danger, Scope};
use super::data::Level;
use super::keymap::Keymap;
use super::screen::Ctx;
use super::state::State;
use super::theme::Role;
use super::widgets::{paint, popup};

/// What a frame leaves behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// Where the terminal's cursor shall stand; hidden where `None`.
    pub cursor: Option<Position>,
    /// When something on screen will have changed by itself.
    pub wake: Option<Timestamp>,
}

/// Draws everything into the buffer.
pub fn draw(state: &State, buf: &mut Buffer, now: Timestamp) -> Drawn {
    let area = buf.area;
    if area.width == 0 || area.height == 0 {
        return Drawn::default();
    }
    let quiet = state.popups().len() == 0;
    let ctx = Ctx::new(
        &state.theme,
        now,
        &state.data,
        &state.keymap,
        state.has_focus && quiet,
    );
    paint::fill(buf, area, ctx.style(Role::Text));
    let (header, body, hints) = layout(area);
    if let Some(header) = header {
        super::header::draw(buf, header, &ctx);
    }
    state.screen().view(buf, body, &ctx);
    // A popup has the keyboard and with it the cursor.
    let over = Ctx::new(
        &state.theme,
        now,
        &state.data,
        &state.keymap,
        state.has_focus,
    );
    for popup in state.popups() {
        popup.view(buf, body, &over);
    }
    if !state.pressed.is_empty() {
        which_key(state, buf, body, &ctx);
    }
    if let Some(hints) = hints {
        last_line(state, buf, hints, &ctx);
    }
    let cursor = if quiet { ctx.cursor() } else { over.cursor() };
    let wake = [ctx.wake(), over.wake()].into_iter().flatten().min();
    Drawn {
        cursor: cursor.filter(|at| area.contains(*at)),
        wake,
    }
}

/// Header, body and hint line; the first and last fall away where there is no room for them.
pub fn layout(area: Rect) -> (Option<Rect>, Rect, Option<Rect>) {
    if area.height < 4 {
        return (None, area, None);
    }
    let header = Rect { height: 1, ..area };
    let body = Rect {
        y: area.y + 1,
        height: area.height - 2,
        ..area
    };
    let hints = Rect {
        y: area.bottom() - 1,
        height: 1,
        ..area
    };
    (Some(header), body, Some(hints))
}

/// The last line: what was said just now, else the keys that work here.
fn last_line(state: &State, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
    if let Some((level, text, until)) = &state.toast {
        let role = match level {
            Level::Info => Role::NoticeInfo,
            Level::Warning => Role::NoticeWarning,
            Level::Error => Role::NoticeError,
        };
        let sign = match level {
            Level::Info => "·",
            Level::Warning => "!",
            Level::Error => "✗",
        };
        ctx.wake_at(*until);
        let at = paint::text(buf, area, area.x + 1, area.y, 2, sign, ctx.style(role));
        let more = if *level == Level::Info {
            ""
        } else {
            "6 all messages"
        };
        let room = area.width.saturating_sub(at + paint::width(more) + 3);
        paint::text(buf, area, at + 1, area.y, room, text, ctx.style(role));
        let size = paint::width(more);
        if size + 20 < area.width {
            let x = area.right() - size - 1;
            paint::text(buf, area, x, area.y, size, more, ctx.style(Role::Hint));
        }
        return;
    }
    let read_only = state.data.tenants.all_read_only();
    let mut x = area.x + 1;
    let mut shown: Vec<String> = Vec::new();
    let scope = state.scope();
    // The way to help is promised room at the right end.
    let tail = ["palette", "help"];
    let mut items: Vec<(String, &str)> = Vec::new();
    for spec in Keymap::alive(scope) {
        let refused = read_only && spec.danger != Danger::None;
        // where vim's keys are on, esc does not leave the query
        let vims = state.data.settings.vim_keys && spec.command == Command::HuntLeave;
        if spec.hint.is_empty() || refused || vims || tail.contains(&spec.name) {
            continue;
        }
        let Some(key) = state.keymap.key_of(spec.command) else {
            continue;
        };
        if shown.contains(&key) {
            continue;
        }
        shown.push(key.clone());
        items.push((key, spec.hint));
    }
    // The device commands are sequences with one first key: it stands for them all.
    let isolate = state.keymap.key_of(Command::DeviceIsolateFull);
    let first = isolate.as_deref().and_then(|key| key.split(' ').next());
    if let Some(first) = first.filter(|_| !read_only && scope.chain().any(|s| s == Scope::Items)) {
        let at = items.len().min(5);
        items.insert(at, (first.to_owned(), "device"));
    }
    if state.data.tenants.several()
        && Keymap::alive(scope).any(|spec| spec.command == Command::TenantChoose)
        && let Some(key) = state.keymap.key_of(Command::TenantChoose)
    {
        items.insert(items.len().min(2), (key, "tenants"));
    }
    let mut end: Vec<(String, &str)> = Vec::new();
    for spec in Keymap::alive(scope).filter(|spec| tail.contains(&spec.name)) {
        if let Some(key) = state.keymap.key_of(spec.command) {
            end.push((key, spec.hint));
        }
    }
    if end.is_empty() {
        let help = Command::HelpAnywhere;
        end.extend(state.keymap.key_of(help).map(|key| (key, "help")));
    }
    let size = |(key, word): &(String, &str)| paint::width(key) + paint::width(word) + 3;
    let reserved: u16 = end.iter().map(size).sum();
    for item in &items {
        if x + size(item) + reserved > area.right() {
            break;
        }
        x = hint(buf, area, x, &item.0, item.1, ctx);
    }
    for item in &end {
        if x + size(item) <= area.right() + 2 {
            x = hint(buf, area, x, &item.0, item.1, ctx);
        }
    }
}

fn hint(buf: &mut Buffer, area: Rect, x: u16, key: &str, word: &str, ctx: &Ctx<'_>) -> u16 {
    let pieces = [
        (key, ctx.style(Role::HintKey)),
        (" ", ctx.style(Role::Hint)),
        (word, ctx.style(Role::Hint)),
    ];
    paint::pieces(buf, area, x, area.y, &pieces) + 2
}

/// What may follow the keys pressed so far.
fn which_key(state: &State, buf: &mut Buffer, body: Rect, ctx: &Ctx<'_>) {
    let rows = state.keymap.following(state.scope(), &state.pressed);
    let pressed = super::keys::show_sequence(&state.pressed);
    let keys = rows
        .iter()
        .map(|(key, _)| paint::width(key))
        .max()
        .unwrap_or(1);
    let titles = rows
        .iter()
        .map(|(_, command)| paint::width(command.spec().title))
        .max();
    let width = keys + titles.unwrap_or(10) + 8;
    let height = rows.len() as u16 + 2;
    let width = width.min(body.width);
    let height = height.min(body.height);
    let place = Rect {
        x: body.right() - width,
        y: body.bottom() - height,
        width,
        height,
    };
    let inside = popup::frame(buf, place, &format!("{pressed} …"), "", false, ctx);
    for (line, (key, command)) in rows.iter().enumerate().take(usize::from(inside.height)) {
        let y = inside.y + line as u16;
        let spec = command.spec();
        let refused = state.data.tenants.all_read_only() && spec.danger != Danger::None;
        let role = match spec.danger {
            _ if refused => Role::Dim,
            Danger::High => Role::Bad,
            _ => Role::Text,
        };
        paint::text(
            buf,
            inside,
            inside.x,
            y,
            keys,
            key,
            ctx.style(Role::HintKey),
        );
        let x = inside.x + keys + 2;
        let room = inside.right().saturating_sub(x);
        paint::text(buf, inside, x, y, room, spec.title, ctx.style(role));
    }
}
