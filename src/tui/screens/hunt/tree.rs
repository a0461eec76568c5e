//! The schema beside the query: tables by group, their columns with types, narrowed by what is typed.

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::hunt::SharedSchema;
use crate::kql::assist::words::{self, Topic};
use crate::kql::schema::{Presence, Table};
use crate::tui::commands::Command;
use crate::tui::keys::Chord;
use crate::tui::screen::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{input::Input, paint, popup};

/// From this width on the tree stands beside the editor; below it lies over it.
const BESIDE: u16 = 110;
/// Its width beside the editor.
const WIDTH: u16 = 42;

/// The group of tables that only a tenant has.
const OWN: &str = "Of this tenant";
/// The group of documented tables that no group names.
const OTHER: &str = "Others";

/// A line of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// A group and how many of its tables are shown.
    Group(&'static str, usize),
    /// A table, by its place in the schema.
    Table(usize),
    /// A column of a table.
    Column(usize, usize),
}

/// What is left to do after a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing.
    Nothing,
    /// Write this name at the caret.
    Insert(String),
    /// Back to the query.
    Leave,
}

/// The tree.
#[derive(Debug, Default)]
pub(super) struct SchemaTree {
    input: Input,
    schema: SharedSchema,
    /// Groups and tables that are open.
    groups: BTreeSet<&'static str>,
    tables: BTreeSet<String>,
    lines: Vec<Line>,
    cursor: usize,
}

impl SchemaTree {
    pub(super) fn new(schema: SharedSchema) -> Self {
        let mut tree = Self {
            schema,
            ..Self::default()
        };
        tree.lay_out();
        tree
    }

    /// The schema is another one: what was open stays open.
    pub(super) fn take_schema(&mut self, schema: &SharedSchema) {
        if !self.schema.is(schema) {
            self.schema = schema.clone();
            self.lay_out();
        }
    }

    fn group_of(table: &Table) -> &'static str {
        if let Some(told) = &table.told {
            return told.group;
        }
        if table.presence == Presence::Tenant {
            return OWN;
        }
        words::table_group(&table.name).unwrap_or(OTHER)
    }

    fn lay_out(&mut self) {
        let wanted = self.input.text().trim().to_ascii_lowercase();
        let fits = |name: &str| name.to_ascii_lowercase().contains(&wanted);
        let groups = words::table_groups().iter().map(|group| group.name);
        let mut order = vec![OWN];
        for told in self
            .schema
            .tables()
            .iter()
            .filter_map(|it| it.told.as_ref())
        {
            if !order.contains(&told.group) {
                order.push(told.group);
            }
        }
        let documented: Vec<&str> = groups.filter(|it| !order.contains(it)).collect();
        order.extend(documented);
        order.push(OTHER);
        self.lines.clear();
        for group in order {
            let tables = self.schema.tables().iter().enumerate();
            let tables: Vec<(usize, &Table)> = tables
                .filter(|(_, table)| Self::group_of(table) == group)
                .filter(|(_, table)| {
                    fits(&table.name) || table.columns.iter().any(|it| fits(&it.name))
                })
                .collect();
            if tables.is_empty() {
                continue;
            }
            self.lines.push(Line::Group(group, tables.len()));
            if wanted.is_empty() && !self.groups.contains(group) {
                continue;
            }
            for (at, table) in tables {
                self.lines.push(Line::Table(at));
                let open = self.tables.contains(&table.name);
                // While looking for a column it is shown without being opened.
                let by_name = fits(&table.name);
                let columns = table.columns.iter().enumerate();
                let columns = columns.filter(|(_, column)| {
                    let named = !wanted.is_empty() && fits(&column.name);
                    if by_name {
                        open || named && wanted.len() > 2
                    } else {
                        named
                    }
                });
                self.lines
                    .extend(columns.map(|(column, _)| Line::Column(at, column)));
            }
        }
        self.cursor = self.cursor.min(self.lines.len().saturating_sub(1));
    }

    pub(super) fn key(&mut self, chord: Chord) {
        if self.input.key(chord) {
            self.lay_out();
            self.focus_best();
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.input.paste(text);
        self.lay_out();
        self.focus_best();
    }

    /// To the first table whose name begins with what is looked for, else the first line that is none of a group.
    fn focus_best(&mut self) {
        let wanted = self.input.text().trim().to_ascii_lowercase();
        let begins = |line: &Line| match line {
            Line::Table(at) => {
                let name = &self.schema.tables()[*at].name;
                name.to_ascii_lowercase().starts_with(&wanted)
            }
            _ => false,
        };
        let inner = |line: &Line| !matches!(line, Line::Group(..));
        let best = self.lines.iter().position(begins);
        self.cursor = match best.or_else(|| self.lines.iter().position(inner)) {
            Some(at) if !wanted.is_empty() => at,
            _ => 0,
        };
    }

    fn step(&mut self, by: isize) {
        let last = self.lines.len().saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(by).min(last);
    }

    /// Opens or closes what is in focus; false where that is a column, or it is so already.
    fn set_open(&mut self, open: Option<bool>) -> bool {
        let changed = match self.lines.get(self.cursor) {
            Some(Line::Group(group, _)) => toggle(&mut self.groups, group, open),
            Some(Line::Table(at)) => {
                let name = self.schema.tables()[*at].name.clone();
                toggle(&mut self.tables, &name, open)
            }
            Some(Line::Column(..)) | None => false,
        };
        self.lay_out();
        changed
    }

    /// To the table or group that what is in focus belongs to.
    fn focus_parent(&mut self) {
        let inside = |line: &Line| {
            matches!(
                (&self.lines[self.cursor], line),
                (Line::Column(..), Line::Table(_)) | (Line::Table(_), Line::Group(..))
            )
        };
        if let Some(at) = self.lines[..self.cursor].iter().rposition(inside) {
            self.cursor = at;
        }
    }

    fn name_here(&self) -> Option<&str> {
        match self.lines.get(self.cursor)? {
            Line::Group(..) => None,
            Line::Table(at) => Some(&self.schema.tables()[*at].name),
            Line::Column(at, column) => Some(&self.schema.tables()[*at].columns[*column].name),
        }
    }

    /// Does a command; `None` where it is not the tree's.
    pub(super) fn command(&mut self, command: Command) -> Option<Wish> {
        match command {
            Command::SchemaDown => self.step(1),
            Command::SchemaUp => self.step(-1),
            Command::SchemaPageDown => self.step(12),
            Command::SchemaPageUp => self.step(-12),
            Command::SchemaExpand => {
                if !self.set_open(Some(true)) {
                    self.step(1);
                }
            }
            Command::SchemaCollapse => {
                if !self.set_open(Some(false)) && !self.lines.is_empty() {
                    self.focus_parent();
                }
            }
            Command::SchemaToggle => match self.lines.get(self.cursor) {
                Some(Line::Column(..)) => return Some(self.insert()),
                _ => {
                    self.set_open(None);
                }
            },
            Command::SchemaInsert => return Some(self.insert()),
            Command::SchemaLeave => {
                if self.input.text().is_empty() {
                    return Some(Wish::Leave);
                }
                self.input.set("");
                self.lay_out();
            }
            _ => return None,
        }
        Some(Wish::Nothing)
    }

    fn insert(&self) -> Wish {
        let Some(name) = self.name_here() else {
            return Wish::Nothing;
        };
        let mut chars = name.chars();
        let plain = chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit());
        // A tenant's own column may be called anything.
        Wish::Insert(if plain {
            name.to_owned()
        } else {
            format!("[{}]", crate::hunt::prepared::literal(name))
        })
    }

    /// The room of the query and that of the tree, which may lie over it.
    pub(super) fn split(area: Rect) -> (Rect, Rect) {
        if area.width < BESIDE {
            let width = area.width.min(WIDTH + 6);
            let over = Rect {
                x: area.right() - width,
                width,
                ..area
            };
            return (area, over);
        }
        let main = Rect {
            width: area.width - WIDTH,
            ..area
        };
        let side = Rect {
            x: main.right(),
            width: WIDTH,
            ..area
        };
        (main, side)
    }

    /// Draws the tree into the room that [`Self::split`] gave it.
    pub(super) fn draw(
        &self,
        buf: &mut Buffer,
        area: Rect,
        over: bool,
        focused: bool,
        ctx: &Ctx<'_>,
    ) {
        let inside = if over {
            popup::frame(buf, area, "schema", "", false, ctx)
        } else {
            paint::rule(buf, area, area.y, "schema", "", ctx.rule(focused));
            for y in area.y + 1..area.bottom() {
                paint::text(buf, area, area.x, y, 1, "│", ctx.style(Role::Rule));
            }
            paint::text(buf, area, area.x, area.y, 1, "┬", ctx.style(Role::Rule));
            Rect {
                x: area.x + 2,
                y: area.y + 1,
                width: area.width.saturating_sub(2),
                height: area.height.saturating_sub(1),
            }
        };
        if inside.height < 3 {
            return;
        }
        let field = Rect {
            height: 1,
            ..inside
        };
        if self.input.text().is_empty() && !focused {
            let word = "alt-t: filter";
            paint::text(
                buf,
                field,
                field.x,
                field.y,
                field.width,
                word,
                ctx.style(Role::Dim),
            );
        } else {
            let style = ctx.style(if focused {
                Role::InputFocused
            } else {
                Role::Input
            });
            self.input.draw(buf, field, style, focused, ctx);
        }
        let about = paint::wrap(&self.about(), inside.width);
        let said = (about.len() as u16).min(inside.height / 4).min(5);
        let list = Rect {
            y: inside.y + 1,
            height: inside.height - 1 - said,
            ..inside
        };
        let height = usize::from(list.height).max(1);
        let top = self.cursor.saturating_sub(height - 1);
        for (row, line) in self.lines.iter().skip(top).take(height).enumerate() {
            let y = list.y + row as u16;
            self.draw_line(
                line,
                buf,
                Rect {
                    y,
                    height: 1,
                    ..list
                },
                ctx,
            );
            if top + row == self.cursor {
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
                        ..list
                    },
                    ctx.style(role),
                );
            }
        }
        for (row, line) in about.iter().take(usize::from(said)).enumerate() {
            let y = list.bottom() + row as u16;
            paint::text(
                buf,
                inside,
                inside.x,
                y,
                inside.width,
                line,
                ctx.style(Role::Dim),
            );
        }
    }

    fn draw_line(&self, line: &Line, buf: &mut Buffer, at: Rect, ctx: &Ctx<'_>) {
        let looking = !self.input.text().trim().is_empty();
        let mark = |open: bool| if open { "▾ " } else { "▸ " };
        let seen = |presence: Presence, role: Role| match presence {
            Presence::NotSeen => Role::Dim,
            _ => role,
        };
        match line {
            Line::Group(group, tables) => {
                let open = looking || self.groups.contains(group);
                let text = format!("{}{group}", mark(open));
                let end = paint::text(buf, at, at.x, at.y, at.width, &text, ctx.style(Role::Title));
                let room = at.right().saturating_sub(end + 1);
                let count = tables.to_string();
                paint::text_right(buf, at, end + 1, at.y, room, &count, ctx.style(Role::Dim));
            }
            Line::Table(index) => {
                let table = &self.schema.tables()[*index];
                let text = format!("{}{}", mark(self.tables.contains(&table.name)), table.name);
                let style = ctx.style(seen(table.presence, Role::KqlTable));
                paint::text(
                    buf,
                    at,
                    at.x + 2,
                    at.y,
                    at.width.saturating_sub(2),
                    &text,
                    style,
                );
            }
            Line::Column(index, column) => {
                let table = &self.schema.tables()[*index];
                let presence = table.column_presence(*column);
                let column = &table.columns[*column];
                let ty = column.ty.name();
                let room = at.width.saturating_sub(6 + 1 + ty.len() as u16);
                let name = match presence {
                    Presence::Tenant => format!("{}+", column.name),
                    _ => column.name.clone(),
                };
                let style = ctx.style(seen(presence, Role::KqlColumn));
                paint::text(buf, at, at.x + 6, at.y, room, &name, style);
                let style = ctx.style(Role::KqlType);
                paint::text_right(buf, at, at.x, at.y, at.width, ty, style);
            }
        }
    }

    /// What is known of what is in focus.
    fn about(&self) -> String {
        match self.lines.get(self.cursor) {
            None => "nothing fits".to_owned(),
            Some(Line::Group(..)) => String::new(),
            Some(Line::Table(at)) => {
                let table = &self.schema.tables()[*at];
                let mut parts = Vec::new();
                let known = words::about(Topic::Table, &table.name);
                let known = known.map(|it| it.sentence.to_owned());
                let own = table.told.as_ref().map(|it| it.about.clone());
                parts.extend(own.or(known));
                parts.extend(told(table.presence).map(str::to_owned));
                parts.extend(table.preview.then(|| "A preview.".to_owned()));
                parts.extend(table.replaced_by.as_ref().map(|it| format!("Use {it}.")));
                parts.push(format!("{} columns.", table.columns.len()));
                parts.join(" ")
            }
            Some(Line::Column(at, column)) => {
                let table = &self.schema.tables()[*at];
                let name = &table.columns[*column].name;
                let known = words::about_column(Some(&table.name), name);
                let mut parts = Vec::new();
                parts.extend(known.map(|it| it.sentence));
                parts.extend(told(table.column_presence(*column)));
                parts.join(" ")
            }
        }
    }
}

fn told(presence: Presence) -> Option<&'static str> {
    match presence {
        Presence::Documented => None,
        Presence::Tenant => Some("Not documented: this tenant has it."),
        Presence::NotSeen => Some("Documented, not seen in this tenant."),
    }
}

/// Opens, closes or turns round; says whether that changed anything.
fn toggle<T: Ord + Clone>(set: &mut BTreeSet<T>, item: &T, open: Option<bool>) -> bool {
    let is = set.contains(item);
    let open = open.unwrap_or(!is);
    if open {
        set.insert(item.clone());
    } else {
        set.remove(item);
    }
    is != open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::Type;
    use crate::kql::bound::Column;
    use crate::kql::schema::Learnt;

    fn typed(tree: &mut SchemaTree, text: &str) {
        tree.paste(text);
    }

    fn tree() -> SchemaTree {
        let columns = Some(vec![Column::new("Badge Id", Type::String)]);
        let tables = [
            ("DoorBadge_CL".to_owned(), columns),
            ("CloudAppEvents".to_owned(), None),
        ];
        let learnt = Learnt {
            tables: tables.into(),
        };
        SchemaTree::new(SharedSchema::of([&learnt]))
    }

    #[test]
    fn groups_open_to_tables_and_tables_to_columns() {
        let mut tree = tree();
        assert_eq!(tree.lines[0], Line::Group(OWN, 1));
        assert!(tree.lines.iter().all(|it| matches!(it, Line::Group(..))));
        let all: usize = tree
            .lines
            .iter()
            .map(|it| {
                if let Line::Group(_, count) = it {
                    *count
                } else {
                    0
                }
            })
            .sum();
        assert_eq!(all, tree.schema.tables().len(), "every table is in a group");
        for _ in 0..2 {
            tree.command(Command::SchemaToggle);
            tree.command(Command::SchemaDown);
        }
        assert_eq!(tree.name_here(), Some("Badge Id"));
        let wish = tree.command(Command::SchemaInsert).expect("its own");
        assert_eq!(wish, Wish::Insert("[\"Badge Id\"]".to_owned()));
        tree.command(Command::SchemaCollapse);
        assert_eq!(tree.name_here(), Some("DoorBadge_CL"));
        assert_eq!(
            tree.command(Command::SchemaInsert),
            Some(Wish::Insert("DoorBadge_CL".to_owned()))
        );
    }

    #[test]
    fn what_is_typed_finds_tables_and_columns_and_esc_takes_it_back() {
        let mut tree = tree();
        typed(&mut tree, "deviceproc");
        assert_eq!(tree.name_here(), Some("DeviceProcessEvents"));
        tree.input.set("");
        typed(&mut tree, "SenderMailFromDom");
        assert_eq!(tree.name_here(), Some("EmailEvents"));
        tree.command(Command::SchemaDown);
        assert_eq!(tree.name_here(), Some("SenderMailFromDomain"));
        assert_eq!(tree.command(Command::SchemaLeave), Some(Wish::Nothing));
        assert!(tree.lines.iter().all(|it| matches!(it, Line::Group(..))));
        assert_eq!(tree.command(Command::SchemaLeave), Some(Wish::Leave));
        typed(&mut tree, "zzzz");
        assert_eq!(
            (tree.lines.len(), tree.about().as_str()),
            (0, "nothing fits")
        );
        for command in [
            Command::SchemaDown,
            Command::SchemaCollapse,
            Command::SchemaToggle,
            Command::SchemaInsert,
        ] {
            tree.command(command);
        }
        tree.input.set("");
        typed(&mut tree, "CloudAppEvents");
        assert!(
            tree.about().contains("not seen in this tenant"),
            "{}",
            tree.about()
        );
    }
}
