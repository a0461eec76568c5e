//! The `[profiles.NAME]` tables: a profile is whole, or it is set aside with what is wrong with it.

use toml::Spanned;
use toml::de::DeValue;

use crate::config::fields;
use crate::config::problem::Problem;
use crate::config::read::Reader;
use crate::config::read::values::{Found, type_of};
use crate::config::{Config, Profile, SignIn, TokenEndpoint};

impl Reader<'_> {
    pub(super) fn profiles(&mut self, value: &Spanned<DeValue<'_>>, config: &mut Config) {
        let DeValue::Table(profiles) = value.get_ref() else {
            self.report(
                value.span().start,
                format!("profiles is {}", type_of(value.get_ref())),
                "tables: [profiles.NAME]".to_owned(),
                None,
                true,
            );
            return;
        };
        for (key, value) in profiles {
            let name = key.get_ref().to_string();
            let before = self.problems.len();
            let profile = self.profile(&name, key.span().start, value);
            let problems: Vec<Problem> = self.problems[before..].to_vec();
            match profile {
                Some(profile) if problems.is_empty() && !config.unusable.contains_key(&name) => {
                    config.profiles.insert(name, profile);
                }
                _ => config.unusable.entry(name).or_default().extend(problems),
            }
        }
    }

    fn profile(&mut self, name: &str, at: usize, value: &Spanned<DeValue<'_>>) -> Option<Profile> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(legal) {
            self.report(
                at,
                format!("\"{name}\" cannot name a profile"),
                "letters, digits, '.', '_' and '-', at most 64".to_owned(),
                None,
                true,
            );
            return None;
        }
        let DeValue::Table(table) = value.get_ref() else {
            self.report(
                value.span().start,
                format!("the profile {name} is {}", type_of(value.get_ref())),
                format!("a table: [profiles.{name}]"),
                None,
                true,
            );
            return None;
        };
        let place = format!("in [profiles.{name}]");
        let mut values = self.values(table.iter(), fields::PROFILE, &[], &place, true);
        let there = |name: &str| table.iter().any(|(key, _)| &**key.get_ref() == name);
        for field in fields::PROFILE.iter().filter(|field| field.required) {
            if !there(field.name) {
                self.report(
                    at,
                    format!("the profile {name} lacks {}", field.name),
                    format!("{} = {}", field.name, field.shape.expected()),
                    None,
                    true,
                );
            }
        }
        values.fill(fields::PROFILE);
        let secret = |name: &str| match values.found.get(name) {
            Some((Found::Secret(secret), at)) => (Some(secret.clone()), *at),
            _ => (None, at),
        };
        let (client_secret, secret_at) = secret("client_secret");
        let (certificate_password, certificate_at) = secret("certificate_password");
        let (password, password_at) = secret("password");
        let profile = Profile {
            name: name.to_owned(),
            cloud: values.owned("cloud").unwrap_or_default(),
            region: values.owned("region"),
            tenant_id: values.owned("tenant_id").unwrap_or_default(),
            client_id: values.owned("client_id").unwrap_or_default(),
            sign_in: values.text("sign_in").and_then(SignIn::of),
            client_secret,
            certificate: values.file("certificate"),
            certificate_key: values.file("certificate_key"),
            certificate_password,
            federated_token_file: values.file("federated_token_file"),
            username: values.owned("username"),
            password,
            allow_password_grant: values.flag("allow_password_grant"),
            token_endpoint: match values.text("token_endpoint") {
                Some("v1") => TokenEndpoint::V1,
                _ => TokenEndpoint::V2,
            },
            authority: values.owned("authority"),
            issuer: values.owned("issuer"),
            graph_url: values.owned("graph_url"),
            graph_audience: values.owned("graph_audience"),
            defender_url: values.owned("defender_url"),
            defender_audience: values.owned("defender_audience"),
            ca_file: values.file("ca_file"),
            analyst: values.owned("analyst"),
            read_only: values.flag("read_only"),
            token_store: None,
        };
        let endpoints = match profile.endpoints() {
            Ok(endpoints) => endpoints,
            Err(error) => {
                let at = ["region", "cloud"]
                    .iter()
                    .find_map(|name| values.at(name).filter(|at| *at != usize::MAX))
                    .unwrap_or(at);
                self.report(at, error.to_string(), String::new(), None, true);
                return None;
            }
        };
        self.sign_in(&profile, &values, &there, at);
        let sources = [
            ("client_secret", profile.client_secret.as_ref(), secret_at),
            (
                "certificate_password",
                profile.certificate_password.as_ref(),
                certificate_at,
            ),
            ("password", profile.password.as_ref(), password_at),
        ];
        self.secrets(&profile, &values, &sources, endpoints.is_loopback());
        Some(profile)
    }
}
