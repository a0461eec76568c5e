//! What a token is asked for: `resource` of the first generation, `scope` of the second.
//!
//! Facts: the Defender for Endpoint sheet, sections 1.3 and 3.

use super::directory::App;
use super::refusals::{
    Aadsts, BAD_SCOPE, MIXED_DEFAULT, NO_CONSENT, NO_RESOURCE, NO_SCOPE, TWO_RESOURCES,
};
use super::resources::{DIRECTORY, GRAPH, Grants, Resource};
use super::token::Form;

/// Scopes that are about the sign-in itself.
const OPENID: &[&str] = &["openid", "profile", "email", "offline_access"];

/// A resource and the audience as it was written: tokens of the first format echo it.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The resource.
    pub resource: Resource,
    /// Its name as asked for.
    pub aud: String,
}

/// What a person's token is wanted for.
#[derive(Debug, Clone)]
pub struct Delegated {
    /// The resource.
    pub wanted: Wanted,
    /// Delegated permissions, resolved: what `.default` stands for is spelled out.
    pub scopes: Vec<String>,
    /// Those of [`OPENID`] that were asked for.
    pub openid: Vec<&'static str>,
}

impl Delegated {
    /// Whether a scope about the sign-in was asked for.
    pub fn has(&self, scope: &str) -> bool {
        self.openid.contains(&scope)
    }
}

/// The resource of an identifier, however its case and trailing slash are.
pub fn resource_named(aud: &str, grants: &Grants) -> Result<Wanted, Aadsts> {
    let resource = grants.resource(aud).ok_or_else(|| NO_RESOURCE.of(&[aud]))?;
    Ok(Wanted {
        resource,
        aud: aud.into(),
    })
}

/// The resource of a v1 request. `/.default` is no part of a resource's name there, and whoever sends
/// `scope` instead gets a token for the directory's old Graph.
pub fn of_resource(form: &Form, grants: &Grants) -> Result<Wanted, Aadsts> {
    match form.get("resource") {
        Some(aud) => resource_named(aud, grants),
        None => Ok(Wanted {
            resource: DIRECTORY,
            aud: DIRECTORY.app_id.into(),
        }),
    }
}

/// The resource of a scope that ends in `/.default`, which must be the only one: applications.
pub fn of_default_scope(scope: &str, grants: &Grants) -> Result<Wanted, Aadsts> {
    let bad = || BAD_SCOPE.of(&[scope]);
    let mut scopes = scope.split_whitespace();
    let (Some(only), None) = (scopes.next(), scopes.next()) else {
        return Err(bad());
    };
    resource_named(only.strip_suffix("/.default").ok_or_else(bad)?, grants)
}

/// What a person's v1 request wants: everything consented to of the resource.
pub fn delegated_v1(form: &Form, app: &App, grants: &Grants) -> Result<Delegated, Aadsts> {
    let wanted = of_resource(form, grants)?;
    let openid = form.get("scope").unwrap_or_default();
    Ok(Delegated {
        scopes: consented(&wanted, app, grants)?,
        openid: OPENID
            .iter()
            .copied()
            .filter(|s| openid.split_whitespace().any(|o| o == *s))
            .collect(),
        wanted,
    })
}

/// What the scopes of a person's v2 request want: single permissions or `.default`, of one resource, and
/// scopes about the sign-in beside them. A scope without a resource is one of Graph's.
pub fn delegated_v2(scope: &str, app: &App, grants: &Grants) -> Result<Delegated, Aadsts> {
    let Read { openid, aud, names } = read(scope)?;
    let wanted = resource_named(aud.as_deref().unwrap_or(GRAPH.app_id), grants)?;
    let all = consented(&wanted, app, grants)?;
    let scopes = if names.contains(&".default") {
        if names.len() > 1 {
            return Err(MIXED_DEFAULT.of(&[scope]));
        }
        all
    } else {
        let mut scopes: Vec<String> = Vec::new();
        for name in names {
            let known = grants
                .permissions(wanted.resource)
                .find(|p| p.scope.eq_ignore_ascii_case(name))
                .ok_or_else(|| NO_SCOPE.of(&[&app.id, name, &wanted.aud]))?;
            if !all.iter().any(|s| s == known.scope) {
                return Err(NO_CONSENT.of(&[&app.id, &app.name]));
            }
            if !scopes.iter().any(|s| s == known.scope) {
                scopes.push(known.scope.into());
            }
        }
        scopes
    };
    Ok(Delegated {
        wanted,
        scopes,
        openid,
    })
}

/// What scopes ask for, whether it was consented to or not: the resource (`None` where they are only about
/// the sign-in) and its delegated permissions.
pub fn requested(
    scope: &str,
    app: &App,
    grants: &Grants,
) -> Result<(Option<Resource>, Vec<&'static str>), Aadsts> {
    let Read { aud, names, .. } = read(scope)?;
    let Some(aud) = aud else {
        return Ok((None, Vec::new()));
    };
    let wanted = resource_named(&aud, grants)?;
    let all = || grants.permissions(wanted.resource).map(|p| p.scope);
    let mut scopes: Vec<&'static str> = Vec::new();
    for name in names {
        let before = scopes.len();
        let whole = name == ".default";
        let named = |s: &&str| !s.is_empty() && (whole || s.eq_ignore_ascii_case(name));
        for scope in all().filter(named) {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        if scopes.len() == before && !whole && !scopes.iter().any(|s| s.eq_ignore_ascii_case(name))
        {
            return Err(NO_SCOPE.of(&[&app.id, name, &wanted.aud]));
        }
    }
    Ok((Some(wanted.resource), scopes))
}

/// Scopes as they are written.
struct Read<'a> {
    openid: Vec<&'static str>,
    aud: Option<String>,
    names: Vec<&'a str>,
}

fn read(scope: &str) -> Result<Read<'_>, Aadsts> {
    let mut read = Read {
        openid: Vec::new(),
        aud: None,
        names: Vec::new(),
    };
    for one in scope.split_whitespace() {
        if let Some(known) = OPENID.iter().find(|o| o.eq_ignore_ascii_case(one)) {
            read.openid.push(*known);
            continue;
        }
        let (of, name) = one.rsplit_once('/').unwrap_or((GRAPH.app_id, one));
        if read
            .aud
            .as_deref()
            .is_some_and(|a| !a.eq_ignore_ascii_case(of))
        {
            return Err(TWO_RESOURCES.of(&[scope]));
        }
        read.aud.get_or_insert_with(|| of.to_owned());
        read.names.push(name);
    }
    if read.openid.is_empty() && read.names.is_empty() {
        return Err(BAD_SCOPE.of(&[scope]));
    }
    Ok(read)
}

/// The delegated permissions the application was consented to.
fn consented(wanted: &Wanted, app: &App, grants: &Grants) -> Result<Vec<String>, Aadsts> {
    let scopes = grants.of(app, wanted.resource).scopes;
    let has_any = grants
        .permissions(wanted.resource)
        .any(|p| !p.scope.is_empty());
    if scopes.is_empty() && has_any {
        return Err(NO_CONSENT.of(&[&app.id, &app.name]));
    }
    Ok(scopes.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::super::directory::Directory;
    use super::super::resources::DEFENDER;
    use super::*;

    fn ask(scope: &str) -> Result<Delegated, u32> {
        let app = Directory::of(1).apps.swap_remove(0);
        let grants = Grants {
            withheld: vec!["Machine.Scan".into()],
            ..Grants::default()
        };
        delegated_v2(scope, &app, &grants).map_err(|a| a.kind.code)
    }

    #[test]
    fn scopes_name_one_resource_and_its_permissions() {
        let aud = DEFENDER.audiences[0];
        let got = ask(&format!("openid {aud}/machine.read offline_access")).expect("read");
        assert_eq!(got.scopes, ["Machine.Read"]);
        assert_eq!(got.openid, ["openid", "offline_access"]);
        assert_eq!(got.wanted.aud, aud);
        let all = ask(&format!("{aud}//.default")).expect("read");
        assert_eq!(all.wanted.aud, format!("{aud}/"));
        assert!(all.scopes.contains(&"Machine.Isolate".to_owned()));
        assert!(!all.scopes.contains(&"Machine.Scan".to_owned()), "withheld");
        assert_eq!(ask("User.Read").expect("read").wanted.aud, GRAPH.app_id);
        for (scope, code) in [
            (format!("{aud}/Machine.Read User.Read"), 28_000),
            (format!("{aud}/.default {aud}/Machine.Read"), 70_011),
            (format!("{aud}/Machine.Fly"), 650_053),
            (format!("{aud}/Machine.Scan"), 65_001),
            ("https://vault.azure.net/.default".into(), 500_011),
            (String::new(), 70_011),
        ] {
            assert_eq!(ask(&scope).map(|d| d.scopes), Err(code), "{scope}");
        }
    }
}
