//! TLS with certificates that are swapped while connections stand.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use super::kept::KeptCertificate;

/// Certificates by the name that clients ask for: as written, `*.shop.test`, or empty for everybody else.
#[derive(Debug, Default)]
pub(crate) struct Certificates(ArcSwap<HashMap<String, Arc<CertifiedKey>>>);

/// Why a certificate cannot be served.
type Bad = String;

impl Certificates {
    /// Serves these and no others, or says which of them cannot be served and changes nothing.
    pub(crate) fn set(&self, all: &[KeptCertificate]) -> Result<(), Bad> {
        let mut map = HashMap::new();
        for one in all {
            let pair = read(&one.certificate, &one.key).map_err(|error| {
                format!("the certificate {} cannot be served: {error}", one.certificate.display())
            })?;
            for name in &one.names {
                map.insert(name.to_ascii_lowercase(), pair.clone());
            }
        }
        self.0.store(Arc::new(map));
        Ok(())
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = ring::sign::any_supported_type(&PrivateKeyDer::from_pem_file(key)?)?;
    let pair = CertifiedKey::new(chain, key);
    pair.keys_match()?;
    Ok(Arc::new(pair))
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello) -> Option<Arc<CertifiedKey>> {
        let all = self.0.load();
        let name = hello.server_name().unwrap_or_default().to_ascii_lowercase();
        let wild = name.split_once('.').map(|(_, rest)| format!("*.{rest}"));
        all.get(&name).or_else(|| all.get(&wild?)).or_else(|| all.get("")).cloned()
    }
}

/// Returns what takes connections over TLS, by HTTP/2 where the client can.
pub(crate) fn acceptor(certificates: Arc<Certificates>) -> Result<TlsAcceptor, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = ring::Ticketer::new()?;
    Ok(Arc::new(config).into())
}
