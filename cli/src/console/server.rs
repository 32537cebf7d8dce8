//! The server: connections of this computer, with limits, until the agent ends.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::{Extension, Router};
use engine::{Error, ErrorKind, Result};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::call::Answering;
use super::door::{Door, People, ROUTES, SETUP_ROUTES, Sessions};
use super::office::Office;
use super::patience::Patience;
use super::previews::Previews;
use super::settings::PORT;
use super::setup::Wizard;
use super::tls::{Entrance, acceptor};
use super::{House, pages};
use crate::agent::{Books, CopyLook, Journal, Tonight};
use crate::context::Context;

/// Connections of one listener at a time; of more, each is closed at once. Other computers take no place of this one.
const CONNECTIONS_MAX: usize = 256;
/// A browser that takes longer for the head of a request is closed, also between two requests.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// A browser that reads nothing of its answer for so long is closed: else it would keep its place.
const READ_WITHIN: Duration = Duration::from_secs(15);
/// The largest head of a request.
const HEAD_MAX: usize = 32 * 1024;
/// How long open pages may take when the agent ends.
const END_WITHIN: Duration = Duration::from_secs(5);

/// A console that is open. Dropping it closes it.
pub struct Console {
    end: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Where a console keeps what is its own.
pub struct Inside<'i> {
    /// The folder for what this computer has seen.
    pub state_dir: &'i std::path::Path,
    /// The short id of the repository.
    pub repository: &'i str,
}

impl Console {
    /// Opens the console, on a thread. It goes on where `kept` ends.
    ///
    /// # Errors
    /// Its port is taken, or another agent of this repository has one.
    pub fn open(
        context: &Context<'_>,
        office: Office,
        inside: &Inside<'_>,
        kept: Option<Kept>,
    ) -> Result<(Self, Books)> {
        let people = People::of(inside.state_dir, inside.repository);
        // Its port may be the usual one: it comes first.
        let others = others(context, &people)?;
        let kept = kept.map_or_else(|| Kept::listening(context), Ok)?;
        let mut door = Door::new(kept.port, people, ROUTES);
        door.sessions = kept.sessions;
        let answering = Answering::new(inside)?;
        // The socket is this agent's, so no other one writes the journal.
        let journal = Arc::new(Journal::open(inside.state_dir, inside.repository)?);
        let tonight = Arc::new(Tonight::open(inside.state_dir, inside.repository)?);
        let copy_look = Arc::new(CopyLook::open(inside.state_dir, inside.repository));
        let books = Books { journal, tonight, copy_look };
        let (end, ended) = watch::channel(false);
        let house = Arc::new(House {
            door: Arc::new(door),
            office: Arc::new(office),
            previews: Previews::default(),
            journal: books.journal.clone(),
            tonight: books.tonight.clone(),
            copy_look: books.copy_look.clone(),
            planned: std::sync::Mutex::default(),
            ended: ended.clone(),
        });
        let router = pages::router(house.clone());
        let gates = gates(kept.listeners, kept.port).chain(others).collect();
        let open = Opening { router, door: house.door.clone(), gates, answering };
        Ok((Console::serve(open, end, ended)?, books))
    }

    /// Opens the page of the first start. Returns what the console after it goes on with, besides.
    ///
    /// # Errors
    /// Its port is taken, or another program has the same first start open.
    pub(super) fn open_first(
        context: &Context<'_>,
        inside: &Inside<'_>,
        wizard: impl FnOnce(Arc<Door>, watch::Sender<bool>) -> Wizard,
    ) -> Result<(Self, Kept)> {
        let mut kept = Kept::listening(context)?;
        let listeners = kept.listeners.iter().map(TcpListener::try_clone).collect::<io::Result<Vec<_>>>();
        let listeners = listeners.map_err(|error| Error::io("cannot open the console", error))?;
        let door = Arc::new(Door::new(kept.port, People::of(inside.state_dir, inside.repository), SETUP_ROUTES));
        let (end, ended) = watch::channel(false);
        let wizard = Arc::new(wizard(door.clone(), end.clone()));
        kept.sessions = door.sessions.clone();
        let gates = gates(listeners, kept.port).collect();
        let router = pages::setup::router(wizard);
        let open = Opening { router, door, gates, answering: Answering::new(inside)? };
        Ok((Console::serve(open, end, ended)?, kept))
    }

    fn serve(open: Opening, end: watch::Sender<bool>, ended: watch::Receiver<bool>) -> Result<Self> {
        let failed = |error| Error::io("cannot open the console", error);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let run = move || serve(&runtime, open, ended);
        let thread = std::thread::Builder::new().name("console".to_owned()).spawn(run).map_err(failed)?;
        Ok(Console { end, thread: Some(thread) })
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // Nobody listens any more if the thread has ended.
        let _ = self.end.send(true);
        if let Some(thread) = self.thread.take() {
            // A panic was printed by its thread, and the agent goes on without pages.
            let _ = thread.join();
        }
    }
}

/// A listener, and what its connections are.
struct Gate {
    listener: TcpListener,
    entrance: Entrance,
    tls: Option<TlsAcceptor>,
}

/// A console that is about to open.
struct Opening {
    router: Router,
    door: Arc<Door>,
    gates: Vec<Gate>,
    answering: Answering,
}

/// The things that stay when the console takes over from the page of the first start: browsers that have come in, and their
/// connections, which wait until it listens.
pub struct Kept {
    listeners: Vec<TcpListener>,
    port: u16,
    sessions: Arc<Sessions>,
}

impl Kept {
    /// Nothing but ports.
    fn listening(context: &Context<'_>) -> Result<Self> {
        let settings = &context.settings.file.console;
        let failed = |error| Error::io("cannot open the console", error);
        let is_any_port = settings.network().is_some() || settings.listen.is_none();
        let listeners = listen(settings.port(), is_any_port).map_err(failed)?;
        let port =
            listeners.first().map_or(Ok(PORT), |listener| listener.local_addr().map(|at| at.port())).map_err(failed)?;
        Ok(Kept { listeners, port, sessions: Arc::default() })
    }
}

/// The gates for this computer.
fn gates(listeners: Vec<TcpListener>, port: u16) -> impl Iterator<Item = Gate> {
    let entrance = Entrance::of_this_computer(port);
    listeners.into_iter().map(move |listener| Gate { listener, entrance: entrance.clone(), tls: None })
}

/// Listens on both addresses of this computer: a browser may take either for `localhost`.
fn listen(port: u16, or_any: bool) -> io::Result<Vec<TcpListener>> {
    let bound = |ip: IpAddr, port| TcpListener::bind(SocketAddr::new(ip, port));
    let first = match bound(Ipv4Addr::LOCALHOST.into(), port) {
        Err(error) if or_any && error.kind() == io::ErrorKind::AddrInUse => bound(Ipv4Addr::LOCALHOST.into(), 0)?,
        bound => bound?,
    };
    let port = first.local_addr()?.port();
    // A computer without IPv6 has no such address.
    let second = bound(Ipv6Addr::LOCALHOST.into(), port).ok();
    let all: Vec<_> = std::iter::once(first).chain(second).collect();
    all.iter().try_for_each(|listener| listener.set_nonblocking(true))?;
    Ok(all)
}

/// The gate for other computers, if there is one.
///
/// # Errors
/// Nobody has a password yet; certificate and key cannot be used; the port is taken.
fn others(context: &Context<'_>, people: &People) -> Result<Option<Gate>> {
    let settings = &context.settings.file.console;
    let Some(listen) = settings.network() else { return Ok(None) };
    if people.list()?.is_empty() {
        let message = format!("`listen` is {listen}, and nobody has a password yet: other computers could only guess");
        return Err(Error::new(ErrorKind::Usage, message)
            .with_hint("Leave `listen` out first, give people passwords under Settings, and then put it back."));
    }
    let tls = acceptor(settings, context)?;
    let failed = |error| Error::io(format!("cannot open the console on {listen}"), error);
    let listener = TcpListener::bind(listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok(Some(Gate { listener, entrance: Entrance::of_others(&settings.names, port), tls: Some(tls) }))
}

fn serve(runtime: &Runtime, open: Opening, ended: watch::Receiver<bool>) {
    runtime.block_on(async {
        let mut all_turns = Vec::new();
        for Gate { listener, entrance, tls } in open.gates {
            let turns = Arc::new(Semaphore::new(CONNECTIONS_MAX));
            all_turns.push(turns.clone());
            // It was made non-blocking.
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                let way = Way { router: open.router.clone().layer(Extension(entrance)), tls };
                tokio::spawn(accept(listener, way, turns, ended.clone()));
            }
        }
        tokio::spawn(open.answering.answer(open.door));
        wait_for(ended).await;
        let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
        // Each connection gives back its turn when it is closed.
        let closed = async {
            for turns in &all_turns {
                let _ = turns.acquire_many(all).await;
            }
        };
        let _ = tokio::time::timeout(END_WITHIN, closed).await;
    });
}

/// The computer at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// The pages that a connection meets, and its TLS.
#[derive(Clone)]
struct Way {
    router: Router,
    tls: Option<TlsAcceptor>,
}

async fn accept(listener: tokio::net::TcpListener, way: Way, turns: Arc<Semaphore>, ended: watch::Receiver<bool>) {
    loop {
        // A connection that comes after the end is for the next one who listens.
        let accepted = tokio::select! {
            biased;
            () = wait_for(ended.clone()) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                let Ok(turn) = turns.clone().try_acquire_owned() else { continue };
                let (way, ended) = (way.clone(), ended.clone());
                tokio::spawn(async move {
                    meet(stream, Peer(from.ip()), way, ended).await;
                    drop(turn);
                });
            }
            // Too many open files, for a moment.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Takes a connection in. Its errors are the browser's.
async fn meet(stream: TcpStream, from: Peer, Way { router, tls }: Way, ended: watch::Receiver<bool>) {
    let Some(tls) = tls else { return attend(stream, from, router, ended).await };
    if let Ok(Ok(stream)) = tokio::time::timeout(HEAD_WITHIN, tls.accept(stream)).await {
        attend(stream, from, router, ended).await;
    }
}

/// Serves one connection to its end.
async fn attend<S>(stream: S, from: Peer, router: Router, ended: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(HEAD_MAX);
    let router = TowerToHyperService::new(router);
    let pages = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(from);
        router.call(request)
    });
    let connection = builder.serve_connection(TokioIo::new(Patience::with(stream, READ_WITHIN)), pages);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = wait_for(ended) => connection.as_mut().graceful_shutdown(),
    }
    let _ = tokio::time::timeout(END_WITHIN, connection).await;
}

/// Waits until the agent ends.
pub async fn wait_for(mut ended: watch::Receiver<bool>) {
    // The other side is gone: that is the end as well.
    let _ = ended.wait_for(|ended| *ended).await;
}
