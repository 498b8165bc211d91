//! TLS with certificates that are swapped while connections stand, also by themselves when their files
//! are others.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::kept::KeptCertificate;

/// Certificates by where they are served, and by the name that clients ask for there.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    served: ArcSwap<HashMap<Option<SocketAddr>, Named>>,
    read: Mutex<Vec<Pair>>,
}

/// Certificates by name: as written, `*.shop.test`, or empty for everybody else.
type Named = HashMap<String, Arc<CertifiedKey>>;

/// The certificates of one address. Two that listen may serve the same name, such as a site and its trial.
#[derive(Debug)]
struct OfAddress {
    all: Arc<Certificates>,
    at: SocketAddr,
}

/// A certificate as it was read.
#[derive(Clone, Debug)]
struct Pair {
    kept: KeptCertificate,
    /// Its files when it was read.
    stamp: [Stamp; 2],
    /// None: it could not be read when the process began.
    key: Option<Arc<CertifiedKey>>,
}

/// What tells a file from another one at its path: when it was changed, its number, its length.
type Stamp = Option<(SystemTime, u64, u64)>;

/// Why a certificate cannot be served.
type Bad = String;

impl Certificates {
    /// Serves these and no others, or says which of them cannot be served and changes nothing. Those that
    /// are served already are read again only where `anew` says so.
    pub(crate) fn set(
        &self,
        all: &[KeptCertificate],
        anew: impl Fn(&KeptCertificate) -> bool,
    ) -> Result<(), Bad> {
        let mut pairs = self.pairs();
        let known = |kept: &KeptCertificate| {
            let same = |pair: &&Pair| pair.kept.certificate == kept.certificate;
            let pair = pairs.iter().filter(same).find(|pair| pair.kept.key == kept.key);
            pair.filter(|_| !anew(kept)).map(|pair| Pair { kept: kept.clone(), ..pair.clone() })
        };
        let next: Result<_, Bad> =
            all.iter().map(|kept| known(kept).map_or_else(|| Pair::read(kept), Ok)).collect();
        *pairs = next?;
        self.serve(&pairs);
        Ok(())
    }

    /// Serves of these what can be read.
    pub(crate) fn begin(&self, all: &[KeptCertificate]) {
        let mut pairs = self.pairs();
        let unread =
            |kept: &KeptCertificate| Pair { kept: kept.clone(), stamp: [None; 2], key: None };
        *pairs = all.iter().map(|kept| Pair::read(kept).unwrap_or_else(|_| unread(kept))).collect();
        self.serve(&pairs);
    }

    /// Takes up those whose files are others by now. One that cannot be read is served as it was: its
    /// key may be on its way.
    pub(crate) fn renew(&self) {
        let mut pairs = self.pairs();
        let mut changed = false;
        for pair in pairs.iter_mut().filter(|pair| pair.stamp != stamps(&pair.kept)) {
            if let Ok(new) = Pair::read(&pair.kept) {
                *pair = new;
                changed = true;
            }
        }
        if changed {
            self.serve(&pairs);
        }
    }

    fn serve(&self, pairs: &[Pair]) {
        let mut served: HashMap<_, Named> = HashMap::new();
        for pair in pairs {
            let named = served.entry(pair.kept.at).or_default();
            for name in &pair.kept.names {
                named.extend(pair.key.iter().map(|key| (name.to_ascii_lowercase(), key.clone())));
            }
        }
        self.served.store(Arc::new(served));
    }

    fn pairs(&self) -> MutexGuard<'_, Vec<Pair>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pair {
    fn read(kept: &KeptCertificate) -> Result<Self, Bad> {
        // Looked at before they are read: what changes in between is read once more.
        let stamp = stamps(kept);
        let key = read(&kept.certificate, &kept.key).map_err(|error| {
            format!("the certificate {} cannot be served: {error}", kept.certificate.display())
        })?;
        Ok(Self { kept: kept.clone(), stamp, key: Some(key) })
    }
}

fn stamps(kept: &KeptCertificate) -> [Stamp; 2] {
    [&kept.certificate, &kept.key].map(|path| {
        let found = fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.ino(), found.len()))
    })
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = ring::sign::any_supported_type(&PrivateKeyDer::from_pem_file(key)?)?;
    let pair = CertifiedKey::new(chain, key);
    pair.keys_match()?;
    Ok(Arc::new(pair))
}

impl ResolvesServerCert for OfAddress {
    fn resolve(&self, hello: ClientHello) -> Option<Arc<CertifiedKey>> {
        let served = self.all.served.load();
        let name = hello.server_name().unwrap_or_default().to_ascii_lowercase();
        let wild = name.split_once('.').map(|(_, rest)| format!("*.{rest}")).unwrap_or_default();
        let among = |named: &Named| {
            named.get(&name).or_else(|| named.get(&wild)).or_else(|| named.get("")).cloned()
        };
        [Some(self.at), None].iter().find_map(|at| among(served.get(at)?))
    }
}

/// The suites in the order in which they are chosen: AES with 128 bits before 256. Both are out of reach of
/// whoever listens, and the smaller one comes with SHA-256, which processors do in hardware.
fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    provider.cipher_suites.sort_by_key(|suite| {
        let half = [
            CipherSuite::TLS13_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ];
        !half.contains(&suite.suite())
    });
    provider
}

/// Returns what takes connections to an address over TLS, by HTTP/2 where the client can.
pub(crate) fn acceptor(
    all: Arc<Certificates>,
    at: SocketAddr,
) -> Result<TlsAcceptor, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(OfAddress { all, at }));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ignore_client_order = true;
    config.ticketer = ring::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config).into())
}
