//! The key tokens are signed with, and what the tenant publishes about it.
//!
//! One RSA key is carried along for every tenant; each seed has a certificate of its own for it. A token names
//! that certificate (`kid`), so a token of the same seed stays good in another process and one of
//! another seed does not.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, DnType, KeyPair, SerialNumber};
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use super::super::ids;

/// The carried key. It protects nothing.
const SIGNING_KEY: &str = include_str!("../../../assets/tenant/signing-key.pem");

fn der() -> PrivatePkcs8KeyDer<'static> {
    PrivatePkcs8KeyDer::from_pem_slice(SIGNING_KEY.as_bytes()).expect("the carried key is PEM")
}

/// Checking a key costs milliseconds: done once a process.
fn pair() -> &'static RsaKeyPair {
    static PAIR: OnceLock<RsaKeyPair> = OnceLock::new();
    PAIR.get_or_init(|| {
        RsaKeyPair::from_pkcs8(der().secret_pkcs8_der()).expect("the carried key is an RSA key")
    })
}

/// The keys of one tenant.
#[derive(Debug)]
pub struct Keys {
    /// What tokens name their key by: the SHA-1 of its certificate, as Entra does.
    kid: String,
    /// The certificate, DER.
    certificate: Vec<u8>,
    public: PublicKeyComponents<Vec<u8>>,
    /// Seals what only this tenant reads: codes and refresh tokens.
    seal: ring::hmac::Key,
}

impl Keys {
    /// The keys of a seed.
    pub fn of(seed: u64) -> Self {
        let certificate = certificate(seed);
        Self {
            kid: URL_SAFE_NO_PAD.encode(Sha1::digest(&certificate)),
            certificate,
            public: PublicKeyComponents::from(pair().public()),
            seal: ring::hmac::Key::new(
                ring::hmac::HMAC_SHA256,
                ids::sha256(seed, "seal").as_bytes(),
            ),
        }
    }

    /// A token with this payload. Tokens of the first format name the certificate twice.
    pub fn sign(&self, payload: &Value, names_certificate: bool) -> String {
        let mut header = json!({ "typ": "JWT", "alg": "RS256" });
        if names_certificate {
            header["x5t"] = json!(self.kid);
        }
        header["kid"] = json!(self.kid);
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(payload.to_string())
        );
        let mut signature = vec![0; pair().public().modulus_len()];
        pair()
            .sign(
                &RSA_PKCS1_SHA256,
                &ring::rand::SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .expect("the buffer fits the key");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The payload of a token of this tenant. The error says what is wrong with its form.
    pub fn verify(&self, token: &str) -> Result<Vec<u8>, &'static str> {
        let (signed, signature) = token.rsplit_once('.').ok_or("not a token")?;
        let (header, payload) = signed.split_once('.').ok_or("not a token")?;
        let part = |text: &str, wrong| URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong);
        let header: Value = serde_json::from_slice(&part(header, "header is not base64url")?)
            .map_err(|_| "header is not JSON")?;
        if header["alg"] != "RS256" {
            return Err("algorithm is not RS256");
        }
        if header["kid"] != self.kid.as_str() {
            return Err("signed with a key this tenant does not publish");
        }
        self.public
            .verify(
                &RSA_PKCS1_2048_8192_SHA256,
                signed.as_bytes(),
                &part(signature, "signature is not base64url")?,
            )
            .map_err(|_| "signature does not match")?;
        part(payload, "payload is not base64url")
    }

    /// The public key as a JSON Web Key.
    pub fn jwk(&self, issuer: &str) -> Value {
        json!({
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "n": URL_SAFE_NO_PAD.encode(&self.public.n),
            "e": URL_SAFE_NO_PAD.encode(&self.public.e),
            "x5c": [STANDARD.encode(&self.certificate)],
            "cloud_instance_name": "microsoftonline.com",
            "issuer": issuer,
        })
    }

    /// An opaque text only this tenant can make: `kind` keeps a code from passing for a refresh token.
    pub fn seal(&self, kind: &str, content: &Value) -> String {
        let body = URL_SAFE_NO_PAD.encode(content.to_string());
        let tag = ring::hmac::sign(&self.seal, format!("{kind}.{body}").as_bytes());
        format!("{kind}.{body}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// What was sealed, if it was sealed here and as this kind.
    pub fn open(&self, kind: &str, text: &str) -> Option<Value> {
        let (signed, tag) = text.rsplit_once('.')?;
        let body = signed.strip_prefix(kind)?.strip_prefix('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        ring::hmac::verify(&self.seal, signed.as_bytes(), &tag).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()
    }
}

/// The certificate of a seed: the same bytes in every process.
fn certificate(seed: u64) -> Vec<u8> {
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&der(), &rcgen::PKCS_RSA_SHA256)
        .expect("the carried key is an RSA key");
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "accounts.accesscontrol.windows.net");
    params.serial_number = Some(SerialNumber::from_slice(
        &ids::sha256(seed, "signing certificate").as_bytes()[..16],
    ));
    params.not_before = rcgen::date_time_ymd(2024, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 1, 1);
    let certificate = params
        .self_signed(&key)
        .expect("a certificate of fixed parts");
    certificate.der().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_has_its_own_certificate_and_keeps_it() {
        let (one, again, other) = (Keys::of(1), Keys::of(1), Keys::of(2));
        assert_eq!(one.jwk("i"), again.jwk("i"));
        assert_ne!(one.kid, other.kid);
        let token = one.sign(&json!({"a": 1}), true);
        assert_eq!(again.verify(&token).as_deref(), Ok(&b"{\"a\":1}"[..]));
        assert_eq!(
            other.verify(&token),
            Err("signed with a key this tenant does not publish")
        );
    }

    #[test]
    fn what_is_changed_or_unsigned_is_refused() {
        let keys = Keys::of(1);
        let token = keys.sign(&json!({"a": 1}), false);
        let parts: Vec<&str> = token.split('.').collect();
        let none = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"none\",\"kid\":\"{}\"}}", keys.kid));
        let other = URL_SAFE_NO_PAD.encode("{\"a\":2}");
        for (header, payload, signature) in [
            (none.as_str(), parts[1], ""),
            (parts[0], other.as_str(), parts[2]),
            (parts[0], parts[1], "AAAA"),
            (parts[0], parts[1], "!"),
        ] {
            assert!(
                keys.verify(&format!("{header}.{payload}.{signature}"))
                    .is_err()
            );
        }
        assert!(keys.verify("").is_err());
    }

    #[test]
    fn the_published_certificate_carries_the_published_key() {
        let jwk = Keys::of(1).jwk("i");
        let der = STANDARD
            .decode(jwk["x5c"][0].as_str().expect("a certificate"))
            .expect("base64");
        let n = URL_SAFE_NO_PAD
            .decode(jwk["n"].as_str().expect("a modulus"))
            .expect("base64url");
        assert!(der.windows(n.len()).any(|w| w == n));
        assert_eq!(
            URL_SAFE_NO_PAD.encode(Sha1::digest(&der)),
            jwk["x5t"].as_str().expect("a thumbprint")
        );
    }

    #[test]
    fn seals_do_not_pass_for_another_kind() {
        let keys = Keys::of(1);
        let sealed = keys.seal("code", &json!({"a": 1}));
        assert_eq!(keys.open("code", &sealed), Some(json!({"a": 1})));
        assert_eq!(keys.open("refresh", &sealed), None);
        assert_eq!(keys.open("code", &sealed[1..]), None);
        assert_eq!(Keys::of(2).open("code", &sealed), None);
    }
}
