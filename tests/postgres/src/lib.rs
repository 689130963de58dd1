//! A PostgreSQL for tests: the one that `PASSERELLE_TEST_POSTGRES` names, or a private one started from the machine's
//! programs, on a free port of the loopback interface, ended with the test program whichever way that ends.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Where servers keep what the tests write.
const SETTINGS: &str = "max_connections = 200\nunix_socket_directories = ''\nlisten_addresses = '127.0.0.1'\n\
                        shared_buffers = 64MB\nlog_min_messages = fatal\n";

/// Makes a cluster in `$1`, serves it on port `$2` with the programs in `$3`, says so, and ends it when standard input
/// does: that is, when the test program ends, however. PostgreSQL refuses to run as root: there it runs as `postgres`.
const SERVE: &str = r#"
set -eu
as() { if [ "$(id -u)" = 0 ]; then exec setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"; else exec "$@"; fi; }
if [ "$(id -u)" = 0 ]; then chown postgres: "$1"; chmod 700 "$1"; fi
cd "$1"
if [ ! -d "$1/data" ]; then
    (as "$3/initdb" -D "$1/data" -U passerelle -A trust -E UTF8 --locale=C >/dev/null)
    cat "$4" >> "$1/data/postgresql.conf"
fi
(as "$3/postgres" -D "$1/data" -p "$2" </dev/null >/dev/null 2>&1) &
trap '(as "'"$3"'/pg_ctl" stop -s -m immediate -D "'"$1"'/data") >/dev/null 2>&1 || true' EXIT
for _ in $(seq 300); do
    if "$3/pg_isready" -q -h 127.0.0.1 -p "$2"; then echo ready; break; fi
    kill -0 $! || exit 1
    sleep 0.05
done
cat >/dev/null
"#;

/// A server of this test program.
#[derive(Debug)]
pub struct Server {
    /// `postgres://USER@HOST:PORT`, without a database.
    address: String,
    maintenance: String,
    programs: PathBuf,
    // Kept so that they are there as long as the program is.
    folder: Option<tempfile::TempDir>,
    child: Option<Child>,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The server of this program; `None`, said once on stderr, when there is none to be had.
pub fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            let found = Server::start();
            if found.is_none() {
                say("SKIPPED on PostgreSQL: no PASSERELLE_TEST_POSTGRES, and no PostgreSQL programs on this machine");
            }
            found
        })
        .as_ref()
}

#[expect(clippy::print_stderr, reason = "what a test leaves out is said")]
fn say(text: &str) {
    eprintln!("{text}");
}

fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|e| Some(e.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
        .collect();
    found.sort();
    found.pop()
}

impl Server {
    /// A server of the caller's own, from the machine's programs; `None` when there are none.
    #[must_use]
    pub fn private() -> Option<Self> {
        Self::of_programs(programs()?)
    }

    fn start() -> Option<Self> {
        let programs = programs();
        if let Ok(url) = std::env::var("PASSERELLE_TEST_POSTGRES") {
            let (address, _) = url.rsplit_once('/').filter(|(a, _)| !a.ends_with('/')).unwrap_or((&url, ""));
            let (address, programs) = (address.to_owned(), programs.unwrap_or_default());
            return Some(Self { address, maintenance: url, programs, folder: None, child: None });
        }
        Self::of_programs(programs?)
    }

    fn of_programs(programs: PathBuf) -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let child = serve(folder.path(), port, &programs)?;
        let address = format!("postgres://passerelle@127.0.0.1:{port}");
        let maintenance = format!("{address}/postgres");
        Some(Self { address, maintenance, programs, folder: Some(folder), child: Some(child) })
    }

    /// Stops a private server at once, as a crash does, and starts it again.
    ///
    /// # Panics
    /// When it is not private, or does not come back.
    pub fn crash_and_restart(&self) {
        let data = self.folder.as_ref().expect("a private server").path().join("data");
        let port = self.address.rsplit(':').next().expect("a port").to_owned();
        let script = r#"if [ "$(id -u)" = 0 ]; then set -- setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"; fi
                        exec "$@" </dev/null >/dev/null 2>&1"#;
        let status = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(self.programs.join("pg_ctl"))
            .args(["restart", "-s", "-w", "-m", "immediate", "-o"])
            .arg(format!("-p {port}"))
            .arg("-D")
            .arg(&data)
            .current_dir(&data)
            .status()
            .expect("pg_ctl runs");
        assert!(status.success(), "the server does not come back");
    }

    /// A second server that repeats everything this private one commits; this one waits for it with each commit.
    ///
    /// # Panics
    /// When this one is not private, or the second does not come up.
    #[must_use]
    pub fn standby(&self) -> Self {
        assert!(self.folder.is_some(), "a private server");
        let folder = tempfile::tempdir().expect("a folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
        let script = r#"set -eu
            as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"; else "$@"; fi; }
            if [ "$(id -u)" = 0 ]; then chown postgres: "$1"; chmod 700 "$1"; fi
            cd "$1"
            as "$2/pg_basebackup" -D "$1/data" -R -X stream -c fast -d "$3 application_name=standby"
            "#;
        let from = format!("host=127.0.0.1 port={} user=passerelle", self.address.rsplit(':').next().expect("a port"));
        let copied = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(folder.path())
            .arg(&self.programs)
            .arg(&from)
            .stdin(Stdio::null())
            .output()
            .expect("sh runs");
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let child = serve(folder.path(), port, &self.programs).expect("the standby comes up");
        // The default of the field: what is told to be done is on both.
        let wait = "ALTER SYSTEM SET synchronous_standby_names = '*'";
        self.psql(&self.maintenance, wait);
        self.psql(&self.maintenance, "SELECT pg_reload_conf()");
        let address = format!("postgres://passerelle@127.0.0.1:{port}");
        let maintenance = format!("{address}/postgres");
        Self { address, maintenance, programs: self.programs.clone(), folder: Some(folder), child: Some(child) }
    }

    /// Makes a standby the server that writes.
    ///
    /// # Panics
    /// When it does not.
    pub fn promote(&self) {
        assert_eq!(self.psql(&self.maintenance, "SELECT pg_promote()"), "t");
        let wait = "ALTER SYSTEM SET synchronous_standby_names = ''";
        self.psql(&self.maintenance, wait);
        self.psql(&self.maintenance, "SELECT pg_reload_conf()");
    }

    /// Ends a private server at once, as a crash does, for good.
    pub fn crash(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Its end of standard input closes: the server is stopped immediately.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }

    /// `host:port`.
    #[must_use]
    pub fn place(&self) -> &str {
        self.address.rsplit('@').next().unwrap_or_default()
    }

    /// A new, empty database; its address.
    ///
    /// # Panics
    /// When the server does not make it.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        self.psql(&self.maintenance, &format!("CREATE DATABASE {name}"));
        format!("{}/{name}", self.address)
    }

    /// Everything a database holds, as text.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn dump(&self, url: &str) -> String {
        let done = Command::new(self.programs.join("pg_dump")).args(["--inserts", url]).output().expect("pg_dump runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// Runs SQL on a database, as somebody with all rights who is not the gateway; gives what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn psql(&self, url: &str, sql: &str) -> String {
        let psql = if self.programs.as_os_str().is_empty() { "psql".into() } else { self.programs.join("psql") };
        let done =
            Command::new(psql).args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]).output();
        let done = done.expect("psql runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }
}

fn serve(folder: &Path, port: u16, programs: &Path) -> Option<Child> {
    let settings = folder.join("settings");
    std::fs::write(&settings, SETTINGS).ok()?;
    let mut child = Command::new("sh")
        .args(["-c", SERVE, "sh"])
        .arg(folder)
        .arg(port.to_string())
        .arg(programs)
        .arg(&settings)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take()?).read_line(&mut line).ok()?;
    (line.trim() == "ready").then_some(child)
}
