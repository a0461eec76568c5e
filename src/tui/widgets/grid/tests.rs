use super::*;
use crate::domain::hunting::Column;
use crate::domain::text;

fn table(rows: usize, columns: usize) -> Arc<ResultTable> {
    let columns = (0..columns)
        .map(|at| {
            let mut column = Column::new(
                &format!("Column{at}"),
                if at == 0 { "Int64" } else { "String" },
            );
            for row in 0..rows {
                let text = format!("r{row}c{at}");
                column.push(if at == 0 {
                    Cell::Long(row as i64)
                } else {
                    Cell::Text(&text)
                });
            }
            column
        })
        .collect();
    Arc::new(ResultTable::new(columns))
}

fn grid(rows: usize, columns: usize) -> Grid {
    let table = table(rows, columns);
    let widths = measure(&table);
    Grid::new(table, widths)
}

fn screen(grid: &Grid, width: u16, height: u16) -> Vec<String> {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    grid.draw(area, &mut buf, &GridStyles::default(), true);
    (0..height)
        .map(|y| {
            (0..width)
                .map(|x| buf[(x, y)].symbol())
                .collect::<String>()
                .trim_end()
                .to_owned()
        })
        .collect()
}

#[test]
fn the_cursor_stays_in_view_in_both_directions() {
    let mut grid = grid(1000, 40);
    let lines = screen(&grid, 40, 5);
    assert!(
        lines[0].contains("Column0") && lines[1].starts_with("▌"),
        "{lines:?}"
    );
    grid.step(Step::Last);
    grid.step(Step::Bottom);
    let lines = screen(&grid, 40, 5);
    assert!(
        lines[0].contains("Column39") && lines[4].contains("r999c39"),
        "{lines:?}"
    );
    grid.step(Step::First);
    grid.step(Step::Up);
    let lines = screen(&grid, 40, 5);
    assert!(lines[0].contains("Column0"), "{lines:?}");
    assert!(
        lines[3].starts_with("▌") && lines[3].contains("998"),
        "the view does not move: {lines:?}"
    );
}

#[test]
fn a_sort_keeps_the_cursor_on_its_row() {
    let mut grid = grid(5, 2);
    grid.step(Step::Down);
    let order = grid.table().order_by(0, true);
    grid.set_order(Some((0, true)), Some(order.into()));
    assert_eq!(grid.table_row(), Some(1));
    assert_eq!(grid.cursor().0, 3);
    assert!(screen(&grid, 30, 6)[0].contains("Column0↓"));
    grid.set_order(None, None);
    assert_eq!(grid.cursor().0, 1);
}

#[test]
fn pinned_columns_stay_and_hidden_ones_come_back() {
    let mut grid = grid(20, 40);
    grid.step(Step::Right);
    grid.toggle_pin();
    assert_eq!(grid.pinned(), [1]);
    grid.step(Step::Last);
    let lines = screen(&grid, 40, 5);
    assert!(
        lines[0].starts_with(" Column1") && lines[0].contains("Column39"),
        "{lines:?}"
    );
    assert!(lines[1].contains('│'), "{lines:?}");
    grid.step(Step::First);
    grid.hide_column();
    assert_eq!((grid.pinned().len(), grid.columns().len()), (0, 39));
    grid.show_all();
    assert_eq!(grid.columns().len(), 40);
    grid.step(Step::First);
    grid.move_column(true);
    assert_eq!(grid.columns()[..3], [1, 0, 2]);
    grid.toggle_pin();
    grid.toggle_pin();
    assert_eq!((grid.columns()[0], grid.pinned().len()), (0, 0));
}

#[test]
fn an_order_may_leave_rows_out() {
    let mut grid = grid(10, 2);
    grid.step(Step::Bottom);
    grid.toggle_mark();
    grid.set_order(None, Some(vec![2, 4, 9].into()));
    assert_eq!((grid.rows(), grid.table_row()), (3, Some(9)));
    assert!(screen(&grid, 30, 6)[3].starts_with('+'));
    grid.set_order(None, Some(vec![2, 4].into()));
    assert_eq!(grid.table_row(), Some(4));
    grid.mark_all();
    assert_eq!(grid.marked().len(), 3);
    grid.set_order(None, Some(Vec::new().into()));
    assert_eq!((grid.rows(), grid.table_row()), (0, None));
    screen(&grid, 30, 6);
    grid.set_order(None, None);
    assert_eq!(grid.rows(), 10);
}

#[test]
fn hostile_cells_and_long_ones_are_tamed() {
    let mut column = Column::new("a\u{1b}[31m", "String");
    column.push(Cell::Text("x\u{202e}y\u{1b}]0;t\u{7}"));
    let long = "宽".repeat(100_000);
    column.push(Cell::Text(&long));
    column.push(Cell::Null);
    let table = Arc::new(ResultTable::new(vec![column]));
    let grid = Grid::new(table.clone(), measure(&table));
    let lines = screen(&grid, 30, 4);
    assert!(
        lines.iter().all(|line| line.chars().all(text::is_safe)),
        "{lines:?}"
    );
    assert!(lines[1].contains("⟪U+202E⟫"));
    assert!(lines[2].ends_with('…'));
    assert_eq!(lines[3].trim(), "·");
}

#[test]
fn no_size_is_too_small() {
    let mut grid = grid(30, 5);
    grid.step(Step::Bottom);
    grid.step(Step::Last);
    for width in 0..12 {
        for height in 0..5 {
            screen(&grid, width, height);
        }
    }
    let empty = Grid::new(Arc::default(), Arc::new([]));
    screen(&empty, 10, 3);
}
