//! PostgreSQL clusters of a test's own, which it may kill: a primary, and standbys that stream from it.

use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio_postgres::NoTls;

use crate::support::PATIENCE;

/// The user of every cluster here.
const USER: &str = "gridkeeper";

pub struct Cluster {
    folder: tempfile::TempDir,
    binaries: PathBuf,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Starts a primary from which standbys can stream, or says that the test is skipped where PostgreSQL is not installed. Under CI
    /// it must be.
    pub fn start_primary(settings: &[&str]) -> Option<Self> {
        let Some(binaries) = find_binaries() else {
            assert!(std::env::var_os("CI").is_none(), "this test needs PostgreSQL: run it by `make test`");
            eprintln!("skipped: PostgreSQL is not installed");
            return None;
        };
        let mut cluster = Self::new(binaries);
        let data = cluster.data();
        cluster.run("initdb", &["-D", &data, "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8"]);
        let access = format!("{data}/pg_hba.conf");
        std::fs::write(&access, "host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n").unwrap();
        std::fs::write(format!("{data}/postgresql.auto.conf"), format!("{}\n", settings.join("\n"))).unwrap();
        cluster.start();
        cluster.execute("postgres", "CREATE DATABASE grid");
        cluster.execute("grid", "CREATE EXTENSION postgis");
        Some(cluster)
    }

    /// Starts a standby that streams from this one under a name.
    pub fn start_standby(&self, name: &str) -> Self {
        let mut standby = Self::new(self.binaries.clone());
        let data = standby.data();
        let from = format!("host=127.0.0.1 port={} user={USER} application_name={name}", self.port);
        standby.run("pg_basebackup", &["-D", &data, "-d", &from, "-R", "-X", "stream", "-c", "fast"]);
        standby.start();
        standby
    }

    /// The address of the database, of this cluster and of others to go to when it is away.
    pub fn address_with(&self, others: &[&Self], options: &str) -> String {
        let hosts: Vec<String> = std::iter::once(self).chain(others.iter().copied()).map(|c| format!("127.0.0.1:{}", c.port)).collect();
        format!("postgres://{USER}@{}/grid{options}", hosts.join(","))
    }

    pub fn address(&self) -> String {
        self.address_with(&[], "")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends every process of the cluster at once, as a power cut does.
    pub fn kill(&mut self) {
        let mut server = self.server.take().expect("the cluster runs");
        // The children belong to the postmaster's group.
        signal(&format!("-{}", server.id()), "KILL");
        server.wait().unwrap();
    }

    /// Starts the cluster, also again after it was killed.
    pub fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let port = self.port.to_string();
        let data = self.data();
        let mut command = self.command("postgres");
        command.args(["-D", &data, "-p", &port, "-h", "127.0.0.1", "-k", ""]).stdout(log.try_clone().unwrap()).stderr(log);
        command.process_group(0);
        self.server = Some(command.spawn().unwrap());
        let end = Instant::now() + PATIENCE;
        while !self.try_execute("postgres", "SELECT 1") {
            assert!(Instant::now() < end, "{}", std::fs::read_to_string(self.folder.path().join("log")).unwrap());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Makes the server prove itself by a certificate, PEM, from now on.
    pub fn use_certificate(&self, certificate: &str, key: &str) {
        let data = self.data();
        for (from, to) in [(certificate, "server.crt"), (key, "server.key")] {
            let to = format!("{data}/{to}");
            std::fs::copy(from, &to).unwrap();
            std::fs::set_permissions(&to, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            if let Some((user, group)) = ordinary_user() {
                chown(&to, Some(user), Some(group)).unwrap();
            }
        }
        self.execute("postgres", "ALTER SYSTEM SET ssl = on");
        self.run("pg_ctl", &["-D", &data, "reload"]);
        let end = Instant::now() + PATIENCE;
        while self.ask("postgres", "SHOW ssl") != "on" {
            assert!(Instant::now() < end, "the server does not take the certificate");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        let data = self.data();
        self.run("pg_ctl", &["-D", &data, "-w", "promote"]);
    }

    pub fn execute(&self, database: &str, sql: &str) {
        assert!(self.try_execute(database, sql), "cannot run {sql}");
    }

    /// Returns the first column of the first row.
    pub fn ask(&self, database: &str, sql: &str) -> String {
        self.connect(database, async |client| {
            let rows = client.simple_query(sql).await.unwrap();
            let first = rows.iter().find_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            });
            first.unwrap_or_default()
        })
        .unwrap()
    }

    fn try_execute(&self, database: &str, sql: &str) -> bool {
        self.connect(database, async |client| client.batch_execute(sql).await.is_ok()).unwrap_or(false)
    }

    fn connect<T>(&self, database: &str, work: impl AsyncFnOnce(&tokio_postgres::Client) -> T) -> Option<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let address = format!("postgres://{USER}@127.0.0.1:{}/{database}?connect_timeout=2", self.port);
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&address, NoTls).await.ok()?;
            tokio::spawn(connection);
            Some(work(&client).await)
        })
    }

    fn new(binaries: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if let Some((user, group)) = ordinary_user() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { folder, binaries, port, server: None }
    }

    fn data(&self) -> String {
        self.folder.path().join("data").to_str().unwrap().to_owned()
    }

    fn run(&self, program: &str, args: &[&str]) {
        let output = self.command(program).args(args).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A program of PostgreSQL's, as an ordinary user: it refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some((user, group)) = ordinary_user() {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.kill();
        }
    }
}

/// Sends a signal to a process, or with a minus in front to its group.
pub fn signal(process: &str, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), "--", process]).status().unwrap().success());
}

fn find_binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(Result::ok);
    versions.map(|version| version.path().join("bin")).filter(|path| path.join("initdb").exists()).max()
}

/// Returns user and group of `postgres`, which Debian's package makes, where this runs as root.
fn ordinary_user() -> Option<(u32, u32)> {
    let is_root = std::fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0).unwrap_or(false);
    let users = std::fs::read_to_string(Path::new("/etc/passwd")).ok()?;
    let line = users.lines().find(|line| line.starts_with("postgres:"))?;
    let mut numbers = line.split(':').skip(2).map_while(|number| number.parse().ok());
    is_root.then(|| Some((numbers.next()?, numbers.next()?)))?
}
