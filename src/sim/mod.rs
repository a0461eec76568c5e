//! The simulated tenant: an HTTP server that speaks the wire protocols of Entra, Graph security and
//! Defender for Endpoint over a believable, living story.
//!
//! A stranger to the rest of the crate: it may use `kql` and `engine`, and nothing else.
