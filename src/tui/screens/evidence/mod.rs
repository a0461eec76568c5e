//! Evidence: the entities of an alert or incident as a tree, the one in focus in full beside it.
//!
//! What the service says of a mail's authentication, links, attachments and later moves is not part
//! of an alert: it is hunted when asked for and shown with where and when it is from.

mod elsewhere;
mod layout;
mod mail;
mod model;
mod source;
mod view;
pub mod work;

use std::cell::{Cell as Remembered, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use self::mail::Facts;
use self::model::{Entity, Item, Model};
use crate::domain::{Change, Evidence, EvidenceKind, IncidentId, Of, TenantNo, text};
use crate::hunt::{HuntError, HuntResult};
use crate::tui::commands::{Command, Scope};
use crate::tui::data::{Data, Level};
use crate::tui::msg::{Act, DeviceRef, Effect, EvidenceOf, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::widgets::tree::Tree;

pub use self::layout::{layout_of, layouts};

/// What the Evidence screen asks of a worker.
#[derive(Debug)]
pub enum EvidenceAsk {
    /// Hunt for what an alert does not carry of a mail.
    Mail {
        /// Its `networkMessageId`, as the service wrote it.
        id: Of<String>,
        /// KQL.
        query: String,
    },
}

impl EvidenceAsk {
    /// Whose service is asked.
    pub fn tenant(&self) -> TenantNo {
        match self {
            Self::Mail { id, .. } => id.tenant,
        }
    }
}

/// What it is told.
#[derive(Clone, Debug)]
pub enum EvidenceMsg {
    /// What was found about a mail.
    Mail {
        /// Its `networkMessageId`.
        id: Of<String>,
        /// The rows, or why there are none.
        answer: Result<Arc<HuntResult>, Arc<HuntError>>,
    },
}

/// Which half has the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    Tree,
    Details,
}

/// What is known of the subject.
#[derive(Debug)]
enum Subject {
    /// Being read from the cache.
    Reading,
    /// Not cached.
    Missing,
    /// The cache could not be read.
    Failed(String),
    /// Read.
    Known {
        title: String,
        portal: Option<String>,
        model: Model,
    },
}

/// The screen.
#[derive(Debug)]
pub struct EvidenceScreen {
    of: EvidenceOf,
    subject: Subject,
    tree: Tree<String, Item>,
    focus: Focus,
    scroll: usize,
    /// What was hunted for, by `networkMessageId`.
    facts: HashMap<String, Facts>,
    /// Goes up with everything that changes the details.
    version: u64,
    laid: RefCell<Option<view::Laid>>,
    places: Remembered<(Rect, Rect)>,
}

impl EvidenceScreen {
    /// The evidence of one alert, or of all alerts of an incident.
    pub fn new(of: EvidenceOf) -> Self {
        Self {
            of,
            subject: Subject::Reading,
            tree: Tree::default(),
            focus: Focus::Tree,
            scroll: 0,
            facts: HashMap::new(),
            version: 0,
            laid: RefCell::new(None),
            places: Remembered::default(),
        }
    }

    fn whose(&self) -> TenantNo {
        match &self.of {
            EvidenceOf::Alert(id) => id.tenant,
            EvidenceOf::Incident(id) => id.tenant,
        }
    }

    fn model(&self) -> Option<&Model> {
        match &self.subject {
            Subject::Known { model, .. } => Some(model),
            _ => None,
        }
    }

    /// The entity in focus.
    fn entity(&self) -> Option<&Entity> {
        match self.tree.selected()?.item {
            Item::Entity(at) => self.model()?.entities.get(at),
            _ => None,
        }
    }

    fn evidence(&self) -> Option<&Arc<Evidence>> {
        self.entity().map(Entity::evidence)
    }

    fn ask(&self, cx: &mut Cx<'_>) {
        cx.effect(match &self.of {
            EvidenceOf::Alert(id) => Effect::LoadAlert(id.clone()),
            EvidenceOf::Incident(id) => Effect::LoadStory(id.clone()),
        });
    }

    fn know(&mut self, title: String, portal: Option<String>, model: Model) {
        self.tree.set(model.nodes());
        if let (Subject::Reading, Some(first)) = (&self.subject, first_entity(&model)) {
            self.tree.select(&first);
        }
        self.subject = Subject::Known {
            title,
            portal,
            model,
        };
        self.version += 1;
    }

    fn moved(&mut self) {
        self.scroll = 0;
        self.version += 1;
    }

    /// Hunts for what the alert does not carry of the mail in focus.
    fn fetch_mail(&mut self, cx: &mut Cx<'_>) {
        let evidence = self.evidence().filter(|it| {
            it.kind == EvidenceKind::AnalyzedMessage || it.kind == EvidenceKind::SubmissionMail
        });
        let Some(id) = evidence
            .and_then(|it| it.text("networkMessageId"))
            .map(std::borrow::Cow::into_owned)
        else {
            cx.notice(
                Level::Info,
                "only a mail with a network message id can be looked up",
            );
            return;
        };
        if matches!(self.facts.get(&id), Some(Facts::Asked(_))) {
            return;
        }
        self.facts.insert(id.clone(), Facts::Asked(cx.now));
        self.version += 1;
        cx.effect(Effect::Evidence(EvidenceAsk::Mail {
            query: mail::query(&id),
            id: Of::new(self.whose(), id),
        }));
    }

    fn hunt_around(&self, cx: &mut Cx<'_>) {
        let Some(entity) = self.entity() else {
            cx.notice(Level::Info, "choose an entity to hunt around");
            return;
        };
        let at = self
            .model()
            .and_then(|model| model.alerts.get(entity.occurrences[0].alert)?.at);
        match layout::hunt_around(entity.evidence(), at) {
            Some((what, query)) => cx.act(Act::Hunt {
                tenants: vec![self.whose()],
                title: entity.title.clone(),
                query: format!("// {what}: {}\n{query}", entity.title.replace('\n', " ")),
                run: false,
            }),
            None => cx.notice(
                Level::Info,
                format!(
                    "no prepared query for this {}",
                    text::clean(entity.kind().label())
                ),
            ),
        }
    }

    fn where_else(&self, cx: &mut Cx<'_>) {
        let Some((entity, key)) = self
            .entity()
            .and_then(|it| Some((it, it.evidence().key()?)))
        else {
            cx.notice(Level::Info, "nothing here is recognised elsewhere");
            return;
        };
        cx.effect(Effect::LoadSightings(key.clone()));
        let here = self
            .model()
            .map(|model| {
                let ids = model.alerts.iter().map(|alert| alert.id.clone());
                ids.map(|id| Of::new(self.whose(), id)).collect()
            })
            .unwrap_or_default();
        cx.popup(Box::new(elsewhere::Elsewhere::new(
            entity.title.clone(),
            key,
            here,
        )));
    }
}

impl Screen for EvidenceScreen {
    fn scope(&self) -> Scope {
        Scope::Evidence
    }

    fn title(&self) -> String {
        match (&self.subject, &self.of) {
            (Subject::Known { title, .. }, EvidenceOf::Alert(_)) => format!("Evidence: {title}"),
            (Subject::Known { title, .. }, EvidenceOf::Incident(id)) => {
                format!("Evidence of {id}: {title}")
            }
            (_, EvidenceOf::Alert(_)) => "Evidence".to_owned(),
            (_, EvidenceOf::Incident(id)) => format!("Evidence of {id}"),
        }
    }

    fn shown(&mut self, cx: &mut Cx<'_>) {
        self.ask(cx);
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let page = self.tree.page() as isize;
        let all = self.tree.rows().len() as isize;
        let by = match command {
            Command::Down => 1,
            Command::Up => -1,
            Command::PageDown => page,
            Command::PageUp => -page,
            Command::Top => -all,
            Command::Bottom => all,
            _ => 0,
        };
        if by != 0 {
            if self.focus == Focus::Details {
                self.scroll = self.scroll.saturating_add_signed(by);
            } else {
                self.tree.step(by);
                self.moved();
            }
            return true;
        }
        match command {
            Command::DetailDown => self.scroll += 8,
            Command::DetailUp => self.scroll = self.scroll.saturating_sub(8),
            Command::NextPane | Command::PreviousPane => {
                self.focus = if self.focus == Focus::Tree {
                    Focus::Details
                } else {
                    Focus::Tree
                };
            }
            Command::EntityOpen => {
                let leaf = self
                    .tree
                    .rows()
                    .get(self.tree.cursor())
                    .is_some_and(|row| row.open.is_none());
                let mail = self
                    .evidence()
                    .is_some_and(|it| it.kind == EvidenceKind::AnalyzedMessage);
                if leaf && mail {
                    self.fetch_mail(cx);
                } else {
                    self.tree.toggle();
                    self.moved();
                }
            }
            Command::EntityCollapse => {
                self.tree.left();
                self.moved();
            }
            Command::EntityExpand => {
                self.tree.right();
                self.moved();
            }
            Command::EntityMail => self.fetch_mail(cx),
            Command::EntityElsewhere => self.where_else(cx),
            Command::HuntAround => self.hunt_around(cx),
            Command::EntitySource => match self.entity() {
                Some(entity) => {
                    let popup =
                        source::Source::new(&entity.title, layout::source(entity.evidence()));
                    cx.popup(Box::new(popup));
                }
                None => cx.notice(Level::Info, "choose an entity to see its source"),
            },
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, event: MouseEvent, _cx: &mut Cx<'_>) {
        let at = Position {
            x: event.column,
            y: event.row,
        };
        let (tree, details) = self.places.get();
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) if tree.contains(at) => {
                self.focus = Focus::Tree;
                let row = self.tree.window(tree.height).start + usize::from(at.y - tree.y);
                if row < self.tree.rows().len() {
                    if row == self.tree.cursor() {
                        self.tree.toggle();
                    }
                    self.tree.set_cursor(row);
                    self.moved();
                }
            }
            MouseEventKind::Down(MouseButton::Left) if details.contains(at) => {
                self.focus = Focus::Details;
            }
            MouseEventKind::ScrollDown if details.contains(at) => self.scroll += 3,
            MouseEventKind::ScrollUp if details.contains(at) => {
                self.scroll = self.scroll.saturating_sub(3);
            }
            MouseEventKind::ScrollDown | MouseEventKind::ScrollUp if tree.contains(at) => {
                self.tree.step(if event.kind == MouseEventKind::ScrollDown {
                    3
                } else {
                    -3
                });
                self.moved();
            }
            _ => {}
        }
    }

    fn message(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
        match (msg, &self.of) {
            (Msg::Alert(id, answer), EvidenceOf::Alert(own)) if id == own => match answer {
                Ok(Some(alert)) => {
                    let title =
                        text::clean(alert.title.as_deref().unwrap_or("(no title)")).into_owned();
                    let portal = alert.alert_web_url.as_deref().map(str::to_owned);
                    self.know(title, portal, Model::new([alert.as_ref()]));
                }
                Ok(None) => self.subject = Subject::Missing,
                Err(why) => self.subject = Subject::Failed(why.clone()),
            },
            (Msg::Story(id, answer), EvidenceOf::Incident(own)) if id == own => match answer {
                Ok(Some(story)) => {
                    let title = story
                        .incident
                        .display_name
                        .as_deref()
                        .unwrap_or("(no title)");
                    let portal = story
                        .incident
                        .incident_web_url
                        .as_deref()
                        .map(str::to_owned);
                    self.know(
                        text::clean(title).into_owned(),
                        portal,
                        Model::new(&story.alerts),
                    );
                }
                Ok(None) => self.subject = Subject::Missing,
                Err(why) => self.subject = Subject::Failed(why.clone()),
            },
            (Msg::Changes(changes), of) => {
                let own = changes.iter().filter(|it| it.tenant == self.whose());
                let concerned = own.into_iter().any(|change| match (&change.it, of) {
                    (Change::Alert(row), EvidenceOf::Alert(own)) => row.id == own.it,
                    (Change::Alert(row), EvidenceOf::Incident(own)) => {
                        row.incident.as_ref() == Some(&own.it)
                    }
                    _ => false,
                });
                if concerned {
                    self.ask(cx);
                }
            }
            (Msg::Evidence(EvidenceMsg::Mail { id, answer }), _)
                if id.tenant == self.whose() && self.facts.contains_key(&id.it) =>
            {
                self.facts.insert(id.it.clone(), Facts::of(answer, cx.now));
                self.version += 1;
            }
            _ => {}
        }
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        view::draw(self, buf, area, ctx);
    }

    fn devices(&self, _data: &Data) -> Vec<Of<DeviceRef>> {
        let Some(model) = self.model() else {
            return Vec::new();
        };
        let of = |id: &str| {
            let device = DeviceRef {
                id: crate::domain::MachineId::new(id),
                name: model.device_name(id),
            };
            Of::new(self.whose(), device)
        };
        match self.tree.selected().map(|node| &node.item) {
            Some(Item::Entity(at)) => model.entities[*at]
                .evidence()
                .machine()
                .map(|id| of(id.as_str()))
                .into_iter()
                .collect(),
            Some(Item::Kind { .. }) | None => Vec::new(),
            Some(Item::Device(_) | Item::Parent { .. }) => {
                // the entities below are on it
                let rows = &self.tree.rows()[self.tree.cursor()..];
                let below = rows
                    .iter()
                    .filter_map(|row| match self.tree.node(row.node)?.item {
                        Item::Entity(at) => model.entities[at].evidence().machine(),
                        _ => None,
                    });
                below.take(1).map(|id| of(id.as_str())).collect()
            }
        }
    }

    fn portal(&self, _data: &Data) -> Option<String> {
        match &self.subject {
            Subject::Known { portal, .. } => portal.clone(),
            _ => None,
        }
    }

    fn incident(&self, _data: &Data) -> Option<Of<IncidentId>> {
        match &self.of {
            EvidenceOf::Incident(id) => Some(id.clone()),
            EvidenceOf::Alert(id) => {
                let incident = self.model()?.alerts.first()?.incident.clone()?;
                Some(id.with(incident))
            }
        }
    }

    fn tenant(&self, _data: &Data) -> Option<TenantNo> {
        Some(self.whose())
    }

    fn copied(&self, raw: bool, _data: &Data) -> Option<String> {
        let evidence = self.evidence()?;
        let hash = [
            "fileDetails.sha256",
            "fileDetails.sha1",
            "imageFile.sha256",
            "imageFile.sha1",
        ];
        let whole = match evidence.kind {
            EvidenceKind::File | EvidenceKind::Process => {
                hash.iter().find_map(|path| evidence.text(path))
            }
            _ => None,
        };
        let whole = whole.unwrap_or_else(|| evidence.title());
        let link = matches!(
            evidence.kind,
            EvidenceKind::Url
                | EvidenceKind::Ip
                | EvidenceKind::Dns
                | EvidenceKind::NetworkConnection
        );
        Some(if !raw && (link || whole.contains("://")) {
            text::defang(&whole)
        } else {
            whole.into_owned()
        })
    }
}

/// Where the cursor begins: on the worst entity, the first of them in reading order.
fn first_entity(model: &Model) -> Option<String> {
    let nodes = model.nodes();
    let entities = nodes.iter().filter_map(|node| match node.item {
        Item::Entity(at) => Some((&node.key, model::rank(&model.entities[at].verdict()))),
        _ => None,
    });
    let worst = entities.clone().map(|(_, rank)| rank).max()?;
    entities
        .into_iter()
        .find(|(_, rank)| *rank == worst)
        .map(|(key, _)| key.clone())
}
