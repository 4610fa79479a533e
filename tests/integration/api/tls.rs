//! The built program behind its own certificate.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::process::Process;
use super::service::fill;
use crate::support::gridkeeper;
use gridkeeper::app::{OpenMode, open_store};

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/api/keys");

/// Asks over TLS and trusts one certificate alone. None where the server shows another.
fn get(address: &str, trusted: u32, path: &str) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(Path::new(KEYS).join(format!("tls-{trusted}.pem"))).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn put(folder: &Path, number: u32) {
    for (from, to) in [(format!("tls-{number}.pem"), "cert.pem"), (format!("tls-{number}.key.pem"), "key.pem")] {
        std::fs::copy(Path::new(KEYS).join(from), folder.join(to)).unwrap();
    }
}

#[test]
fn a_certificate_is_read_again_on_hangup_and_a_bad_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.gpkg").to_str().unwrap().to_owned();
    fill(&*open_store(&store, OpenMode::Create).unwrap());
    put(folder.path(), 1);
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let process = Process::start_with(&store, "0.0.0.0:0", &["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()]);
    let address = process.address().replace("0.0.0.0", "127.0.0.1");
    process.wait_for_log("the map is at https://");
    let answer = get(&address, 1, "/").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"https://localhost/"), "{answer}");
    assert_eq!(get(&address, 2, "/"), None, "another certificate is shown");
    // Who speaks without encryption gets no answer, and holds nobody up.
    let mut plain = TcpStream::connect(&address).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let silent = TcpStream::connect(&address).unwrap();
    assert!(get(&address, 1, "/healthz").unwrap().contains("\"up\""));
    drop(silent);

    put(folder.path(), 2);
    process.signal("HUP");
    process.wait_for_log("the certificate has been read again");
    assert!(get(&address, 2, "/healthz").is_some());
    assert_eq!(get(&address, 1, "/healthz"), None);

    std::fs::copy(Path::new(KEYS).join("tls-1.pem"), &cert).unwrap();
    process.signal("HUP");
    assert!(process.wait_for_log("the certificate before stays in use").contains("does not fit"));
    assert!(get(&address, 2, "/healthz").is_some());
}

#[test]
fn a_certificate_that_cannot_be_read_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.gpkg").to_str().unwrap().to_owned();
    fill(&*open_store(&store, OpenMode::Create).unwrap());
    let (cert, key) = (format!("{KEYS}/tls-1.pem"), format!("{KEYS}/tls-2.key.pem"));
    let run = |more: &[&str]| {
        let output = gridkeeper().args(["--store", &store, "serve", "--listen", "127.0.0.1:0"]).args(more).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(&["--tls-cert", &cert, "--tls-key", &key]);
    assert!(code == Some(2) && said.contains("does not fit the certificate"), "{said}");
    let (code, said) = run(&["--tls-cert", &key, "--tls-key", &key]);
    assert!(code == Some(2) && said.contains("there is none in it"), "{said}");
    assert_eq!(run(&["--tls-cert", &cert]).0, Some(2));
}
