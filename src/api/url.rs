//! Building addresses: every part encoded, nothing a service wrote taken for a path.

use url::Url;
use url::form_urlencoded::byte_serialize;

use super::error::{ApiError, ApiErrorKind};

/// A base with path segments appended, each encoded as one.
///
/// # Errors
/// Where a segment is empty or a dot: an id like that would change the address.
pub(super) fn join(base: &Url, segments: &[&str]) -> Result<Url, ApiError> {
    if let Some(bad) = segments
        .iter()
        .find(|segment| matches!(**segment, "" | "." | ".."))
    {
        return Err(ApiError::local(
            ApiErrorKind::BadRequest,
            format!("\"{bad}\" cannot be an id"),
        ));
    }
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    Ok(url)
}

/// Sets the query: names as they are, values percent-encoded (`%20`, not `+`). Empty values are left out.
pub(super) fn query(mut url: Url, pairs: &[(&str, String)]) -> Url {
    let query: Vec<String> = pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            let encoded: String = byte_serialize(value.as_bytes()).collect();
            format!("{name}={}", encoded.replace('+', "%20"))
        })
        .collect();
    url.set_query((!query.is_empty()).then(|| query.join("&")).as_deref());
    url
}

/// A string literal of `$filter`: in single quotes, those inside doubled.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_segment() {
        let base: Url = "http://127.0.0.1:9/graph".parse().expect("url");
        let url = join(&base, &["v1.0", "alerts", "a/../b?x#y"]).expect("joins");
        assert_eq!(
            url.as_str(),
            "http://127.0.0.1:9/graph/v1.0/alerts/a%2F..%2Fb%3Fx%23y"
        );
        for bad in ["", ".", ".."] {
            assert!(join(&base, &["machines", bad, "isolate"]).is_err());
        }
    }

    #[test]
    fn queries_are_percent_encoded_and_literals_quoted() {
        let base: Url = "https://graph.microsoft.com/v1.0/x".parse().expect("url");
        let filter = format!("assignedTo eq {}", literal("o'neil+1@example.com"));
        let url = query(base, &[("$filter", filter), ("$top", String::new())]);
        assert_eq!(
            url.query(),
            Some("$filter=assignedTo%20eq%20%27o%27%27neil%2B1%40example.com%27")
        );
    }
}
