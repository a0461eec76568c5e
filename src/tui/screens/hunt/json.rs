//! A dynamic cell as a tree: folded, searched, copied by value or by the path a query reaches it with.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::Value;

use super::super::prompt::Prompt;
use super::HuntMsg;
use crate::domain::text;
use crate::hunt::{export, pick, prepared};
use crate::tui::commands::{Command, Scope};
use crate::tui::data::{Data, Level};
use crate::tui::msg::{Act, Msg};
use crate::tui::screen::{Ctx, Cx, Screen};
use crate::tui::theme::Role;
use crate::tui::widgets::tree::{Node, Tree, lead};
use crate::tui::widgets::{paint, popup};

/// Nodes of one cell at most; what is beyond is told.
const MOST_NODES: usize = 20_000;

/// A node: the path a query reaches it with, what it is called, its value.
#[derive(Debug)]
struct Item {
    path: String,
    name: String,
    value: Value,
}

/// The popup.
#[derive(Debug)]
pub(super) struct JsonTree {
    title: String,
    tree: Tree<usize, Item>,
    nodes: usize,
    cut: bool,
    sought: String,
}

impl JsonTree {
    /// The tree of a cell; none where it holds no list or bag.
    pub(super) fn of(column: &str, cell: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(cell).ok()?;
        if !(value.is_object() || value.is_array()) {
            return None;
        }
        let mut nodes = Vec::new();
        let path = pick::column_name(column);
        let cut = !walk(column.to_owned(), path, &value, 0, &mut nodes);
        let mut tree = Tree::default();
        let count = nodes.len();
        tree.set(nodes);
        Some(Self {
            title: text::clean(column).into_owned(),
            tree,
            nodes: count,
            cut,
            sought: String::new(),
        })
    }

    fn matches(&self, at: usize) -> bool {
        let sought = self.sought.to_lowercase();
        self.tree.node(at).is_some_and(|node| {
            let said = |text: &str| text.to_lowercase().contains(&sought);
            said(&node.item.name) || said(&leaf(&node.item.value))
        })
    }

    /// Goes to the next node that says what is sought; folds on the way are opened.
    fn seek(&mut self, from_next: bool, cx: &mut Cx<'_>) {
        if self.sought.is_empty() {
            return;
        }
        let here = self.tree.selected().map_or(0, |node| node.key);
        let start = here + usize::from(from_next);
        let found = (start..self.nodes)
            .chain(0..start.min(self.nodes))
            .find(|at| self.matches(*at));
        match found {
            Some(at) => {
                self.tree.reveal(at);
            }
            None => cx.notice(Level::Info, format!("{} is not in this cell", self.sought)),
        }
    }
}

/// Adds a value and what is in it; false where it is too much.
fn walk(
    name: String,
    path: String,
    value: &Value,
    depth: u16,
    nodes: &mut Vec<Node<usize, Item>>,
) -> bool {
    if nodes.len() == MOST_NODES {
        return false;
    }
    nodes.push(Node {
        key: nodes.len(),
        depth,
        item: Item {
            path: path.clone(),
            name,
            value: value.clone(),
        },
    });
    // serde_json reads no deeper than 128 levels
    match value {
        Value::Object(members) => members.iter().all(|(name, value)| {
            let step = match pick::column_name(name) {
                plain if !plain.starts_with('[') => format!("{path}.{plain}"),
                _ => format!("{path}[{}]", prepared::literal(name)),
            };
            walk(name.clone(), step, value, depth + 1, nodes)
        }),
        Value::Array(items) => items.iter().enumerate().all(|(at, value)| {
            walk(
                format!("[{at}]"),
                format!("{path}[{at}]"),
                value,
                depth + 1,
                nodes,
            )
        }),
        _ => true,
    }
}

/// What a node's line says of its value.
fn leaf(value: &Value) -> String {
    match value {
        Value::Object(members) => format!("{{{}}}", members.len()),
        Value::Array(items) => format!("[{}]", items.len()),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Screen for JsonTree {
    fn scope(&self) -> Scope {
        Scope::Json
    }

    fn title(&self) -> String {
        self.title.clone()
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> bool {
        let page = self.tree.page() as isize;
        match command {
            Command::PickerDown => self.tree.step(1),
            Command::PickerUp => self.tree.step(-1),
            Command::PopupDown => self.tree.step(page),
            Command::PopupUp => self.tree.step(-page),
            Command::PickerChoose => self.tree.toggle(),
            Command::JsonFold => self.tree.left(),
            Command::JsonOpen => self.tree.right(),
            Command::JsonFind => {
                let hint = "⏎ goes there   esc cancels   n goes on";
                let prompt = Prompt::new("Find in the cell", hint, &*self.sought, |text, cx| {
                    cx.act(Act::Tell(Msg::Hunt(HuntMsg::FindInCell(text))));
                });
                cx.popup(Box::new(prompt));
            }
            Command::JsonNext => self.seek(true, cx),
            Command::JsonPath => match self.tree.selected() {
                Some(node) => cx.copy(node.item.path.clone()),
                None => cx.notice(Level::Info, "nothing to copy"),
            },
            _ => return false,
        }
        true
    }

    fn message(&mut self, msg: &Msg, cx: &mut Cx<'_>) {
        if let Msg::Hunt(HuntMsg::FindInCell(text)) = msg {
            text.trim().clone_into(&mut self.sought);
            self.seek(false, cx);
        }
    }

    fn copied(&self, _raw: bool, _data: &Data) -> Option<String> {
        let node = self.tree.selected()?;
        Some(match &node.item.value {
            Value::String(text) => text.clone(),
            other => export::pretty_json(other),
        })
    }

    fn view(&self, buf: &mut Buffer, area: Rect, ctx: &Ctx<'_>) {
        let width = area.width.saturating_sub(4).min(120);
        let wanted = (self.tree.rows().len() as u16).saturating_add(3);
        let height = wanted.max(6).min(area.height.saturating_sub(1));
        let place = popup::place(area, width, height);
        let extra = if self.cut {
            format!("the first {MOST_NODES} values")
        } else {
            format!("{} values", self.nodes)
        };
        let inside = popup::frame(buf, place, &self.title, &extra, false, ctx);
        if inside.height < 2 {
            return;
        }
        let list = Rect {
            height: inside.height - 1,
            ..inside
        };
        let window = self.tree.window(list.height);
        for (line, nth) in window.enumerate() {
            let row = &self.tree.rows()[nth];
            let Some(node) = self.tree.node(row.node) else {
                continue;
            };
            let y = list.y + line as u16;
            let found = !self.sought.is_empty() && self.matches(row.node);
            let name = ctx.style(if found { Role::Match } else { Role::KqlColumn });
            let mut x = paint::text(
                buf,
                list,
                list.x,
                y,
                width,
                &lead(row),
                ctx.style(Role::Dim),
            );
            let room = list.right().saturating_sub(x);
            x = paint::text(buf, list, x, y, room.min(40), &node.item.name, name) + 2;
            let role = match &node.item.value {
                Value::Null => Role::Null,
                Value::String(_) => Role::Text,
                Value::Number(_) | Value::Bool(_) => Role::Number,
                _ => Role::Dim,
            };
            let room = list.right().saturating_sub(x);
            let value = leaf(&node.item.value);
            paint::text(buf, list, x, y, room, &value, ctx.style(role));
            if nth == self.tree.cursor() {
                let whole = Rect {
                    y,
                    height: 1,
                    ..list
                };
                paint::tint(buf, whole, ctx.style(Role::Selected));
            }
        }
        if let Some(node) = self.tree.selected() {
            let y = inside.bottom() - 1;
            let style = ctx.style(Role::Dim);
            paint::text(
                buf,
                inside,
                inside.x,
                y,
                inside.width,
                &node.item.path,
                style,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_the_path_a_query_reaches_it_with() {
        let cell = r#"{"a":{"b c":[1,{"d":null}]},"where":"x","t\"":2}"#;
        let tree = JsonTree::of("Additional Fields", cell).expect("a bag");
        let paths: Vec<&str> = (0..tree.nodes)
            .filter_map(|at| Some(tree.tree.node(at)?.item.path.as_str()))
            .collect();
        let root = r#"["Additional Fields"]"#;
        let wanted = [
            "",
            ".a",
            r#".a["b c"]"#,
            r#".a["b c"][0]"#,
            r#".a["b c"][1]"#,
            r#".a["b c"][1].d"#,
            r#"["where"]"#,
            r#"["t\""]"#,
        ];
        assert_eq!(paths, wanted.map(|it| format!("{root}{it}")));
        // and the language reads each of them
        for path in paths {
            let query = format!("print [\"Additional Fields\"]=dynamic({{}}) | extend v={path}");
            let found = crate::kql::analyze(&query, crate::kql::Schema::hunting());
            assert!(
                found.diagnostics.is_empty(),
                "{path}: {:?}",
                found.diagnostics
            );
        }
        assert!(JsonTree::of("a", "\"text\"").is_none() && JsonTree::of("a", "{").is_none());
    }
}
