//! A larger stack for what walks deep trees.
//!
//! Trees are at most [`MAX_DEPTH`](super::parser::MAX_DEPTH) levels deep, but a thread may have 2 MB of stack
//! only, and a level of the binder takes up to 80 kB of it in a build without optimisation (10 kB in a
//! release). So walkers of trees run where they are while the tree is shallow, and on a thread with
//! [`ROOM`] bytes for the few texts that are not.
//!
//! Must not know: what is run.

/// Bytes of the larger stack: enough for [`MAX_DEPTH`](super::parser::MAX_DEPTH) levels of 80 kB, four times
/// over. The system hands out memory only for what is touched.
const ROOM: usize = 96 << 20;

/// Levels that may be walked on the caller's stack: at 80 kB (10 kB in a release) half of 2 MB.
const SHALLOW: usize = if cfg!(debug_assertions) { 12 } else { 64 };

/// Runs `work` over a tree of this depth ([`Syntax::depth`](super::Syntax::depth)): here, or on a larger stack.
pub fn with_room<T: Send>(depth: usize, work: impl Fn() -> T + Sync) -> T {
    if depth <= SHALLOW {
        return work();
    }
    roomy(&work).unwrap_or_else(work)
}

/// Runs `work` on a larger stack; `None` where the system gives no thread.
///
/// # Panics
///
/// Where `work` does.
pub fn roomy<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("deep query".to_owned())
            .stack_size(ROOM)
            .spawn_scoped(scope, work)
            .ok()?;
        match thread.join() {
            Ok(done) => Some(done),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
