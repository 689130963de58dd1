//! Composition: what a gateway is made of, started and stopped in one visible place.

use std::{collections::BTreeSet, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use access::Tables;
use ambient::{Clock as _, SystemClock, SystemRng};
use axum::Router;
use desk::{Desk, DeskOptions, Signatures};
use futures::StreamExt as _;
use jiff::SignedDuration;
use space::{Oid, submission::SubmissionRules};
use store::{Changed, Store, StoreError, StoreOptions};
use terminology::{Mappings, Terminology};
use tokio::{net::TcpListener, sync::watch};
use trust::{
    AnchorFiles, BearerVerifier, ClientAuth, HolderTokens, Ocsp, OcspMode, OcspPolicy, RevocationPolicy, ServeOptions,
    SetVerifier, TlsEndpoint, TlsFiles, TrustAnchors, VihfPolicy, VihfVerifier, xmldsig::SignaturePolicy,
};

use crate::{
    admin::{self, Metrics},
    auth::{Credentials, Holders},
    commands::{DemoArgs, Failure, ServeArgs},
    config::{Config, OcspSetting, Role},
    demo,
    jobs::Jobs,
    keys, outward, partner, telemetry,
};

/// How often development data are asked whether the clock was moved.
const LOOK_AT_CLOCK: Duration = Duration::from_millis(500);
/// How often what is watched is looked at.
const REFRESH: Duration = Duration::from_secs(5);

/// What every command that touches the store needs.
pub(crate) struct Core {
    pub(crate) desk: Arc<Desk>,
    /// For what is about no space: readiness, verification, closing. Faces are given the desk alone.
    pub(crate) store: Store,
    pub(crate) clock: Arc<SystemClock>,
    pub(crate) rng: ambient::SharedRng,
    /// Codes of sectors of activity in the tables; `None` when they have none.
    sectors: Option<BTreeSet<String>>,
}

/// Codes of sectors of activity in the tables.
fn sectors(terms: &Terminology) -> Option<BTreeSet<String>> {
    let all = (0..100).map(|n| format!("SA{n:02}"));
    let known: BTreeSet<String> =
        all.filter(|code| terms.facilities.contains(code, trust::claims::SECTOR_SYSTEM)).collect();
    Some(known).filter(|known| !known.is_empty())
}

/// Opens the store and the desk over it.
pub(crate) async fn open(config: &Config) -> Result<Core, Failure> {
    opened(config, None).await
}

/// The same for a gateway that serves: what comes in signed is verified.
async fn opened(config: &Config, anchors: Option<&Arc<TrustAnchors>>) -> Result<Core, Failure> {
    let wrong = |what: &'static str| move |e: &dyn std::fmt::Display| Failure::run(what, e);
    let mappings = if config.mappings.folder.as_os_str().is_empty() {
        Mappings::built_in()
    } else {
        Mappings::with_folder(&config.mappings.folder)
    };
    let mut cda_rules = cda::Rules::load(&mappings).map_err(|e| Failure::usage("mappings", &e))?;
    let unknown = |rule: String| Failure::usage("cda.rules", &format!("no rule is called `{rule}`"));
    config.cda.apply(&mut cda_rules).map_err(unknown)?;
    let feeding = cda::ValueRules::load(&mappings).map_err(|e| Failure::usage("mappings", &e))?;
    let tables = Tables::load(&mappings, config.access.clone()).map_err(|e| Failure::usage("mappings", &e))?;
    let mut wrong_identity = Vec::new();
    config.identity.check("configuration", &mut wrong_identity);
    if let Some(why) = wrong_identity.first() {
        return Err(Failure::usage("identity", why));
    }
    let tables = tables.with_domains(config.identity.domains.clone());
    let terms = Terminology::load(&mappings).map_err(|e| Failure::usage("mappings", &e))?;
    let options = StoreOptions {
        url: config.store.url.clone(),
        blobs: config.store.blobs.clone(),
        masters: keys::masters(config)?,
        evidence: keys::evidence(config)?,
        sign_every: Duration::from_secs(config.evidence.sign_every_s.max(1)),
        heads: Some(config.evidence.heads_file.clone()).filter(|path| !path.as_os_str().is_empty()),
        parts: config.store.parts,
        statement_timeout: Duration::from_secs(config.store.statement_timeout_s),
        inline_limit: config.store.inline_bytes,
        size_limit: config.limits.document_bytes,
        reserve: u64::from(config.store.reserve_mib) << 20,
        readers: config.store.readers,
        queue: config.store.queue,
    };
    let rng: ambient::SharedRng = SystemRng::new();
    let clock = SystemClock::new();
    let shared: ambient::SharedClock = clock.clone();
    let store = Store::open(&options, &shared, &rng).await.map_err(|e| match e {
        StoreError::MasterKey(_) | StoreError::Address(_) => Failure::usage("store", &e),
        other => wrong("store")(&other),
    })?;
    if config.gateway.development {
        clock.set_offset_ms(store.clock_offset_ms().await.map_err(|e| wrong("store")(&e))?);
    }
    let desk_options = DeskOptions {
        rules: SubmissionRules {
            ins_tolerance: config.identity.ins_key,
            allow_masked_and_hidden: config.ihe.masked_and_hidden,
        },
        max_results: config.limits.results,
        forward: config.gateway.role == Role::Edge,
    };
    let sectors = sectors(&terms);
    let mut desk = Desk::new(store.clone(), tables, terms, clock.clone(), rng.clone(), desk_options)
        .looking_at_documents(cda_rules, config.cda.clone())
        .feeding_measures(feeding)
        .telling(config.identity.followers());
    if let Some(anchors) = anchors {
        let accepted = SignaturePolicy { allow_sha1: config.xades.allow_sha1 };
        desk = desk.looking_at_signatures(Signatures {
            verifier: Arc::new(SetVerifier::new(accepted, anchors.clone(), clock.clone())),
            policy: config.xades.policy,
            required: config.xades.required,
        });
    }
    Ok(Core { desk: Arc::new(desk), store, clock, rng, sectors })
}

/// `passerelle demo`: makes what is missing, then serves.
pub(crate) async fn demo(args: DemoArgs) -> Result<(), Failure> {
    let file = demo::prepare(&args.data).await?;
    let mut config = Config::load(&file).map_err(|e| Failure::usage("configuration", &e))?;
    if args.any_port {
        config.listen.pro.set_port(0);
        config.listen.public.set_port(0);
        config.listen.admin.set_port(0);
    }
    run(&config).await
}

/// `passerelle serve`.
pub(crate) async fn serve(args: ServeArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config).map_err(|e| Failure::usage("configuration", &e))?;
    run(&config).await
}

/// Serves until told to stop.
async fn run(config: &Config) -> Result<(), Failure> {
    let spans = telemetry::start(Some(&config.telemetry.otlp).filter(|otlp| !otlp.is_empty()))?;
    let anchors = anchors(config)?;
    let core = opened(config, Some(&anchors)).await?;
    let jobs = Arc::new(Jobs::new(config, &core)?);
    jobs.set_up().await.map_err(|e| Failure::run("jobs", &e))?;
    let files = TlsFiles { certificate: config.tls.certificate.clone(), key: config.tls.key.clone() };
    let endpoint = TlsEndpoint::load(files, anchors.clone(), ClientAuth::Required, core.clock.clone())
        .map_err(|e| Failure::usage("tls", &e))?;
    let files = TlsFiles { certificate: config.tls.certificate.clone(), key: config.tls.key.clone() };
    let open_endpoint = TlsEndpoint::load(files, anchors.clone(), ClientAuth::None, core.clock.clone())
        .map_err(|e| Failure::usage("tls", &e))?;
    let metrics = Metrics::new(&core.store);
    metrics.refresh(&core.store, &jobs, &anchors, core.clock.now().as_millisecond()).await;
    let pro = professional(config, &core, &anchors)?
        .layer(axum::middleware::from_fn_with_state(metrics.clone(), admin::measure));
    let public = public(config, &core)?.layer(axum::middleware::from_fn_with_state(metrics.clone(), admin::measure));
    let admin = admin::router(core.store.clone(), metrics.clone());

    let pro_listener = bind("listen.pro", config.listen.pro).await?;
    let public_listener = bind("listen.public", config.listen.public).await?;
    let admin_listener = bind("listen.admin", config.listen.admin).await?;
    let ready = Ready::of(&pro_listener, &public_listener, &admin_listener)?;

    let (stop, stopped) = watch::channel(false);
    let stop_jobs = stopped.clone();
    let drain = Duration::from_secs(config.limits.drain_s);
    let options =
        ServeOptions { max_connections: config.limits.connections, drain_timeout: drain, ..ServeOptions::default() };
    let pro = tokio::spawn(trust::serve(pro_listener, endpoint, pro, options.clone(), until(stopped.clone())));
    let public = tokio::spawn(trust::serve(public_listener, open_endpoint, public, options, until(stopped.clone())));
    let admin =
        tokio::spawn(async move { axum::serve(admin_listener, admin).with_graceful_shutdown(until(stopped)).await });
    let working = tokio::spawn(jobs.clone().run(stop_jobs));
    let hearing = tokio::spawn(hear(core.store.clone(), core.desk.clone(), core.clock.clone()));
    let keeper = Keeper { store: core.store.clone(), clock: core.clock.clone(), anchors, metrics, jobs };
    let keeping = tokio::spawn(keeper.keep(config.gateway.development));
    let mut signals = Signals::listen();
    ready.print();

    signals.next().await;
    tracing::info!("gateway.stopping");
    // A second signal stops at once.
    let second = tokio::spawn(async move {
        signals.next().await;
        std::process::exit(1);
    });
    let _ = stop.send(true);
    let _ = pro.await;
    let _ = public.await;
    admin.abort();
    keeping.abort();
    hearing.abort();
    // A job that does not end is taken up by another process when its lease is over.
    let _ = tokio::time::timeout(drain, working).await;
    core.store.close().await;
    spans.end().await;
    second.abort();
    Ok(())
}

/// Routes of the professional listener.
fn professional(config: &Config, core: &Core, anchors: &Arc<TrustAnchors>) -> Result<Router, Failure> {
    let policy = VihfPolicy {
        lifetime: Duration::from_secs(config.trust.vihf_lifetime_s),
        skew: Duration::from_secs(config.trust.clock_skew_s),
        allow_sha1: config.trust.allow_sha1,
        reason_attributes: config.trust.reason_attributes.clone(),
        ins_tolerance: config.identity.ins_key,
        sectors: core.sectors.clone().filter(|_| config.trust.check_sector),
        air_declares: config.trust.air_declares,
        ..VihfPolicy::default()
    };
    let credentials = Arc::new(Credentials {
        vihf: VihfVerifier::new(policy.clone(), anchors.clone(), core.clock.clone()),
        bearer: BearerVerifier::new(policy, anchors.clone(), core.clock.clone()),
    });
    let repository =
        Oid::parse(&config.ihe.repository_unique_id).map_err(|e| Failure::usage("ihe.repository_unique_id", &e))?;
    let home = Some(config.ihe.home_community_id.clone()).filter(|id| !id.is_empty());
    let device = Oid::parse(&config.ihe.device_id).map_err(|e| Failure::usage("ihe.device_id", &e))?;
    let mut limits = ihe::Limits { idle: Duration::from_secs(config.limits.idle_s), ..ihe::Limits::default() };
    limits.xml.max_bytes = config.limits.envelope_bytes;
    limits.xml.max_depth = config.limits.depth;
    let ihe = ihe::router(ihe::IheState {
        desk: core.desk.clone(),
        auth: credentials.clone(),
        repository,
        device,
        home,
        others: partner::others(config, core)?,
        consumers: crate::config::Address::admitted(&config.dsub.consumers),
        replies: partner::replies(config)?,
        continuations: ihe::Continuations::default(),
        limits,
    });
    let state = fhir_state(config, core, credentials, fhir::Door::Professional);
    Ok(Router::new().merge(fhir::routes(state)).merge(ihe))
}

/// Routes of the public listener.
fn public(config: &Config, core: &Core) -> Result<Router, Failure> {
    let wrong = |e: &dyn std::fmt::Display| Failure::usage("trust.holder_tokens", e);
    let path = &config.trust.holder_tokens;
    let tokens = if path.as_os_str().is_empty() {
        None
    } else {
        let signer = trust::Peer::from_pem_file(path).map_err(|e| wrong(&e))?;
        let skew = SignedDuration::from_secs(i64::try_from(config.trust.clock_skew_s).unwrap_or(0));
        let tokens = HolderTokens::new(&signer, skew, config.identity.ins_key, core.clock.clone());
        Some(tokens.map_err(|e| wrong(&e))?)
    };
    Ok(fhir::routes(fhir_state(config, core, Arc::new(Holders(tokens)), fhir::Door::Public)))
}

fn fhir_state(config: &Config, core: &Core, auth: Arc<dyn fhir::Authenticate>, door: fhir::Door) -> fhir::FhirState {
    let configured = match door {
        fhir::Door::Professional => &config.fhir.public_url,
        fhir::Door::Public => &config.fhir.holders_url,
    };
    let base_url = match configured.trim_end_matches('/') {
        "" => fhir::BaseUrl::FromHost,
        url => fhir::BaseUrl::Configured(format!("{url}/fhir")),
    };
    let limits = fhir::FhirLimits { body: config.limits.bundle_bytes, ..fhir::FhirLimits::default() };
    let bodies = fhir::BodyBudget::of(config.limits.bundles_bytes);
    fhir::FhirState { desk: core.desk.clone(), auth, base_url, limits, bodies, door }
}

fn anchors(config: &Config) -> Result<Arc<TrustAnchors>, Failure> {
    let files = AnchorFiles { authorities: config.tls.authorities.clone(), crls: config.tls.crls.clone() };
    let policy = if config.tls.require_fresh_crl { RevocationPolicy::Required } else { RevocationPolicy::LastKnown };
    TrustAnchors::load_with(files, policy, ocsp(config)?).map_err(|e| Failure::usage("tls.authorities", &e))
}

/// Who asks responders about certificates, if the configuration says so.
fn ocsp(config: &Config) -> Result<Option<Ocsp>, Failure> {
    let trust = &config.trust;
    let mode = match trust.ocsp {
        OcspSetting::Off => return Ok(None),
        OcspSetting::Soft => OcspMode::Soft,
        OcspSetting::Hard => OcspMode::Hard,
    };
    let policy = OcspPolicy {
        mode,
        grace: Duration::from_secs(trust.ocsp_grace_s),
        timeout: Duration::from_millis(trust.ocsp_timeout_ms),
        url: Some(trust.ocsp_url.clone()).filter(|url| !url.is_empty()),
        skew: Duration::from_secs(trust.clock_skew_s),
    };
    Ok(Some(Ocsp::new(policy, Arc::new(outward::Responders::new()?), SystemRng::new())))
}

async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|e| Failure::usage(key, &format!("{address} cannot be listened on ({e}): free the port or change it")))
}

async fn until(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// What other processes change is not remembered any longer.
async fn hear(store: Store, desk: Arc<Desk>, clock: Arc<SystemClock>) {
    let mut changes = std::pin::pin!(store.changes());
    while let Some(changed) = changes.next().await {
        match changed {
            Changed::Space(space) => desk.forget(space),
            Changed::Anything => desk.forget_all(),
            Changed::Clock => {
                if let Ok(offset) = store.clock_offset_ms().await {
                    clock.set_offset_ms(offset);
                }
            }
        }
    }
}

/// Keeps up to date what a process remembers or shows.
struct Keeper {
    store: Store,
    clock: Arc<SystemClock>,
    anchors: Arc<TrustAnchors>,
    metrics: Metrics,
    jobs: Arc<Jobs>,
}

impl Keeper {
    async fn keep(self, development: bool) {
        let mut refresh = tokio::time::interval(REFRESH);
        let mut look = tokio::time::interval(LOOK_AT_CLOCK);
        loop {
            tokio::select! {
                _ = refresh.tick() => {
                    let now = self.clock.now().as_millisecond();
                    self.metrics.refresh(&self.store, &self.jobs, &self.anchors, now).await;
                }
                _ = look.tick(), if development => {
                    if let Ok(offset) = self.store.clock_offset_ms().await {
                        self.clock.set_offset_ms(offset);
                    }
                }
            }
        }
    }
}

/// What tells the program to end: SIGTERM or SIGINT, kept from before anybody can know that it runs.
struct Signals(Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>);

impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self(signal(SignalKind::terminate()).ok().zip(signal(SignalKind::interrupt()).ok()))
    }

    /// The next of them; never where the system gives none.
    async fn next(&mut self) {
        let Some((term, int)) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    }
}

/// The one line on stdout.
#[derive(serde::Serialize)]
struct Ready {
    ready: bool,
    pro: String,
    public: String,
    admin: String,
}

impl Ready {
    fn of(pro: &TcpListener, public: &TcpListener, admin: &TcpListener) -> Result<Self, Failure> {
        let address = |l: &TcpListener| l.local_addr().map_err(|e| Failure::run("listener", &e));
        Ok(Self {
            ready: true,
            pro: format!("https://{}", address(pro)?),
            public: format!("https://{}", address(public)?),
            admin: format!("http://{}", address(admin)?),
        })
    }

    #[expect(clippy::print_stdout, reason = "the ready line is what stdout is for")]
    fn print(&self) {
        println!("{}", serde_json::to_string(self).unwrap_or_default());
    }
}

/// Opens a data folder's configuration, for commands that work beside a running gateway.
pub(crate) async fn open_data(data: &Path) -> Result<(Config, Core), Failure> {
    let config = Config::load(&data.join("passerelle.toml")).map_err(|e| Failure::usage("configuration", &e))?;
    let core = open(&config).await?;
    Ok((config, core))
}
