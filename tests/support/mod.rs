//! Helpers of the behaviour tests: the built program in a pseudo-terminal, and where it keeps its
//! files while it is tested.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod pty;
