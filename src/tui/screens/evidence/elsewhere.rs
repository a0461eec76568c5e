//! Where else the entity in focus was seen: other alerts and their incidents, from the cache.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::{AlertId, EntityKey, Of, Severity};
use crate::store::Sighting;
use crate::tui::commands::{Command, Scope};
use crate::tui::data::Data;
use crate::tui::msg::{Act, EvidenceOf, Msg, Sightings};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::screens::tenants::ink;
use crate::tui::theme::Role;
use crate::tui::widgets::{paint, popup};

/// The popup.
#[derive(Debug)]
pub(super) struct Elsewhere {
    title: String,
    key: EntityKey,
    /// The alerts it was asked from.
    here: Vec<Of<AlertId>>,
    answer: Option<Sightings>,
    cursor: usize,
}

impl Elsewhere {
    pub(super) fn new(title: String, key: EntityKey, here: Vec<Of<AlertId>>) -> Self {
        Self {
            title,
            key,
            here,
            answer: None,
            cursor: 0,
        }
    }

    fn found(&self) -> &[Of<Sighting>] {
        let found = self.answer.as_ref().map(|answer| answer.found.as_slice());
        found.unwrap_or_default()
    }
}

impl Screen for Elsewhere {
    fn scope(&self) -> Scope {
        Scope::Picker
    }

    fn title(&self) -> String {
        "Where else".to_owned()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let last = self.found().len().saturating_sub(1);
        match command {
            Command::PickerDown => self.cursor = (self.cursor + 1).min(last),
            Command::PickerUp => self.cursor = self.cursor.saturating_sub(1),
            Command::PopupDown => self.cursor = (self.cursor + 10).min(last),
            Command::PopupUp => self.cursor = self.cursor.saturating_sub(10),
            Command::PickerChoose => {
                let found = self.found().get(self.cursor);
                let alert = found.map(|it| it.with(it.alert.clone()));
                cx.close();
                if let Some(alert) = alert {
                    cx.act(Act::Evidence(EvidenceOf::Alert(alert)));
                }
            }
            _ => return false,
        }
        true
    }

    fn message(&mut self, msg: &Msg, _cx: &mut Cx<'_>) {
        if let Msg::Sightings(key, answer) = msg
            && *key == self.key
        {
            let here = &self.here;
            let mut answer = answer.clone();
            answer
                .found
                .retain(|it| !here.contains(&it.with(it.alert.clone())));
            self.answer = Some(answer);
            self.cursor = 0;
        }
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let width = area.width.saturating_sub(4).min(100);
        let wanted = (self.found().len() as u16).saturating_add(3).max(5);
        let place = popup::place(
            area,
            width,
            wanted.min(area.height.saturating_sub(2)).max(3),
        );
        let mut incidents: Vec<_> = self
            .found()
            .iter()
            .filter_map(|it| Some(it.with(it.incident.as_ref()?)))
            .collect();
        incidents.sort();
        incidents.dedup();
        let extra = match &self.answer {
            None => "looking…".to_owned(),
            Some(answer) if answer.found.is_empty() && !answer.unread.is_empty() => {
                "not read".to_owned()
            }
            Some(Sightings { found, .. }) => {
                let count = |count: usize, what: &str| match count {
                    1 => format!("1 {what}"),
                    count => format!("{count} {what}s"),
                };
                format!(
                    "{}, {}",
                    count(found.len(), "alert"),
                    count(incidents.len(), "incident")
                )
            }
        };
        let inside = popup::frame(
            buf,
            place,
            &format!("Where else: {}", self.title),
            &extra,
            false,
            ctx,
        );
        let mut words: Vec<(String, Role)> = Vec::new();
        if let Some(answer) = &self.answer {
            for why in &answer.unread {
                let why_not = ctx.data.tenants.named(why.tenant, why.it.as_str());
                words.push((why_not, Role::NoticeError));
            }
            if answer.found.is_empty() && answer.unread.is_empty() {
                let word = "In no other cached alert. Older or closed ones may have left the cache: H hunts around.";
                words.push((word.to_owned(), Role::Dim));
            }
        }
        let mut inside = inside;
        for (word, role) in words {
            for line in paint::wrap(&word, inside.width) {
                if inside.height == 0 {
                    break;
                }
                let width = inside.width;
                let (x, y) = (inside.x, inside.y);
                paint::text(buf, inside, x, y, width, &line, ctx.style(role));
                inside.y += 1;
                inside.height -= 1;
            }
        }
        let shown = usize::from(inside.height).max(1);
        let top = self.cursor.saturating_sub(shown - 1);
        for (line, it) in self
            .found()
            .iter()
            .skip(top)
            .take(usize::from(inside.height))
            .enumerate()
        {
            let y = inside.y + line as u16;
            let (sign, role) = match it.severity {
                Severity::High => ("▲H", Role::SeverityHigh),
                Severity::Medium => ("■M", Role::SeverityMedium),
                Severity::Low => ("●L", Role::SeverityLow),
                Severity::Informational => ("·i", Role::SeverityInformational),
                Severity::Unknown | Severity::Other(_) => ("? ", Role::SeverityUnknown),
            };
            paint::text(buf, inside, inside.x, y, 2, sign, ctx.style(role));
            paint::text_right(
                buf,
                inside,
                inside.x + 3,
                y,
                4,
                &ctx.ago(it.created),
                ctx.style(Role::Time),
            );
            let incident = it.incident.as_ref().map_or("—", |id| id.as_str());
            paint::text(
                buf,
                inside,
                inside.x + 8,
                y,
                8,
                incident,
                ctx.style(Role::Dim),
            );
            let mut x = inside.x + 17;
            if ctx.data.tenants.several() {
                let name = ctx.data.tenants.name(it.tenant);
                let width = 18.min(inside.width / 4);
                paint::text(buf, inside, x, y, width, name, ctx.style(ink(it.tenant)));
                x += width + 1;
            }
            let room = inside.right().saturating_sub(x);
            paint::text(buf, inside, x, y, room, &it.title, ctx.style(Role::Text));
            if top + line == self.cursor {
                paint::tint(
                    buf,
                    Rect {
                        y,
                        height: 1,
                        ..inside
                    },
                    ctx.style(Role::Selected),
                );
            }
        }
    }

    fn copied(&self, _raw: bool, _data: &Data) -> Option<String> {
        self.found().get(self.cursor).map(|it| it.alert.to_string())
    }
}
