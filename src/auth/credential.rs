//! A certificate and its private key, as files give them: PEM with the key in the same or another file
//! (PKCS#8, encrypted or not, PKCS#1, SEC1), or PFX. Signs, and says what is wrong with a file.
//!
//! Signatures are `ring`'s, which TLS brings anyway: the providers of a JWT crate are either an RSA
//! implementation with an open timing advisory (RUSTSEC-2023-0071) or one that needs cmake, and what
//! remains of a JWT is two base64 parts. Knows nothing of OAuth.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode as _, Header, SliceReader, Tag};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use x509_parser::prelude::{FromDer as _, Pem, X509Certificate};

use super::answer::error;
use super::{AuthError, AuthErrorKind};
use crate::config::check_file;
use crate::domain::text::clean;

/// A file of keys and certificates is a few kilobytes.
const LARGEST: u64 = 256 * 1024;
/// How long before its end a certificate is spoken of.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";

const RENEW: &str = "make a new certificate, add it under Certificates & secrets of the app registration, and name its file as certificate in the profile";
const SAME_PAIR: &str =
    "name the key the certificate was made with: as certificate_key, or in the same file";

/// Where a credential is kept.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// A PEM file, or a PFX file with the key inside.
    pub(super) certificate: PathBuf,
    /// The key, where it is not in the same file.
    pub(super) key: Option<PathBuf>,
}

/// How an RSA key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RsaPadding {
    /// `PS256`, what Entra's second generation documents.
    Pss,
    /// `RS256`, which every server knows.
    Pkcs1,
}

/// A certificate and the key that belongs to it.
pub(super) struct Credential {
    key: Key,
    certificate: Vec<u8>,
    expires: Timestamp,
}

enum Key {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

/// What a certificate's public key is.
enum Public {
    Rsa(Vec<u8>),
    P256(Vec<u8>),
}

/// A private key as a file holds it.
enum Private {
    Pkcs8(Zeroizing<Vec<u8>>),
    Encrypted(Vec<u8>),
    Pkcs1(Zeroizing<Vec<u8>>),
    Sec1(Zeroizing<Vec<u8>>),
}

impl Credential {
    /// Reads a credential that is good at `now`.
    ///
    /// # Errors
    /// With the file, what is wrong with it, and the cure.
    pub(super) fn read(
        files: &Files,
        password: Option<&SecretString>,
        now: Timestamp,
    ) -> Result<Self, AuthError> {
        let path = &files.certificate;
        let bytes = bytes(path, "certificate")?;
        let (certificates, keys) = if is_pem(&bytes) {
            let (certificates, mut keys) = pem(&bytes, path)?;
            if let Some(other) = &files.key {
                let bytes = self::bytes(other, "certificate_key")?;
                keys = if is_pem(&bytes) {
                    pem(&bytes, other)?.1
                } else {
                    bare_key(&bytes).into_iter().collect()
                };
                if keys.is_empty() {
                    return Err(unusable(
                        format!("{} holds no private key", other.display()),
                        "certificate_key names a PEM file that begins with -----BEGIN PRIVATE KEY-----, or leave it out where certificate holds the key",
                    ));
                }
                private(other)?;
            } else if !keys.is_empty() {
                private(path)?;
            }
            (certificates, keys)
        } else {
            private(path)?;
            pfx(&bytes, path, password)?
        };
        if certificates.is_empty() {
            return Err(unusable(
                format!("{} holds no certificate", path.display()),
                "certificate names the file that begins with -----BEGIN CERTIFICATE-----; a key of another file is named by certificate_key",
            ));
        }
        let holder = files.key.as_ref().unwrap_or(path);
        let Some(key) = keys.into_iter().next() else {
            return Err(unusable(
                format!("{} holds no private key", path.display()),
                "name the key's file as certificate_key, or put the key into the same file; a certificate downloaded from the portal has none",
            ));
        };
        let key = open(key, holder, password)?;
        pair(&certificates, &key, path, holder, now)
    }

    /// The name and value of the header that says how it signs.
    pub(super) fn algorithm(&self, rsa: RsaPadding) -> &'static str {
        match (&self.key, rsa) {
            (Key::P256(_), _) => "ES256",
            (Key::Rsa(_), RsaPadding::Pss) => "PS256",
            (Key::Rsa(_), RsaPadding::Pkcs1) => "RS256",
        }
    }

    /// SHA-256 of the certificate, as `x5t#S256` writes it.
    pub(super) fn x5t_s256(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.certificate))
    }

    /// SHA-1 of the certificate, as `x5t` writes it.
    pub(super) fn x5t(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha1::digest(&self.certificate))
    }

    /// Signs a text as a JWT is signed.
    pub(super) fn sign(&self, text: &str, rsa: RsaPadding) -> Result<Vec<u8>, AuthError> {
        let random = SystemRandom::new();
        let signed = match &self.key {
            Key::Rsa(key) => {
                let padding: &dyn RsaEncoding = match rsa {
                    RsaPadding::Pss => &RSA_PSS_SHA256,
                    RsaPadding::Pkcs1 => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(padding, &random, text.as_bytes(), &mut signature)
                    .map(|()| signature)
            }
            Key::P256(key) => key
                .sign(&random, text.as_bytes())
                .map(|signature| signature.as_ref().to_vec()),
        };
        signed.map_err(|_| unusable("the private key could not sign".to_owned(), RENEW))
    }

    /// What to know before it expires.
    pub(super) fn warning(&self, files: &Files, now: Timestamp) -> Option<String> {
        expiry_warning(&files.certificate, self.expires, now)
    }
}

/// What to know of the first certificate of a PEM file, without its key: for the start of the program.
pub(super) fn early_warning(files: &Files, now: Timestamp) -> Option<String> {
    let bytes = bytes(&files.certificate, "certificate").ok()?;
    let (certificates, _) = is_pem(&bytes).then(|| pem(&bytes, &files.certificate).ok())??;
    let (_, parsed) = X509Certificate::from_der(certificates.first()?).ok()?;
    expiry_warning(&files.certificate, time(parsed.validity().not_after), now)
}

fn expiry_warning(path: &Path, expires: Timestamp, now: Timestamp) -> Option<String> {
    let left = expires.duration_since(now);
    (left > SignedDuration::ZERO && left < SOON).then(|| {
        format!(
            "the certificate {} expires in {} days, on {}; {RENEW}",
            path.display(),
            left.as_hours() / 24,
            day(expires)
        )
    })
}

fn unusable(message: String, cure: impl Into<String>) -> AuthError {
    AuthError {
        advice: cure.into(),
        ..error(AuthErrorKind::NoSecret, message)
    }
}

fn bytes(path: &Path, setting: &str) -> Result<Zeroizing<Vec<u8>>, AuthError> {
    let read = || {
        let size = std::fs::metadata(path)?.len();
        if size > LARGEST {
            return Err(std::io::Error::other("it is too large to be one"));
        }
        std::fs::read(path)
    };
    match read() {
        Ok(bytes) if bytes.trim_ascii().is_empty() => Err(unusable(
            format!("{} is empty", path.display()),
            format!("{setting} of the profile names the file"),
        )),
        Ok(bytes) => Ok(Zeroizing::new(bytes)),
        Err(why) => Err(unusable(
            format!("{} cannot be read: {why}", path.display()),
            format!("check {setting} of the profile, and who may read the file"),
        )),
    }
}

/// A file with a key in it is its owner's alone.
fn private(path: &Path) -> Result<(), AuthError> {
    check_file(path).map_err(|why| {
        unusable(
            why.to_string(),
            format!("the file holds a private key: chmod 600 {}", path.display()),
        )
    })
}

fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(11).any(|it| it == b"-----BEGIN ")
}

/// The certificates and keys of a PEM text.
fn pem(bytes: &[u8], path: &Path) -> Result<(Vec<Vec<u8>>, Vec<Private>), AuthError> {
    let has = |text: &[u8]| bytes.windows(text.len()).any(|it| it == text);
    if has(b"Proc-Type: 4,ENCRYPTED") || has(b"BEGIN OPENSSH PRIVATE KEY") {
        return Err(unusable(
            format!(
                "the private key in {} is encrypted in an outdated way or is OpenSSH's",
                path.display()
            ),
            "convert it: openssl pkcs8 -topk8 -in OLD -out NEW (for OpenSSH first: ssh-keygen -p -m PKCS8 -f FILE)",
        ));
    }
    let (mut certificates, mut keys) = (Vec::new(), Vec::new());
    for part in Pem::iter_from_buffer(bytes) {
        let part = part.map_err(|why| {
            unusable(
                format!("{} is damaged: {why}", path.display()),
                "copy the file again, every line from -----BEGIN to -----END",
            )
        })?;
        match part.label.as_str() {
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                certificates.push(part.contents);
            }
            "PRIVATE KEY" => keys.push(Private::Pkcs8(Zeroizing::new(part.contents))),
            "ENCRYPTED PRIVATE KEY" => keys.push(Private::Encrypted(part.contents)),
            "RSA PRIVATE KEY" => keys.push(Private::Pkcs1(Zeroizing::new(part.contents))),
            "EC PRIVATE KEY" => keys.push(Private::Sec1(Zeroizing::new(part.contents))),
            // EC PARAMETERS, bag attributes and the like.
            _ => {}
        }
    }
    Ok((certificates, keys))
}

/// A key file without PEM around it: PKCS#8 in DER.
fn bare_key(bytes: &[u8]) -> Option<Private> {
    if PrivateKeyInfoRef::try_from(bytes).is_ok() {
        return Some(Private::Pkcs8(Zeroizing::new(bytes.to_vec())));
    }
    EncryptedPrivateKeyInfoRef::try_from(bytes)
        .is_ok()
        .then(|| Private::Encrypted(bytes.to_vec()))
}

/// The certificates and keys of a PFX file.
fn pfx(
    bytes: &[u8],
    path: &Path,
    password: Option<&SecretString>,
) -> Result<(Vec<Vec<u8>>, Vec<Private>), AuthError> {
    if X509Certificate::from_der(bytes).is_ok() {
        return Err(unusable(
            format!("{} is a certificate without its key", path.display()),
            "export it as PFX with its key, or convert it (openssl x509 -inform der) and name the key as certificate_key",
        ));
    }
    let open = |password: &str| p12_keystore::Pkcs12Archive::from_pkcs12(bytes, password);
    let archive = open(password.map_or("", |it| it.expose_secret())).map_err(|why| {
        use p12_keystore::error::Error;
        let name = path.display();
        match (why, password) {
            (Error::MacError(_) | Error::Pkcs5Error(_) | Error::UnpadError, Some(_)) => unusable(
                format!("the password does not open {name}"),
                "put the password of the PFX file where certificate_password of the profile says",
            ),
            (Error::MacError(_) | Error::Pkcs5Error(_) | Error::UnpadError, None) => unusable(
                format!("{name} is locked with a password"),
                "add certificate_password = { env = \"NAME\" }, { file = \"path\" } or { command = […] } to the profile",
            ),
            (Error::UnsupportedEncryptionScheme | Error::UnsupportedMacAlgorithm, _) => unusable(
                format!("{name} is locked in a way that is not known here"),
                "export it again with AES-256 and SHA-256",
            ),
            _ => unusable(
                format!("{name} is neither a PEM nor a PFX file, or is damaged"),
                "certificate names a PEM file (-----BEGIN CERTIFICATE-----) or a PFX file with its key",
            ),
        }
    })?;
    let certificates = archive.certs.iter();
    let keys = archive.keys.iter();
    Ok((
        certificates.map(|it| it.cert.as_der().to_vec()).collect(),
        keys.map(|it| Private::Pkcs8(Zeroizing::new(it.key.as_der().to_vec())))
            .collect(),
    ))
}

/// The key with its lock taken off.
fn open(key: Private, path: &Path, password: Option<&SecretString>) -> Result<Private, AuthError> {
    let Private::Encrypted(der) = key else {
        return Ok(key);
    };
    let Some(password) = password else {
        return Err(unusable(
            format!(
                "the private key in {} is locked with a password",
                path.display()
            ),
            "add certificate_password = { env = \"NAME\" }, { file = \"path\" } or { command = […] } to the profile",
        ));
    };
    let locked = EncryptedPrivateKeyInfoRef::try_from(&der[..]).map_err(|_| malformed(path))?;
    match locked.decrypt(password.expose_secret()) {
        Ok(opened) => Ok(Private::Pkcs8(Zeroizing::new(opened.as_bytes().to_vec()))),
        Err(pkcs8::Error::EncryptedPrivateKey(
            pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs8::pkcs5::Error::NoPbes1CryptSupport,
        )) => Err(unusable(
            format!(
                "the private key in {} is locked in a way that is not known here",
                path.display()
            ),
            "convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW",
        )),
        // A wrong password shows as bad padding, or as noise where a key should be.
        Err(_) => Err(unusable(
            format!(
                "the password does not open the private key in {}",
                path.display()
            ),
            "put the key's password where certificate_password of the profile says",
        )),
    }
}

fn malformed(path: &Path) -> AuthError {
    unusable(
        format!("the private key in {} is malformed", path.display()),
        "copy or export it again; RSA and P-256 keys in PKCS#8, PKCS#1 or SEC1 form are read",
    )
}

/// Finds the certificate the key belongs to, and refuses one that is not good at `now`.
fn pair(
    certificates: &[Vec<u8>],
    key: &Private,
    path: &Path,
    holder: &Path,
    now: Timestamp,
) -> Result<Credential, AuthError> {
    let mut first_trouble = None;
    for der in certificates {
        let Ok((_, parsed)) = X509Certificate::from_der(der) else {
            first_trouble.get_or_insert_with(|| {
                unusable(
                    format!("{} holds a malformed certificate", path.display()),
                    "copy or export it again",
                )
            });
            continue;
        };
        let found = public(&parsed, path).and_then(|public| join(key, &public, path, holder));
        match found {
            Ok(key) => {
                let (from, to) = (
                    time(parsed.validity().not_before),
                    time(parsed.validity().not_after),
                );
                let name = path.display();
                if to <= now {
                    return Err(unusable(
                        format!("the certificate {name} expired on {}", day(to)),
                        RENEW,
                    ));
                }
                // Clocks differ by some minutes.
                if from > now + SignedDuration::from_mins(5) {
                    return Err(unusable(
                        format!("the certificate {name} is not valid before {from}"),
                        "check this computer's clock, or wait until then",
                    ));
                }
                return Ok(Credential {
                    key,
                    certificate: der.clone(),
                    expires: to,
                });
            }
            Err(trouble) => {
                first_trouble.get_or_insert(trouble);
            }
        }
    }
    Err(first_trouble.unwrap_or_else(|| malformed(holder)))
}

fn public(certificate: &X509Certificate<'_>, path: &Path) -> Result<Public, AuthError> {
    let info = certificate.public_key();
    let bytes = info.subject_public_key.data.to_vec();
    let curve = info.algorithm.parameters.as_ref();
    let curve = curve
        .and_then(|it| it.as_oid().ok())
        .map(|it| it.to_id_string());
    let kind = info.algorithm.algorithm.to_id_string();
    let what = match (kind.as_str(), curve.as_deref()) {
        (RSA, _) => {
            let bits = match info.parsed() {
                Ok(x509_parser::public_key::PublicKey::RSA(key)) => key.key_size(),
                _ => 0,
            };
            if (2048..=4096).contains(&bits) {
                return Ok(Public::Rsa(bytes));
            }
            format!("an RSA key of {bits} bits")
        }
        (EC, Some(P256)) => return Ok(Public::P256(bytes)),
        (EC, Some("1.3.132.0.34")) => "a P-384 key".to_owned(),
        (EC, Some("1.3.132.0.35")) => "a P-521 key".to_owned(),
        (EC, _) => "a key of another curve".to_owned(),
        ("1.3.101.112", _) => "an Ed25519 key".to_owned(),
        (other, _) => format!("a key of kind {}", clean(other)),
    };
    Err(unusable(
        format!("the certificate {} has {what}", path.display()),
        "make one with an RSA key of 2048 to 4096 bits, or a P-256 key, and register it with the application",
    ))
}

/// The key, where it is the one of this public key.
fn join(private: &Private, public: &Public, path: &Path, holder: &Path) -> Result<Key, AuthError> {
    let mismatch = || {
        unusable(
            format!(
                "the private key in {} is not the one of the certificate {}",
                holder.display(),
                path.display()
            ),
            SAME_PAIR,
        )
    };
    let (is_rsa, inner): (bool, &[u8]) = match private {
        Private::Pkcs8(der) => {
            let info = PrivateKeyInfoRef::try_from(&der[..]).map_err(|_| malformed(holder))?;
            let kind = info.algorithm.oid.to_string();
            (kind == RSA, info.private_key.as_bytes())
        }
        Private::Pkcs1(der) => (true, der),
        Private::Sec1(der) => (false, der),
        Private::Encrypted(_) => return Err(malformed(holder)),
    };
    match public {
        Public::Rsa(public) if is_rsa => {
            let key = RsaKeyPair::from_der(inner).map_err(|_| malformed(holder))?;
            if key.public_key().as_ref() == &public[..] {
                Ok(Key::Rsa(key))
            } else {
                Err(mismatch())
            }
        }
        Public::P256(public) if !is_rsa => {
            let scalar = scalar(inner).ok_or_else(|| malformed(holder))?;
            let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let random = SystemRandom::new();
            EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, public, &random)
                .map(Key::P256)
                .map_err(|_| mismatch())
        }
        _ => Err(mismatch()),
    }
}

/// The private number of a SEC1 `ECPrivateKey`; the public point is the certificate's, because files
/// often leave it out.
fn scalar(der: &[u8]) -> Option<&[u8]> {
    let mut reader = SliceReader::new(der).ok()?;
    let header = Header::decode(&mut reader).ok()?;
    let _version = u8::decode(&mut reader).ok()?;
    let number = <&OctetStringRef>::decode(&mut reader).ok()?;
    (header.tag() == Tag::Sequence).then(|| number.as_bytes())
}

fn time(of: x509_parser::time::ASN1Time) -> Timestamp {
    Timestamp::from_second(of.timestamp()).unwrap_or(Timestamp::MAX)
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}
