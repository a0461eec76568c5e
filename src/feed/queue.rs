//! Incidents and alerts: the first sync, newest first, and the news after it.
//!
//! The watermark of an endpoint is a window, `floor..=forward`: everything updated within is cached. News
//! widen it upwards, oldest first, beginning an overlap before its upper end, because rows arrive late and
//! several share an instant. The first sync widens it downwards, newest first, so that the screen fills with
//! what matters; it follows next links, and between its pages the news are read when they are due.
//! Interrupted, it goes on from the floor.
//!
//! Next links may stand for "skip so many": a row that moves while pages are read would shift another one
//! out of sight. Newest first and open at the top that cannot happen (rows move to the front, others only
//! come twice). Everywhere else each page is asked for anew from where the last one ended, and a next link
//! is followed only within one instant.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::hub;
use super::hub::{Hub, Next, Trouble};
use crate::api::{ApiError, GraphClient, ListQuery, NextLink, Priority, RawPage};
use crate::auth::Resource;
use crate::domain::{Alert, Incident, Timestamp};
use crate::store::{self, Endpoint, Mark, Put, Store, Watermark};

/// One of the two queues.
pub(super) trait Queue: Send + Sync + 'static {
    /// Its rows.
    type Row: Send + Sync + 'static;
    /// Its watermark.
    const ENDPOINT: Endpoint;

    fn page_size(hub: &Hub) -> u32;
    fn list(
        graph: &GraphClient,
        query: &ListQuery,
    ) -> impl Future<Output = Result<RawPage<Self::Row>, ApiError>> + Send;
    fn next(
        graph: &GraphClient,
        link: &NextLink,
    ) -> impl Future<Output = Result<RawPage<Self::Row>, ApiError>> + Send;
    fn put(store: &Store, rows: &[&str], mark: Option<Mark>, now: Timestamp) -> store::Result<Put>;
}

/// `security/incidents`.
pub(super) struct Incidents;

/// `security/alerts_v2`.
pub(super) struct Alerts;

impl Queue for Incidents {
    type Row = Incident;
    const ENDPOINT: Endpoint = Endpoint::Incidents;

    fn page_size(hub: &Hub) -> u32 {
        hub.habits.incidents_page
    }

    async fn list(graph: &GraphClient, query: &ListQuery) -> Result<RawPage<Incident>, ApiError> {
        graph.raw_incidents(query, Priority::Background).await
    }

    async fn next(graph: &GraphClient, link: &NextLink) -> Result<RawPage<Incident>, ApiError> {
        graph.next_raw_incidents(link, Priority::Background).await
    }

    fn put(store: &Store, rows: &[&str], mark: Option<Mark>, now: Timestamp) -> store::Result<Put> {
        store.put_incidents(rows, mark, now)
    }
}

impl Queue for Alerts {
    type Row = Alert;
    const ENDPOINT: Endpoint = Endpoint::Alerts;

    fn page_size(hub: &Hub) -> u32 {
        hub.habits.alerts_page
    }

    async fn list(graph: &GraphClient, query: &ListQuery) -> Result<RawPage<Alert>, ApiError> {
        graph.raw_alerts(query, Priority::Background).await
    }

    async fn next(graph: &GraphClient, link: &NextLink) -> Result<RawPage<Alert>, ApiError> {
        graph.next_raw_alerts(link, Priority::Background).await
    }

    fn put(store: &Store, rows: &[&str], mark: Option<Mark>, now: Timestamp) -> store::Result<Put> {
        store.put_alerts(rows, mark, now)
    }
}

/// Keeps one queue true until the feed stops.
pub(super) async fn run<Q: Queue>(hub: Arc<Hub>) {
    let stop = hub.stop.clone();
    let mut refreshes = hub.refreshes();
    let mut idling = hub.idling();
    loop {
        let mut reader = Reader::<Q>::new(&hub);
        let read = tokio::select! {
            () = stop.cancelled() => return,
            read = reader.cycle() => read,
        };
        let every = hub.every(Q::ENDPOINT);
        let wait = match read {
            Ok(()) => Next::After(every),
            // A first sync that failed in the middle is still on its way.
            Err(trouble) => hub.bad(Q::ENDPOINT, trouble, every).await,
        };
        let due = async {
            match wait {
                Next::After(wait) => tokio::time::sleep(hub.jittered(wait)).await,
                Next::Rest => tokio::time::sleep(hub.jittered(hub.habits.rest)).await,
            }
        };
        let idle = *idling.borrow();
        tokio::select! {
            () = stop.cancelled() => return,
            () = due => {}
            asked = refreshes.changed() => if asked.is_err() {
                return;
            },
            // Somebody looks again: what they see should be fresh.
            _ = idling.wait_for(|idle| !idle), if idle => {}
        }
        if wait == Next::Rest {
            // What was refused may have been granted meanwhile: a new token shows it.
            hub.forget_token(Resource::Graph);
        }
    }
}

/// How often a page that came spoilt or incomplete is asked for again.
const AGAIN: usize = 3;

struct Reader<'a, Q> {
    hub: &'a Hub,
    news_read: Instant,
    queue: std::marker::PhantomData<Q>,
}

type Done<T> = Result<T, Trouble>;

impl<'a, Q: Queue> Reader<'a, Q> {
    fn new(hub: &'a Hub) -> Self {
        Self {
            hub,
            news_read: Instant::now(),
            queue: std::marker::PhantomData,
        }
    }

    fn graph(&self) -> &GraphClient {
        &self.hub.tenant.graph
    }

    async fn watermark(&self) -> Done<Option<Watermark>> {
        Ok(self
            .hub
            .blocking(|store| store.watermark(Q::ENDPOINT))
            .await?)
    }

    async fn cycle(&mut self) -> Done<()> {
        match self.watermark().await? {
            None => self.first_sync().await,
            Some(mark) => {
                if mark.floor.is_some() {
                    // The news alone do not make the cache complete.
                    self.hub.syncing(Q::ENDPOINT, 0).await;
                }
                self.news().await?;
                match mark.floor {
                    Some(_) => self.backlog().await,
                    None => Ok(()),
                }
            }
        }
    }

    fn query(&self, since: Timestamp, until: Option<Timestamp>, ascending: bool) -> ListQuery {
        ListQuery {
            updated_since: Some(since),
            filter: until.map(|until| format!("lastUpdateDateTime le {until}")),
            top: Some(Q::page_size(self.hub)),
            ascending,
            ..ListQuery::default()
        }
    }

    async fn read(&self, place: &Place) -> Done<RawPage<Q::Row>> {
        Ok(match place {
            Place::Query(query) => Q::list(self.graph(), query).await?,
            Place::Link(link) => Q::next(self.graph(), link).await?,
        })
    }

    /// Writes a page and tells what it changed. What came incomplete or spoilt is asked for again a few
    /// times: often the second answer is whole. Rows that stay what they are are kept aside, and the
    /// watermark passes them; what the service says is missing holds it up.
    async fn take(&self, place: &Place, page: RawPage<Q::Row>, mark: Option<Mark>) -> Done<Taken> {
        let as_of = page.as_of;
        let mut missing = page.partial.clone();
        let mut mended = page.mended;
        let mut put = self.put(page, mark).await?;
        for _ in 0..AGAIN {
            if put.doubtful == 0 && missing.is_none() && !mended {
                break;
            }
            let page = self.read(place).await?;
            missing.clone_from(&page.partial);
            mended = page.mended;
            put = self.put(page, mark).await?;
        }
        let (span, ordered) = (put.span, put.ordered);
        if (put.doubtful > 0 || mended)
            && ordered
            && missing.is_none()
            && let Some(mark) = mark
        {
            self.hub
                .blocking(move |store| store.move_mark(Q::ENDPOINT, mark, span, as_of))
                .await?;
        }
        Ok(Taken {
            ordered,
            span,
            as_of,
            missing,
        })
    }

    async fn put(&self, page: RawPage<Q::Row>, mark: Option<Mark>) -> Done<Put> {
        // What is known to be incomplete or harmed moves no watermark.
        let mark = mark.filter(|_| page.partial.is_none() && !page.mended);
        let put = self.hub.take_in(Q::ENDPOINT, move |store| {
            let rows: Vec<&str> = page.rows().collect();
            Q::put(store, &rows, mark, page.as_of)
        });
        Ok(put.await?)
    }

    /// Moves the watermark without a page.
    async fn mark(&self, mark: Mark, as_of: Timestamp) -> Done<()> {
        self.hub
            .blocking(move |store| Q::put(store, &[], Some(mark), as_of))
            .await?;
        Ok(())
    }

    /// Newest first, open at the top, by next links; the next page downloads while one is written.
    async fn first_sync(&mut self) -> Done<()> {
        let backlog = jiff::SignedDuration::try_from(self.hub.settings.backlog).unwrap_or_default();
        let target = Timestamp::now()
            .checked_sub(backlog)
            .unwrap_or(Timestamp::UNIX_EPOCH);
        self.hub.syncing(Q::ENDPOINT, 0).await;
        let mut place = Place::Query(self.query(target, None, false));
        let mut page = self.read(&place).await?;
        let began = page.as_of;
        let mut mark = Mark::Begin { target };
        loop {
            let link = page.next.clone();
            let rows = page.len();
            let (taken, following) = tokio::join!(
                self.take(&place, page, Some(mark)),
                self.follow(link.as_ref())
            );
            let taken = taken?.whole()?;
            if !taken.ordered {
                self.rest_of(link, following?).await?;
                let all = Mark::All {
                    forward: began,
                    target,
                };
                self.mark(all, began).await?;
                break;
            }
            self.hub.syncing(Q::ENDPOINT, rows).await;
            let (Some(following), Some(link)) = (following?, link) else {
                self.mark(Mark::Bottom, began).await?;
                break;
            };
            (page, place) = (following, Place::Link(link));
            mark = Mark::Down;
            self.news_if_due().await?;
        }
        self.hub.synced(Q::ENDPOINT).await;
        self.news().await
    }

    async fn follow(&self, link: Option<&NextLink>) -> Done<Option<RawPage<Q::Row>>> {
        match link {
            Some(link) => Ok(Some(Q::next(self.graph(), link).await?)),
            None => Ok(None),
        }
    }

    /// Goes on with a first sync that was interrupted, page by page from its floor.
    async fn backlog(&mut self) -> Done<()> {
        loop {
            let Some(Watermark {
                floor: Some(floor),
                target,
                ..
            }) = self.watermark().await?
            else {
                return Ok(());
            };
            let mut place = Place::Query(self.query(target, Some(floor), false));
            loop {
                let page = self.read(&place).await?;
                let (link, rows) = (page.next.clone(), page.len());
                let taken = self.take(&place, page, Some(Mark::Down)).await?.whole()?;
                self.hub.syncing(Q::ENDPOINT, rows).await;
                let end = match (link, taken.span) {
                    (link, _) if !taken.ordered => {
                        let following = self.follow(link.as_ref()).await?;
                        self.rest_of(link, following).await?;
                        true
                    }
                    (None, _) => true,
                    (Some(_), Some((oldest, _))) if oldest < floor => break,
                    (Some(link), _) => {
                        place = Place::Link(link);
                        false
                    }
                };
                if end {
                    self.mark(Mark::Bottom, taken.as_of).await?;
                    self.hub.synced(Q::ENDPOINT).await;
                    return Ok(());
                }
            }
            self.news_if_due().await?;
        }
    }

    /// A service that does not keep the order asked for: everything to the last page, and no watermark
    /// moves until then.
    async fn rest_of(
        &self,
        mut link: Option<NextLink>,
        mut page: Option<RawPage<Q::Row>>,
    ) -> Done<()> {
        while let (Some(at), Some(now)) = (link, page) {
            let rows = now.len();
            link = now.next.clone();
            let place = Place::Link(at);
            let (taken, following) =
                tokio::join!(self.take(&place, now, None), self.follow(link.as_ref()));
            taken?.whole()?;
            self.hub.syncing_on(Q::ENDPOINT, rows).await;
            page = following?;
        }
        Ok(())
    }

    async fn news_if_due(&mut self) -> Done<()> {
        if self.news_read.elapsed() >= self.hub.every(Q::ENDPOINT) {
            self.news().await?;
        }
        Ok(())
    }

    /// Everything changed since the watermark, less the overlap, oldest first.
    async fn news(&mut self) -> Done<()> {
        let Some(mark) = self.watermark().await? else {
            return Ok(());
        };
        let overlap = jiff::SignedDuration::try_from(self.hub.settings.overlap).unwrap_or_default();
        let mut from = mark
            .forward
            .checked_sub(overlap)
            .unwrap_or(mark.forward)
            .max(mark.target);
        // What a page lacks holds the watermark up; the newer ones are shown all the same.
        let mut missing = None;
        let mut disordered = 0;
        'window: loop {
            let mut place = Place::Query(self.query(from, None, true));
            loop {
                let page = self.read(&place).await?;
                let link = page.next.clone();
                let last = link.is_none();
                let mark = missing.is_none().then_some(Mark::Up { last });
                let taken = self.take(&place, page, mark).await?;
                missing = taken.missing.or(missing);
                let end = match (link, taken.span) {
                    // Pages that follow an unordered one lose rows to changes meanwhile: often the second
                    // answer has its order.
                    _ if !taken.ordered && disordered < AGAIN => {
                        disordered += 1;
                        continue 'window;
                    }
                    (link, _) if !taken.ordered => {
                        let following = self.follow(link.as_ref()).await?;
                        self.rest_of(link, following).await?;
                        let forward = taken.as_of;
                        if missing.is_none() {
                            self.mark(Mark::News { forward }, taken.as_of).await?;
                        }
                        true
                    }
                    (None, _) => true,
                    (Some(_), Some((_, newest))) if newest > from => {
                        from = newest;
                        continue 'window;
                    }
                    (Some(link), _) => {
                        place = Place::Link(link);
                        false
                    }
                };
                if end {
                    if let Some(missing) = missing {
                        return Err(Trouble::Incomplete(missing));
                    }
                    self.news_read = Instant::now();
                    self.hub.good(Q::ENDPOINT, taken.as_of).await;
                    return Ok(());
                }
            }
        }
    }
}

/// Where a page comes from.
enum Place {
    Query(ListQuery),
    Link(NextLink),
}

/// What a written page was like.
struct Taken {
    ordered: bool,
    span: Option<(Timestamp, Timestamp)>,
    as_of: Timestamp,
    /// What the service said it left out, however often it was asked.
    missing: Option<String>,
}

impl Taken {
    /// Without anything left out, or the trouble that it is.
    fn whole(self) -> Done<Self> {
        match self.missing {
            Some(missing) => Err(Trouble::Incomplete(missing)),
            None => Ok(self),
        }
    }
}

/// A wait that ends early when the feed stops; false when it did.
pub(super) async fn rest(hub: &hub::Hub, wait: Duration) -> bool {
    tokio::select! {
        () = hub.stop.cancelled() => false,
        () = tokio::time::sleep(wait) => true,
    }
}
