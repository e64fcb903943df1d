//! The public key that tokens are verified with, from its PEM file. A file that could never verify a token stops the start.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    VerificationAlgorithm,
};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};

const ED25519_ONLY: &[Algorithm] = &[Algorithm::EdDSA];
const P256: &[Algorithm] = &[Algorithm::ES256];
const P384: &[Algorithm] = &[Algorithm::ES384];

/// Bits of a modulus.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A key, with the algorithms that it goes with and no others: which one a token is signed with is the key's to say, never the token's.
pub(super) struct Key {
    pub(super) decoding: DecodingKey,
    pub(super) algorithms: Vec<Algorithm>,
}

/// Why a key cannot be used: the text names the setting and the cure.
#[derive(Debug)]
pub struct KeyError(String);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KeyError {}

/// Reads the key in a file.
pub(super) fn read(path: &str) -> Result<Key, KeyError> {
    let refuse = |why: String| KeyError(format!("auth.publickey = {path}: {why}"));
    let pem = std::fs::read(path)
        .map_err(|error| refuse(format!("cannot be read: {error}; name the PEM file of the public key")))?;
    parse(&pem).map_err(|why| refuse(why.to_owned()))
}

/// Reads a key.
pub(super) fn parse(pem: &[u8]) -> Result<Key, &'static str> {
    let text = String::from_utf8_lossy(pem);
    let labels: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("-----BEGIN ")).collect();
    match *labels {
        [] => return Err("holds no PEM: it must begin with '-----BEGIN PUBLIC KEY-----'"),
        _ if labels.iter().any(|label| label.contains("PRIVATE KEY")) => {
            return Err("holds a private key, which belongs to the issuer alone: write the public one \
                        with `openssl pkey -in FILE -pubout`");
        }
        [label] if label.starts_with("CERTIFICATE") => {
            return Err("holds a certificate: take the key out with `openssl x509 -in FILE -noout -pubkey`");
        }
        [_] => {}
        [_, _, ..] => return Err("holds more than one key: leave the one that tokens are verified with"),
    }
    let readers = [DecodingKey::from_rsa_pem, DecodingKey::from_ec_pem, DecodingKey::from_ed_pem];
    let Some(decoding) = readers.iter().find_map(|read| read(pem).ok()) else {
        return Err("holds no public key that is known: it must be RSA, EC on P-256 or P-384, or Ed25519");
    };
    let bytes = decoding.try_get_as_bytes().unwrap_or_default();
    let fits = |algorithm: &'static dyn VerificationAlgorithm| ParsedPublicKey::new(algorithm, bytes).is_ok();
    let algorithms = match decoding.family() {
        AlgorithmFamily::Rsa if is_long_enough(bytes) && fits(&RSA_PKCS1_2048_8192_SHA256) => {
            AlgorithmFamily::Rsa.algorithms().to_vec()
        }
        AlgorithmFamily::Rsa => return Err("holds an RSA key that does not have 2048 to 8192 bits: make another one"),
        AlgorithmFamily::Ec if fits(&ECDSA_P256_SHA256_FIXED) => P256.to_vec(),
        AlgorithmFamily::Ec if fits(&ECDSA_P384_SHA384_FIXED) => P384.to_vec(),
        AlgorithmFamily::Ec => return Err("holds an EC key on another curve than P-256 or P-384: make another one"),
        AlgorithmFamily::Ed if fits(&ED25519) => ED25519_ONLY.to_vec(),
        AlgorithmFamily::Ed | AlgorithmFamily::Hmac => return Err("holds a key that is damaged"),
    };
    Ok(Key { decoding, algorithms })
}

fn is_long_enough(der: &[u8]) -> bool {
    aws_lc_rs::rsa::PublicKey::from_der(der).is_ok_and(|key| RSA_BITS.contains(&(8 * key.modulus_len())))
}
