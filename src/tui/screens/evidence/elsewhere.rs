//! Where else the entity in focus was seen: other alerts and their incidents, from the cache.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::{AlertId, EntityKey, Severity};
use crate::store::Sighting;
use crate::tui::commands::{Command, Scope};
use crate::tui::data::Data;
use crate::tui::msg::{Act, EvidenceOf, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::{paint, popup};

/// The popup.
#[derive(Debug)]
pub(super) struct Elsewhere {
    title: String,
    key: EntityKey,
    /// The alerts it was asked from.
    here: Vec<AlertId>,
    answer: Option<Result<Vec<Sighting>, String>>,
    cursor: usize,
}

impl Elsewhere {
    pub(super) fn new(title: String, key: EntityKey, here: Vec<AlertId>) -> Self {
        Self {
            title,
            key,
            here,
            answer: None,
            cursor: 0,
        }
    }

    fn found(&self) -> &[Sighting] {
        match &self.answer {
            Some(Ok(found)) => found,
            _ => &[],
        }
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
                let alert = self.found().get(self.cursor).map(|it| it.alert.clone());
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
            self.answer = Some(answer.clone().map(|mut found| {
                found.retain(|it| !here.contains(&it.alert));
                found
            }));
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
            .filter_map(|it| it.incident.as_ref())
            .collect();
        incidents.sort();
        incidents.dedup();
        let extra = match &self.answer {
            None => "looking…".to_owned(),
            Some(Err(_)) => "not read".to_owned(),
            Some(Ok(found)) => {
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
        match &self.answer {
            Some(Err(why)) => {
                paint::text(
                    buf,
                    inside,
                    inside.x,
                    inside.y,
                    inside.width,
                    why,
                    ctx.style(Role::NoticeError),
                );
            }
            Some(Ok(found)) if found.is_empty() => {
                let word = "In no other cached alert. Older or closed ones may have left the cache: H hunts around.";
                for (nth, line) in paint::wrap(word, inside.width).iter().enumerate() {
                    paint::text(
                        buf,
                        inside,
                        inside.x,
                        inside.y + nth as u16,
                        inside.width,
                        line,
                        ctx.style(Role::Dim),
                    );
                }
            }
            _ => {}
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
            paint::text(
                buf,
                inside,
                inside.x + 17,
                y,
                inside.width.saturating_sub(17),
                &it.title,
                ctx.style(Role::Text),
            );
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
