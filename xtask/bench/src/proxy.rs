//! A TCP proxy that counts round trips and can make the way to the server longer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// A proxy that runs until the process ends.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    flights: Arc<AtomicU64>,
}

/// One direction of one connection.
struct Pump {
    from: TcpStream,
    to: TcpStream,
    /// Whether the server was the last to speak.
    answered: Arc<AtomicBool>,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1. What clients send arrives `delay` later.
    pub(crate) fn start(target: SocketAddr, delay: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let flights = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&flights);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A client whose server is gone sees its connection closed.
                let _ = connect(client, target, delay, &counted);
            }
        });
        Ok(Self { address, flights })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often a client has begun to speak: at the start, and after each answer.
    pub(crate) fn flights(&self) -> u64 {
        self.flights.load(Ordering::SeqCst)
    }
}

fn connect(
    client: TcpStream,
    target: SocketAddr,
    delay: Duration,
    flights: &Arc<AtomicU64>,
) -> std::io::Result<()> {
    let server = TcpStream::connect(target)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let answered = Arc::new(AtomicBool::new(true));
    let there = Pump {
        from: client.try_clone()?,
        to: server.try_clone()?,
        answered: Arc::clone(&answered),
    };
    let back = Pump {
        from: server,
        to: client,
        answered,
    };
    let flights = Arc::clone(flights);
    thread::spawn(move || there.forward(delay, &flights));
    thread::spawn(move || back.answer());
    Ok(())
}

impl Pump {
    fn forward(mut self, delay: Duration, flights: &AtomicU64) {
        let late = (!delay.is_zero()).then(|| {
            let (sender, receiver) = mpsc::channel();
            let to = self.to.try_clone();
            thread::spawn(move || to.map(|to| deliver(to, &receiver)));
            sender
        });
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = self.from.read(&mut buffer) {
            if self.answered.swap(false, Ordering::SeqCst) {
                flights.fetch_add(1, Ordering::SeqCst);
            }
            let bytes = buffer.get(..length).unwrap_or_default();
            let sent = match &late {
                None => self.to.write_all(bytes).is_ok(),
                Some(late) => late.send((Instant::now() + delay, bytes.to_vec())).is_ok(),
            };
            if !sent {
                break;
            }
        }
        if late.is_none() {
            let _ = self.to.shutdown(std::net::Shutdown::Write);
        }
    }

    fn answer(mut self) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = self.from.read(&mut buffer) {
            self.answered.store(true, Ordering::SeqCst);
            let bytes = buffer.get(..length).unwrap_or_default();
            if self.to.write_all(bytes).is_err() {
                break;
            }
        }
        let _ = self.to.shutdown(std::net::Shutdown::Write);
    }
}

/// Writes each piece when its time has come.
fn deliver(mut to: TcpStream, pieces: &Receiver<(Instant, Vec<u8>)>) {
    for (due, bytes) in pieces {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            return;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers every byte with itself.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut byte = [0];
            while stream.read_exact(&mut byte).is_ok() {
                stream.write_all(&byte).unwrap();
            }
        });
        address
    }

    fn exchange(stream: &mut TcpStream, text: &[u8]) {
        stream.write_all(text).unwrap();
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, text);
    }

    #[test]
    fn each_turn_of_the_client_is_one_flight() {
        let proxy = Proxy::start(echo(), Duration::ZERO).unwrap();
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        for turn in 1..=3 {
            exchange(&mut stream, b"a longer text");
            assert_eq!(proxy.flights(), turn);
        }
    }

    #[test]
    fn a_delay_is_paid_once_a_turn() {
        let proxy = Proxy::start(echo(), Duration::from_millis(20)).unwrap();
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        let start = Instant::now();
        for _ in 0..3 {
            exchange(&mut stream, b"x");
        }
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(60), "{took:?}");
        assert_eq!(proxy.flights(), 3);
    }
}
