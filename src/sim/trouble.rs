//! Faults written as words: `rate=0.2 kind=reset path=/v1.0/security/*`, and the same as a TOML
//! script.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clock::{self, SECOND};
use super::faults::{Fault, FaultKind, RetryAfter, Service};

/// The words of one fault: names and values.
pub type Words = BTreeMap<String, String>;

/// One kind of fault: its name, its own words with their defaults, what it does, and how it is read.
pub struct Row {
    /// `kind=…`.
    pub name: &'static str,
    /// Own words, with their defaults.
    pub words: &'static [(&'static str, &'static str)],
    /// What happens.
    pub help: &'static str,
    make: fn(&Own) -> Result<FaultKind, String>,
}

/// The own words of a kind, as given or by default.
struct Own<'a> {
    given: &'a Words,
    row: &'static Row,
}

impl Own<'_> {
    fn text(&self, name: &str) -> &str {
        let usual = self.row.words.iter().find(|(n, _)| *n == name);
        self.given
            .get(name)
            .map_or(usual.map_or("", |(_, value)| value), String::as_str)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, String> {
        let text = self.text(name);
        text.parse()
            .map_err(|_| format!("{name}={text} is not a number this kind can use"))
    }

    fn status(&self) -> Result<u16, String> {
        let status = self.number("status")?;
        if (400..=599).contains(&status) {
            Ok(status)
        } else {
            Err(format!("status={status} is no refusal: 400 to 599"))
        }
    }

    fn span(&self, name: &str) -> Result<Duration, String> {
        let text = self.text(name);
        clock::span(text)
            .and_then(|ticks| u64::try_from(ticks).ok())
            .map(|ticks| Duration::from_nanos(ticks.saturating_mul(100)))
            .ok_or_else(|| format!("{name}={text} is no span of time such as 250ms, 90s, 5m, 2h"))
    }

    fn origin(&self, name: &str) -> Result<String, String> {
        let text = self.text(name);
        let url = url::Url::parse(text).map_err(|e| format!("{name}={text}: {e}"))?;
        Ok(url.origin().ascii_serialization())
    }
}

const fn plain(
    name: &'static str,
    help: &'static str,
    make: fn(&Own) -> Result<FaultKind, String>,
) -> Row {
    Row {
        name,
        words: &[],
        help,
        make,
    }
}

const fn with(
    name: &'static str,
    words: &'static [(&'static str, &'static str)],
    help: &'static str,
    make: fn(&Own) -> Result<FaultKind, String>,
) -> Row {
    Row {
        name,
        words,
        help,
        make,
    }
}

/// Every kind.
pub const KINDS: &[Row] = &[
    with(
        "throttle",
        &[("seconds", "5"), ("form", "seconds")],
        "429; form is seconds, date or none",
        |own| {
            let seconds = own.number("seconds")?;
            Ok(FaultKind::Throttle(match own.text("form") {
                "seconds" => RetryAfter::Seconds(seconds),
                "date" => RetryAfter::Date(seconds),
                "none" => RetryAfter::Missing,
                other => return Err(format!("form={other} is none of seconds, date, none")),
            }))
        },
    ),
    with(
        "status",
        &[("status", "500")],
        "a status with the service's error document",
        |own| own.status().map(FaultKind::Status),
    ),
    with(
        "gateway",
        &[("status", "503")],
        "a status with a page of HTML",
        |own| own.status().map(FaultKind::Gateway),
    ),
    with(
        "empty",
        &[("status", "502")],
        "a status with no body",
        |own| own.status().map(FaultKind::Empty),
    ),
    with(
        "portal",
        &[("to", "")],
        "whoever owns the network answers: a page of HTML, or with to= a redirect to its host",
        |own| match own.text("to") {
            "" => Ok(FaultKind::Portal(None)),
            _ => own.origin("to").map(|to| FaultKind::Portal(Some(to))),
        },
    ),
    plain("proxy", "407: a proxy wants to know who asks", |_| {
        Ok(FaultKind::Proxy)
    }),
    with(
        "aadsts",
        &[("code", "53003")],
        "sign-in is refused with this number (service=entra alone; `--fault list` has them)",
        |own| {
            let code = own.number("code")?;
            match super::entra::refusal(code) {
                Some(_) => Ok(FaultKind::Aadsts(code)),
                None => Err(format!(
                    "code={code} is none of the numbers of --fault list"
                )),
            }
        },
    ),
    plain("timeout", "never an answer", |_| Ok(FaultKind::Timeout)),
    plain(
        "reset",
        "the connection closes before the request is carried out",
        |_| Ok(FaultKind::DropBefore),
    ),
    plain(
        "reset-after",
        "the connection closes after the request was carried out",
        |_| Ok(FaultKind::DropAfter),
    ),
    with("slow", &[("by", "3s")], "the answer comes later", |own| {
        own.span("by").map(FaultKind::Slow)
    }),
    with(
        "drip",
        &[("every", "250ms")],
        "the body comes in 24 pieces",
        |own| own.span("every").map(FaultKind::Drip),
    ),
    plain(
        "cut",
        "the connection closes in the middle of the body",
        |_| Ok(FaultKind::Cut),
    ),
    plain("garbage", "the JSON ends in the middle", |_| {
        Ok(FaultKind::Garbage)
    }),
    plain("wrong-shape", "JSON of another shape", |_| {
        Ok(FaultKind::WrongShape)
    }),
    plain("not-utf8", "a text that is not UTF-8", |_| {
        Ok(FaultKind::NotUtf8)
    }),
    plain("bad-row", "one row among good ones is wrong", |_| {
        Ok(FaultKind::BadRow)
    }),
    plain("expired-token", "401: the token is expired", |_| {
        Ok(FaultKind::ExpiredToken)
    }),
    plain(
        "challenge",
        "the access token is called back, if its client declared cp1",
        |_| Ok(FaultKind::Challenge),
    ),
    with(
        "skew",
        &[("by", "10m")],
        "Date headers and new tokens are off, by -5m or 10m",
        |own| {
            let text = own.text("by");
            let (sign, span) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
            clock::span(span)
                .map(|ticks| FaultKind::Skew(sign * ticks / SECOND))
                .ok_or_else(|| format!("by={text} is no span of time"))
        },
    ),
    with(
        "late",
        &[("by", "60s")],
        "lists show what is new or changed only after a while",
        |own| own.span("by").map(FaultKind::Late),
    ),
    with(
        "same-time",
        &[("step", "10m")],
        "times of last update in steps: many rows share one",
        |own| own.span("step").map(FaultKind::SameTime),
    ),
    plain("duplicates", "rows come twice, also across pages", |_| {
        Ok(FaultKind::Duplicates)
    }),
    plain("reordered", "the rows of a page in another order", |_| {
        Ok(FaultKind::Reordered)
    }),
    plain("empty-page", "an empty page with a next link", |_| {
        Ok(FaultKind::EmptyPage)
    }),
    with(
        "redirects",
        &[("hops", "3")],
        "so many redirects, then the answer",
        |own| own.number("hops").map(FaultKind::Redirects),
    ),
    plain("redirect-loop", "redirects without end", |_| {
        Ok(FaultKind::RedirectLoop)
    }),
    with(
        "redirect-to",
        &[("to", "https://elsewhere.example")],
        "a redirect to a foreign host",
        |own| own.origin("to").map(FaultKind::RedirectTo),
    ),
    with(
        "next-link-to",
        &[("to", "https://elsewhere.example")],
        "a next link to a foreign host",
        |own| own.origin("to").map(FaultKind::NextLinkTo),
    ),
    plain("action-back", "machine actions go back to Pending", |_| {
        Ok(FaultKind::ActionBack)
    }),
    plain(
        "action-order",
        "the oldest machine action that is over is still in progress",
        |_| Ok(FaultKind::ActionOrder),
    ),
    plain("partial", "206 with a Warning header", |_| {
        Ok(FaultKind::Partial)
    }),
];

/// Words every fault can have.
const COMMON: &[&str] = &[
    "kind", "method", "path", "tenant", "service", "rate", "nth", "times", "after", "from", "until",
];

impl FaultKind {
    /// The name of the kind, as [`KINDS`] has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Throttle(_) => "throttle",
            Self::Status(_) => "status",
            Self::Gateway(_) => "gateway",
            Self::Empty(_) => "empty",
            Self::Portal(_) => "portal",
            Self::Proxy => "proxy",
            Self::Aadsts(_) => "aadsts",
            Self::Timeout => "timeout",
            Self::DropBefore => "reset",
            Self::DropAfter => "reset-after",
            Self::Slow(_) => "slow",
            Self::Drip(_) => "drip",
            Self::Cut => "cut",
            Self::Garbage => "garbage",
            Self::WrongShape => "wrong-shape",
            Self::NotUtf8 => "not-utf8",
            Self::BadRow => "bad-row",
            Self::ExpiredToken => "expired-token",
            Self::Challenge => "challenge",
            Self::Skew(_) => "skew",
            Self::Late(_) => "late",
            Self::SameTime(_) => "same-time",
            Self::Duplicates => "duplicates",
            Self::Reordered => "reordered",
            Self::EmptyPage => "empty-page",
            Self::Redirects(_) => "redirects",
            Self::RedirectLoop => "redirect-loop",
            Self::RedirectTo(_) => "redirect-to",
            Self::NextLinkTo(_) => "next-link-to",
            Self::ActionBack => "action-back",
            Self::ActionOrder => "action-order",
            Self::Partial => "partial",
        }
    }
}

/// Reads a fault from its words. It strikes without end unless `times` is given.
pub fn from_words(words: &Words) -> Result<Fault, String> {
    let kind = words
        .get("kind")
        .ok_or("a fault needs a kind: kind=reset")?;
    let row = KINDS.iter().find(|row| row.name == kind).ok_or_else(|| {
        let names: Vec<&str> = KINDS.iter().map(|row| row.name).collect();
        format!("no fault is called {kind}; there are {}", names.join(", "))
    })?;
    let known = |name: &str| COMMON.contains(&name) || row.words.iter().any(|(n, _)| *n == name);
    if let Some(name) = words.keys().find(|name| !known(name)) {
        let own: Vec<&str> = row.words.iter().map(|(n, _)| *n).collect();
        return Err(format!(
            "{kind} has no {name}; there are {}",
            [COMMON, &own].concat().join(", ")
        ));
    }
    let text = |name: &str| words.get(name).map(String::as_str);
    let number = |name: &str| -> Result<Option<u32>, String> {
        text(name)
            .map(|t| t.parse().map_err(|_| format!("{name}={t} is not a number")))
            .transpose()
    };
    let moment = |name: &str| {
        text(name)
            .map(|t| {
                clock::span(t)
                    .ok_or_else(|| format!("{name}={t} is no span of time such as 90s, 5m, 2h"))
            })
            .transpose()
    };
    let mut fault = Fault::always(
        text("path").unwrap_or_default(),
        (row.make)(&Own { given: words, row })?,
    );
    if let Some(method) = text("method") {
        fault = fault.method(method);
    }
    if let Some(tenant) = text("tenant") {
        fault = fault.tenant(tenant);
    }
    if let Some(service) = text("service") {
        fault = fault.service(match service {
            "entra" => Service::Entra,
            "graph" => Service::Graph,
            "defender" => Service::Defender,
            other => return Err(format!("service={other} is none of entra, graph, defender")),
        });
    }
    if let Some(rate) = text("rate") {
        let share = rate.parse().ok().filter(|r| (0.0..=1.0).contains(r));
        fault = fault.rate(share.ok_or_else(|| format!("rate={rate} is not between 0 and 1"))?);
    }
    if let Some(nth) = number("nth")? {
        fault = fault.nth(nth);
    }
    if let Some(times) = number("times")? {
        fault = fault.times(times);
    }
    if let Some(after) = number("after")? {
        fault = fault.after(after);
    }
    fault.from = moment("from")?;
    fault.until = moment("until")?;
    Ok(fault)
}

/// Reads `rate=0.2 kind=reset path=/v1.0/security/*`.
pub fn from_text(text: &str) -> Result<Fault, String> {
    let words = text
        .split_whitespace()
        .map(|word| {
            word.split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .ok_or_else(|| format!("{word} is not written as name=value"))
        })
        .collect::<Result<Words, String>>()?;
    from_words(&words)
}

/// Reads a script: TOML with one `[[fault]]` a fault, times as `from` and `until` since the start.
pub fn from_script(text: &str) -> Result<Vec<Fault>, String> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Script {
        #[serde(default)]
        fault: Vec<toml::Table>,
    }
    let script: Script = toml::from_str(text).map_err(|e| e.to_string())?;
    let one = |(at, table): (usize, toml::Table)| {
        let words = table
            .into_iter()
            .map(|(name, value)| match value {
                toml::Value::String(text) => (name, text),
                other => (name, other.to_string()),
            })
            .collect();
        from_words(&words).map_err(|e| format!("fault {}: {e}", at + 1))
    };
    script.fault.into_iter().enumerate().map(one).collect()
}

/// Reads a JSON object of words, whose values are texts or numbers.
pub fn from_json(value: &serde_json::Value) -> Result<Fault, String> {
    let object = value.as_object().ok_or("a fault is an object")?;
    let words = object
        .iter()
        .map(|(name, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), text)
        })
        .collect();
    from_words(&words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_from_its_name_alone_and_keeps_it() {
        for row in KINDS {
            let fault = from_text(&format!("kind={}", row.name)).expect(row.name);
            assert_eq!(fault.kind.name(), row.name);
        }
    }

    #[test]
    fn words_are_read_and_mistakes_are_named() {
        let fault = from_text("rate=0.2 kind=throttle form=date seconds=30 path=/v1.0/* method=get from=2m until=5m tenant=2 service=graph nth=2 times=9 after=1").expect("a fault");
        let expected = Fault::always("/v1.0/*", FaultKind::Throttle(RetryAfter::Date(30)))
            .rate(0.2)
            .method("GET")
            .tenant("2")
            .service(Service::Graph)
            .nth(2)
            .times(9)
            .after(1);
        assert_eq!(
            fault,
            Fault {
                from: Some(2 * clock::MINUTE),
                until: Some(5 * clock::MINUTE),
                ..expected
            }
        );
        assert_eq!(
            from_text("kind=skew by=-5m").expect("a fault").kind,
            FaultKind::Skew(-300)
        );
        let script = "[[fault]]\nkind = \"reset\"\nrate = 0.5\n[[fault]]\nkind = \"status\"\nstatus = 503\nfrom = \"1h\"\n";
        assert_eq!(from_script(script).expect("faults").len(), 2);
        for (wrong, part) in [
            ("path=/x", "kind"),
            ("kind=explode", "reset-after"),
            ("kind=reset colour=red", "colour"),
            ("kind=reset rate=2", "rate=2"),
            ("kind=status status=200", "200"),
            ("kind=slow by=soon", "soon"),
            ("kind=reset service=teams", "teams"),
            ("reset", "name=value"),
            ("kind=throttle form=maybe", "maybe"),
        ] {
            let error = from_text(wrong).expect_err(wrong);
            assert!(error.contains(part), "{wrong}: {error}");
        }
    }
}
