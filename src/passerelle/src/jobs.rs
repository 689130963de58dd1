//! What the gateway does by itself, and who does it: jobs of the store, leased by whichever process is free.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest;
use desk::{Desk, Fault};
use space::Dtm;
use store::{JobSpec, Leased, Store, StoreError};
use tokio::{sync::watch, time::timeout};

use crate::{
    commands::Failure,
    config::Config,
    outward::{Authority, Follower, Sink},
    publish::Publisher,
    upstream::Feeder,
};

/// How long a job may take: its lease.
const LEASE: Duration = Duration::from_secs(120);
/// How often a process looks for something to do.
const LOOK: Duration = Duration::from_secs(1);
/// Jobs a process does at once: one that waits for a partner does not hold up the others.
const WORKERS: usize = 2;
/// Events given to an audit repository at once.
const PORTION: usize = 200;
/// Notices given to a consumer at once: each is a call.
const NOTICES: usize = 4;

/// Kinds of jobs, as the operator stops them.
pub(crate) const KINDS: &[&str] = &["collect", "scrub", "sign", "feed", "stamp", "notify", "publish", store::UPSTREAM];

/// What jobs work with.
#[derive(Debug)]
pub(crate) struct Jobs {
    store: Store,
    desk: Arc<Desk>,
    followers: Vec<Follower>,
    sinks: Vec<(&'static str, Sink)>,
    authority: Option<Authority>,
    upstream: Option<Feeder>,
    publisher: Option<Arc<Publisher>>,
    scrub: u64,
    silent: Duration,
    stamp_every: Duration,
    pub(crate) grace: Option<Duration>,
}

/// How often a part (of 256) of the bodies is looked through for leftovers: all in about an hour.
const COLLECT: Duration = Duration::from_secs(14);

/// How often bodies are scrubbed.
const SCRUB: Duration = Duration::from_secs(10);

impl Jobs {
    pub(crate) fn new(config: &Config, core: &crate::app::Core) -> Result<Self, Failure> {
        let clock: ambient::SharedClock = core.clock.clone();
        let evidence = &config.evidence;
        let authority = Authority::of(config, ambient::SystemRng::new())?;
        Ok(Self {
            store: core.store.clone(),
            desk: core.desk.clone(),
            followers: Follower::of(config)?,
            sinks: Sink::of(config, &clock)?,
            grace: authority.as_ref().map(|_| Duration::from_secs(evidence.stamp_grace_s)),
            authority,
            publisher: Publisher::of(config, &core.desk)?,
            upstream: Feeder::of(config, core)?,
            scrub: u64::from(config.store.scrub_mib_per_s) << 20,
            // A process that lives signs every so often: one that did not for so long is no more.
            silent: Duration::from_secs(evidence.sign_every_s.saturating_mul(3).saturating_add(60)),
            stamp_every: Duration::from_secs(evidence.stamp_every_s.max(1)),
        })
    }

    /// Names of the audit repositories.
    pub(crate) fn sinks(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.sinks.iter().map(|(name, _)| *name)
    }

    /// Whether this gateway passes on to another.
    pub(crate) const fn is_edge(&self) -> bool {
        self.upstream.is_some()
    }

    /// Sets up the jobs of this configuration, and takes away those of another.
    pub(crate) async fn set_up(&self) -> Result<(), StoreError> {
        let job = |job_id: String, kind: &'static str, partner: &str, every: Duration| JobSpec {
            job_id,
            kind,
            partner: partner.to_owned(),
            every,
        };
        let mut jobs = vec![
            job("collect".into(), "collect", "", COLLECT),
            job("sign".into(), "sign", "", Duration::from_secs(60)),
        ];
        if self.scrub > 0 {
            jobs.push(job("scrub".into(), "scrub", "", SCRUB));
        }
        for (name, _) in &self.sinks {
            jobs.push(job(format!("feed {name}"), "feed", name, Duration::from_secs(2)));
        }
        for follower in &self.followers {
            let name = &follower.name;
            jobs.push(job(format!("notify {name}"), "notify", &format!("consumer {name}"), Duration::from_secs(2)));
        }
        if self.publisher.is_some() {
            jobs.push(job("publish".into(), "publish", "", Duration::from_secs(1)));
        }
        if self.authority.is_some() {
            jobs.push(job("stamp".into(), "stamp", "time stamps", self.stamp_every));
        }
        if self.upstream.is_some() {
            jobs.push(job("upstream".into(), store::UPSTREAM, store::UPSTREAM, Duration::from_secs(1)));
        }
        for job in &jobs {
            self.store.set_up(job).await?;
        }
        let kept: Vec<String> = jobs.into_iter().map(|job| job.job_id).collect();
        self.store.retire(KINDS, &kept).await
    }

    /// Does jobs until told to stop; what is under way then is brought to its end.
    pub(crate) async fn run(self: Arc<Self>, stopped: watch::Receiver<bool>) {
        let workers = (0..WORKERS).map(|_| tokio::spawn(self.clone().work(stopped.clone())));
        futures::future::join_all(workers).await;
    }

    async fn work(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            match self.store.lease(LEASE).await {
                Ok(Some(job)) => {
                    let this = self.clone();
                    // On a task of its own: a fault in one job must not end the worker. Its lease ends by itself.
                    if tokio::spawn(async move { this.carry_out(&job).await }).await.is_err() {
                        tracing::error!("jobs.broke_off");
                    }
                }
                Ok(None) => self.rest(&mut stopped).await,
                Err(error) => {
                    tracing::warn!(error = %error, "jobs.not_leased");
                    self.rest(&mut stopped).await;
                }
            }
        }
    }

    async fn rest(&self, stopped: &mut watch::Receiver<bool>) {
        let _ = timeout(LOOK, stopped.wait_for(|stop| *stop)).await;
    }

    async fn carry_out(&self, job: &Leased) {
        // Before the lease ends, or somebody else is at it too.
        let done = timeout(LEASE * 3 / 4, self.act(job)).await;
        let given_back = match done {
            Ok(Ok((progress, more))) => self.store.job_done(job, &progress, more).await,
            Ok(Err(why)) => {
                tracing::warn!(job = job.job_id, attempts = job.attempts, why, "jobs.failed");
                self.store.job_failed(job, &why).await
            }
            Err(_) => {
                tracing::warn!(job = job.job_id, attempts = job.attempts, "jobs.took_too_long");
                self.store.job_failed(job, "took too long").await
            }
        };
        if let Err(error) = given_back {
            tracing::warn!(job = job.job_id, error = %error, "jobs.not_given_back");
        }
    }

    /// Does a job: its new progress, and whether there is more to do at once.
    async fn act(&self, job: &Leased) -> Result<(String, bool), String> {
        let store = &self.store;
        let failed = |e: StoreError| e.to_string();
        match job.kind.as_str() {
            "collect" => {
                let part: u8 = job.progress.parse().unwrap_or_default();
                let removed = store.collect(part).await.map_err(failed)?;
                if removed > 0 {
                    tracing::info!(removed, "store.leftovers_collected");
                }
                Ok((part.wrapping_add(1).to_string(), false))
            }
            "scrub" => {
                let step = store.scrub(&job.progress, self.scrub * SCRUB.as_secs()).await.map_err(failed)?;
                for body_id in &step.damaged {
                    tracing::error!(body_id, "store.scrub_found_damage");
                }
                Ok((step.next, false))
            }
            "sign" => {
                let signed = store.sign_left_logs(self.silent).await.map_err(failed)?;
                if signed > 0 {
                    tracing::info!(signed, "evidence.left_logs_signed");
                }
                Ok((String::new(), false))
            }
            "feed" => {
                let name = job.job_id.trim_start_matches("feed ");
                let Some((_, sink)) = self.sinks.iter().find(|(known, _)| *known == name) else {
                    return Err("another process has this repository, this one has not".to_owned());
                };
                let events = store.next_to_feed(name, PORTION).await.map_err(failed)?;
                // What was taken is noted also when the rest was not.
                let (taken, end) = sink.give(&events).await;
                if taken > 0 {
                    store.fed(name, &events[..taken]).await.map_err(failed)?;
                }
                end.map(|()| (String::new(), events.len() == PORTION))
            }
            store::UPSTREAM => match &self.upstream {
                Some(feeder) => feeder.pass_on().await.map(|more| (String::new(), more)),
                None => Err("another process is an edge, this one is not".to_owned()),
            },
            "publish" => match &self.publisher {
                Some(publisher) => publisher.clone().publish().await.map(|more| (String::new(), more)),
                None => Err("another process tells followers, this one does not".to_owned()),
            },
            "stamp" => self.stamp().await.map(|more| (String::new(), more)),
            "notify" => self.notify(job.job_id.trim_start_matches("notify ")).await.map(|more| (String::new(), more)),
            _ => Err("this program does not know such jobs".to_owned()),
        }
    }

    /// Tells a consumer what it is yet to be told (ITI-46): at least once, and what stands when it is told.
    async fn notify(&self, name: &str) -> Result<bool, String> {
        let Some(follower) = self.followers.iter().find(|follower| follower.name == name) else {
            return Err("another process has this consumer, this one has not".to_owned());
        };
        let failed = |fault: Fault| fault.to_string();
        for _ in 0..NOTICES {
            // One at a time: what is told is decided and traced just before it is.
            let Some(told) = self.desk.next_notices(name, 1).await.map_err(failed)?.pop() else { return Ok(false) };
            // One whose last number is gone has nothing to be told by.
            if !told.references.is_empty() {
                let at = Dtm::from_timestamp(self.desk.clock().now());
                let id = self.desk.rng().uuid().to_string();
                if !follower.tell(&told.references, &id, &at).await? {
                    // Those behind it do not wait for one that may never be taken.
                    self.desk.notified_later(name, &told).await.map_err(failed)?;
                    return Err("the consumer has not accepted the notice".to_owned());
                }
            }
            self.desk.notified(name, &told).await.map_err(failed)?;
        }
        Ok(true)
    }

    async fn stamp(&self) -> Result<bool, String> {
        let Some(authority) = &self.authority else {
            return Err("another process has a time-stamping authority, this one has not".to_owned());
        };
        let failed = |e: StoreError| e.to_string();
        let heads = self.store.unstamped().await.map_err(failed)?;
        for head in &heads {
            let (stamp, at) = authority.stamp(&sha256(&head.note)).await?;
            self.store.store_stamp(head, stamp, at.as_millisecond()).await.map_err(failed)?;
            self.store.authority_answered().await.map_err(failed)?;
        }
        if heads.is_empty() {
            // Nothing new to stamp: whether the authority answers is known all the same.
            authority.stamp(&sha256("passerelle")).await?;
            self.store.authority_answered().await.map_err(failed)?;
        }
        Ok(false)
    }
}

/// What a stamp on a signed head is over.
pub(crate) fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
}
