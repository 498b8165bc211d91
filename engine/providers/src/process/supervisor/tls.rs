//! TLS to a service that is probed.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::spec::Tls;

/// Shakes hands.
pub(super) async fn connect(
    tls: &Tls,
    host: &str,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = tls.name.as_deref().unwrap_or(host);
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config(tls)?)).connect(name, stream).await
}

fn config(tls: &Tls) -> io::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let config = config.with_safe_default_protocol_versions().map_err(io::Error::other)?;
    Ok(match &tls.authorities {
        Some(file) => config.with_root_certificates(roots(file)?),
        None => config.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider))),
    }
    .with_no_client_auth())
}

fn roots(file: &Path) -> io::Result<RootCertStore> {
    let wrong = |why: &dyn std::fmt::Display| {
        io::Error::other(format!("the authorities in {}: {why}", file.display()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|e| wrong(&e))? {
        let certificate = certificate.map_err(|e| wrong(&e))?;
        roots.add(certificate).map_err(|e| wrong(&e))?;
    }
    if roots.is_empty() {
        return Err(wrong(&"there is no certificate"));
    }
    Ok(roots)
}

/// Takes any certificate: a probe asks whether a service answers, not who it is.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    use super::super::http;
    use super::*;

    /// A server with a certificate for `shop.test`, its port, and the certificate as PEM.
    async fn server() -> (u16, String) {
        let made = rcgen::generate_simple_self_signed(vec!["shop.test".into()]).expect("a key");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    use tokio::io::{AsyncReadExt, AsyncWriteExt};
                    _ = stream.read(&mut [0; 1024]).await;
                    _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                    _ = stream.shutdown().await;
                }
            }
        });
        (port, made.cert.pem())
    }

    async fn ask(port: u16, name: Option<&str>, authorities: Option<&Path>) -> io::Result<u16> {
        let tls =
            Tls { name: name.map(str::to_owned), authorities: authorities.map(Path::to_owned) };
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        http::get(connect(&tls, "127.0.0.1", stream).await?, "127.0.0.1", "/").await
    }

    #[tokio::test]
    async fn any_certificate_will_do_unless_authorities_are_named() {
        let (port, pem) = server().await;
        assert_eq!(ask(port, None, None).await.expect("a status"), 204);
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("own.pem");
        std::fs::write(&own, pem).expect("a file");
        assert_eq!(ask(port, Some("shop.test"), Some(&own)).await.expect("a status"), 204);
        let wrong = ask(port, Some("other.test"), Some(&own)).await.expect_err("another name");
        assert!(wrong.to_string().contains("not valid for name"), "{wrong}");
        let (_, other) = server().await;
        std::fs::write(&own, other).expect("a file");
        ask(port, Some("shop.test"), Some(&own)).await.expect_err("another authority");
    }

    #[tokio::test]
    async fn authorities_that_are_not_there_are_named() {
        let (port, _) = server().await;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ca.pem");
        let wrong = ask(port, None, Some(&file)).await.expect_err("no file").to_string();
        assert!(wrong.starts_with("the authorities in ") && wrong.contains("ca.pem"), "{wrong}");
        std::fs::write(&file, "nothing").expect("a file");
        let wrong = ask(port, None, Some(&file)).await.expect_err("no certificate").to_string();
        assert!(wrong.ends_with("ca.pem: there is no certificate"), "{wrong}");
    }
}
