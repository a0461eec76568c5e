//! Pages of rows, and the link to the next.

use std::marker::PhantomData;
use std::ops::Range;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use url::Url;

use super::error::{ApiError, ApiErrorKind};
use crate::domain::text::clean;
use crate::domain::{BadRow, Raw};

/// The address of the next page, on the service it came from. Opaque: it holds every option already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextLink {
    pub(super) url: Url,
    /// Hashes of the links followed so far; one that comes again ends the paging.
    trail: Vec<u64>,
}

/// A page decoded.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// Rows that were understood, in the service's order.
    pub rows: Vec<Raw<T>>,
    /// Rows that were not.
    pub bad: Vec<BadRow>,
    /// The next page; `None` = this was the last.
    pub next: Option<NextLink>,
    /// The moment it holds for: the service's clock when it was asked, never later than ours.
    pub as_of: Timestamp,
    /// What a 206 said is missing from this answer; sanitised.
    pub partial: Option<String>,
}

/// All rows of a listing.
#[derive(Clone, Debug)]
pub struct Listing<T> {
    /// Rows that were understood, in the service's order.
    pub rows: Vec<Raw<T>>,
    /// Rows that were not.
    pub bad: Vec<BadRow>,
    /// What a 206 said is missing; sanitised.
    pub partial: Option<String>,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            bad: Vec::new(),
            partial: None,
        }
    }
}

impl<T> Listing<T> {
    /// Whether every row is there and was understood.
    pub fn is_whole(&self) -> bool {
        self.bad.is_empty() && self.partial.is_none()
    }
}

impl<T> std::ops::Deref for Listing<T> {
    type Target = [Raw<T>];

    fn deref(&self) -> &[Raw<T>] {
        &self.rows
    }
}

impl<T> IntoIterator for Listing<T> {
    type Item = Raw<T>;
    type IntoIter = std::vec::IntoIter<Raw<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

/// A page as it came: its rows cut apart but not decoded. Following `next` needs no decoding, so a
/// long listing is fetched and taken in at the same time.
#[derive(Clone, Debug)]
pub struct RawPage<T> {
    body: String,
    rows: Vec<Range<usize>>,
    /// The next page; `None` = this was the last.
    pub next: Option<NextLink>,
    /// The moment it holds for: the service's clock when it was asked, never later than ours.
    pub as_of: Timestamp,
    /// What a 206 said is missing from this answer; sanitised.
    pub partial: Option<String>,
    /// Bytes that are no text were replaced: the answer may have come to harm on its way.
    pub mended: bool,
    kind: PhantomData<fn() -> T>,
}

impl<T> RawPage<T> {
    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has none; there may be a next page still.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows' JSON, in the service's order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &str> {
        self.rows.iter().map(|row| &self.body[row.clone()])
    }

    /// Bytes of the whole answer.
    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    /// Decodes row by row.
    pub fn decode(self) -> Page<T>
    where
        T: DeserializeOwned,
    {
        let mut rows = Vec::with_capacity(self.rows.len());
        let mut bad = Vec::new();
        for json in self.rows() {
            match decode_row(json) {
                Ok(row) => rows.push(row),
                Err(row) => bad.push(row),
            }
        }
        Page {
            rows,
            bad,
            next: self.next,
            as_of: self.as_of,
            partial: self.partial,
        }
    }
}

/// Decodes one row and keeps its JSON.
pub(super) fn decode_row<T: DeserializeOwned>(json: &str) -> Result<Raw<T>, BadRow> {
    let bad = |why: serde_json::Error| {
        tracing::warn!(%why, "a row was not understood");
        BadRow {
            json: json.to_owned(),
            why: clean(&why.to_string()).into_owned(),
        }
    };
    let value = serde_json::from_str(json).map_err(bad)?;
    let json = RawValue::from_string(json.to_owned()).map_err(bad)?;
    Ok(Raw { value, json })
}

#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(borrow, default, rename = "@odata.nextLink")]
    next: Option<std::borrow::Cow<'a, str>>,
}

/// Cuts a body into rows. `asked` is the link that led here, `base` the service it must stay on.
pub(super) fn cut<T>(
    body: Vec<u8>,
    base: &Url,
    asked: Option<&NextLink>,
    as_of: Timestamp,
    partial: Option<String>,
) -> Result<RawPage<T>, ApiError> {
    let (body, mended) = match String::from_utf8(body) {
        Ok(body) => (body, false),
        Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
    };
    let collection: Collection<'_> = serde_json::from_str(&body).map_err(|why| {
        ApiError::local(
            ApiErrorKind::Decode,
            format!("the answer is not a list: {}", clean(&why.to_string())),
        )
    })?;
    let start = body.as_ptr() as usize;
    let rows = collection
        .value
        .iter()
        .map(|row| {
            let at = row.get().as_ptr() as usize - start;
            at..at + row.get().len()
        })
        .collect();
    let next = collection
        .next
        .as_deref()
        .filter(|link| !link.is_empty())
        .map(|link| follow(link, base, asked))
        .transpose()?;
    Ok(RawPage {
        rows,
        next,
        as_of,
        partial,
        mended,
        kind: PhantomData,
        body,
    })
}

/// Judges a next link: the bearer token goes along, so it must stay on the service's host, port and
/// scheme; and it must lead on.
fn follow(link: &str, base: &Url, asked: Option<&NextLink>) -> Result<NextLink, ApiError> {
    let refuse = |why: String| {
        ApiError::local(ApiErrorKind::Decode, why)
            .advise("the listing ends here; if this goes on, something stands between this program and the service")
    };
    let url = base
        .join(link)
        .map_err(|_| refuse("the next link is not an address".to_owned()))?;
    if url.origin() != base.origin() || !url.username().is_empty() || url.password().is_some() {
        return Err(refuse(format!(
            "the next link leads to another host, {}, and was not followed",
            clean(url.host_str().unwrap_or("(none)"))
        )));
    }
    let hash = fnv(url.as_str());
    let mut trail = asked.map_or_else(Vec::new, |asked| asked.trail.clone());
    if trail.contains(&hash) {
        return Err(refuse(
            "the next link leads back to a page already read".to_owned(),
        ));
    }
    trail.push(hash);
    Ok(NextLink { url, trail })
}

fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Incident;

    fn base() -> Url {
        "https://graph.microsoft.com".parse().expect("url")
    }

    fn page(body: &str) -> Result<RawPage<Incident>, ApiError> {
        cut(
            body.as_bytes().to_vec(),
            &base(),
            None,
            Timestamp::UNIX_EPOCH,
            None,
        )
    }

    #[test]
    fn a_bad_row_among_good_ones_is_kept_aside_with_its_json() {
        let page = page(
            r#"{"@odata.context":"x","value":[{"id":"1"},{"noId":true}, {"id":"2","severity":"apocalyptic"},7],"@odata.nextLink":""}"#,
        )
        .expect("a page");
        assert_eq!(page.len(), 4);
        assert!(page.next.is_none());
        let page = page.decode();
        let ids: Vec<_> = page.rows.iter().map(|row| row.value.id.as_str()).collect();
        assert_eq!(ids, ["1", "2"]);
        assert_eq!(
            page.rows[1].json.get(),
            r#"{"id":"2","severity":"apocalyptic"}"#
        );
        let bad: Vec<_> = page.bad.iter().map(|row| row.json.as_str()).collect();
        assert_eq!(bad, [r#"{"noId":true}"#, "7"]);
        assert!(page.bad[0].why.contains("id"));
    }

    #[test]
    fn a_next_link_stays_on_its_service() {
        let link = |link: &str| page(&format!(r#"{{"value":[],"@odata.nextLink":"{link}"}}"#));
        let good = link("https://graph.microsoft.com/v1.0/security/incidents?$skiptoken=a%20b")
            .expect("followed");
        assert_eq!(
            good.next.expect("a link").url.query(),
            Some("$skiptoken=a%20b")
        );
        assert!(link("https://GRAPH.microsoft.com:443/x").is_ok());
        for foreign in [
            "https://graph.microsoft.com.evil.example/x",
            "http://graph.microsoft.com/x",
            "https://graph.microsoft.com:444/x",
            "https://graph.microsoft.com@evil.example/",
            "//evil.example/x",
            "https://user:pw@graph.microsoft.com/x",
            "file:///etc/passwd",
        ] {
            let error = link(foreign).expect_err(foreign);
            assert_eq!(error.kind, ApiErrorKind::Decode, "{foreign}");
        }
    }

    #[test]
    fn links_in_a_circle_end() {
        let turn = |to: &str, from: Option<&NextLink>| {
            follow(&format!("https://graph.microsoft.com/{to}"), &base(), from)
        };
        let a = turn("a", None).expect("new");
        let b = turn("b", Some(&a)).expect("new");
        assert!(turn("a", Some(&b)).is_err());
        assert!(turn("b", Some(&b)).is_err());
        assert!(turn("c", Some(&b)).is_ok());
    }

    #[test]
    fn what_is_no_list_says_so() {
        for odd in ["", "{}", "<html>", r#"{"value":{}}"#, r#"{"value":[{"#] {
            let error = page(odd).expect_err(odd);
            assert_eq!(error.kind, ApiErrorKind::Decode, "{odd}");
        }
    }
}
