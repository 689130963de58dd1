//! A wire that a test can cut: TCP from here to a server, until it is told to misbehave.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What happens when the client says something that holds `pattern`.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Both ways end before the server hears it.
    CutBefore(Vec<u8>),
    /// The server hears it, its answer is lost, and both ways end.
    CutAfter(Vec<u8>),
    /// The server hears nothing, this is answered, and both ways end.
    Answer(Vec<u8>, Vec<u8>),
    /// Everything takes this long on the way there.
    Slow(Duration),
    /// The server hears it, so many bytes of its answer pass, and both ways end.
    CutInside(usize),
}

#[derive(Debug, Default)]
struct State {
    upstream: String,
    fault: Option<(Fault, usize)>,
}

/// The wire. Dropped, it is gone, and with it what goes through it.
#[derive(Debug)]
pub struct Proxy {
    /// `host:port` here.
    pub address: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// A wire to `upstream` (`host:port`).
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn to(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let state = Arc::new(Mutex::new(State { upstream: upstream.to_owned(), fault: None }));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            let mut ways = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                ways.spawn(carry(client, shared.clone()));
                while ways.try_join_next().is_some() {}
            }
        });
        Self { address, state, task }
    }

    /// From now on new connections go to another server.
    ///
    /// # Panics
    /// When a test thread panicked.
    pub fn switch(&self, upstream: &str) {
        self.state.lock().expect("no thread panicked").upstream = upstream.to_owned();
    }

    /// Misbehaves so, the next `times` times.
    ///
    /// # Panics
    /// When a test thread panicked.
    pub fn next(&self, fault: Fault, times: usize) {
        self.state.lock().expect("no thread panicked").fault = Some((fault, times));
    }

    /// How often it has yet to misbehave.
    ///
    /// # Panics
    /// When a test thread panicked.
    #[must_use]
    pub fn left(&self) -> usize {
        self.state.lock().expect("no thread panicked").fault.as_ref().map_or(0, |(_, times)| *times)
    }
}

/// What to do with a piece that the client says.
fn judge(state: &Mutex<State>, piece: &[u8]) -> Option<Fault> {
    let mut state = state.lock().expect("no thread panicked");
    let (fault, times) = state.fault.as_mut()?;
    let pattern: &[u8] = match fault {
        Fault::CutBefore(pattern) | Fault::CutAfter(pattern) | Fault::Answer(pattern, _) => pattern,
        Fault::Slow(_) | Fault::CutInside(_) => b"",
    };
    let meets = pattern.is_empty() || piece.windows(pattern.len()).any(|w| w == pattern);
    if *times == 0 || !meets {
        return None;
    }
    *times -= 1;
    Some(fault.clone())
}

/// Carries one connection, a piece at a time.
async fn carry(mut client: TcpStream, state: Arc<Mutex<State>>) {
    let upstream = state.lock().expect("no thread panicked").upstream.clone();
    let Ok(mut server) = TcpStream::connect(&upstream).await else { return };
    let (mut said, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut is_last = false;
    let mut left = usize::MAX;
    loop {
        let done = tokio::select! {
            read = client.read(&mut said) => {
                let Ok(read @ 1..) = read else { return };
                match judge(&state, &said[..read]) {
                    None => {}
                    Some(Fault::CutBefore(_)) => return,
                    Some(Fault::CutAfter(_)) => is_last = true,
                    Some(Fault::CutInside(bytes)) => left = bytes,
                    Some(Fault::Answer(_, answer)) => {
                        let _ = client.write_all(&answer).await;
                        let _ = client.shutdown().await;
                        return;
                    }
                    Some(Fault::Slow(pause)) => tokio::time::sleep(pause).await,
                }
                server.write_all(&said[..read]).await
            }
            read = server.read(&mut answered) => {
                let Ok(read @ 1..) = read else { return };
                if is_last {
                    return;
                }
                let passed = read.min(left);
                let written = client.write_all(&answered[..passed]).await;
                if passed < read {
                    let _ = client.flush().await;
                    return;
                }
                left -= if left == usize::MAX { 0 } else { passed };
                written
            }
        };
        if done.is_err() {
            return;
        }
    }
}
