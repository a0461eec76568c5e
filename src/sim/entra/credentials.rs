//! What applications prove themselves with beside a secret: certificates, and assertions of a registered
//! foreign issuer.
//!
//! Facts: the Defender for Endpoint sheet, section 3. Knows nothing of grants.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::refusals::{Aadsts, BAD_ALGORITHM, BAD_JWT, BAD_SIGNATURE, NO_KEY, NO_THUMBPRINT};

/// A registered certificate.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// SHA-1 of the certificate, base64url.
    x5t: String,
    /// SHA-256 of the certificate, base64url.
    x5t_s256: String,
    key: Key,
}

#[derive(Debug, Clone)]
enum Key {
    Rsa(Vec<u8>),
    P256(Vec<u8>),
}

/// A foreign issuer whose word is taken for an application's.
#[derive(Debug, Clone)]
pub struct Federated {
    /// `iss` of its assertions.
    pub issuer: String,
    /// `sub` of its assertions.
    pub subject: String,
    /// Whose key signs them.
    pub certificate: Certificate,
}

impl Certificate {
    /// The certificates in a PEM text; a private key beside them is not looked at.
    pub fn read(pem: &str) -> Result<Vec<Self>, String> {
        let found: Vec<Self> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .map(|der| Self::of_der(&der.map_err(|e| e.to_string())?))
            .collect::<Result<_, _>>()?;
        if found.is_empty() {
            return Err("there is no PEM certificate".into());
        }
        Ok(found)
    }

    fn of_der(der: &[u8]) -> Result<Self, String> {
        let (_, parsed) = X509Certificate::from_der(der).map_err(|e| e.to_string())?;
        let info = parsed.public_key();
        let bytes = info.subject_public_key.data.to_vec();
        let key = match info.parsed() {
            Ok(PublicKey::RSA(rsa)) if rsa.key_size() >= 2048 => Key::Rsa(bytes),
            Ok(PublicKey::EC(point)) if point.key_size() == 256 => Key::P256(bytes),
            _ => {
                return Err(
                    "a certificate needs an RSA key of 2048 bits or more, or a P-256 key".into(),
                );
            }
        };
        Ok(Self {
            x5t: URL_SAFE_NO_PAD.encode(Sha1::digest(der)),
            x5t_s256: URL_SAFE_NO_PAD.encode(Sha256::digest(der)),
            key,
        })
    }

    /// The SHA-1 thumbprint as portals show it: 40 hexadecimal digits.
    pub fn thumbprint(&self) -> String {
        let bytes = URL_SAFE_NO_PAD.decode(&self.x5t).unwrap_or_default();
        super::super::ids::hex(&bytes).to_uppercase()
    }

    fn named_by(&self, header: &Header) -> bool {
        // Some libraries pad, some write the thumbprint as `kid` in hexadecimal.
        let same = |named: &Option<String>, own: &str| {
            named
                .as_deref()
                .is_some_and(|n| n.trim_end_matches('=') == own)
        };
        same(&header.x5t, &self.x5t)
            || same(&header.x5t_s256, &self.x5t_s256)
            || header
                .kid
                .as_deref()
                .is_some_and(|kid| kid == self.x5t || kid.eq_ignore_ascii_case(&self.thumbprint()))
    }
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    x5t: Option<String>,
    #[serde(rename = "x5t#S256")]
    x5t_s256: Option<String>,
    kid: Option<String>,
}

/// What an assertion claims.
#[derive(Debug, Deserialize)]
pub struct Assertion {
    /// Who speaks.
    pub iss: String,
    /// For whom.
    pub sub: String,
    /// To whom: one name or several.
    pub aud: Audiences,
    /// Until when, Unix seconds; some libraries send fractions.
    #[serde(deserialize_with = "seconds")]
    pub exp: i64,
    /// From when on, Unix seconds.
    #[serde(default, deserialize_with = "seconds")]
    pub nbf: i64,
    /// Its own id.
    #[serde(default)]
    pub jti: String,
    #[serde(skip)]
    header: Option<Header>,
    #[serde(skip)]
    signed: String,
    #[serde(skip)]
    signature: Vec<u8>,
}

fn seconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    f64::deserialize(from).map(|seconds| seconds as i64)
}

/// One audience or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Audiences {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Audiences {
    /// Whether any is accepted.
    pub fn any(&self, accepted: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::One(aud) => accepted(aud),
            Self::Many(all) => all.iter().any(|aud| accepted(aud)),
        }
    }
}

impl std::fmt::Display for Audiences {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(aud) => f.write_str(aud),
            Self::Many(all) => f.write_str(&all.join(", ")),
        }
    }
}

impl Assertion {
    /// Reads an assertion without believing it.
    pub fn read(jwt: &str) -> Result<Self, Aadsts> {
        let read = || {
            let (signed, signature) = jwt.rsplit_once('.')?;
            let (header, payload) = signed.split_once('.')?;
            let part = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
            let mut assertion: Self = serde_json::from_slice(&part(payload)?).ok()?;
            assertion.header = Some(serde_json::from_slice(&part(header)?).ok()?);
            assertion.signature = part(signature)?;
            signed.clone_into(&mut assertion.signed);
            Some(assertion)
        };
        read().ok_or_else(|| BAD_JWT.into())
    }

    /// Whether one of these certificates, named in the header, signed it.
    pub fn check_signature<'a>(
        &self,
        certificates: impl Iterator<Item = &'a Certificate>,
    ) -> Result<(), Aadsts> {
        let header = self.header.as_ref().ok_or_else(|| Aadsts::from(BAD_JWT))?;
        let algorithm: (&dyn VerificationAlgorithm, bool) = match header.alg.as_str() {
            "RS256" => (&RSA_PKCS1_2048_8192_SHA256, true),
            "PS256" => (&RSA_PSS_2048_8192_SHA256, true),
            "ES256" => (&ECDSA_P256_SHA256_FIXED, false),
            other => return Err(BAD_ALGORITHM.of(&[other])),
        };
        let named = header
            .x5t
            .as_deref()
            .or(header.x5t_s256.as_deref())
            .or(header.kid.as_deref())
            .ok_or_else(|| Aadsts::from(NO_THUMBPRINT))?;
        let certificate = certificates
            .into_iter()
            .find(|c| c.named_by(header))
            .ok_or_else(|| NO_KEY.of(&[named]))?;
        self.verify(algorithm, &certificate.key)
            .ok_or_else(|| BAD_SIGNATURE.of(&[named]))
    }

    /// Whether this certificate signed it, whatever the header names: for foreign issuers, whose key
    /// names are their own business.
    pub fn check_foreign(&self, certificate: &Certificate) -> Result<(), Aadsts> {
        let header = self.header.as_ref().ok_or_else(|| Aadsts::from(BAD_JWT))?;
        let algorithm: (&dyn VerificationAlgorithm, bool) = match header.alg.as_str() {
            "RS256" => (&RSA_PKCS1_2048_8192_SHA256, true),
            "ES256" => (&ECDSA_P256_SHA256_FIXED, false),
            other => return Err(BAD_ALGORITHM.of(&[other])),
        };
        self.verify(algorithm, &certificate.key)
            .ok_or_else(|| BAD_SIGNATURE.of(&[header.kid.as_deref().unwrap_or_default()]))
    }

    fn verify(
        &self,
        (algorithm, rsa): (&'static dyn VerificationAlgorithm, bool),
        key: &Key,
    ) -> Option<()> {
        let bytes = match key {
            Key::Rsa(bytes) if rsa => bytes,
            Key::P256(bytes) if !rsa => bytes,
            _ => return None,
        };
        UnparsedPublicKey::new(algorithm, bytes)
            .verify(self.signed.as_bytes(), &self.signature)
            .ok()
    }
}
