//! A tree as a flat list of visible rows: folding is worked out when it changes, drawing costs what
//! is seen.

use std::cell::Cell as Remembered;
use std::collections::HashSet;
use std::hash::Hash;

/// One node, in reading order; children follow their parent one level deeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node<K, T> {
    /// What keeps the cursor and the folds through a reload.
    pub key: K,
    /// 0 for roots.
    pub depth: u16,
    /// What it is.
    pub item: T,
}

/// One visible row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Place among the nodes.
    pub node: usize,
    /// Depth.
    pub depth: u16,
    /// `Some(open)` where it has children.
    pub open: Option<bool>,
    /// Whether it is the last child of its parent.
    pub last: bool,
}

/// A tree with a cursor.
#[derive(Clone, Debug)]
pub struct Tree<K, T> {
    nodes: Vec<Node<K, T>>,
    folded: HashSet<K>,
    rows: Vec<Row>,
    cursor: usize,
    top: Remembered<usize>,
    page: Remembered<usize>,
}

impl<K, T> Default for Tree<K, T> {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            folded: HashSet::new(),
            rows: Vec::new(),
            cursor: 0,
            top: Remembered::new(0),
            page: Remembered::new(10),
        }
    }
}

impl<K: Clone + Eq + Hash, T> Tree<K, T> {
    /// Replaces the nodes; folds and the cursor follow their keys. Where the cursor's node is gone
    /// it stays on the same line.
    pub fn set(&mut self, nodes: Vec<Node<K, T>>) {
        let at = self.selected().map(|node| node.key.clone());
        self.nodes = nodes;
        let keys: HashSet<&K> = self.nodes.iter().map(|node| &node.key).collect();
        self.folded.retain(|key| keys.contains(key));
        self.lay_out();
        if let Some(at) = at {
            self.select(&at);
        }
    }

    /// The visible rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// A node.
    pub fn node(&self, at: usize) -> Option<&Node<K, T>> {
        self.nodes.get(at)
    }

    /// The node under the cursor.
    pub fn selected(&self) -> Option<&Node<K, T>> {
        self.nodes.get(self.rows.get(self.cursor)?.node)
    }

    /// The cursor's place among the visible rows.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Puts the cursor on a visible row.
    pub fn set_cursor(&mut self, row: usize) {
        self.cursor = row.min(self.rows.len().saturating_sub(1));
    }

    /// Puts the cursor on the node of a key, if it is visible.
    pub fn select(&mut self, key: &K) {
        if let Some(row) = self
            .rows
            .iter()
            .position(|row| self.nodes[row.node].key == *key)
        {
            self.cursor = row;
        }
    }

    /// Puts the cursor on a node, opening what it is folded into.
    pub fn reveal(&mut self, node: usize) {
        let Some(mut depth) = self.nodes.get(node).map(|it| it.depth) else {
            return;
        };
        for above in self.nodes[..node].iter().rev() {
            if above.depth < depth {
                depth = above.depth;
                self.folded.remove(&above.key);
            }
        }
        self.lay_out();
        let row = self.rows.iter().position(|row| row.node == node);
        self.cursor = row.unwrap_or(self.cursor);
    }

    /// Moves the cursor by rows.
    pub fn step(&mut self, by: isize) {
        self.set_cursor(self.cursor.saturating_add_signed(by));
    }

    /// Rows the last frame had room for.
    pub fn page(&self) -> usize {
        self.page.get().max(1)
    }

    /// Folds or opens the node under the cursor; does nothing on a leaf.
    pub fn toggle(&mut self) {
        let Some(row) = self.rows.get(self.cursor) else {
            return;
        };
        if let Some(open) = row.open {
            self.fold(row.node, open);
        }
    }

    /// Folds the node under the cursor, or goes to its parent where it is folded or a leaf.
    pub fn left(&mut self) {
        let Some(row) = self.rows.get(self.cursor).copied() else {
            return;
        };
        if row.open == Some(true) {
            self.fold(row.node, true);
        } else if let Some(up) = self.rows[..self.cursor]
            .iter()
            .rposition(|it| it.depth < row.depth)
        {
            self.cursor = up;
        }
    }

    /// Opens the node under the cursor, or goes to its first child.
    pub fn right(&mut self) {
        let Some(row) = self.rows.get(self.cursor).copied() else {
            return;
        };
        match row.open {
            Some(false) => self.fold(row.node, false),
            Some(true) => self.step(1),
            None => {}
        }
    }

    fn fold(&mut self, node: usize, fold: bool) {
        let key = self.nodes[node].key.clone();
        if fold {
            self.folded.insert(key);
        } else {
            self.folded.remove(&key);
        }
        self.lay_out();
    }

    fn lay_out(&mut self) {
        self.rows.clear();
        let mut hidden_below: Option<u16> = None;
        for (at, node) in self.nodes.iter().enumerate() {
            if hidden_below.is_some_and(|depth| node.depth > depth) {
                continue;
            }
            hidden_below = None;
            let parent = self
                .nodes
                .get(at + 1)
                .is_some_and(|next| next.depth > node.depth);
            let open = parent.then(|| !self.folded.contains(&node.key));
            if open == Some(false) {
                hidden_below = Some(node.depth);
            }
            self.rows.push(Row {
                node: at,
                depth: node.depth,
                open,
                last: true,
            });
        }
        // from below: a row is its parent's last child if none of its depth follows under it
        let mut follows: Vec<bool> = Vec::new();
        for row in self.rows.iter_mut().rev() {
            let depth = usize::from(row.depth);
            follows.resize(depth + 1, false);
            row.last = !follows[depth];
            follows[depth] = true;
        }
        self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
    }

    /// The rows a frame of this height shows, the cursor among them: range of visible rows.
    pub fn window(&self, height: u16) -> std::ops::Range<usize> {
        let height = usize::from(height);
        self.page.set(height);
        let mut top = self.top.get().min(self.cursor);
        if height > 0 && self.cursor >= top + height {
            top = self.cursor + 1 - height;
        }
        top = top.min(self.rows.len().saturating_sub(height.max(1)));
        self.top.set(top);
        top..(top + height).min(self.rows.len())
    }
}

/// What stands before a row's text: `  ▾ `, `  ▸ `, or the indent alone.
pub fn lead(row: &Row) -> String {
    let mark = match row.open {
        Some(true) => "▾ ",
        Some(false) => "▸ ",
        None => "  ",
    };
    format!("{}{mark}", "  ".repeat(usize::from(row.depth.min(12))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(nodes: &[(&'static str, u16)]) -> Tree<&'static str, ()> {
        let mut tree = Tree::default();
        tree.set(
            nodes
                .iter()
                .map(|&(key, depth)| Node {
                    key,
                    depth,
                    item: (),
                })
                .collect(),
        );
        tree
    }

    fn shown(tree: &Tree<&'static str, ()>) -> Vec<&'static str> {
        tree.rows()
            .iter()
            .map(|row| tree.node(row.node).expect("exists").key)
            .collect()
    }

    const NODES: &[(&str, u16)] = &[
        ("a", 0),
        ("a1", 1),
        ("a1x", 2),
        ("a2", 1),
        ("b", 0),
        ("b1", 1),
    ];

    #[test]
    fn folding_hides_what_is_below_and_nothing_else() {
        let mut tree = tree(NODES);
        tree.toggle();
        assert_eq!(shown(&tree), ["a", "b", "b1"]);
        tree.right();
        assert_eq!(shown(&tree).len(), 6);
        tree.right();
        tree.right();
        tree.right();
        assert_eq!(tree.selected().expect("one").key, "a1x");
        tree.left();
        tree.left();
        assert_eq!(shown(&tree), ["a", "a1", "a2", "b", "b1"]);
    }

    #[test]
    fn what_is_folded_away_is_revealed() {
        let mut tree = tree(NODES);
        tree.toggle();
        tree.reveal(2);
        assert_eq!(tree.selected().expect("one").key, "a1x");
        assert_eq!(shown(&tree).len(), 6);
    }

    #[test]
    fn a_reload_keeps_folds_and_cursor() {
        let mut tree = tree(NODES);
        tree.toggle();
        tree.select(&"b1");
        tree.set(vec![
            Node {
                key: "new",
                depth: 0,
                item: (),
            },
            Node {
                key: "a",
                depth: 0,
                item: (),
            },
            Node {
                key: "a1",
                depth: 1,
                item: (),
            },
            Node {
                key: "b",
                depth: 0,
                item: (),
            },
            Node {
                key: "b1",
                depth: 1,
                item: (),
            },
        ]);
        assert_eq!(shown(&tree), ["new", "a", "b", "b1"]);
        assert_eq!(tree.selected().expect("one").key, "b1");
    }

    #[test]
    fn last_children_are_known_and_windows_hold_the_cursor() {
        let mut tree = tree(NODES);
        let last: Vec<bool> = tree.rows().iter().map(|row| row.last).collect();
        assert_eq!(last, [false, false, true, true, true, true]);
        tree.step(100);
        assert_eq!(tree.window(2), 4..6);
        tree.step(-1);
        assert_eq!(tree.window(2), 4..6);
        tree.step(-1);
        assert_eq!(tree.window(2), 3..5);
        assert_eq!(tree.window(0), 3..3);
    }
}
