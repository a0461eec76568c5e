//! The console's few widgets. They know styles by role and text as hostile; they know no screen.
//!
//! | widget | what it is for |
//! |---|---|
//! | [`paint`] | the one way text reaches the buffer: sanitised, cut to width, wide characters whole |
//! | [`table`] | the one virtual table: draws visible rows, keeps cursor and marks by id |
//! | [`input`] | one line to type into |
//! | [`popup`] | the ground, edge and title of a popup |
//! | [`list`] | choosing one of a few |
//! | [`time`] | ages, clocks and durations in as few cells as they need |

pub mod input;
pub mod list;
pub mod paint;
pub mod popup;
pub mod table;
pub mod time;
