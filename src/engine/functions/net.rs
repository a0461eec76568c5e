//! IP addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rusqlite::types::Value as Cell;
use serde_json::Value as Json;

use super::args::{bool_cell, int_cell, text_cell};
use super::{Args, Row};
use crate::engine::dynamic;

type Answer = rusqlite::Result<Cell>;

/// The functions of this file; text that is no address gives null.
pub const TABLE: &[Row] = &[
    ("k_ipv4_is_private", |a| {
        let Some((ip, _)) = ipv4(&a.text(0)) else {
            return Ok(Cell::Null);
        };
        Ok(bool_cell(Ipv4Addr::from(ip).is_private()))
    }),
    ("k_parse_ipv4", |a| {
        Ok(int_cell(
            ipv4(&a.text(0)).map(|(ip, prefix)| i64::from(ip & mask4(prefix))),
        ))
    }),
    ("k_parse_ipv4_mask", |a| {
        let prefix = a.int(1).filter(|p| (0..=32).contains(p));
        let ip = ipv4(&a.text(0));
        Ok(int_cell(ip.zip(prefix).map(|((ip, own), p)| {
            i64::from(ip & mask4(own.min(p as u32)))
        })))
    }),
    ("k_ipv4_compare", |a| {
        Ok(compare4(a).map_or(Cell::Null, |o| Cell::Integer(o as i64)))
    }),
    ("k_ipv4_is_match", |a| {
        Ok(compare4(a).map_or(Cell::Null, |o| bool_cell(o.is_eq())))
    }),
    ("k_ipv4_is_in_range", |a| {
        Ok(in_range4(&a.text(0), &a.text(1)).map_or(Cell::Null, bool_cell))
    }),
    ("k_ipv4_is_in_any_range", |a| any_range(a, in_range4)),
    ("k_ipv4_netmask_suffix", |a| {
        Ok(int_cell(
            ipv4(&a.text(0)).map(|(_, prefix)| i64::from(prefix)),
        ))
    }),
    ("k_format_ipv4", |a| {
        let ip = match a.cell(0) {
            rusqlite::types::ValueRef::Integer(i) => u32::try_from(i).ok(),
            _ => ipv4(&a.text(0)).map(|(ip, _)| ip),
        };
        let prefix = a.int(1).unwrap_or(32);
        let text = ip.filter(|_| (0..=32).contains(&prefix)).map(|ip| {
            let ip = Ipv4Addr::from(ip & mask4(prefix as u32));
            if a.int(2) == Some(1) {
                format!("{ip}/{prefix}")
            } else {
                ip.to_string()
            }
        });
        Ok(text_cell(text.unwrap_or_default()))
    }),
    ("k_parse_ipv6", |a| {
        Ok(text_cell(
            ipv6(&a.text(0))
                .map(|(ip, p)| ipv6_text(mask6(ip, p)))
                .unwrap_or_default(),
        ))
    }),
    ("k_parse_ipv6_mask", |a| {
        let prefix = a.int(1).filter(|p| (0..=128).contains(p));
        let text = ipv6(&a.text(0)).zip(prefix).map(|((ip, own), p)| {
            // A prefix for an IPv4 address counts from the start of the mapped address.
            let p = if a.text(0).contains(':') {
                p as u32
            } else {
                (p as u32).min(128)
            };
            ipv6_text(mask6(ip, own.min(p)))
        });
        Ok(text_cell(text.unwrap_or_default()))
    }),
    ("k_ipv6_compare", |a| {
        Ok(compare6(a).map_or(Cell::Null, |o| Cell::Integer(o as i64)))
    }),
    ("k_ipv6_is_match", |a| {
        Ok(compare6(a).map_or(Cell::Null, |o| bool_cell(o.is_eq())))
    }),
    ("k_ipv6_is_in_range", |a| {
        Ok(in_range6(&a.text(0), &a.text(1)).map_or(Cell::Null, bool_cell))
    }),
    ("k_ipv6_is_in_any_range", |a| any_range(a, in_range6)),
    // (text, JSON array of addresses): an address stands in the text between non-address characters
    ("k_has_any_ipv4", |a| {
        let text = a.text(0);
        let Json::Array(wanted) = a.json(1) else {
            return Ok(bool_cell(false));
        };
        let wanted: Vec<String> = wanted.iter().map(dynamic::text).collect();
        Ok(bool_cell(
            addresses(&text).any(|ip| wanted.iter().any(|w| w == ip)),
        ))
    }),
    ("k_has_any_ipv4_prefix", |a| {
        let text = a.text(0);
        let Json::Array(wanted) = a.json(1) else {
            return Ok(bool_cell(false));
        };
        let wanted: Vec<String> = wanted.iter().map(dynamic::text).collect();
        Ok(bool_cell(addresses(&text).any(|ip| {
            wanted
                .iter()
                .any(|w| ip == w || (w.ends_with('.') && ip.starts_with(w.as_str())))
        })))
    }),
];

/// The IPv4 addresses standing free in a text.
fn addresses(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '.'))
        .map(|word| word.trim_matches('.'))
        .filter(|word| word.parse::<Ipv4Addr>().is_ok())
}

/// An address with its prefix (32 where there is none).
pub fn ipv4(text: &str) -> Option<(u32, u32)> {
    let text = text.trim();
    let (ip, prefix) = match text.split_once('/') {
        Some((ip, prefix)) => (ip, prefix.parse::<u32>().ok().filter(|p| *p <= 32)?),
        None => (text, 32),
    };
    // Leading zeros are common in logs; the standard parser refuses them.
    let mut octets = [0u8; 4];
    let mut parts = ip.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *octet = part
            .parse::<u16>()
            .ok()
            .and_then(|v| u8::try_from(v).ok())?;
    }
    parts
        .next()
        .is_none()
        .then(|| (u32::from_be_bytes(octets), prefix))
}

/// The network mask of a prefix.
pub fn mask4(prefix: u32) -> u32 {
    if prefix == 0 {
        0
    } else {
        u32::MAX << (32 - prefix.min(32))
    }
}

fn compare4(a: &Args<'_, '_>) -> Option<std::cmp::Ordering> {
    let ((x, p), (y, q)) = (ipv4(&a.text(0))?, ipv4(&a.text(1))?);
    let own = match a.len() {
        3 => a.int(2).filter(|p| (0..=32).contains(p))? as u32,
        _ => 32,
    };
    let mask = mask4(p.min(q).min(own));
    Some((x & mask).cmp(&(y & mask)))
}

fn in_range4(ip: &str, range: &str) -> Option<bool> {
    let ((ip, p), (net, prefix)) = (ipv4(ip)?, ipv4(range)?);
    let mask = mask4(prefix.min(p));
    Some(ip & mask == net & mask)
}

fn any_range(a: &Args<'_, '_>, test: fn(&str, &str) -> Option<bool>) -> Answer {
    let ip = a.text(0);
    let mut ranges = Vec::new();
    for i in 1..a.len() {
        match a.json(i) {
            Json::Array(items) => ranges.extend(items.iter().map(dynamic::text)),
            Json::Null => {}
            one => ranges.push(dynamic::text(&one)),
        }
    }
    let tests: Vec<Option<bool>> = ranges.iter().map(|r| test(&ip, r)).collect();
    if tests.contains(&Some(true)) {
        return Ok(bool_cell(true));
    }
    Ok(if tests.iter().all(Option::is_none) {
        Cell::Null
    } else {
        bool_cell(false)
    })
}

/// An address with its prefix; IPv4 is mapped, its prefix counted from there.
fn ipv6(text: &str) -> Option<(u128, u32)> {
    let text = text.trim();
    if let Some((ip, prefix)) = ipv4(text) {
        return Some((u128::from(Ipv4Addr::from(ip).to_ipv6_mapped()), prefix + 96));
    }
    let (ip, prefix) = match text.split_once('/') {
        Some((ip, prefix)) => (ip, prefix.parse::<u32>().ok().filter(|p| *p <= 128)?),
        None => (text, 128),
    };
    match ip.parse::<IpAddr>().ok()? {
        // IPv4 written inside IPv6 is the mapped address, its prefix that of the IPv4 part.
        IpAddr::V6(ip) if text.contains('.') && u128::from(ip) >> 32 == 0 => {
            let mapped = u128::from(ip) | 0xffff_0000_0000;
            Some((mapped, if prefix <= 32 { prefix + 96 } else { prefix }))
        }
        IpAddr::V6(ip) => Some((u128::from(ip), prefix)),
        IpAddr::V4(_) => None,
    }
}

fn mask6(ip: u128, prefix: u32) -> u128 {
    if prefix == 0 {
        0
    } else {
        ip & (u128::MAX << (128 - prefix.min(128)))
    }
}

fn ipv6_text(ip: u128) -> String {
    let parts: Vec<String> = Ipv6Addr::from(ip)
        .segments()
        .iter()
        .map(|s| format!("{s:04x}"))
        .collect();
    parts.join(":")
}

fn compare6(a: &Args<'_, '_>) -> Option<std::cmp::Ordering> {
    let ((x, p), (y, q)) = (ipv6(&a.text(0))?, ipv6(&a.text(1))?);
    let own = match a.len() {
        3 => a.int(2).filter(|p| (0..=128).contains(p))? as u32,
        _ => 128,
    };
    let prefix = p.min(q).min(own);
    Some(mask6(x, prefix).cmp(&mask6(y, prefix)))
}

fn in_range6(ip: &str, range: &str) -> Option<bool> {
    let ((ip, p), (net, prefix)) = (ipv6(ip)?, ipv6(range)?);
    let prefix = prefix.min(p);
    Some(mask6(ip, prefix) == mask6(net, prefix))
}
