//! The console's few widgets. They know styles by role and text as hostile; they know no screen.
//!
//! | widget | what it is for |
//! |---|---|
//! | [`paint`] | the one way text reaches the buffer: sanitised, cut to width, wide characters whole |
//! | [`table`] | the one virtual table: draws visible rows, keeps cursor and marks by id |
//! | [`grid`] | a hunting result: virtual in both directions, sorted by permutation |
//! | [`chart`] | a result as lines, bars, points or shares, with a cursor that reads values |
//! | [`tree`] | a tree as a flat list of visible rows |
//! | [`editor`] | the query editor: `tui-textarea` with KQL colours and findings |
//! | [`input`] | one line to type into |
//! | [`popup`] | the ground, edge and title of a popup |
//! | [`list`] | choosing one of a few |
//! | [`time`] | ages, clocks and durations in as few cells as they need |

pub mod chart;
pub mod editor;
pub mod grid;
pub mod input;
pub mod list;
pub mod paint;
pub mod popup;
pub mod table;
pub mod time;
pub mod tree;
