//! Drops from the cache what is too old or too much.

use std::sync::Arc;
use std::time::Duration;

use super::Level;
use super::hub::Hub;
use super::queue::rest;
use crate::domain::Timestamp;
use crate::store::Retention;

/// After the start, so that nothing is dropped while the console is being looked at first.
const FIRST: Duration = Duration::from_secs(300);

/// Cleans up now and then until the feed stops.
pub(super) async fn run(hub: Arc<Hub>) {
    let days = hub.settings.retention.as_secs().div_ceil(24 * 3600).max(1);
    let retention = Retention {
        days: u32::try_from(days).unwrap_or(u32::MAX),
        ..Retention::default()
    };
    let mut wait = FIRST.min(hub.habits.keep_every);
    while rest(&hub, wait).await {
        wait = hub.habits.keep_every;
        if let Err(error) = hub
            .take_out(move |store| store.retain(&retention, Timestamp::now()))
            .await
        {
            hub.notice(
                Level::Warning,
                format!("the cache could not be cleaned up: {error}"),
            )
            .await;
        }
    }
}
