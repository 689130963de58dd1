//! The real program, started on a data folder of its own and on free ports.
//!
//! The demonstration folder is made once (its keys take seconds) and copied for each gateway.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How a gateway is started.
#[derive(Debug, Default, Clone)]
pub struct GatewayOptions {
    /// Environment, e.g. `("PASSERELLE__LIMITS__DOCUMENT_BYTES", "1000")`.
    pub environment: Vec<(String, String)>,
}

impl GatewayOptions {
    /// Sets a configuration key by its environment name without prefix, e.g. `LIMITS__DOCUMENT_BYTES`.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.environment.push((format!("PASSERELLE__{key}"), value.to_owned()));
        self
    }
}

/// A running gateway. Dropped, it is killed.
#[derive(Debug)]
pub struct Gateway {
    data: PathBuf,
    // Gone with the gateway, where it was made for it.
    _folder: Option<tempfile::TempDir>,
    child: Option<Child>,
    options: GatewayOptions,
    /// `host:port` of the professional listener.
    pub pro: String,
    /// `host:port` of the listener of holders and apps.
    pub public: String,
    /// `host:port` of the operator's listener.
    pub admin: String,
    /// What `demo.json` says.
    pub demo: Value,
}

/// The program: beside the test's own executable, or where `PASSERELLE_BIN` says.
#[must_use]
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("PASSERELLE_BIN") {
        return path.into();
    }
    let exe = std::env::current_exe().expect("a test has an executable");
    let folder = exe.parent().expect("in a folder");
    let folder = if folder.ends_with("deps") { folder.parent().expect("deps is in a folder") } else { folder };
    let program = folder.join("passerelle");
    assert!(program.exists(), "{} is not built: run `cargo build --workspace`", program.display());
    program
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The demonstration folder all gateways are copied from: made by the program itself, once for each build of it.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let program = program();
        let built = std::fs::metadata(&program).and_then(|m| m.modified()).expect("the program is a file");
        let stamp = built.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos();
        let home = program.parent().expect("in a folder").join("test-templates");
        std::fs::create_dir_all(&home).expect("a folder for templates");
        let ready = home.join(format!("demo-{stamp}"));
        if !ready.exists() {
            let making = tempfile::Builder::new().prefix("making-").tempdir_in(&home).expect("a folder");
            let mut gateway = start(making.path(), &GatewayOptions::default());
            gateway.0.kill().expect("it was running");
            gateway.0.wait().expect("it ends");
            // Whoever is first wins; the others use what is there.
            let _ = std::fs::rename(making.keep(), &ready);
        }
        ready
    })
}

fn start(data: &Path, options: &GatewayOptions) -> (Child, Value) {
    let folder = data.to_str().expect("a path of the suite is text");
    spawn(data, options, &["demo", "--any-port", "--data", folder])
}

fn spawn(data: &Path, options: &GatewayOptions, arguments: &[&str]) -> (Child, Value) {
    let mut command = Command::new(program());
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("PASSERELLE_LOG", std::env::var("PASSERELLE_LOG").unwrap_or_else(|_| "warn".into()));
    command.envs(options.environment.iter().map(|(k, v)| (k, v)));
    let mut child = command.spawn().expect("the program starts");
    // What it logs is kept, so that a test can look for what must not be there, and shown when a test fails.
    let log = std::fs::OpenOptions::new().create(true).append(true).open(data.join("stderr.log")).expect("a log");
    let stderr = child.stderr.take().expect("piped");
    std::thread::spawn(move || {
        let mut log = log;
        let _ = std::io::copy(&mut BufReader::new(stderr), &mut log);
    });
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("stdout reads");
    let ready = serde_json::from_str(&line).unwrap_or_else(|_| {
        let log = std::fs::read_to_string(data.join("stderr.log")).unwrap_or_default();
        panic!("the gateway did not become ready: {log}")
    });
    (child, ready)
}

/// One more process on the data folder of a gateway. Dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// The line it printed when it was ready.
    pub ready: Value,
    /// `host:port` of the professional listener.
    pub pro: String,
    /// `host:port` of the operator's listener.
    pub admin: String,
}

impl Process {
    /// Process identifier.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `host:port` of a listener in the ready line.
fn address(ready: &Value, key: &str) -> String {
    let url = ready[key].as_str().expect("an address");
    url.split("://").nth(1).expect("a URL").to_owned()
}

/// With `PASSERELLE_TEST_STORE=postgres` every gateway that says nothing else has a database of its own on PostgreSQL.
///
/// # Panics
/// When there is no PostgreSQL then: a run that asks for it must not pass without.
fn on_postgres(options: GatewayOptions) -> GatewayOptions {
    let asked = std::env::var("PASSERELLE_TEST_STORE").is_ok_and(|store| store == "postgres");
    if !asked || options.environment.iter().any(|(key, _)| key == "PASSERELLE__STORE__URL") {
        return options;
    }
    let server = pgserver::server().expect("PASSERELLE_TEST_STORE=postgres needs a PostgreSQL");
    options.with("STORE__URL", &server.database()).with("STORE__PARTS", "2")
}

impl Gateway {
    /// Starts a gateway on a fresh demonstration folder.
    #[must_use]
    pub fn start() -> Self {
        Self::with(GatewayOptions::default())
    }

    /// The same with options.
    #[must_use]
    pub fn with(options: GatewayOptions) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        copy(template(), folder.path()).expect("the template is copied");
        let data = folder.path().to_owned();
        Self::started(data, Some(folder), on_postgres(options))
    }

    /// Starts a gateway on a folder that was made before, and stays.
    #[must_use]
    pub fn on(data: &Path, options: GatewayOptions) -> Self {
        Self::started(data.to_owned(), None, options)
    }

    fn started(data: PathBuf, folder: Option<tempfile::TempDir>, options: GatewayOptions) -> Self {
        let text = std::fs::read_to_string(data.join("demo.json")).expect("demo.json");
        let demo = serde_json::from_str(&text).expect("demo.json is JSON");
        let (pro, public, admin) = (String::new(), String::new(), String::new());
        let mut gateway = Self { data, _folder: folder, child: None, options, pro, public, admin, demo };
        gateway.restart();
        gateway
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Process identifier.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM, and the exit code it ends with.
    ///
    /// # Panics
    /// When it does not end within 40 seconds.
    pub fn terminate(&mut self) -> Option<i32> {
        self.signal();
        self.wait()
    }

    /// SIGTERM.
    ///
    /// # Panics
    /// When there is no `kill`.
    pub fn signal(&self) {
        Command::new("kill").arg(self.pid().to_string()).status().expect("kill runs");
    }

    /// Waits for its end, which something else brings about.
    ///
    /// # Panics
    /// When it does not end within 40 seconds.
    pub fn wait(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("running");
        let began = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("waits") {
                return status.code();
            }
            assert!(began.elapsed() < Duration::from_secs(40), "the gateway does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sets (or with an empty value takes away) a variable of the environment for the next start.
    pub fn set(&mut self, variable: &str, value: &str) {
        self.options.environment.retain(|(key, _)| key != variable);
        if !value.is_empty() {
            self.options.environment.push((variable.to_owned(), value.to_owned()));
        }
    }

    /// What it is given in its environment.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.options.environment.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Starts it (again) on the same folder.
    pub fn restart(&mut self) {
        self.kill();
        let (child, ready) = start(&self.data, &self.options);
        (self.pro, self.public) = (address(&ready, "pro"), address(&ready, "public"));
        self.admin = address(&ready, "admin");
        self.child = Some(child);
    }

    /// Starts one more process with these arguments, beside this one, on its store; `options` come after its own.
    #[must_use]
    pub fn beside(&self, arguments: &[&str], options: &GatewayOptions) -> Process {
        let mut all = self.options.clone();
        all.environment.extend(options.environment.iter().cloned());
        let (child, ready) = spawn(&self.data, &all, arguments);
        let (pro, admin) = (address(&ready, "pro"), address(&ready, "admin"));
        Process { child, ready, pro, admin }
    }

    /// Runs a command of the program on the data folder.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(program());
        command.args(arguments).arg("--data").arg(&self.data).env("PASSERELLE_LOG", "error");
        command.envs(self.options.environment.iter().map(|(k, v)| (k, v)));
        command.output().expect("the program runs")
    }

    /// Runs a command that must succeed, and gives its stdout.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?} failed: {error}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Matricule of the `index`th holder of the demonstration.
    #[must_use]
    pub fn ins(&self, index: usize) -> &str {
        self.demo["holders"][index]["ins"].as_str().expect("a holder")
    }

    /// The trace of a holder, newest first.
    #[must_use]
    pub fn trace(&self, ins: &str) -> Vec<Value> {
        let text = self.command(&["space", "trace", "--ins", ins]);
        text.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
    }

    /// Everything the gateway has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.join("stderr.log")).unwrap_or_default()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
    }
}
