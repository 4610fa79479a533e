//! The connection to the database is encrypted where the address asks for it, and only to a server that proves who it is.

use std::process::Command;

use gridkeeper::app::{OpenMode, open_store};

use crate::cluster::Cluster;

fn openssl(folder: &std::path::Path, args: &[&str]) {
    let output = Command::new("openssl").current_dir(folder).args(args).output().unwrap();
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn the_database_is_reached_encrypted_and_only_where_it_proves_itself() {
    let Some(cluster) = Cluster::start_primary(&[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for authority in ["ours", "other"] {
        let (key, certificate) = (format!("{authority}.key"), format!("{authority}.crt"));
        let subject = format!("/CN={authority}");
        openssl(
            folder.path(),
            &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", &key, "-out", &certificate, "-subj", &subject],
        );
    }
    openssl(
        folder.path(),
        &["req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost"],
    );
    std::fs::write(path("names"), "subjectAltName = DNS:localhost\n").unwrap();
    let sign = ["x509", "-req", "-in", "server.csr", "-CA", "ours.crt", "-CAkey", "ours.key", "-CAcreateserial", "-out", "server.crt"];
    openssl(folder.path(), &[&sign[..], &["-extfile", "names"]].concat());
    cluster.use_certificate(&path("server.crt"), &path("server.key"));

    let address = |host: &str, options: &str| format!("postgres://gridkeeper@{host}:{}/grid?{options}", cluster.port());
    let trusts = |authority: &str| format!("sslmode=verify-full&sslrootcert={}", path(authority));
    let store = open_store(&address("localhost", &trusts("ours.crt")), OpenMode::Create).unwrap();
    let encrypted =
        "SELECT count(*) FROM pg_stat_ssl AS s JOIN pg_stat_activity AS a USING (pid) WHERE s.ssl AND a.application_name = 'gridkeeper'";
    assert_ne!(cluster.ask("grid", encrypted), "0");
    drop(store);
    for (host, options) in [("localhost", trusts("other.crt")), ("127.0.0.1", trusts("ours.crt")), ("localhost", "sslmode=require".into())]
    {
        let refused = open_store(&address(host, &options), OpenMode::ReadOnly).err().unwrap_or_else(|| panic!("{host} {options}"));
        assert!(chain(&refused).to_lowercase().contains("cert"), "{host} {options}: {}", chain(&refused));
    }
}
