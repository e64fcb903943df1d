//! Encryption of connections to Postgres: what of a server's certificate is verified, and which certificate we show. The modes are those of libpq;
//! which of them the URL means is known elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The name of the protocol, which servers insist on that are spoken to without negotiation.
const ALPN: &[u8] = b"postgresql";

/// How connections are encrypted, if they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tls {
    pub(super) verify: Verify,
    /// The files with our certificate and its key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

/// What of the server's certificate is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verify {
    Nothing,
    /// Who has signed it.
    Chain(Roots),
    /// Who has signed it, and that it is for the host that was asked for.
    ChainAndName(Roots),
}

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// Whom this machine trusts.
    System,
    /// The certificates in a file.
    File(PathBuf),
}

impl Tls {
    /// A connector; reads all files.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let trusted = match &self.verify {
            Verify::Nothing => None,
            Verify::Chain(roots) => Some(roots.read(false)?),
            Verify::ChainAndName(roots) => Some(roots.read(true)?),
        };
        let verifier = Arc::new(Verifier { trusted, provider: Arc::clone(&provider) });
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.identity {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let refused = |error| format!("sslcert and sslkey do not go together: {error}");
                let chain = certificates("sslcert", certificate)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| format!("cannot read a key from sslkey, {}: {error}", key.display()))?;
                config.with_client_auth_cert(chain, key).map_err(refused)?
            }
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(MakeRustlsConnect::new(config))
    }
}

impl Roots {
    fn read(&self, verify_name: bool) -> Result<Trusted, String> {
        let mut roots = RootCertStore::empty();
        let pinned = match self {
            Self::System => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    return Err("this machine has no root certificates: install them, or name a file with sslrootcert"
                        .to_owned());
                }
                Vec::new()
            }
            Self::File(path) => {
                let certificates = certificates("sslrootcert", path)?;
                for certificate in &certificates {
                    let refused = |error| format!("sslrootcert, {}: {error}", path.display());
                    roots.add(certificate.clone()).map_err(refused)?;
                }
                certificates
            }
        };
        Ok(Trusted { roots, pinned, verify_name })
    }
}

fn certificates(parameter: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |why: &str| format!("cannot read a certificate from {parameter}, {}: {why}", path.display());
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match found {
        Ok(found) if found.is_empty() => Err(unreadable("there is none in PEM form")),
        Ok(found) => Ok(found),
        Err(error) => Err(unreadable(&error.to_string())),
    }
}

#[derive(Debug)]
struct Trusted {
    roots: RootCertStore,
    /// Those of a file: a server may show one of them itself.
    pinned: Vec<CertificateDer<'static>>,
    verify_name: bool,
}

/// Verifies what the mode asks for. That the server has the key of the certificate it shows is verified in every mode.
#[derive(Debug)]
struct Verifier {
    trusted: Option<Trusted>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(trusted) = &self.trusted else { return Ok(ServerCertVerified::assertion()) };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let chain =
            verify_server_cert_signed_by_trust_anchor(&certificate, &trusted.roots, intermediates, now, algorithms);
        match chain {
            // A certificate that has signed itself, as the manual of Postgres makes one, is an authority by its own word, which is no obstacle
            // where the operator has named this very one.
            Err(error) if is_about_time(&error) || !trusted.pinned.contains(end_entity) => return Err(error),
            Err(_) | Ok(()) => {}
        }
        if trusted.verify_name {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        None
    }
}

/// Whether a certificate is too old or too new. This is looked at before anything else.
fn is_about_time(error: &Error) -> bool {
    let Error::InvalidCertificate(error) = error else { return false };
    matches!(
        error,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}
