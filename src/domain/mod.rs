//! The things an analyst talks about.
pub mod enums;
pub mod ids;
mod open_enum;
